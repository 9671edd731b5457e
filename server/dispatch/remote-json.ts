/** Small files of a run folder on a cluster that are read whole: never more of them than is expected. */
import type { Cluster } from '../cluster/cluster';
import { UserError } from '../errors';

/** The largest file that is read whole, in bytes: a manifest names its metrics, not its images. */
const LARGEST = 16 << 20;

/**
 * The value of a JSON file on a cluster; undefined where there is none.
 * @throws UserError where it is too large or is not JSON
 */
export async function readRemoteJson(
  { files, profile }: Pick<Cluster, 'files' | 'profile'>,
  file: string,
  reviver?: (key: string, value: unknown) => unknown,
): Promise<unknown> {
  const facts = await files.stat(file);
  if (!facts) return undefined;
  const bytes = facts.kind === 'file' ? await files.read(file, 0, Math.min(facts.size, LARGEST + 1)) : Buffer.alloc(0);
  if (bytes.length > LARGEST)
    throw new UserError(`${file} on ${profile.name} is larger than 16 MiB: it is not ours`, 1);
  try {
    return JSON.parse(bytes.toString(), reviver);
  } catch {
    throw new UserError(`${file} on ${profile.name} is not JSON: it is damaged, or was cut short there`, 1);
  }
}
