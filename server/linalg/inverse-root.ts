import type { Pause } from './event-loop-pause';
import { type MatMul, multiply, transpose } from './matmul';

/** Part of the matrix's norm below which its eigenvalues are rounding noise. */
const NOISE = 1e-13;
/** How near to 1 the iteration brings every eigenvalue of the product; the next step would square what is left. */
const CONVERGED = 1e-7;
/**
 * Largest factor of a step: a singular value of 1 becomes 0.09 by it. By the best factor in theory, sqrt(3), it would become 0,
 * and negative with a rounding error, from where the iteration diverges.
 */
const FASTEST = 1.7;

/**
 * (A + shift I)^(-1/2) of a symmetric positive semidefinite matrix, by matrix products only: the coupled Newton-Schulz
 * iteration, scaled for the smallest eigenvalue that is left (Higham 2008, Functions of Matrices, chapter 6; Chen & Chow
 * 2014). About 20 steps of three products.
 * @param a row-major [n, n]
 * @param shift what is added to the diagonal; at least NOISE times the norm, so that nothing is divided by noise
 * @throws CancelledError
 */
export async function inverseRoot(
  a: Float64Array,
  n: number,
  shift: number,
  pause: Pause,
  matmul: MatMul = multiply,
): Promise<Float64Array> {
  const norm = Math.sqrt(a.reduce((sum, value) => sum + value * value, 0));
  const added = Math.max(shift, NOISE * norm);
  const scale = norm + added;
  let y: Float64Array = a.map((value) => value / scale);
  for (let i = 0; i < n; i++) y[i * (n + 1)]! += added / scale;
  let z: Float64Array = new Float64Array(n * n);
  for (let i = 0; i < n; i++) z[i * (n + 1)] = 1;
  // All are symmetric but for rounding errors, which grow with each step unless the order of the factors is kept.
  const product = async (left: Float64Array, right: Float64Array): Promise<Float64Array> =>
    matmul(left, transpose(right, n, n), n, n, n);
  // Of the root: its singular values lie between `least` and 1.
  for (let least = Math.sqrt(added / scale); least < 1 - CONVERGED;) {
    const rate = Math.min(Math.sqrt(3 / (1 + least + least * least)), FASTEST);
    const step = await product(z, y);
    for (let i = 0; i < step.length; i++) step[i]! *= -(rate ** 3) / 2;
    for (let i = 0; i < n; i++) step[i * (n + 1)]! += 1.5 * rate;
    y = await product(y, step);
    z = await product(step, z);
    const next = (x: number): number => (rate * x * (3 - (rate * x) ** 2)) / 2;
    least = Math.min(next(least), next(1));
    if (pause.due) await pause.take();
  }
  const root = Math.sqrt(scale);
  return z.map((value) => value / root);
}
