import { UserError } from '../errors';
import { ProgressMeter, type OnProgress } from '../shared/progress';
import { extrapolate, type Extrapolation } from './extrapolation';
import { formatG } from '../shared/number-text';
import { frechetDistance, type Gaussian } from './frechet-distance';
import { drawSubsets, kernelDistance, type Features } from './kernel-distance';
import type { MatMul } from '../linalg/matmul';
import { NumpyRandom } from '../numpy/numpy-random';
import { precisionRecall, type PrecisionRecall } from './precision-recall';
import { StatisticsAccumulator } from './statistics';

/** What to measure besides the Frechet distance. */
export interface FurtherOptions {
  /** Kernel distance to `real`, as torch-fidelity's KID: seed 2020, 100 subsets of 1000 or of all there are. */
  kid?: boolean;
  /** Improved precision and recall against `real`, k = 3. */
  pr?: boolean;
  /** The distance for growing numbers of images, extrapolated to infinitely many. */
  extrapolate?: boolean;
  /** Folder or zip of real images. The first two need it, as a reference has only their mean and covariance. */
  real?: string;
}

/** Metrics besides the Frechet distance; those that were not asked for are undefined. */
export interface FurtherMetrics {
  kid?: { mean: number; std: number; subsets: number; size: number };
  precision_recall?: PrecisionRecall & { k: number };
  extrapolation?: Extrapolation & { points: { num: number; value: number }[] };
}

const KID = { seed: 2020, subsets: 100, size: 1000 };
const NEIGHBOURS = 3;
/** Sizes at which the distance is extrapolated, evenly spaced up to N. */
const SIZES = 8;
const SHUFFLE_SEED = 0;

/** Features are held in memory up to this many bytes: 250,000 images of 2048. */
const MAX_FEATURE_BYTES = 2 ** 31;

/** Feature vectors of a set of images, in order. */
export class FeatureRows {
  private readonly data: Float32Array;
  private added = 0;

  /** @throws UserError if `num` vectors exceed `MAX_FEATURE_BYTES` */
  constructor(
    num: number,
    readonly dimension: number,
  ) {
    const bytes = num * dimension * 4;
    if (bytes > MAX_FEATURE_BYTES) {
      throw new UserError(
        `Features of ${num} images take ${(bytes / 2 ** 30).toFixed(1)} GiB, at most ${MAX_FEATURE_BYTES / 2 ** 30} are kept: measure fewer with --num`,
      );
    }
    this.data = new Float32Array(num * dimension);
  }

  add(features: Float32Array): void {
    this.data.set(features, this.added * this.dimension);
    this.added += features.length / this.dimension;
  }

  get features(): Features {
    return { data: this.data, n: this.added, dimension: this.dimension };
  }
}

/**
 * @param kept whether the features of the real images are saved next to the reference
 * @throws UserError if features of real images are needed, but there are none
 */
export function checkFurtherOptions({ kid, pr, real }: FurtherOptions, kept: boolean): void {
  if ((kid || pr) && real === undefined && !kept) {
    throw new UserError(
      `--${kid ? 'kid' : 'pr'} compares with the features of real images, which a reference does not have: add --real DIR|ZIP, ` +
        'or make the reference with fid ref --keep-features',
    );
  }
}

/**
 * Checks that there are enough images for each metric.
 * @param num images to measure @param real those they are compared with, if there are any
 * @throws UserError naming the metric and the least number
 */
export function checkSizes(
  num: number,
  real: number | undefined,
  { kid, pr, extrapolate: isLine }: FurtherOptions,
): void {
  const least = Math.min(num, real ?? Infinity);
  if (kid && least < 2) throw new UserError(`--kid needs 2 images or more on both sides, not ${least}`);
  if (pr && least <= NEIGHBOURS)
    throw new UserError(`--pr needs more than ${NEIGHBOURS} images on both sides, not ${least}`);
  if (isLine && num < 2 * SIZES) throw new UserError(`--extrapolate needs ${2 * SIZES} images or more, not ${num}`);
}

