import { type MatMul, transpose } from './matmul';
import type { Pause } from './event-loop-pause';
import { reflector } from './reflector';

/** Subdiagonals that the reduction leaves: enough for efficient matrix products, few enough for the next reduction. */
export const BANDWIDTH = 32;
/** Elements of a stored column, from the diagonal down: twice the band, as bulge chasing fills the space temporarily. */
export const BAND_ROWS = 2 * BANDWIDTH;

/**
 * Q^T A Q with BANDWIDTH subdiagonals. A panel of columns is cleared below the band by reflectors, which are then
 * applied to the rest from both sides at once: A - V W^T - W V^T, two matrix products.
 * @param a row-major [n, n]; only the lower triangle is read. Destroyed
 * @returns element (i, j) of the lower band at [j * BAND_ROWS + i - j]
 */
export async function bandOf(a: Float64Array, n: number, pause: Pause, matmul: MatMul): Promise<Float64Array> {
  mirror(a, n);
  const b = BANDWIDTH;
  const band = new Float64Array(n * BAND_ROWS);
  let left = a;
  let free: Float64Array = new Float64Array(a.length);
  let done = 0;
  for (let size = n; size > 0; size = n - done) {
    const width = Math.min(b, size);
    for (let j = 0; j < width; j++) {
      const from = (done + j) * BAND_ROWS;
      for (let i = j; i < width; i++) band[from + i - j] = left[i * size + j]!;
    }
    const m = size - width;
    if (m > 0) {
      const { vectors, factors } = panelReflectors(left, size, (column, values) => {
        band.set(values, (done + column) * BAND_ROWS + b - column);
      });
      await applied(left, size, vectors, factors, matmul, free.subarray(0, m * m));
      [left, free] = [free, left];
    }
    done += width;
    if (pause.due) await pause.take();
  }
  return band;
}

/** Copies the lower triangle to the upper. */
function mirror(a: Float64Array, n: number): void {
  const tile = 32; // small enough for the columns to stay in the cache
  for (let j0 = 0; j0 < n; j0 += tile) {
    for (let i = j0 + 1; i < n; i++) {
      for (let j = j0; j < Math.min(j0 + tile, i); j++) a[j * n + i] = a[i * n + j]!;
    }
  }
}

/**
 * Triangularises rows BANDWIDTH.. of the first BANDWIDTH columns.
 * @param store takes what remains of each column: its elements down to the diagonal of the block
 * @returns reflector vectors as rows [BANDWIDTH, size], zero above the block, and their factors
 */
function panelReflectors(
  a: Float64Array,
  size: number,
  store: (column: number, values: Float64Array) => void,
): { vectors: Float64Array; factors: Float64Array } {
  const b = BANDWIDTH;
  const m = size - b;
  // The matrix is symmetric: its rows are its columns.
  const panel = Array.from({ length: b }, (_, j) => a.slice(j * size + b, (j + 1) * size));
  const vectors = new Float64Array(b * size);
  const factors = new Float64Array(b);
  for (let j = 0; j < b; j++) {
    const column = panel[j]!;
    if (j < m) {
      const v = vectors.subarray(j * size + b + j, (j + 1) * size);
      const { factor, value } = reflector(column.subarray(j), v);
      factors[j] = factor;
      for (let k = j + 1; k < b; k++) reflect(panel[k]!.subarray(j), v, factor);
      column[j] = value;
    }
    store(j, column.subarray(0, Math.min(j + 1, m)));
  }
  return { vectors, factors };
}

/** x - factor (v.x) v, in place. */
function reflect(x: Float64Array, v: Float64Array, factor: number): void {
  let sum = 0;
  for (let i = 0; i < v.length; i++) sum += v[i]! * x[i]!;
  sum *= factor;
  for (let i = 0; i < v.length; i++) x[i]! -= sum * v[i]!;
}

/**
 * The matrix without its first BANDWIDTH rows and columns, after all reflectors: with Q = I - V T V^T and Y = A V T it
 * is A - V W^T - W V^T where W = Y - V (T^T V^T Y) / 2.
 * @param into takes it, [size - BANDWIDTH, size - BANDWIDTH]
 */
async function applied(
  a: Float64Array,
  size: number,
  vectors: Float64Array,
  factors: Float64Array,
  matmul: MatMul,
  into: Float64Array,
): Promise<void> {
  const b = BANDWIDTH;
  const m = size - b;
  const inner = await matmul(vectors, vectors, b, size, b);
  const t = triangularFactor(inner, factors);
  const av = await matmul(vectors, a.subarray(b * size, size * size), b, size, m);
  // Both sides of the update, [2b, m]: V and W, then W and V.
  const left = new Float64Array(2 * b * m);
  for (let j = 0; j < b; j++) left.set(vectors.subarray(j * size + b, (j + 1) * size), j * m);
  const w = left.subarray(b * m);
  for (let j = 0; j < b; j++) {
    for (let k = 0; k <= j; k++) addScaled(w, j * m, av, k * m, t[k * b + j]!, m);
  }
  const v = left.subarray(0, b * m);
  const vy = await matmul(v, w, b, m, b);
  for (let j = 0; j < b; j++) {
    for (let i = 0; i < b; i++) {
      // Column j of V needs (T^T V^T Y)[i, j]; T is upper triangular.
      let sum = 0;
      for (let k = 0; k <= i; k++) sum += t[k * b + i]! * vy[k * b + j]!;
      addScaled(w, j * m, v, i * m, -sum / 2, m);
    }
  }
  const right = new Float64Array(2 * b * m);
  right.set(w);
  right.set(v, b * m);
  await matmul(transpose(left, 2 * b, m), transpose(right, 2 * b, m), m, 2 * b, m, into);
  for (let i = 0; i < m; i++) {
    const from = (b + i) * size + b;
    for (let j = 0, to = i * m; j < m; j++, to++) into[to] = a[from + j]! - into[to]!;
  }
}

/** T of the product of reflectors I - V T V^T. @param inner V^T V, [BANDWIDTH, BANDWIDTH] */
function triangularFactor(inner: Float64Array, factors: Float64Array): Float64Array {
  const b = BANDWIDTH;
  const t = new Float64Array(b * b);
  for (let j = 0; j < b; j++) {
    t[j * b + j] = factors[j]!;
    for (let i = 0; i < j; i++) {
      let sum = 0;
      for (let k = i; k < j; k++) sum += t[i * b + k]! * inner[k * b + j]!;
      t[i * b + j] = -factors[j]! * sum;
    }
  }
  return t;
}

function addScaled(x: Float64Array, at: number, y: Float64Array, from: number, scale: number, count: number): void {
  for (let i = 0; i < count; i++) x[at + i]! += scale * y[from + i]!;
}
