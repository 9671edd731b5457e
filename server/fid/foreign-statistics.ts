/** Mean and covariance in the files of other programs: which names, containers and layouts are read. */
import { UserError } from '../errors';
import { fileKind } from '../weights/file-kind';
import { type PickledArray, readNumpyPickle } from '../weights/numpy-pickle';
import type { MatMul } from '../linalg/matmul';
import { type NpyArray, numpyArray, type NpyRows } from '../numpy/npy';
import type { Npz } from '../numpy/npz';

/** What a file says of mean and covariance, not checked yet. */
export interface Moments {
  mu: NpyArray;
  sigma: NpyArray;
  num?: number;
  /** Sentences that a reader of the number should know. */
  notes: string[];
}

/** Names of mean and covariance: fid.py, TTUR, pytorch-fid, clean-fid and ADM use the first. */
const PAIRS = [
  ['mu', 'sigma'],
  ['m', 's'],
  ['mean', 'cov'],
] as const;

/** Names of feature vectors [N, dimension]: score_sde, then our own, clean-fid, torch-fidelity and others. */
const FEATURES = ['pool_3', 'features', 'feats', 'activations'] as const;

/** Bytes of features that are read at a time. */
const BLOCK_BYTES = 2 ** 23;

/** Takes feature vectors, and gives their mean and covariance. */
export interface Accumulator {
  add(features: Float32Array | Float64Array, n: number): Promise<void>;
  statistics(): Promise<{ mu: Float64Array; sigma: Float64Array; num?: number }>;
}

/**
 * Mean and covariance in a `.npz`, of which nothing else is read; or those of the features in it.
 * @param accumulate starts a sum of vectors of a dimension
 * @throws UserError for a file with neither, naming what it has
 */
export async function npzMoments(
  npz: Npz,
  accumulate: (dimension: number, matmul?: MatMul) => Accumulator,
  matmul?: MatMul,
): Promise<Moments> {
  const pair = PAIRS.find((names) => names.every((name) => npz.names.includes(name)));
  const [mu, sigma] = [pair && (await npz.read(pair[0])), pair && (await npz.read(pair[1]))];
  if (mu && sigma) return { mu, sigma, notes: [] };
  const name = FEATURES.find((one) => npz.names.includes(one));
  const rows = name && (await npz.rows(name));
  if (rows) return featureMoments(rows, name, npz.path, accumulate, matmul);
  const names = npz.names.slice(0, 20).join(', ') || 'no arrays';
  const half = PAIRS.flat().find((one) => npz.names.includes(one));
  const missing = PAIRS.find((one) => half !== undefined && one.some((part) => part === half))?.find(
    (one) => one !== half,
  );
  const what = missing
    ? `no floating-point array "${missing}"`
    : 'neither mean and covariance (mu, sigma) nor features (pool_3)';
  throw new UserError(`${npz.path} has ${what}: it has ${names}`);
}

async function featureMoments(
  rows: NpyRows,
  name: string,
  path: string,
  accumulate: (dimension: number, matmul?: MatMul) => Accumulator,
  matmul?: MatMul,
): Promise<Moments> {
  const [n = 0, ...shape] = rows.shape;
  const dimension = shape.reduce((product, length) => product * length, 1);
  if (shape.length === 0 || dimension === 0 || (rows.dtype !== 'float32' && rows.dtype !== 'float64'))
    throw new UserError(`${path}: ${name} is ${rows.dtype} (${rows.shape.join(', ')}), not features [N, dimension]`);
  if (n < 2) throw new UserError(`${path}: ${name} has features of ${n} images, and 2 are needed`);
  const sum = accumulate(dimension, matmul);
  const most = Math.max(Math.floor(BLOCK_BYTES / rows.rowBytes), 1);
  for (let from = 0; from < n; from += most) {
    const count = Math.min(most, n - from);
    const { data } = await rows.read(from, count);
    await sum.add(data as Float32Array | Float64Array, count);
  }
  const { mu, sigma } = await sum.statistics();
  return {
    mu: { dtype: 'float64', shape: [dimension], data: mu },
    sigma: { dtype: 'float64', shape: [dimension, dimension], data: sigma },
    num: n,
    notes: [`${path} has features (${name}) of ${n} images: their mean and covariance were taken`],
  };
}