/**
 * Metrics besides the Frechet distance.
 * @param generated features of the images measured
 * @param real features of `options.real`, if given
 * @param reference what the Frechet distance was measured to
 * @throws UserError for too few images; CancelledError
 */
export async function furtherMetrics(
  generated: Features,
  real: Features | undefined,
  reference: Gaussian,
  options: FurtherOptions,
  control: { matmul?: MatMul; signal?: AbortSignal; onProgress?: OnProgress },
): Promise<FurtherMetrics> {
  checkSizes(generated.n, real?.n, options);
  const metrics: FurtherMetrics = {};
  if (options.kid && real) {
    const size = Math.min(KID.size, generated.n, real.n);
    // All images of both sides are in every subset: one of them says it all, and there is no spread.
    const count = size === generated.n && size === real.n ? 1 : KID.subsets;
    const draws = { subsets: count, size, random: new NumpyRandom(KID.seed) };
    const pairs = counted(drawSubsets(generated.n, real.n, draws), count, control.onProgress);
    const { mean, std, subsets } = await kernelDistance(generated, real, pairs, control);
    metrics.kid = { mean, std, subsets: subsets.length, size };
  }
  if (options.pr && real) {
    const shares = await precisionRecall(generated, real, NEIGHBOURS, control);
    metrics.precision_recall = { ...shares, k: NEIGHBOURS };
  }
  if (options.extrapolate) {
    const points = await distancesBySize(generated, reference, control);
    metrics.extrapolation = { ...extrapolate(points), points };
  }
  return metrics;
}

/** The lines that `fid calc` prints. @param metric name of the distance, which names the detector */
export function furtherLines({
  metric,
  kid,
  precision_recall: pr,
  extrapolation,
}: FurtherMetrics & { metric: string }): string[] {
  const lines: string[] = [];
  if (kid) {
    const name = metric.replace(/^FI?D/, (distance) => (distance === 'FID' ? 'KID' : 'KD'));
    const spread =
      kid.subsets === 1
        ? ` (all ${kid.size} images at once: the subsets would all be the same, so there is no spread)`
        : ` +- ${formatG(kid.std)} (${kid.subsets} subsets of ${kid.size})`;
    lines.push(`${name}: ${formatG(kid.mean)}${spread}`);
  }
  if (pr) lines.push(`Precision ${formatG(pr.precision)}, recall ${formatG(pr.recall)} (k = ${pr.k})`);
  if (extrapolation) {
    const { points, value, standardError } = extrapolation;
    lines.push(...points.map((point) => `${metric}, N = ${point.num}: ${formatG(point.value)}`));
    lines.push(`${metric}, N to infinity: ${formatG(value)} +- ${formatG(standardError)}`);
  }
  return lines;
}

/** The same subsets; reports progress after each. */
function* counted<T>(subsets: Iterable<T>, total: number, onProgress?: OnProgress): Generator<T> {
  const meter = new ProgressMeter('Comparing subsets', total, onProgress);
  let done = 0;
  for (const subset of subsets) {
    yield subset;
    meter.update(++done);
  }
}

/** Distances for growing parts of one random order, so that every image is added once. */
async function distancesBySize(
  { data, n, dimension }: Features,
  reference: Gaussian,
  control: { matmul?: MatMul; signal?: AbortSignal; onProgress?: OnProgress },
): Promise<{ num: number; value: number }[]> {
  const order = new NumpyRandom(SHUFFLE_SEED).permutation(n);
  const accumulator = new StatisticsAccumulator(dimension, control.matmul);
  const meter = new ProgressMeter('Extrapolating', SIZES, control.onProgress);
  const points: { num: number; value: number }[] = [];
  for (let step = 1; step <= SIZES; step++) {
    const num = Math.round((n * step) / SIZES);
    for (const row of order.slice(accumulator.num, num)) {
      await accumulator.add(data.subarray(row * dimension, (row + 1) * dimension), 1);
    }
    points.push({ num, value: await frechetDistance(await accumulator.statistics(), reference, control) });
    meter.update(step);
  }
  return points;
}
