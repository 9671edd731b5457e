import { detectorRecord } from '../detector-identity';
import { UserError } from '../errors';
import type { DetectorIdentity } from './detector';
import { type MatMul, SquareSum } from '../linalg/matmul';
import { Npz, type NpyArray, writeNpz } from '../numpy/npz';
import { isPickle, type Moments, npzMoments, pickleMoments } from './foreign-statistics';

/** Mean and covariance of the features of a set of images, which the Frechet distance compares. */
export interface Statistics {
  /** Mean, [dimension]. */
  mu: Float64Array;
  /** Unbiased covariance (divided by num - 1), row-major [dimension, dimension]. */
  sigma: Float64Array;
  /** Number of images; undefined in files of fid.py, which does not write it. */
  num?: number;
  /** What made the features; undefined in files of fid.py. */
  detector?: DetectorIdentity;
  /** Digest of the files measured (`ImageSet.digest`), if known. */
  source?: string;
  /** How many of the images were converted before they were measured, by kind; undefined where none was. */
  converted?: Record<string, number>;
  /** Relative rounding of the values in their file, where it is coarser than float64's. */
  rounding?: number;
  /** What a reader of a number should know of the file. */
  notes?: string[];
  /** The influence of each image that is kept beside the file: on the distance to which reference, and its own digest. */
  influence?: { reference: string; sha256: string };
}

/**
 * Vectors collected before they are added to the sums: enough to make the matrix product efficient, and not a power of
 * two, with which columns would compete for the same lines of the cache.
 */
const BLOCK = 2000;
/** Vectors that are transposed together: their values in one column fill a line of the cache. */
const ROWS = 8;

/**
 * Mean and covariance of a stream of feature vectors in float64; memory does not grow with their number. Equals fid.py's
 * one-pass sums, but sums are taken about the mean of the first vectors, so they do not lose digits if the mean is large
 * compared with the spread (Chan, Golub & LeVeque 1983, "shifted data").
 */
export class StatisticsAccumulator {
  /** The point about which sums are taken, [dimension]. */
  private readonly centre: Float64Array;
  /** Sums of f - centre, [dimension], and of (f - centre)(f - centre)^T; the latter without the vectors in `block`. */
  private readonly sums: Float64Array;
  private readonly squares: SquareSum;
  /** Vectors not yet added, minus the centre, as columns: [dimension, BLOCK]. */
  private readonly block: Float64Array;
  private waiting = 0;
  private count = 0;

  /** @param matmul a faster product than plain JavaScript's, if there is one */
  constructor(
    readonly dimension: number,
    private readonly matmul?: MatMul,
  ) {
    this.centre = new Float64Array(dimension);
    this.sums = new Float64Array(dimension);
    this.squares = new SquareSum(dimension);
    this.block = new Float64Array(BLOCK * dimension);
  }

  /** Feature vectors so far. */
  get num(): number {
    return this.count;
  }

  /** @param features [n, dimension] */
  async add(features: Float32Array | Float64Array, n: number): Promise<void> {
    const d = this.dimension;
    if (features.length !== n * d) throw new Error(`${features.length} values are not ${n} features of ${d}`);
    if (this.count === 0) centre(features, n, this.centre);
    for (let done = 0; done < n;) {
      const end = done + Math.min(n - done, BLOCK - this.waiting);
      while (done < end) {
        const taken = this.gather(features, done, end - done);
        done += taken;
        this.waiting += taken;
        this.count += taken;
      }
      if (this.waiting === BLOCK) await this.flush();
    }
  }

  /**
   * Adds the vectors of other statistics, e.g. of another machine.
   * @throws UserError if they do not state their number of images, or have another dimension
   */
  merge({ mu, sigma, num }: Statistics): void {
    const d = this.dimension;
    if (num === undefined) throw new UserError('Statistics without their number of images cannot be merged');
    if (mu.length !== d) throw new UserError(`Statistics of ${mu.length} and of ${d} dimensions cannot be merged`);
    if (this.count === 0) this.centre.set(mu);
    const deviation = mu.map((value, j) => value - this.centre[j]!);
    for (let i = 0; i < d; i++) {
      const row = this.squares.row(i);
      for (let j = 0; j <= i; j++) row[j]! += (num - 1) * sigma[i * d + j]! + num * deviation[i]! * deviation[j]!;
      this.sums[i]! += num * deviation[i]!;
    }
    this.count += num;
  }

