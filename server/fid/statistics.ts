import { UserError } from '../errors';
import type { DetectorIdentity } from './detector';
import { lowerProduct, type MatMul } from './matmul';
import { float64Of, type NpyArray, readNpz, writeNpz } from './npz';

/** The Gaussian that the Frechet distance sees in a set of images: mean and covariance of their features. */
export interface Statistics {
  /** Mean, [dimension]. */
  mu: Float64Array;
  /** Unbiased covariance (divided by num - 1), row-major [dimension, dimension]. */
  sigma: Float64Array;
  /** How many images; undefined in files written by fid.py, which does not say. */
  num?: number;
  /** What made the features; undefined in files written by fid.py. */
  detector?: DetectorIdentity;
  /** Digest of the files measured (`ImageSet.digest`), where known. */
  source?: string;
}

/**
 * Vectors gathered before they enter the sums: enough for the matrix product to outweigh the merge, and no power of
 * two, whose columns would compete for the same lines of the cache.
 */
const BLOCK = 2000;
/** Vectors that are turned into columns together: what is written of one column fills a line of the cache. */
const ROWS = 8;

/**
 * Mean and covariance of a stream of feature vectors in float64 and in memory that does not grow with their number.
 * Equals fid.py's one-pass sums, but a block is taken about the mean of all before it (Chan, Golub & LeVeque 1983), so
 * it does not lose digits where the mean is large against the spread.
 */
export class StatisticsAccumulator {
  /** Of those merged; before any are, of the first that came. */
  private readonly mean: Float64Array;
  /** Sum of (f - mean)(f - mean)^T; its lower triangle only. */
  private readonly scatter: Float64Array;
  private merged = 0;
  /** Vectors that wait, less the mean, as columns: [dimension, BLOCK]; and their sums, [dimension]. */
  private readonly block: Float64Array;
  private readonly sums: Float64Array;
  private waiting = 0;

  /**
   * @param matmul a faster product than plain JavaScript's, where there is one
   */
  constructor(
    readonly dimension: number,
    private readonly matmul?: MatMul,
  ) {
    this.mean = new Float64Array(dimension);
    this.scatter = new Float64Array(dimension * dimension);
    this.block = new Float64Array(BLOCK * dimension);
    this.sums = new Float64Array(dimension);
  }

  /** Feature vectors so far. */
  get num(): number {
    return this.merged + this.waiting;
  }

  /** @param features [n, dimension] */
  async add(features: Float32Array | Float64Array, n: number): Promise<void> {
    const d = this.dimension;
    if (features.length !== n * d) throw new Error(`${features.length} values are not ${n} features of ${d}`);
    if (this.num === 0) centre(features, n, this.mean);
    for (let done = 0; done < n;) {
      const taken = Math.min(n - done, BLOCK - this.waiting);
      for (let i = 0; i < taken;) i += this.gather(features, done + i, taken - i);
      done += taken;
      if (this.waiting === BLOCK) await this.flush();
    }
  }

  /**
   * Adds what another accumulator, perhaps another machine, has seen.
   * @throws UserError if it does not say how many images that was
   */
  async merge(other: Statistics): Promise<void> {
    if (other.num === undefined) throw new UserError('Statistics without their number of images cannot be merged');
    if (other.mu.length !== this.dimension) {
      throw new UserError(`Statistics of ${other.mu.length} and of ${this.dimension} dimensions cannot be merged`);
    }
    await this.flush();
    const [d, { sigma }] = [this.dimension, other];
    const deviation = other.mu.map((value, j) => value - this.mean[j]);
    const weight = (this.merged * other.num) / (this.merged + other.num);
    for (let i = 0; i < d; i++) this.addRow(i, sigma, i * d, other.num - 1, deviation, weight);
    this.shift(other.num, deviation);
  }

