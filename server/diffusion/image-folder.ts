/**
 * A folder of generated images that survives crashes, kills and full disks. A file with an image's name is that whole
 * image: it was written under a temporary name and renamed. `generation.json`, written before the first image, says
 * what they were made with; images of other settings never get in among them. Several processes may fill one folder.
 */
import { access, chmod, link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { HOST, isAlive } from '../claim';
import { isCode, messageOf, UserError } from '../errors';

/** What decides how an image looks beside its seed: option names and JSON values; null is an option not given. */
export type GenerationSettings = Readonly<Record<string, string | number | boolean | null>>;

/** Name of the file that holds a folder's settings. */
export const GENERATION_FILE = 'generation.json';

/** A temporary file is named `.<final name>.<host>.<process id>.part`. */
const PART_NAME = /^\..+\.([^.]+)\.(\d+)\.part$/;
/** Temporary files live for milliseconds; older than this (in ms) they are left over, whichever host wrote them. */
const PART_LIFETIME = 3600_000;

/** What to do about the file system's refusals. */
const REMEDIES: Readonly<Record<string, string | undefined>> = {
  ENOSPC: 'the disk is full: free some space and run again; finished images are kept',
  EDQUOT: 'your disk quota is used up: free some space and run again; finished images are kept',
  EACCES: 'permission denied: choose a folder that you may write to',
  EPERM: 'permission denied: choose a folder that you may write to',
  EROFS: 'the file system is read-only: choose another folder',
  ENOTDIR: 'a part of its path is a file: choose another folder',
  EEXIST: 'a file of that name is in the way: choose another folder',
  ENAMETOOLONG: 'the path is too long: choose a shorter one',
};

/** The file system's error in the user's words, if it is one; anything else as it is. */
export function fileError(error: unknown, path: string): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  if (code === undefined) return error;
  return new UserError(`Cannot write ${path}: ${REMEDIES[code] ?? messageOf(error)}`);
}

/**
 * Writes a file so that it appears under its name whole or not at all; folders are made as needed.
 * @throws UserError saying what is wrong with the disk or the folder; nothing is left behind
 */
export async function writeAtomically(
  path: string,
  bytes: Uint8Array | AsyncIterable<Uint8Array>,
  mode?: number,
): Promise<void> {
  const part = partOf(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(part, bytes);
    if (mode !== undefined) await chmod(part, mode);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw fileError(error, path);
  }
}

function partOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.${HOST}.${process.pid}.part`);
}

/**
 * Makes `outdir` ready for images of these settings: records them if it is new, compares them if it is not, and
 * removes temporary files that killed processes left.
 * @param images paths relative to `outdir` that are going to be written
 * @returns those of `images` that are there already
 * @throws UserError if the folder holds images of other or unknown settings, or cannot be written
 */
export async function openImageFolder(
  outdir: string,
  settings: GenerationSettings,
  images: readonly string[],
): Promise<Set<string>> {
  const file = join(outdir, GENERATION_FILE);
  let recorded = await readSettings(file);
  if (!recorded) {
    const unknown = await existingImages(outdir, images);
    if (unknown.size > 0) {
      throw new UserError(
        `${outdir} holds ${[...unknown][0]} but no ${GENERATION_FILE}, so that nobody can tell how its images were made; ` +
          'choose another folder, or delete these images',
      );
    }
    await createOnce(file, `${JSON.stringify(settings, null, 2)}\n`);
    recorded = await readSettings(file);
  }
  for (const name of new Set([...Object.keys(settings), ...Object.keys(recorded ?? {})])) {
    const before = recorded?.[name] ?? null;
    const now = settings[name] ?? null;
    if (before !== now) {
      throw new UserError(
        `${outdir} holds images made with ${name} ${JSON.stringify(before)}, not ${JSON.stringify(now)}; ` +
          'choose another folder, go back to that setting, or delete the folder',
      );
    }
  }
  for (const folder of foldersOf(outdir, images).add(outdir)) await removeLeftOvers(folder);
  return existingImages(outdir, images);
}

/** Those of `images` (paths relative to `outdir`) that exist; reads whole folders, for many images at once. */
async function existingImages(outdir: string, images: readonly string[]): Promise<Set<string>> {
  const present = new Set<string>();
  for (const folder of foldersOf(outdir, images)) {
    for (const name of await namesIn(folder)) present.add(join(folder, name));
  }
  return new Set(images.filter((image) => present.has(join(outdir, image))));
}

/** Whether an image has been written; for a few images. */
export async function hasImage(outdir: string, image: string): Promise<boolean> {
  return access(join(outdir, image)).then(
    () => true,
    () => false,
  );
}

function foldersOf(outdir: string, images: readonly string[]): Set<string> {
  return new Set(images.map((image) => dirname(join(outdir, image))));
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw fileError(error, folder);
  }
}

async function readSettings(file: string): Promise<GenerationSettings | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fileError(error, file);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as GenerationSettings;
  } catch {
    // Reported below, as any other content that is no object.
  }
  throw new UserError(`${file} is damaged; choose another folder, or delete this one`);
}

/** Writes a file unless it exists; of several processes that try, one wins and the others keep its file. */
async function createOnce(file: string, text: string): Promise<void> {
  const part = partOf(file);
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(part, text);
    // A hard link fails where the name exists, which a rename would replace; not every file system has them.
    await link(part, file).catch(async (error: unknown) => {
      if (!isCode(error, 'EEXIST')) await rename(part, file);
    });
  } catch (error) {
    throw fileError(error, file);
  } finally {
    await rm(part, { force: true }).catch(() => undefined);
  }
}

/** Removes the temporary files of processes that are gone; those of live ones are about to be renamed. */
async function removeLeftOvers(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    const match = PART_NAME.exec(name);
    if (!match) continue;
    const path = join(folder, name);
    const gone = match[1] === HOST && !isAlive(Number(match[2]));
    const age = gone ? Infinity : Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now());
    if (age > PART_LIFETIME) await rm(path, { force: true });
  }
}

function isMissing(error: unknown): boolean {
  return isCode(error, 'ENOENT');
}
