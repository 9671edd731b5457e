/** Folders of results, which git ignores as a whole because they ignore themselves. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isCode } from './errors';

/** Text of the `.gitignore` in a folder of results: its first line tells that the workbench made the folder. */
export const IGNORE_ALL =
  '# Made by EDM Workbench for results; without this file, git takes them for files of the project.\n*\n';

const FILE = '.gitignore';

/**
 * Makes a folder that git ignores, and the folders above it. A folder that is there already stays as it is: what it holds
 * may be somebody's code, which git must not lose sight of.
 * @throws Error of the file system
 */
export async function makeIgnoredFolder(folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true });
  if (made !== undefined) await writeFile(path.join(folder, FILE), IGNORE_ALL, { flag: 'wx' });
}

/**
 * The same for a folder whose name is the workbench's own, below `.edm-workbench`: ignored also where it is there already,
 * unless somebody has written a `.gitignore` of their own in it.
 * @throws Error of the file system
 */
export async function makeStateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, FILE), IGNORE_ALL, { flag: 'wx' }).catch((error: unknown) => {
    if (!isCode(error, 'EEXIST')) throw error;
  });
}

/** Whether the workbench made a folder to be ignored. */
export async function isIgnoredFolder(folder: string): Promise<boolean> {
  const text = await readFile(path.join(folder, FILE), 'utf8').catch(() => undefined);
  return text?.replaceAll('\r\n', '\n') === IGNORE_ALL;
}
