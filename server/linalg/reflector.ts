/**
 * The Householder reflector H = I - factor v v^T that maps x onto a multiple of the first unit vector (Golub & Van
 * Loan, section 5.1).
 * @param v takes the vector v; of the length of x, which is not changed
 * @returns the factor and the new first element; the factor is 0 if x is already such a multiple
 */
export function reflector(x: Float64Array, v: Float64Array): { factor: number; value: number } {
  let square = 0;
  for (let i = 1; i < x.length; i++) square += x[i]! * x[i]!;
  v.set(x);
  if (square === 0) return { factor: 0, value: x[0]! };
  const value = -Math.sign(x[0] || 1) * Math.sqrt(square + x[0]! * x[0]!);
  v[0] = x[0]! - value;
  return { factor: 2 / (square + v[0] * v[0]), value };
}
