/** The influence of each image on a distance, kept beside the statistics of the images. */
import { basename, dirname, join } from 'node:path';
import { writeAtomically } from '../atomic-file';
import { formatNpy } from '../numpy/npy';
import { readNpy } from '../numpy/npz';
import { fileDigest } from '../file-digest';
import { standardError } from './influence';
import { loadStatistics, saveStatistics, type Statistics } from './statistics';

/** `influence.npy` beside `stats.npz`, `S.influence.npy` beside any other `S.npz`. */
export function influenceFile(statistics: string): string {
  const name = basename(statistics).replace(/\.npz$/, '');
  const own = /^stats(-\d+)?$/.exec(name);
  return join(dirname(statistics), own ? `influence${own[1] ?? ''}.npy` : `${name}.influence.npy`);
}

/**
 * Keeps psi of each image, float64 [N], and notes in the statistics which reference it is for.
 * @param reference sha256 of the reference's file
 */
export async function saveInfluence(
  path: string,
  statistics: Statistics,
  psi: Float64Array,
  reference: string,
): Promise<void> {
  const file = influenceFile(path);
  await writeAtomically(file, formatNpy({ dtype: 'float64', shape: [psi.length], data: psi }));
  await saveStatistics(path, { ...statistics, influence: { reference, sha256: await fileDigest(file) } });
}

/** What was kept for this reference; undefined if nothing was, or the file is another one. @throws UserError for damaged statistics */
export async function loadInfluence(path: string, reference: string): Promise<Float64Array | undefined> {
  const { influence, num } = await loadStatistics(path);
  if (influence?.reference !== reference) return undefined;
  const file = influenceFile(path);
  if ((await fileDigest(file).catch(() => undefined)) !== influence.sha256) return undefined;
  const { dtype, data } = await readNpy(file);
  return dtype === 'float64' && data.length === num ? data : undefined;
}

/** The standard error that was kept for this reference; undefined as with `loadInfluence`. @throws UserError for damaged statistics */
export async function keptError(path: string, reference: string, dimension: number): Promise<number | undefined> {
  const psi = await loadInfluence(path, reference);
  return psi && standardError(psi, dimension);
}
