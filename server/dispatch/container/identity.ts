/** Which container a run of engine edm ran in, as far as that can be known: the image's digest, and what it was built from. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { askOn, expandHome, placeOn, type Cluster } from '../../cluster/cluster';
import { UserError } from '../../errors';
import type { ContainerRecord } from '../../shared/schema-types.gen';
import { readRemoteJson } from '../remote-json';

/** What an image was built from; beside the image on the cluster, in a file of its name and `.json`. */
export type ContainerSource = Pick<ContainerRecord, 'dockerfile_commit' | 'base' | 'base_digest'>;

/** Where the source of an image is written down. */
export const sourceFile = (image: string): string => `${image}.json`;

/**
 * The container of a profile.
 * @param folder work tree there, from which a relative path begins
 * @returns undefined without one
 * @throws UserError where the image is a file that is not there
 */
export async function containerOn(cluster: Cluster, folder: string): Promise<ContainerRecord | undefined> {
  const { container: image, container_engine: engine = 'apptainer', name } = cluster.profile;
  if (!image || engine === 'none') return undefined;
  const record: ContainerRecord = { engine, image };
  if (!isFile(image, engine)) {
    const [, digest] = /@sha256:([0-9a-f]{64})$/.exec(image) ?? [];
    return { ...record, ...(digest && { sha256: digest }) };
  }
  const file = path.posix.resolve(folder, expandHome(image, cluster.home));
  const facts = await cluster.files.stat(file);
  if (!facts)
    throw new UserError(
      `${image} is not there on ${name}: it was moved, or purged. Set container in the profile to an image that is there, or build it again with "edm-workbench container build --cluster ${name}"`,
      1,
    );
  // A folder is an image too (a sandbox), which has no digest.
  const sha256 = facts.kind === 'file' ? await digestOn(cluster, file, `${facts.size} ${facts.modified}`) : undefined;
  const source = (await cluster.files.stat(sourceFile(file))) && (await readRemoteJson(cluster, sourceFile(file)));
  return { ...record, ...(sha256 !== undefined && { sha256 }), ...sourceOf(source) };
}

/** Whether the name of an image is that of a file, and not of something in a registry or a store. */
function isFile(image: string, engine: ContainerRecord['engine']): boolean {
  if (image.includes('://')) return false;
  return engine === 'apptainer' || engine === 'singularity' || /^[~./]/.test(image);
}

/** SHA-256 of an image; gigabytes are read once, and again when size or time changed. */
async function digestOn(cluster: Cluster, file: string, state: string): Promise<string | undefined> {
  const kept = placeOn(cluster, 'digests', createHash('sha256').update(file).digest('hex'));
  const [before, known] = (await cluster.files.stat(kept))
    ? (await cluster.files.read(kept)).toString().trim().split('\n')
    : [];
  if (before === state && known && /^[0-9a-f]{64}$/.test(known)) return known;
  const said = await askOn(cluster, ['sha256sum', file]);
  const [digest] = /^\\?[0-9a-f]{64}/.exec(said ?? '') ?? [];
  if (digest === undefined) return undefined;
  await cluster.files.makeFolder(path.posix.dirname(kept));
  await cluster.files.write(kept, `${state}\n${digest.replace('\\', '')}\n`);
  return digest.replace('\\', '');
}

const HASH = /^(?:sha256:)?[0-9a-f]{40,64}$/;

/** What of a file from the cluster can be a source. */
function sourceOf(value: unknown): ContainerSource {
  const { dockerfile_commit: commit, base, base_digest: digest } = (value ?? {}) as Record<string, unknown>;
  const isHash = (one: unknown): one is string => typeof one === 'string' && HASH.test(one);
  return {
    ...(isHash(commit) && { dockerfile_commit: commit }),
    ...(typeof base === 'string' && /^[\w./:@-]{1,300}$/.test(base) && { base }),
    ...(isHash(digest) && { base_digest: digest }),
  };
}

/** What of a file from the cluster can be a record of a container; undefined where it is none. */
export function containerIn(value: unknown): ContainerRecord | undefined {
  const { engine, image, sha256 } = (value ?? {}) as Record<string, unknown>;
  if (typeof engine !== 'string' || typeof image !== 'string' || image.length > 4096) return undefined;
  const named = ENGINES.find((one) => one === engine);
  if (named === undefined) return undefined;
  const isDigest = typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256);
  return { engine: named, image, ...(isDigest && { sha256 }), ...sourceOf(value) };
}

const ENGINES: readonly ContainerRecord['engine'][] = ['apptainer', 'singularity', 'pyxis', 'podman-hpc', 'cscs'];