  /**
   * Mean and covariance so far; more may be added afterwards.
   * @throws Error for fewer than two vectors, which have no covariance
   */
  async statistics(): Promise<Statistics> {
    await this.flush();
    const [d, n] = [this.dimension, this.count];
    if (n < 2) throw new Error(`A covariance needs at least two feature vectors, not ${n}`);
    const deviation = this.sums.map((sum) => sum / n);
    const sigma = new Float64Array(d * d);
    for (let i = 0; i < d; i++) {
      covarianceRow(this.squares.row(i), deviation, this.sums[i]!, n - 1, sigma.subarray(i * d, i * d + i + 1));
    }
    mirror(sigma, d);
    return { mu: this.centre.map((value, j) => value + deviation[j]!), sigma, num: n };
  }

  /** Transposes ROWS vectors from `first` on into `block`, or one if fewer are `left`; returns how many. */
  private gather(features: Float32Array | Float64Array, first: number, left: number): number {
    const { block, centre, sums, waiting, dimension: d } = this;
    let from = first * d;
    if (left < ROWS) {
      for (let j = 0, to = waiting; j < d; j++, to += BLOCK) sums[j]! += block[to] = features[from++]! - centre[j]!;
      return 1;
    }
    // An inner loop takes twice as long.
    for (let j = 0, to = waiting; j < d; j++, to += BLOCK, from++) {
      const value = centre[j]!;
      const a = (block[to] = features[from]! - value);
      const b = (block[to + 1] = features[from + d]! - value);
      const c = (block[to + 2] = features[from + 2 * d]! - value);
      const e = (block[to + 3] = features[from + 3 * d]! - value);
      const f = (block[to + 4] = features[from + 4 * d]! - value);
      const g = (block[to + 5] = features[from + 5 * d]! - value);
      const h = (block[to + 6] = features[from + 6 * d]! - value);
      const i = (block[to + 7] = features[from + 7 * d]! - value);
      sums[j]! += a + b + (c + e) + (f + g + (h + i));
    }
    return ROWS;
  }

  private async flush(): Promise<void> {
    const n = this.waiting;
    if (n === 0) return;
    const { block, dimension: d } = this;
    if (n < BLOCK) for (let j = 1; j < d; j++) block.copyWithin(j * n, j * BLOCK, j * BLOCK + n);
    await this.squares.add(block.subarray(0, d * n), n, this.matmul);
    this.waiting = 0;
  }
}

/** One row of the covariance. As a function it is compiled after the first rows, as an inner loop much later. */
function covarianceRow(
  squares: Float64Array,
  deviation: Float64Array,
  sum: number,
  divisor: number,
  into: Float64Array,
): void {
  for (let j = 0; j < into.length; j++) into[j] = (squares[j]! - deviation[j]! * sum) / divisor;
}

/** Side of the tiles that `mirror` copies, small enough to stay in the cache. */
const TILE = 32;

/** Copies the lower triangle of a matrix [n, n] to the upper. */
function mirror(matrix: Float64Array, n: number): void {
  for (let i0 = 0; i0 < n; i0 += TILE) {
    for (let j0 = 0; j0 <= i0; j0 += TILE) mirrorTile(matrix, n, i0, j0);
  }
}

/** Copies the part below the diagonal of the tile at row i0 and column j0. */
function mirrorTile(matrix: Float64Array, n: number, i0: number, j0: number): void {
  const [iEnd, jEnd] = [Math.min(i0 + TILE, n), Math.min(j0 + TILE, n)];
  for (let j = j0; j < jEnd; j++) {
    for (let i = Math.max(i0, j + 1); i < iEnd; i++) matrix[j * n + i] = matrix[i * n + j]!;
  }
}

/** The mean of n feature vectors, into `mean`. */
function centre(features: Float32Array | Float64Array, n: number, mean: Float64Array): void {
  const d = mean.length;
  mean.fill(0);
  for (let i = 0; i < n; i++) for (let j = 0; j < d; j++) mean[j]! += features[i * d + j]! / n;
}

/**
 * Writes statistics in the format of fid.py's reference files (keys `mu` and `sigma`, all that it reads), with the further
 * keys `num`, `detector` and `source`. Atomic.
 */
