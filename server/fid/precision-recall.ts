import type { Features } from './kernel-distance';
import { Pause } from './pause';

export interface PrecisionRecall {
  /** Share of generated images within the real manifold, 0..1: fidelity. */
  precision: number;
  /** Share of real images within the generated manifold, 0..1: diversity. */
  recall: number;
}

/**
 * Improved precision and recall (Kynkaanniemi et al. 2019, arXiv 1904.06991): a manifold is the union of balls around
 * each feature vector that reach to its k-th nearest neighbour in the same set; Euclidean distance, float64.
 * @param k the paper uses 3
 * @throws RangeError if a set has no k-th neighbour
 */
export async function precisionRecall(
  generated: Features,
  real: Features,
  k = 3,
  signal?: AbortSignal,
): Promise<PrecisionRecall> {
  const pause = new Pause(signal);
  const [generatedRadii, realRadii] = [await squaredRadii(generated, k, pause), await squaredRadii(real, k, pause)];
  return {
    precision: await coverage(generated, real, realRadii, pause),
    recall: await coverage(real, generated, generatedRadii, pause),
  };
}

/** Of each vector, the squared distance to its k-th nearest neighbour in its own set, itself not counted. */
export async function squaredRadii(features: Features, k: number, pause: Pause): Promise<Float64Array> {
  const { n } = features;
  if (k < 1 || k >= n) throw new RangeError(`${n} images have no ${k}-th nearest neighbour`);
  const radii = new Float64Array(n);
  const distances = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) distances[j] = squaredDistance(features, i, features, j);
    // The vector itself is first, at distance 0.
    radii[i] = distances.sort()[k];
    if (pause.due) await pause.take();
  }
  return radii;
}

/** Share of `points` inside any ball of `centres`. */
async function coverage(points: Features, centres: Features, radii: Float64Array, pause: Pause): Promise<number> {
  let inside = 0;
  for (let i = 0; i < points.n; i++) {
    for (let j = 0; j < centres.n; j++) {
      if (squaredDistance(points, i, centres, j) > radii[j]) continue;
      inside++;
      break;
    }
    if (pause.due) await pause.take();
  }
  return inside / points.n;
}

function squaredDistance(x: Features, i: number, y: Features, j: number): number {
  const d = x.dimension;
  let sum = 0;
  for (let q = 0, s = i * d, t = j * d; q < d; q++, s++, t++) sum += (x.data[s] - y.data[t]) ** 2;
  return sum;
}
