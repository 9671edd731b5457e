import { type MatMul, multiply } from './matmul';
import type { Pause } from './event-loop-pause';
import { bandOf } from './band-reduction';
import { tridiagonalise } from './bulge-chasing';

/**
 * Eigenvalues of a symmetric matrix, without eigenvectors: reduction to a band, mostly by matrix products (Bischof, Lang
 * & Sun 2000, ACM TOMS algorithm 807), then to tridiagonal form, then implicit QL (Golub & Van Loan, Matrix Computations,
 * section 8.3.3).
 * @param a row-major [n, n]; only the lower triangle is read. Destroyed
 * @returns the n eigenvalues, in no order; their error is about n eps times the largest
 */
export async function symmetricEigenvalues(
  a: Float64Array,
  n: number,
  pause: Pause,
  matmul: MatMul = multiply,
): Promise<Float64Array> {
  const { diagonal, offDiagonal } = await tridiagonalise(await bandOf(a, n, pause, matmul), n, pause);
  await implicitQL(diagonal, offDiagonal, pause);
  return diagonal;
}

/** Most sweeps for one eigenvalue; 2 or 3 are usual. */
const MAX_SWEEPS = 60;

/** Replaces the diagonal `d` by the eigenvalues of the tridiagonal matrix; `e` is destroyed. */
async function implicitQL(d: Float64Array, e: Float64Array, pause: Pause): Promise<void> {
  const n = d.length;
  for (let l = 0; l < n; l++) {
    for (let sweep = 0; ; sweep++) {
      let m = l;
      while (m < n - 1 && Math.abs(e[m]!) > Number.EPSILON * (Math.abs(d[m]!) + Math.abs(d[m + 1]!))) m++;
      if (m === l) break;
      if (sweep === MAX_SWEEPS) throw new Error(`Eigenvalue ${l} of ${n} did not converge: is the matrix finite?`);
      qlSweep(d, e, l, m);
    }
    if (pause.due) await pause.take();
  }
}

/** One implicit QL step with Wilkinson's shift on rows l..m. */
function qlSweep(d: Float64Array, e: Float64Array, l: number, m: number): void {
  let g = (d[l + 1]! - d[l]!) / (2 * e[l]!);
  const root = Math.sqrt(g * g + 1);
  g = d[m]! - d[l]! + e[l]! / (g + (g >= 0 ? root : -root));
  let s = 1;
  let c = 1;
  let p = 0;
  for (let i = m - 1; i >= l; i--) {
    const f = s * e[i]!;
    const b = c * e[i]!;
    const r = Math.hypot(f, g);
    e[i + 1] = r;
    if (r === 0) {
      // Underflow has split the matrix: the next sweep continues with this block.
      d[i + 1]! -= p;
      e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1]! - p;
    const t = (d[i]! - g) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = g + p;
    g = c * t - b;
  }
  d[l]! -= p;
  e[l] = g;
  e[m] = 0;
}
