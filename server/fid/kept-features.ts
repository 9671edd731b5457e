import { existsSync } from 'node:fs';
import { detectorRecord, isSameDetector } from '../detector-identity';
import { UserError } from '../errors';
import type { DetectorIdentity } from './detector';
import type { Features } from './kernel-distance';
import { Npz, readNpz, writeNpz, type NpyArray } from '../numpy/npz';
import { parseDetector, type Statistics, textArray, textOf } from './statistics';

/** The file of the features of a reference's images: `R.features.npz` next to `R.npz`. */
export function keptFeatures(reference: string): string {
  return `${reference.replace(/\.npz$/, '')}.features.npz`;
}

/**
 * Saves the features of a reference's images: `features` float32 [n, dimension], the detector and the source.
 * @param statistics of the same images @throws UserError if the file cannot be written
 */
export async function saveFeatures(
  path: string,
  { data, n, dimension }: Features,
  { detector, source = '' }: Statistics,
): Promise<void> {
  if (!(data instanceof Float32Array)) throw new Error('Features are saved as float32');
  const arrays = new Map<string, NpyArray>([
    ['features', { dtype: 'float32', shape: [n, dimension], data }],
    ['detector', textArray(detector ? JSON.stringify(detectorRecord(detector)) : '')],
    ['source', textArray(source)],
  ]);
  await writeNpz(path, arrays);
}

/**
 * Features saved next to a reference.
 * @returns undefined if there are none, or another detector made them
 * @throws UserError for a damaged file
 */
export async function loadFeatures(
  path: string,
  detector: DetectorIdentity,
): Promise<{ features: Features; source: string } | undefined> {
  if (!existsSync(path)) return undefined;
  const arrays = await readNpz(path, MAX_BYTES);
  const features = arrays.get('features');
  const made = textOf(arrays.get('detector'));
  const [n, dimension, ...more] = features?.shape ?? [];
  if (
    features?.dtype !== 'float32' ||
    n === undefined ||
    dimension === undefined ||
    more.length ||
    made === undefined
  ) {
    throw new UserError(`${path} holds no features: make it again with fid ref --keep-features`);
  }
  // Earlier versions wrote the digest of the ONNX file alone.
  const maker = made.startsWith('{') ? parseDetector(made, path) : { ...detector, sha256: made, identity: undefined };
  if (dimension !== detector.dimension || !maker || !isSameDetector(maker, detector)) return undefined;
  return { features: { data: features.data, n, dimension }, source: textOf(arrays.get('source')) ?? '' };
}

/** How many images' features are saved next to a reference, without reading them; undefined as with `loadFeatures`. @throws UserError */
export async function keptSize(path: string, detector: DetectorIdentity): Promise<number | undefined> {
  if (!existsSync(path)) return undefined;
  const npz = await Npz.open(path);
  try {
    const rows = await npz.rows('features');
    const made = textOf(await npz.read('detector'));
    const maker = made?.startsWith('{') ? parseDetector(made, path) : undefined;
    const isOther = rows?.shape[1] !== detector.dimension || (maker && !isSameDetector(maker, detector));
    return isOther ? undefined : rows?.shape[0];
  } finally {
    npz.close();
  }
}

/** As many bytes as features may take in memory, plus some for the other arrays. */
const MAX_BYTES = 2 ** 31 + 2 ** 16;
