/** The folder of a config's runs. Changes in it do not count as changes of the code, so it may hold nothing but runs. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { canonicalPath } from '../canonical-path';
import { isBelow } from '../containment';
import { isCode, UserError } from '../errors';
import { git } from '../git-process';
import { STATE_FOLDER } from '../history/history-store';
import { isIgnoredFolder } from '../ignored-folder';
import { wayTo } from '../shared/places';

/** Folder of the runs where the config does not say. */
const DEFAULT_OUTDIR = 'runs';
/** Run folders are called `<commit>-<name>`. */
const RUN_NAME = /^[0-9a-f]{4,64}-/;
/** Files of git and of file managers, which are nobody's work. */
const HARMLESS = new Set(['.gitignore', '.gitkeep', '.DS_Store', 'Thumbs.db', 'desktop.ini']);

/**
 * Absolute path of the folder of a config's runs; one that lies in the repository by another name gets the name it has there.
 * @param root top of the repository, canonical
 */
export function outdirOf(outdir: string = DEFAULT_OUTDIR, root: string): string {
  const folder = path.resolve(root, outdir);
  return isBelow(root, folder) ? folder : canonicalPath(folder);
}

/** The same relative to `root`, with forward slashes; undefined outside it, and for `root` itself. */
export function outdirInside(folder: string, root: string): string | undefined {
  return isBelow(root, folder) ? wayTo(root, folder, path) || undefined : undefined;
}

/**
 * Refuses a folder for runs that holds other files: a change of these would be recorded as none.
 * @param outdir as the config gives it
 * @param root top of the repository, without links in its path
 * @throws UserError naming the folder and a file
 */
export async function checkOutdir(outdir: string = DEFAULT_OUTDIR, root: string): Promise<void> {
  const folder = outdirOf(outdir, root);
  const refuse = (why: string): UserError =>
    new UserError(
      `outdir ${outdir} ${why}: runs need a folder of their own, since changes in it do not count as changes of the code; name another one, such as outdir: ${DEFAULT_OUTDIR}`,
    );
  const real = canonicalPath(folder);
  if (outdirInside(root, real) !== undefined || real === root) throw refuse('holds the whole repository');
  const [first] = outdirInside(real, root)?.split('/') ?? [];
  if (first === '.git' || first === STATE_FOLDER) throw refuse(`lies in ${first}`);
  const found = (await namesIn(folder)).filter((name) => !isRun(folder, name));
  const foreign = (await isIgnoredFolder(folder)) ? [] : found;
  const [one] = [...(await tracked(folder, root)), ...foreign];
  if (one !== undefined) throw refuse(`holds ${one}, which is not a run's`);
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    // Where a file is in its place, making the run folder fails.
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return [];
    throw error;
  });
}

function isRun(folder: string, name: string): boolean {
  return HARMLESS.has(name) || RUN_NAME.test(name) || existsSync(path.join(folder, name, 'run.json'));
}

/** What git tracks in the folder besides runs, also where it has been deleted. */
async function tracked(folder: string, root: string): Promise<string[]> {
  const inside = outdirInside(folder, root);
  if (inside === undefined) return [];
  const list = await git(root, 'ls-files', '-z', '--', `:(top,literal)${inside}`);
  const names = list.split('\0').flatMap((file) => (file === '' ? [] : [path.posix.relative(inside, file)]));
  // The folder itself: a link, or a file of that name.
  return names.filter((name) => name !== '' && !isRun(folder, name.split('/')[0] ?? ''));
}
