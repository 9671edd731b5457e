import { UserError } from '../errors';
import { type MatMul, multiply } from './matmul';
import type { Pause } from './event-loop-pause';

/** A = L L^T with the columns of L as rows of `columns`, [rank, n], and the numerical rank. */
export interface CholeskyFactor {
  columns: Float64Array;
  rank: number;
}

/** Pivots that are taken before the rest of the matrix is updated, by one matrix product. */
const PANEL = 64;

/** Largest share of a variance by which rounding may make it negative if the matrix is positive semidefinite. */
const NEGATIVE = 1e-6;

/**
 * Cholesky factor of a symmetric positive semidefinite matrix with pivoting, so that a singular covariance (no more
 * samples than dimensions) is factored exactly instead of failing: it ends when no pivot exceeds the rounding noise.
 * Pivots are compared relative to their own variance, as the noise is proportional to it: a feature of tiny variance is
 * kept, a copy of another feature is not. In panels, as LAPACK's dpstrf; rows keep their order, so L is not triangular.
 * @param a row-major [n, n], symmetric
 * @param maxRank a known bound of the rank, e.g. samples - 1
 * @throws UserError for an indefinite matrix; CancelledError
 */
export async function choleskyFactor(
  a: Float64Array,
  n: number,
  maxRank: number,
  pause: Pause,
  matmul: MatMul = multiply,
): Promise<CholeskyFactor> {
  const limit = Math.min(n, maxRank);
  const columns = new Float64Array(n * limit);
  const noise = n * Number.EPSILON;
  /** Rows not chosen yet, the rest of the matrix for them, and of all rows the variance that is not explained yet. */
  let rows = Array.from({ length: n }, (_, i) => i);
  let left = a;
  const [first, second] = [new Float64Array(a.length), new Float64Array(a.length)];
  const diagonal = Float64Array.from(rows, (i) => a[i * n + i]!);
  const unexplained = (i: number): number => (a[i * n + i]! > 0 ? diagonal[i]! / a[i * n + i]! : 0);
  let rank = 0;
  while (rank < limit) {
    const m = rows.length;
    const panel = new Float64Array(m * PANEL);
    const taken = new Uint8Array(m);
    const width = Math.min(PANEL, limit - rank);
    let found = 0;
    for (; found < width; found++) {
      let pivot = -1;
      let most = noise;
      for (let i = 0; i < m; i++) {
        const value = taken[i] ? 0 : unexplained(rows[i]!);
        if (value > most) [pivot, most] = [i, value];
      }
      if (pivot < 0) break;
      taken[pivot] = 1;
      takePivot(left, panel, pivot, found, { rows, taken, diagonal }, columns.subarray((rank + found) * n));
      if (pause.due) await pause.take();
    }
    rank += found;
    if (found < PANEL || rank === limit) break;
    const kept = rows.flatMap((_, i) => (taken[i] ? [] : [i]));
    const free = left === first ? second : first;
    await remainder(left, panel, kept, m, matmul, free.subarray(0, kept.length ** 2));
    left = free;
    rows = kept.map((i) => rows[i]!);
  }
  if (diagonal.some((value, i) => value < -NEGATIVE * a[i * n + i]!)) {
    throw new UserError('sigma of the statistics is indefinite, so it is not a covariance: make the statistics again');
  }
  return { columns: columns.subarray(0, rank * n), rank };
}

/** Writes column `at` of the panel, for `pivot`, and subtracts the variance that it explains from the diagonal. */
function takePivot(
  left: Float64Array,
  panel: Float64Array,
  pivot: number,
  at: number,
  { rows, taken, diagonal }: { rows: readonly number[]; taken: Uint8Array; diagonal: Float64Array },
  column: Float64Array,
): void {
  const m = rows.length;
  const root = Math.sqrt(diagonal[rows[pivot]!]!);
  const own = pivot * PANEL;
  panel[own + at] = column[rows[pivot]!] = root;
  for (let i = 0; i < m; i++) {
    if (taken[i]) continue;
    const start = i * PANEL;
    let value = left[pivot * m + i]!;
    for (let q = 0; q < at; q++) value -= panel[start + q]! * panel[own + q]!;
    value /= root;
    panel[start + at] = column[rows[i]!] = value;
    diagonal[rows[i]!]! -= value * value;
  }
}

/** The rows and columns `kept` of `left` [m, m] minus the panel's product with itself, into `into`. */
async function remainder(
  left: Float64Array,
  panel: Float64Array,
  kept: readonly number[],
  m: number,
  matmul: MatMul,
  into: Float64Array,
): Promise<void> {
  const size = kept.length;
  const rest = new Float64Array(size * PANEL);
  for (let i = 0; i < size; i++) rest.set(panel.subarray(kept[i]! * PANEL, (kept[i]! + 1) * PANEL), i * PANEL);
  await matmul(rest, rest, size, PANEL, size, into);
  for (let i = 0; i < size; i++) {
    const from = kept[i]! * m;
    const to = i * size;
    for (let j = 0; j < size; j++) into[to + j] = left[from + kept[j]!]! - into[to + j]!;
  }
}
