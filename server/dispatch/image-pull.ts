/** Fetching the images of a run in one archive. What the archive may bring here is decided here. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileError } from '../atomic-file';
import { runOn, type Cluster } from '../cluster/cluster';
import type { TransferControl } from '../cluster/host';
import { demandUnlinked, placeInside } from '../containment';
import { GENERATION_FILE } from '../diffusion/image-folder';
import { imagePath } from '../diffusion/seeds';
import { CancelledError, UserError } from '../errors';
import { removeFile, renameOver } from '../held-file';
import { isPng } from '../images/png';
import type { Dispatch } from '../shared/schema-types.gen';
import { archivedFiles, Refusals, type ArchivedFile } from './image-archive';
import type { Ledger } from './ledger';

/** The largest image that is taken, in bytes: 2,048 x 2,048 pixels without any compression have 13 MB. */
const LARGEST_IMAGE = 16 << 20;
/** What an archive needs beside each image, and as a whole, in bytes. */
const OVERHEAD = { image: 2048, archive: 1 << 20 };

/** The one other file of the folder: the settings that all its images were made with. */
const SETTINGS = `images/${GENERATION_FILE}`;

/** Some images of a run. */
interface WantedImages {
  /** What is packed, relative to the run folder. */
  names: readonly string[];
  seeds: ReadonlySet<number>;
  /** Whether they are in a folder per thousand; undefined where both ways are possible. */
  subdirs?: boolean;
}

/** Where images come from and where they go. */
export interface ImageTransfer {
  ledger: Ledger;
  cluster: Cluster;
  /** Its notes get what was left out. */
  dispatch: Dispatch;
  control: TransferControl;
}

/** The images of these seeds. */
export function imagesOf(seeds: readonly number[], subdirs: boolean): WantedImages {
  return { names: seeds.map((seed) => `images/${imagePath(seed, subdirs)}`), seeds: new Set(seeds), subdirs };
}

/**
 * Fetches images into the run folder here.
 * @returns whether every image of the archive was taken
 */
export async function fetchImages(transfer: ImageTransfer, wanted: WantedImages): Promise<boolean> {
  const { ledger, cluster, dispatch, control } = transfer;
  const { files, profile } = cluster;
  const local = await placeInside(ledger.root, dispatch.local ?? '');
  const archive = await packImages(cluster, `${dispatch.folder}/${dispatch.run}`, local, wanted);
  const { size = 0 } = (await files.stat(archive)) ?? {};
  const most = wanted.seeds.size * (LARGEST_IMAGE + OVERHEAD.image) + OVERHEAD.archive;
  if (size > most)
    throw new UserError(
      `${archive} on ${profile.name} has ${size} bytes: ${wanted.seeds.size} images cannot have so many`,
      1,
    );
  await demandSpace(local, 2 * size);
  const target = path.join(local, path.posix.basename(archive));
  await files.download(archive, target, control);
  const forget = (): Promise<unknown> => Promise.all([removeFile(target), files.remove(archive)]);
  const refused = new Refusals();
  try {
    const isWhole = await unpack(target, { root: ledger.root, local }, wanted, refused, control.signal);
    await forget();
    return isWhole;
  } catch (error) {
    // After an interruption this archive is used again; one that is broken is packed anew.
    if (!(error instanceof CancelledError)) await forget().catch(() => undefined);
    throw error;
  } finally {
    const note = refused.text(`${path.posix.basename(archive)} of ${profile.name}`);
    if (note !== undefined) dispatch.notes = [...new Set([...dispatch.notes, note])];
  }
}

/** Packs images on the cluster unless that was done. @returns absolute path of the archive there */
async function packImages(cluster: Cluster, from: string, local: string, { names }: WantedImages): Promise<string> {
  const isAll = names.length === 1 && names[0] === 'images';
  const key = createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 12);
  const archive = `${from}/${isAll ? 'images' : `images-${key}`}.tar`;
  if (await cluster.files.stat(archive)) return archive;
  const stdin = names.join('\n');
  // Space here is checked before anything is packed there; du counts what single files take.
  const said = await runOn(cluster, 'Asking for the size of the images', ['sh', '-c', SIZE, 'sh', from], { stdin });
  await demandSpace(local, 2 * 1024 * (Number(said) || 0));
  const part = `${archive}.part`;
  await runOn(cluster, 'Packing the images', ['tar', '-C', from, '-cf', part, '-T', '-'], { stdin });
  await cluster.files.rename(part, archive);
  return archive;
}

/** Writes the images of an archive. @returns whether no image was refused for its content */
async function unpack(
  archive: string,
  { root, local }: { root: string; local: string },
  { seeds, subdirs }: WantedImages,
  refused: Refusals,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const ways = subdirs === undefined ? [false, true] : [subdirs];
  const isWanted = (name: string): boolean => {
    const seed = Number(/^images\/(?:-?\d+\/)?(-?\d+)\.png$/.exec(name)?.[1] ?? NaN);
    return name === SETTINGS || (seeds.has(seed) && ways.some((way) => name === `images/${imagePath(seed, way)}`));
  };
  const folders = new Set<string>();
  let isWhole = true;
  for await (const image of archivedFiles(createReadStream(archive), isWanted, LARGEST_IMAGE, refused)) {
    if (signal?.aborted) throw new CancelledError();
    const wrong = problemOf(image);
    if (wrong !== undefined) {
      isWhole = false;
      refused.add(image.name, wrong);
      continue;
    }
    const file = path.join(local, image.name);
    const folder = path.dirname(file);
    if (!folders.has(folder)) {
      await demandUnlinked(root, folder);
      await mkdir(folder, { recursive: true });
      folders.add(folder);
    }
    await writePlain(file, image);
  }
  return isWhole;
}

/** Why a file is not what its name says; undefined where it is. */
function problemOf({ name, bytes }: ArchivedFile): string | undefined {
  if (name !== SETTINGS) return isPng(bytes) ? undefined : 'not a PNG';
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? undefined : 'not settings of images';
  } catch {
    return 'not JSON';
  }
}

/** Gives an image its name once it is whole. A link that has the name is replaced, and never followed. */
async function writePlain(file: string, { bytes }: ArchivedFile): Promise<void> {
  const part = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.part`);
  try {
    await removeFile(part);
    await writeFile(part, bytes, { flag: 'wx' });
    await renameOver(part, file);
  } catch (error) {
    await removeFile(part).catch(() => undefined);
    throw fileError(error, file);
  }
}

/** Prints the kilobytes of the files that stdin names, below the folder $1. */
const SIZE =
  'cd "$1" && tr "\\n" "\\0" | xargs -0 du -sk | { total=0; while read -r size name; do total=$((total + size)); done; echo "$total"; }';

/** Checks the space for the archive and its content. @throws UserError where it is not enough */
async function demandSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes) return;
  const mega = (n: number): string => `${Math.ceil(n / 1e6)} MB`;
  throw new UserError(
    `The images and their archive need ${mega(bytes)}, and ${folder} has ${mega(free)} free: free some space, then pull again`,
    1,
  );
}
