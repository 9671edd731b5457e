import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';
import { isCode, UserError } from './errors';
import { isBelow as isBelowIn } from './shared/places';

/** Folders of a repository that hold no results: what is written there can run. */
const RESERVED = /^(?:\.git|\.edm-workbench|\.vscode)$/i;

/**
 * A place in a folder whose content others wrote, for files of ours: below the folder also where parts of its path are
 * links. It need not exist.
 * @param relative as a file of that folder names it
 * @returns its absolute path
 * @throws UserError where it leads out of the folder, or is the folder itself or one of its reserved ones
 */
export async function placeInside(folder: string, relative: string): Promise<string> {
  const wanted = path.resolve(folder, relative);
  const steps = path.relative(folder, wanted).split(path.sep);
  const [first = ''] = steps;
  if (path.isAbsolute(relative) || relative.includes('\0') || ['', '..'].includes(first) || path.isAbsolute(first))
    throw new UserError(`${relative} is not a place inside ${folder}: nothing is read or written there`);
  if (steps.some((step) => RESERVED.test(step)))
    throw new UserError(`${relative} is not a place for results in ${folder}: nothing is read or written there`);
  await demandUnlinked(folder, wanted);
  return wanted;
}

/** Whether a path of this machine is a folder or below it, by their names alone. */
export function isBelow(folder: string, place: string): boolean {
  return isBelowIn(folder, place, path);
}

/** @throws UserError where links lead a path below `folder` out of it */
export async function demandUnlinked(folder: string, wanted: string): Promise<void> {
  const [top, real] = await Promise.all([realpath(folder), deepestReal(wanted)]);
  if (!isBelow(top, real))
    throw new UserError(`${wanted} leads out of ${folder} by a link: nothing is read or written there`);
}

/** The real path of the deepest part of a path that exists. @throws UserError where that is a link to nothing */
async function deepestReal(wanted: string): Promise<string> {
  for (let place = wanted; ; place = path.dirname(place)) {
    try {
      return await realpath(place);
    } catch (error) {
      if (!isCode(error, 'ENOENT') && !isCode(error, 'ENOTDIR')) throw error;
      const isLink = await lstat(place).then(
        (facts) => facts.isSymbolicLink(),
        () => false,
      );
      if (isLink) throw new UserError(`${place} is a link to nothing: nothing is read or written there`);
      if (place === path.dirname(place)) throw error;
    }
  }
}
