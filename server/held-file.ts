/**
 * Giving files their final names, and removing them. The only module that does so on this machine (a house test holds to it),
 * because both fail on Windows while another program, most often a virus scanner or an indexer, has the file open.
 */
import { rename, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isCode } from './errors';

/** How long a file may be held by another program, in ms. A scanner lets go of one within a second. */
const PATIENCE = 10_000;
/** The first wait and the longest one, in ms; each is twice the one before. */
const WAITS = { first: 10, longest: 500 };

/** What Windows answers for a file that another program has open; it does not say which of the three it will be. */
const HELD = ['EPERM', 'EBUSY', 'EACCES'];

/**
 * Does something to a file, and again for ten seconds while another program may hold the file.
 * @param wait milliseconds
 * @throws the last error, once ten seconds have been waited; any other error at once
 */
export async function whileHeld<T>(work: () => Promise<T>, wait: (ms: number) => Promise<unknown> = sleep): Promise<T> {
  for (let waited = 0, next = WAITS.first; ;) {
    try {
      return await work();
    } catch (error) {
      if (waited >= PATIENCE || !HELD.some((code) => isCode(error, code))) throw error;
    }
    const pause = Math.min(next, PATIENCE - waited);
    await wait(pause);
    waited += pause;
    next = Math.min(2 * next, WAITS.longest);
  }
}

/** Renames a file or folder; a file of the new name is replaced. @throws an error of the system, after ten seconds of trying */
export function renameOver(from: string, to: string): Promise<void> {
  return whileHeld(() => rename(from, to));
}

/** Removes a file, which need not be there. @throws an error of the system, after ten seconds of trying */
export function removeFile(file: string): Promise<void> {
  return whileHeld(() => rm(file, { force: true }));
}

/** Removes a folder with everything in it, or a file; neither need be there. @throws as `removeFile` */
export function removeTree(folder: string): Promise<void> {
  return whileHeld(() => rm(folder, { recursive: true, force: true }));
}