export async function saveStatistics(path: string, statistics: Statistics): Promise<void> {
  const { mu, sigma, num, detector, source, converted, influence } = statistics;
  const arrays = new Map<string, NpyArray>();
  arrays.set('mu', { dtype: 'float64', shape: [mu.length], data: mu });
  arrays.set('sigma', { dtype: 'float64', shape: [mu.length, mu.length], data: sigma });
  if (num !== undefined) arrays.set('num', { dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(num)) });
  if (detector) arrays.set('detector', textArray(JSON.stringify(detectorRecord(detector))));
  if (source !== undefined) arrays.set('source', textArray(source));
  if (converted) arrays.set('converted', textArray(JSON.stringify(converted)));
  if (influence) arrays.set('influence', textArray(JSON.stringify(influence)));
  await writeNpz(path, arrays);
}

/** How statistics are read. */
export interface LoadOptions {
  /** Of the other side: decides where a file has several statistics, as EDM2's have. */
  dimension?: number;
  /** For files that hold features, whose mean and covariance are computed. */
  matmul?: MatMul;
}

/**
 * Reads statistics written by `saveStatistics`, fid.py, EDM2, ADM and others (`foreign-statistics.ts`). Of a file with more in
 * it only mean and covariance are read.
 * @throws UserError naming the file and what is wrong with it
 */
export async function loadStatistics(path: string, options: LoadOptions = {}): Promise<Statistics> {
  if (isPickle(path)) return statisticsFrom(pickleMoments(path, options.dimension), path);
  const npz = await Npz.open(path);
  try {
    const accumulate = (dimension: number, matmul?: MatMul) => new StatisticsAccumulator(dimension, matmul);
    const moments = await npzMoments(npz, accumulate, options.matmul);
    const [num, detector, source, converted, influence] = [
      await npz.read('num', MAX_TEXT),
      textOf(await npz.read('detector', MAX_TEXT)),
      textOf(await npz.read('source', MAX_TEXT)),
      countsOf(textOf(await npz.read('converted', MAX_TEXT))),
      influenceOf(textOf(await npz.read('influence', MAX_TEXT))),
    ];
    const stated = num?.dtype === 'int64' && num.data.length === 1 ? Number(num.data[0]) : moments.num;
    return {
      ...statisticsFrom(moments, path),
      ...(influence && { influence }),
      ...(converted && { converted }),
      num: stated,
      detector: parseDetector(detector?.startsWith('{') ? detector : undefined, path),
      source,
    };
  } finally {
    npz.close();
  }
}

/** Most bytes of a text in a file of statistics. */
const MAX_TEXT = 2 ** 20;

/** @throws UserError for what cannot be a mean and a covariance */
function statisticsFrom({ mu: mean, sigma: matrix, num, notes }: Moments, path: string): Statistics {
  const [mu, sigma] = [wide(mean, 'mu', path), wide(matrix, 'sigma', path)];
  const { shape } = matrix;
  if (shape.length !== 2 || shape.some((length) => length !== mu.length)) {
    throw new UserError(`${path}: sigma has shape (${shape.join(', ')}) where mu has ${mu.length} values`);
  }
  if (![mu, sigma].every((values) => values.every(Number.isFinite))) {
    throw new UserError(`${path}: mu or sigma has values that are not finite`);
  }
  const rounding = matrix.dtype === 'float32' ? (matrix.isHalf ? HALF : SINGLE) : undefined;
  const all = [...notes, ...checkCovariance(sigma, mu, rounding ?? DOUBLE, path)];
  if (matrix.dtype === 'float32' && matrix.isHalf) all.push(`${path} is float16: its distances have about two digits`);
  return {
    mu,
    sigma,
    num,
    detector: undefined,
    source: undefined,
    ...(rounding !== undefined && { rounding }),
    ...(all.length > 0 && { notes: all }),
  };
}

function wide(array: NpyArray, name: string, path: string): Float64Array {
  if (array.dtype === 'float64') return array.data;
  if (array.dtype === 'float32') return Float64Array.from(array.data);
  throw new UserError(`${path} has no floating-point array "${name}": it is ${array.dtype}`);
}

/** Relative rounding of numpy's types. */
const [DOUBLE, SINGLE, HALF] = [2 ** -53, 2 ** -24, 2 ** -11] as const;

/** Tolerance for asymmetry and for correlations above 1: far more than rounding, far less than a mistake. */
const TOLERANCE = 1e-6;
/** Roundings by which one-pass sums of many images may be off, as a share of the largest variance or squared mean. */
const ROUNDINGS = 1e5;
/** At most this share. */
const MOST_NOISE = 1e-4;

