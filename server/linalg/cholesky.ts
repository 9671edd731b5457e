import { UserError } from '../errors';
import { type MatMul, multiply } from './matmul';
import type { Pause } from './event-loop-pause';

/** A = L L^T with the columns of L as rows of `columns`, [rank, n], and the numerical rank. */
export interface CholeskyFactor {
  columns: Float64Array;
  rank: number;
  /** Present where A was indefinite by rounding: directions with a smaller share of a variance than this were left out. */
  projected?: number;
}

/** Pivots that are taken before the rest of the matrix is updated, by one matrix product. */
const PANEL = 64;

/** Largest share of a variance by which rounding may make it negative if the matrix is positive semidefinite. */
const NEGATIVE = 1e-6;

/** Rounding of float32, relative: covariances are often computed or kept in it, whatever type their file has. */
const SINGLE = 2 ** -24;
/** Times by which a negative rest may exceed the level below which directions are left out. */
const GROWTH = 30;

/**
 * Cholesky factor of a symmetric positive semidefinite matrix. One that is indefinite by rounding (float32 statistics of few
 * images) is projected: directions that are not larger than the rounding noise are left out, and `projected` says so.
 * @param a row-major [n, n], symmetric
 * @param maxRank a known bound of the rank, e.g. samples - 1
 * @param rounding relative rounding of the entries, where it is known to be coarser than float64's
 * @throws UserError for a matrix that is indefinite by more than rounding; CancelledError
 */
export async function choleskyFactor(
  a: Float64Array,
  n: number,
  maxRank: number,
  pause: Pause,
  matmul: MatMul = multiply,
  rounding?: number,
): Promise<CholeskyFactor> {
  const exact = await pivotedFactor(a, n, maxRank, n * Number.EPSILON, pause, matmul);
  // Of values that are known to be rounded, any negative rest means that noise was taken for directions.
  if (exact.negative <= (rounding === undefined ? NEGATIVE : GROWTH * n * Number.EPSILON))
    return { columns: exact.columns, rank: exact.rank };
  // Random errors of the entries move eigenvalues by some sqrt(n) of them.
  const noise = 4 * Math.sqrt(n) * Math.max(rounding ?? 0, SINGLE);
  const { columns, rank, negative } = await pivotedFactor(a, n, maxRank, noise, pause, matmul);
  if (negative <= GROWTH * noise) return { columns, rank, projected: noise };
  throw new UserError('sigma of the statistics is indefinite, so it is not a covariance: make the statistics again');
}

/**
 * Cholesky factor with pivoting, so that a singular covariance (no more
 * samples than dimensions) is factored exactly instead of failing: it ends when no pivot exceeds the rounding noise.
 * Pivots are compared relative to their own variance, as the noise is proportional to it: a feature of tiny variance is
 * kept, a copy of another feature is not. In panels, as LAPACK's dpstrf; rows keep their order, so L is not triangular.
 * @param noise largest share of a variance that is taken for rounding
 * @returns also the largest share by which a variance that is left is negative
 */
async function pivotedFactor(
  a: Float64Array,
  n: number,
  maxRank: number,
  noise: number,
  pause: Pause,
  matmul: MatMul,
): Promise<{ columns: Float64Array; rank: number; negative: number }> {
  const limit = Math.min(n, maxRank);
  const columns = new Float64Array(n * limit);
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
  const negative = diagonal.reduce((most, value, i) => {
    const variance = a[i * n + i]!;
    return value < 0 ? Math.max(most, variance > 0 ? -value / variance : Infinity) : most;
  }, 0);
  return { columns: columns.subarray(0, rank * n), rank, negative };
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