  /**
   * Mean and covariance so far; more may be added afterwards.
   * @throws Error for fewer than two vectors, which have no covariance
   */
  async statistics(): Promise<Statistics> {
    await this.flush();
    if (this.merged < 2) throw new Error(`A covariance needs at least two feature vectors, not ${this.merged}`);
    const d = this.dimension;
    const sigma = new Float64Array(d * d);
    const tile = 32; // rows written as columns stay in the cache
    for (let j0 = 0; j0 < d; j0 += tile) {
      for (let i = j0; i < d; i++) {
        for (let j = j0; j < Math.min(j0 + tile, i + 1); j++) {
          sigma[i * d + j] = sigma[j * d + i] = this.scatter[i * d + j] / (this.merged - 1);
        }
      }
    }
    return { mu: this.mean.slice(), sigma, num: this.merged };
  }

  /** Turns ROWS vectors from `first` on, or one where `left` are fewer, into columns; returns how many it were. */
  private gather(features: Float32Array | Float64Array, first: number, left: number): number {
    const { block, mean, sums, waiting, dimension: d } = this;
    let from = first * d;
    if (left < ROWS) {
      for (let j = 0, to = waiting; j < d; j++, to += BLOCK) sums[j] += block[to] = features[from++] - mean[j];
      this.waiting++;
      return 1;
    }
    // Without an inner loop, which takes twice as long.
    for (let j = 0, to = waiting; j < d; j++, to += BLOCK, from++) {
      const centre = mean[j];
      const a = (block[to] = features[from] - centre);
      const b = (block[to + 1] = features[from + d] - centre);
      const c = (block[to + 2] = features[from + 2 * d] - centre);
      const e = (block[to + 3] = features[from + 3 * d] - centre);
      const f = (block[to + 4] = features[from + 4 * d] - centre);
      const g = (block[to + 5] = features[from + 5 * d] - centre);
      const h = (block[to + 6] = features[from + 6 * d] - centre);
      const i = (block[to + 7] = features[from + 7 * d] - centre);
      sums[j] += a + b + (c + e) + (f + g + (h + i));
    }
    this.waiting += ROWS;
    return ROWS;
  }

  private async flush(): Promise<void> {
    const n = this.waiting;
    if (n === 0) return;
    const { block, dimension: d } = this;
    if (n < BLOCK) for (let j = 1; j < d; j++) block.copyWithin(j * n, j * BLOCK, j * BLOCK + n);
    const deviation = this.sums.map((sum) => sum / n);
    const weight = -(n * n) / (this.merged + n); // the block is about the mean before it, the result about that after
    await lowerProduct(block.subarray(0, d * n), d, n, this.matmul, (part, first, width) => {
      for (let i = first; i < first + part.length / width; i++) {
        this.addRow(i, part, (i - first) * width, 1, deviation, weight);
      }
    });
    this.shift(n, deviation);
    this.sums.fill(0);
    this.waiting = 0;
  }

  /** Merges n vectors whose mean deviates that much into the mean. */
  private shift(n: number, deviation: Float64Array): void {
    this.merged += n;
    for (let j = 0; j < deviation.length; j++) this.mean[j] += (deviation[j] * n) / this.merged;
  }

  /** Row i of the scatter grows by `matrix` (from `start` on) * `factor` + `weight` * deviation * deviation[i]. */
  private addRow(
    i: number,
    matrix: Float64Array,
    start: number,
    factor: number,
    deviation: Float64Array,
    weight: number,
  ): void {
    const { scatter } = this;
    const scaled = weight * deviation[i];
    for (let j = 0, at = i * this.dimension; j <= i; j++, at++) {
      scatter[at] += matrix[start + j] * factor + scaled * deviation[j];
    }
  }
}

/** The mean of n feature vectors, into `mean`. */
function centre(features: Float32Array | Float64Array, n: number, mean: Float64Array): void {
  const d = mean.length;
  mean.fill(0);
  for (let i = 0; i < n; i++) for (let j = 0; j < d; j++) mean[j] += features[i * d + j] / n;
}

/**
 * Writes statistics as fid.py's reference files are (keys `mu` and `sigma`, which is all it reads) plus our own
 * `num`, `detector` and `source`. Atomic.
 */
