import { existsSync } from 'node:fs';
import { UserError } from '../errors';
import type { DetectorIdentity } from './detector';
import type { Features } from './kernel-distance';
import { readNpz, writeNpz, type NpyArray } from '../numpy/npz';
import { type Statistics, textArray, textOf } from './statistics';

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
    ['detector', textArray(detector?.sha256 ?? '')],
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
  if (made !== detector.sha256 || dimension !== detector.dimension) return undefined;
  return { features: { data: features.data, n, dimension }, source: textOf(arrays.get('source')) ?? '' };
}

/** As many bytes as features may take in memory, plus some for the other arrays. */
const MAX_BYTES = 2 ** 31 + 2 ** 16;