/** Where StyleGAN keeps sums instead of moments: their names, and the number of images. */
const SUMS = ['raw_mean', 'raw_cov', 'num_items'] as const;

/**
 * Mean and covariance in a pickle: EDM2's {num_images, fid, fd_dinov2}, a plain {mu, sigma}, or StyleGAN's sums.
 * @param dimension which of several statistics to take; default the first, which is EDM2's `fid`
 * @throws UserError for a pickle with none of this dimension, naming what it has
 */
export function pickleMoments(path: string, dimension?: number): Moments {
  return readNumpyPickle(path, (root, arrayOf) => {
    const array = (value: unknown): NpyArray | undefined => plain(arrayOf(value));
    const dict = mapOf(root);
    const found = [['', root] as const, ...dict].flatMap(([key, value]) => {
      const moments = momentsIn(mapOf(value), array) ?? sumsIn(mapOf(value), array);
      return moments ? [{ key: String(key), ...moments }] : [];
    });
    const chosen = dimension === undefined ? found[0] : found.find(({ mu }) => mu.data.length === dimension);
    const names = found.map(({ key, mu }) => `${key || 'statistics'} of ${mu.data.length} dimensions`);
    if (!chosen) {
      const has = names.join(', ') || `a dict of ${[...dict.keys()].slice(0, 20).map(String).join(', ') || 'nothing'}`;
      throw new UserError(
        `${path} has no mean and covariance${dimension === undefined ? '' : ` of ${dimension} dimensions`}: it has ${has}`,
      );
    }
    const { key, mu, sigma, num } = chosen;
    const images = dict.get('num_images');
    const notes = key && found.length > 1 ? [`${path} has ${names.join(' and ')}: ${key} was taken`] : [];
    return { mu, sigma, num: num ?? (isCount(images) ? images : undefined), notes };
  });
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function plain(array: PickledArray | undefined): NpyArray | undefined {
  return array && numpyArray(array.descr, array.shape, array.isFortran, array.bytes);
}

type Found = Pick<Moments, 'mu' | 'sigma' | 'num'>;

function momentsIn(
  dict: ReadonlyMap<unknown, unknown>,
  array: (value: unknown) => NpyArray | undefined,
): Found | undefined {
  for (const [mean, covariance] of PAIRS) {
    const [mu, sigma] = [array(dict.get(mean)), array(dict.get(covariance))];
    if (mu && sigma) return { mu, sigma };
  }
  return undefined;
}

/** Sums of x and of x x^T over num_items images, as StyleGAN's cached statistics. */
function sumsIn(
  dict: ReadonlyMap<unknown, unknown>,
  array: (value: unknown) => NpyArray | undefined,
): Found | undefined {
  const [sum, squares, num] = [array(dict.get(SUMS[0])), array(dict.get(SUMS[1])), dict.get(SUMS[2])];
  if (sum?.dtype !== 'float64' || squares?.dtype !== 'float64' || !isCount(num) || num < 2) return undefined;
  const d = sum.data.length;
  if (squares.data.length !== d * d) return undefined;
  const mu = sum.data.map((value) => value / num);
  const sigma = squares.data.map((value, at) => (value - num * mu[Math.floor(at / d)]! * mu[at % d]!) / (num - 1));
  return {
    mu: { dtype: 'float64', shape: [d], data: mu },
    sigma: { dtype: 'float64', shape: [d, d], data: sigma },
    num,
  };
}

/** Whether a file is a pickle, by its first bytes. @throws UserError if it cannot be read */
export function isPickle(path: string): boolean {
  return fileKind(path) === 'pickle';
}

const NOTHING: ReadonlyMap<unknown, unknown> = new Map();

function mapOf(value: unknown): ReadonlyMap<unknown, unknown> {
  return value instanceof Map ? value : NOTHING;
}