export async function saveStatistics(path: string, statistics: Statistics): Promise<void> {
  const { mu, sigma, num, detector, source } = statistics;
  const arrays = new Map<string, NpyArray>();
  arrays.set('mu', { dtype: 'float64', shape: [mu.length], data: mu });
  arrays.set('sigma', { dtype: 'float64', shape: [mu.length, mu.length], data: sigma });
  if (num !== undefined) arrays.set('num', { dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(num)) });
  if (detector) {
    const { name, sha256, dimension, published } = detector;
    arrays.set('detector', textArray(JSON.stringify({ name, sha256, dimension, published })));
  }
  if (source !== undefined) arrays.set('source', textArray(source));
  await writeNpz(path, arrays);
}

/**
 * Reads statistics written by `saveStatistics` or by fid.py.
 * @throws UserError naming the file and what is wrong with it
 */
export async function loadStatistics(path: string): Promise<Statistics> {
  const arrays = await readNpz(path);
  const mu = float64Of(arrays, 'mu', path);
  const sigma = float64Of(arrays, 'sigma', path);
  const shape = arrays.get('sigma')?.shape ?? [];
  if (shape.length !== 2 || shape.some((length) => length !== mu.length)) {
    throw new UserError(`${path}: sigma has shape (${shape.join(', ')}) where mu has ${mu.length} values`);
  }
  if (![mu, sigma].every((values) => values.every(Number.isFinite))) {
    throw new UserError(`${path}: mu or sigma holds values that are not finite`);
  }
  checkCovariance(sigma, mu.length, path);
  const num = arrays.get('num');
  return {
    mu,
    sigma,
    num: num?.dtype === 'int64' && num.data.length === 1 ? Number(num.data[0]) : undefined,
    detector: parseDetector(textOf(arrays.get('detector')), path),
    source: textOf(arrays.get('source')),
  };
}

/** How far a covariance may be from symmetric, and a correlation above 1: far more than rounding, far less than a mistake. */
const TOLERANCE = 1e-6;

/** @throws UserError for what no set of features has as its covariance */
function checkCovariance(sigma: Float64Array, n: number, path: string): void {
  for (let i = 0; i < n; i++) {
    const variance = sigma[i * n + i];
    if (variance < 0) throw new UserError(`${path}: sigma[${i}, ${i}] is ${variance}: a variance is not negative`);
    for (let j = 0; j < i; j++) {
      const [lower, upper] = [sigma[i * n + j], sigma[j * n + i]];
      const most = Math.sqrt(variance * sigma[j * n + j]);
      if (Math.abs(lower - upper) > TOLERANCE * most) {
        throw new UserError(`${path}: sigma is not symmetric: [${i}, ${j}] is ${lower}, [${j}, ${i}] is ${upper}`);
      }
      if (Math.abs(lower) > most * (1 + TOLERANCE)) {
        throw new UserError(
          `${path}: sigma is no covariance (indefinite): [${i}, ${j}] is ${lower}, the deviations allow ${most}`,
        );
      }
    }
  }
}

/** Text as an array of a .npz file: its UTF-8 bytes. */
export function textArray(text: string): NpyArray {
  const data = Uint8Array.from(Buffer.from(text, 'utf8'));
  return { dtype: 'uint8', shape: [data.length], data };
}

/** The inverse of `textArray`; undefined for any other array. */
export function textOf(array: NpyArray | undefined): string | undefined {
  return array?.dtype === 'uint8' ? Buffer.from(array.data).toString('utf8') : undefined;
}

function parseDetector(text: string | undefined, path: string): DetectorIdentity | undefined {
  if (text === undefined) return undefined;
  try {
    const { name, sha256, dimension, published } = JSON.parse(text) as Partial<DetectorIdentity>;
    if (
      typeof name === 'string' &&
      typeof sha256 === 'string' &&
      typeof dimension === 'number' &&
      typeof published === 'boolean'
    ) {
      return { name, sha256, dimension, published };
    }
  } catch {
    // Falls through to the same complaint as JSON of another shape.
  }
  throw new UserError(`${path}: "detector" is not a detector's identity: ${text.slice(0, 80)}`);
}
