import { BAND_ROWS, BANDWIDTH } from './band-reduction';
import type { Pause } from './event-loop-pause';
import { reflector } from './reflector';

/** T = Q^T A Q; `offDiagonal[i]` links rows i and i + 1. */
export interface Tridiagonal {
  diagonal: Float64Array;
  offDiagonal: Float64Array;
}

/**
 * Reduces a band matrix to tridiagonal form (Lang 1993, SIAM J. Sci. Comput. 14, 1320). One column after the other is
 * cleared by a reflector. The bulge that this makes below the band is chased down to the end; of each bulge only the first
 * column is cleared, since the next sweep clears the next one.
 * @param band as `bandOf` returns it; destroyed
 */
export async function tridiagonalise(band: Float64Array, n: number, pause: Pause): Promise<Tridiagonal> {
  const b = BANDWIDTH;
  let v = new Float64Array(b);
  let next = new Float64Array(b);
  const work = new Float64Array(b);
  for (let column = 0; column < n - 2; column++) {
    let first = column + 1;
    let count = Math.min(b, n - first);
    let factor = clearColumn(band, column, first, count, v);
    while (count > 0) {
      reflectBothSides(band, first, count, v, factor, work);
      const below = first + count;
      const rows = Math.min(b, n - below);
      if (rows > 0) {
        reflectRight(band, first, count, rows, v, factor, work);
        const after = clearColumn(band, first, below, rows, next);
        reflectLeft(band, first + 1, count - 1, below, rows, next, after);
        factor = after;
        [v, next] = [next, v];
      }
      first = below;
      count = rows;
    }
    if (pause.due) await pause.take();
  }
  return {
    diagonal: Float64Array.from({ length: n }, (_, i) => band[i * BAND_ROWS]!),
    offDiagonal: Float64Array.from({ length: n }, (_, i) => band[i * BAND_ROWS + 1]!),
  };
}

/** Makes the reflector for `count` elements of a column from row `first` on, and applies it to that column. */
function clearColumn(band: Float64Array, column: number, first: number, count: number, v: Float64Array): number {
  const x = band.subarray(column * BAND_ROWS + first - column, column * BAND_ROWS + first - column + count);
  const { factor, value } = reflector(x, v);
  x.fill(0);
  x[0] = value;
  return factor;
}

/** H A H of the diagonal block of `count` rows from `first` on: A - v w^T - w v^T with w = p - factor (p.v) v / 2. */
function reflectBothSides(
  band: Float64Array,
  first: number,
  count: number,
  v: Float64Array,
  factor: number,
  p: Float64Array,
): void {
  if (factor === 0) return;
  p.fill(0);
  for (let j = 0; j < count; j++) {
    const at = (first + j) * BAND_ROWS - j;
    const vj = v[j]!;
    let sum = band[at + j]! * vj;
    for (let i = j + 1; i < count; i++) {
      const value = band[at + i]!;
      sum += value * v[i]!;
      p[i]! += value * vj;
    }
    p[j]! += sum;
  }
  let pv = 0;
  for (let i = 0; i < count; i++) pv += (p[i]! *= factor) * v[i]!;
  const half = (factor * pv) / 2;
  for (let i = 0; i < count; i++) p[i]! -= half * v[i]!;
  for (let j = 0; j < count; j++) {
    const at = (first + j) * BAND_ROWS - j;
    const [vj, pj] = [v[j]!, p[j]!];
    for (let i = j; i < count; i++) band[at + i]! -= v[i]! * pj + p[i]! * vj;
  }
}

/** A H of the block of `rows` rows below the diagonal block of `count` columns from `first` on. */
function reflectRight(
  band: Float64Array,
  first: number,
  count: number,
  rows: number,
  v: Float64Array,
  factor: number,
  sums: Float64Array,
): void {
  if (factor === 0) return;
  sums.fill(0);
  for (let j = 0; j < count; j++) {
    const at = (first + j) * BAND_ROWS + count - j;
    const vj = v[j]!;
    for (let i = 0; i < rows; i++) sums[i]! += band[at + i]! * vj;
  }
  for (let j = 0; j < count; j++) {
    const at = (first + j) * BAND_ROWS + count - j;
    const scale = factor * v[j]!;
    for (let i = 0; i < rows; i++) band[at + i]! -= sums[i]! * scale;
  }
}

/** H A of `rows` rows from `below` on, of `count` columns from `first` on. */
function reflectLeft(
  band: Float64Array,
  first: number,
  count: number,
  below: number,
  rows: number,
  v: Float64Array,
  factor: number,
): void {
  if (factor === 0) return;
  for (let j = first; j < first + count; j++) {
    const at = j * BAND_ROWS + below - j;
    let sum = 0;
    for (let i = 0; i < rows; i++) sum += band[at + i]! * v[i]!;
    sum *= factor;
    for (let i = 0; i < rows; i++) band[at + i]! -= sum * v[i]!;
  }
}
