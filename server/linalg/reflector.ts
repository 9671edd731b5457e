/**
 * The Householder reflector H = I - factor v v^T that maps x onto a multiple of the first unit vector (Golub & Van
 * Loan, section 5.1).
 * @param v takes the vector; as long as x, which stays as it is
 * @returns the factor, and what the first element becomes; where nothing needs to be done the factor is 0
 */
export function reflector(x: Float64Array, v: Float64Array): { factor: number; value: number } {
  let square = 0;
  for (let i = 1; i < x.length; i++) square += x[i] * x[i];
  v.set(x);
  if (square === 0) return { factor: 0, value: x[0] };
  const value = -Math.sign(x[0] || 1) * Math.sqrt(square + x[0] * x[0]);
  v[0] = x[0] - value;
  return { factor: 2 / (square + v[0] * v[0]), value };
}