/**
 * Checks a covariance. Variances that are nothing but rounding (of constant features, by one-pass sums) become 0, with their
 * row and column.
 * @returns what was changed, in a sentence
 * @throws UserError for a matrix that cannot be a covariance
 */
function checkCovariance(sigma: Float64Array, mu: Float64Array, rounding: number, path: string): string[] {
  const n = mu.length;
  const tolerance = Math.max(TOLERANCE, 8 * rounding);
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, sigma[i * n + i]!);
  const share = Math.min(ROUNDINGS * rounding, MOST_NOISE);
  const noise = mu.map((mean) => share * Math.max(largest, mean * mean));
  const nothing = new Set<number>();
  let least = 0;
  for (let i = 0; i < n; i++) {
    const variance = sigma[i * n + i]!;
    if (variance >= 0) continue;
    if (-variance > noise[i]!)
      throw new UserError(`${path}: sigma[${i}, ${i}] is ${variance}: a variance is not negative`);
    least = Math.min(least, variance);
    nothing.add(i);
  }
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const [lower, upper] = [sigma[i * n + j]!, sigma[j * n + i]!];
      const [a, b] = [sigma[i * n + i]!, sigma[j * n + j]!];
      const most = Math.sqrt(Math.max(a, 0) * Math.max(b, 0));
      // What rounding may have made of a covariance with a feature that is constant.
      const spare =
        Math.min(a, b) <= Math.min(noise[i]!, noise[j]!) ? Math.sqrt(noise[i]! * Math.max(a, b, noise[j]!)) : 0;
      if (Math.abs(lower - upper) > tolerance * most + spare)
        throw new UserError(`${path}: sigma is not symmetric: [${i}, ${j}] is ${lower}, [${j}, ${i}] is ${upper}`);
      if (Math.abs(lower) > most * (1 + tolerance) + spare) {
        throw new UserError(
          `${path}: sigma is not a covariance (indefinite): [${i}, ${j}] is ${lower}, the deviations allow ${most}`,
        );
      }
      if (Math.abs(lower) > most * (1 + tolerance)) nothing.add(a < b ? i : j);
    }
  }
  for (const i of nothing) for (let j = 0; j < n; j++) sigma[i * n + j] = sigma[j * n + i] = 0;
  if (nothing.size === 0) return [];
  const what = nothing.size === 1 ? 'A variance' : `${nothing.size} variances`;
  return [`${what} in ${path} of ${least < 0 ? `down to ${least.toPrecision(2)}` : 'about 0'} by rounding: taken as 0`];
}

/** Text as an array of a .npz file: its UTF-8 bytes. */
export function textArray(text: string): NpyArray {
  const data = Uint8Array.from(Buffer.from(text, 'utf8'));
  return { dtype: 'uint8', shape: [data.length], data };
}

function countsOf(text: string | undefined): Statistics['converted'] {
  try {
    const counts = Object.entries(JSON.parse(text ?? '{}') as object) as [string, unknown][];
    const known = counts.filter((pair): pair is [string, number] => Number.isSafeInteger(pair[1]));
    return known.length > 0 ? Object.fromEntries(known) : undefined;
  } catch {
    return undefined;
  }
}

function influenceOf(text: string | undefined): Statistics['influence'] {
  try {
    const { reference, sha256 } = JSON.parse(text ?? '{}') as Partial<NonNullable<Statistics['influence']>>;
    return typeof reference === 'string' && typeof sha256 === 'string' ? { reference, sha256 } : undefined;
  } catch {
    return undefined;
  }
}

/** The inverse of `textArray`; undefined for any other array. */
export function textOf(array: NpyArray | undefined): string | undefined {
  return array?.dtype === 'uint8' ? Buffer.from(array.data).toString('utf8') : undefined;
}

/** A detector as files state it. @throws UserError for anything else */
export function parseDetector(text: string | undefined, path: string): DetectorIdentity | undefined {
  if (text === undefined) return undefined;
  try {
    const { name, sha256, dimension, published, identity } = JSON.parse(text) as Partial<DetectorIdentity>;
    if (
      typeof name === 'string' &&
      typeof sha256 === 'string' &&
      typeof dimension === 'number' &&
      typeof published === 'boolean' &&
      (identity === undefined || typeof identity === 'string')
    ) {
      return detectorRecord({ name, sha256, dimension, published, identity });
    }
  } catch {
    // Reported below, like JSON of another shape.
  }
  throw new UserError(`${path}: "detector" is not the identity of a detector: ${text.slice(0, 80)}`);
}
