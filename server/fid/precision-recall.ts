import type { Features } from './kernel-distance';
import { type MatMul, multiply } from '../linalg/matmul';
import { Pause } from '../linalg/event-loop-pause';

/** Precision and recall of generated images. */
export interface PrecisionRecall {
  /** Share of generated images within the real manifold, 0..1: fidelity. */
  precision: number;
  /** Share of real images within the generated manifold, 0..1: diversity. */
  recall: number;
}

/** A faster product than plain JavaScript's, if there is one, and what cancels. */
export interface ProductControl {
  matmul?: MatMul;
  signal?: AbortSignal;
}

/**
 * Improved precision and recall (Kynkaanniemi et al. 2019, arXiv 1904.06991): a manifold is the union of balls around
 * each feature vector that reach to its k-th nearest neighbour in the same set; Euclidean distance, float64.
 * @param k the paper uses 3
 * @throws RangeError if a set has no k-th neighbour; CancelledError
 */
export async function precisionRecall(
  generated: Features,
  real: Features,
  k = 3,
  control: ProductControl = {},
): Promise<PrecisionRecall> {
  const generatedRadii = await squaredRadii(generated, k, control);
  const realRadii = await squaredRadii(real, k, control);
  return {
    precision: await coverage(generated, real, realRadii, control),
    recall: await coverage(real, generated, generatedRadii, control),
  };
}

/** Of each vector, the squared distance to its k-th nearest neighbour in its own set, itself not counted. */
export async function squaredRadii(features: Features, k: number, control: ProductControl = {}): Promise<Float64Array> {
  const { n } = features;
  if (k < 1 || k >= n) throw new RangeError(`${n} images have no ${k}-th nearest neighbour`);
  const radii = new Float64Array(n);
  for await (const { row, distances } of squaredDistances(features, features, control)) {
    // The vector itself is first, at distance 0.
    const nearest = new Float64Array(k + 1).fill(Infinity);
    for (const distance of distances) {
      let at = k;
      if (distance >= nearest[at]!) continue;
      for (; at > 0 && nearest[at - 1]! > distance; at--) nearest[at] = nearest[at - 1]!;
      nearest[at] = distance;
    }
    radii[row] = nearest[k]!;
  }
  return radii;
}

/** Share of `points` inside any ball of `centres`. */
async function coverage(
  points: Features,
  centres: Features,
  radii: Float64Array,
  control: ProductControl,
): Promise<number> {
  let inside = 0;
  for await (const { distances } of squaredDistances(points, centres, control)) {
    if (distances.some((distance, j) => distance <= radii[j]!)) inside++;
  }
  return inside / points.n;
}

/** Rows and columns of the distance matrix that are computed at a time: 8 MB of products. */
const ROWS = 256;
const COLUMNS = 4096;

/** The matrix of squared distances |x|^2 + |y|^2 - 2 x.y, row by row; `distances` is valid until the next row. */
async function* squaredDistances(
  x: Features,
  y: Features,
  { matmul = multiply, signal }: ProductControl,
): AsyncGenerator<{ row: number; distances: Float64Array }> {
  const pause = new Pause(signal);
  const d = x.dimension;
  const [xNorms, yNorms] = [squaredNorms(x), squaredNorms(y)];
  for (let i0 = 0; i0 < x.n; i0 += ROWS) {
    const rows = Math.min(ROWS, x.n - i0);
    const left = Float64Array.from(x.data.subarray(i0 * d, (i0 + rows) * d));
    const distances = new Float64Array(rows * y.n);
    for (let j0 = 0; j0 < y.n; j0 += COLUMNS) {
      const columns = Math.min(COLUMNS, y.n - j0);
      const right = Float64Array.from(y.data.subarray(j0 * d, (j0 + columns) * d));
      const products = await matmul(left, right, rows, d, columns);
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          const squared = xNorms[i0 + i]! + yNorms[j0 + j]! - 2 * products[i * columns + j]!;
          distances[i * y.n + j0 + j] = Math.max(squared, 0);
        }
      }
      if (pause.due) await pause.take();
    }
    for (let i = 0; i < rows; i++) yield { row: i0 + i, distances: distances.subarray(i * y.n, (i + 1) * y.n) };
  }
}

function squaredNorms({ data, n, dimension: d }: Features): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => {
    let sum = 0;
    for (let at = i * d; at < (i + 1) * d; at++) sum += data[at]! ** 2;
    return sum;
  });
}
