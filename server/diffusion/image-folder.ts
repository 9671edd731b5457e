/**
 * A folder of generated images that stays consistent through crashes, kills and full disks. A file with an image's name
 * is the complete image: it was written under a temporary name and renamed. `generation.json`, written before the first
 * image, has the settings of all images; images of other settings are never added. Several processes may fill a folder.
 */
import { access, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createOnce, fileError, removeLeftOvers } from '../atomic-file';
import { isCode, UserError } from '../errors';

/** What an image depends on besides its seed: option names and JSON values; null is an option not given. */
export type GenerationSettings = Readonly<Record<string, string | number | boolean | null>>;

/** Name of the file that holds a folder's settings. */
export const GENERATION_FILE = 'generation.json';

/**
 * Prepares `outdir` for images of these settings: records the settings in a new folder, compares them in an old one, and
 * removes temporary files of killed processes.
 * @param images paths relative to `outdir` that are going to be written
 * @returns those of `images` that exist already
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
        `${outdir} holds ${[...unknown][0]} but no ${GENERATION_FILE}, so it is not known how its images were made; ` +
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

/** Those of `images` (paths relative to `outdir`) that exist. Reads whole folders, which pays for many images. */
async function existingImages(outdir: string, images: readonly string[]): Promise<Set<string>> {
  const present = new Set<string>();
  for (const folder of foldersOf(outdir, images)) {
    for (const name of await namesIn(folder)) present.add(join(folder, name));
  }
  return new Set(images.filter((image) => present.has(join(outdir, image))));
}

/** Whether an image exists. For many, `openImageFolder` is faster. */
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
    // Reported below, like any content that is not an object.
  }
  throw new UserError(`${file} is damaged; choose another folder, or delete this one`);
}

function isMissing(error: unknown): boolean {
  return isCode(error, 'ENOENT');
}
