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

/** Vectors gathered before they enter the sums: enough for the matrix product to outweigh the merge. */
const BLOCK = 2048;

/**
 * Mean and covariance of a stream of feature vectors in float64 and in memory that does not grow with their number.
 * Equals fid.py's one-pass sums, but on centred blocks merged pairwise (Chan, Golub & LeVeque 1983), so it does not
 * lose digits where the mean is large against the spread.
 */
export class StatisticsAccumulator {
  private readonly mean: Float64Array;
  /** Sum of (f - mean)(f - mean)^T; its lower triangle only. */
  private readonly scatter: Float64Array;
  private merged = 0;
  /** Vectors that wait, as columns: [dimension, BLOCK]. */
  private readonly block: Float64Array;
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
  }

  /** Feature vectors so far. */
  get num(): number {
    return this.merged + this.waiting;
  }

  /** @param features [n, dimension] */
  async add(features: Float32Array | Float64Array, n: number): Promise<void> {
    const d = this.dimension;
    if (features.length !== n * d) throw new Error(`${features.length} values are not ${n} features of ${d}`);
    for (let done = 0; done < n;) {
      const taken = Math.min(n - done, BLOCK - this.waiting);
      // Eight columns at a time: what is read in one row is used before it leaves the cache.
      for (let j0 = 0; j0 < d; j0 += 8) {
        for (let i = 0; i < taken; i++) {
          const from = (done + i) * d;
          const to = this.waiting + i;
          for (let j = j0; j < Math.min(j0 + 8, d); j++) this.block[j * BLOCK + to] = features[from + j];
        }
      }
      this.waiting += taken;
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
    const deviation = this.shift(other.num, other.mu);
    const [d, { sigma }] = [this.dimension, other];
    for (let i = 0; i < d; i++) this.addRow(i, sigma, i * d, other.num - 1, deviation);
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

  private async flush(): Promise<void> {
    const n = this.waiting;
    if (n === 0) return;
    const d = this.dimension;
    this.waiting = 0;
    const centred = n === BLOCK ? this.block : new Float64Array(n * d);
    const mean = new Float64Array(d);
    for (let j = 0; j < d; j++) {
      const from = j * BLOCK;
      let sum = 0;
      for (let i = 0; i < n; i++) sum += this.block[from + i];
      mean[j] = sum / n;
      for (let i = 0, to = j * n; i < n; i++) centred[to + i] = this.block[from + i] - mean[j];
    }
    const deviation = this.shift(n, mean);
    await lowerProduct(centred, d, n, this.matmul, (part, first, width) => {
      for (let i = first; i < first + part.length / width; i++) this.addRow(i, part, (i - first) * width, 1, deviation);
    });
  }

  /**
   * Merges n vectors of that mean into the mean.
   * @returns the deviation of both means, scaled so that the scatter grows by its outer product
   */
  private shift(n: number, mean: Float64Array): Float64Array {
    const total = this.merged + n;
    const weight = Math.sqrt((this.merged * n) / total);
    const deviation = mean.map((value, j) => value - this.mean[j]);
    for (let j = 0; j < mean.length; j++) this.mean[j] += (deviation[j] * n) / total;
    this.merged = total;
    return deviation.map((value) => value * weight);
  }

  /** Row i of the scatter grows by `matrix` (from `start` on) * `factor` + `deviation` * deviation[i]. */
  private addRow(i: number, matrix: Float64Array, start: number, factor: number, deviation: Float64Array): void {
    const { scatter } = this;
    const scaled = deviation[i];
    for (let j = 0, at = i * this.dimension; j <= i; j++, at++) {
      scatter[at] += matrix[start + j] * factor + scaled * deviation[j];
    }
  }
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
  const num = arrays.get('num');
  return {
    mu,
    sigma,
    num: num?.dtype === 'int64' && num.data.length === 1 ? Number(num.data[0]) : undefined,
    detector: parseDetector(textOf(arrays.get('detector')), path),
    source: textOf(arrays.get('source')),
  };
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
