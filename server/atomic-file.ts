/**
 * Files that appear under their name whole or not at all, whatever ends the process or the power: written under a
 * temporary name, put on the disk, renamed.
 */
import { chmod, link, mkdir, open, readdir, rename, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { HOST, isAlive } from './claim';
import { isCode, messageOf, UserError } from './errors';

/** A temporary file is named `.<final name>.<number>.<host>.<process id>.part`. */
const PART_NAME = /^\..+\.([^.]+)\.(\d+)\.part$/;
/** Temporary files live for seconds; older than this (in ms) they are left over, whichever host wrote them. */
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
 * Writes a file; folders are made as needed.
 * @param bytes all of it, or its parts one after the other, whose own errors come through
 * @throws UserError saying what is wrong with the disk or the folder; nothing is left behind
 */
export async function writeAtomically(
  path: string,
  bytes: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  mode?: number,
): Promise<void> {
  const part = partOf(path);
  try {
    await writePart(part, bytes);
    if (mode !== undefined) await chmod(part, mode);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw fileError(error, path);
  }
}

/** Writes a file unless it exists; of several processes that try, one wins and the others keep its file. */
export async function createOnce(path: string, text: string): Promise<void> {
  const part = partOf(path);
  try {
    await writePart(part, Buffer.from(text));
    // A hard link fails where the name exists, which a rename would replace; not every file system has them.
    await link(part, path).catch(async (error: unknown) => {
      if (!isCode(error, 'EEXIST')) await rename(part, path);
    });
  } catch (error) {
    throw fileError(error, path);
  } finally {
    await rm(part, { force: true }).catch(() => undefined);
  }
}

/** Gives a file that another program or a transfer has completed its final name. */
export async function moveIntoPlace(part: string, path: string): Promise<void> {
  const file = await open(part, 'r+');
  await flush(file).finally(() => file.close());
  await rename(part, path);
}

/** Removes the temporary files of processes that are gone; those of live ones are about to be renamed. */
export async function removeLeftOvers(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return [];
    throw fileError(error, folder);
  });
  for (const name of names) {
    const match = PART_NAME.exec(name);
    if (!match) continue;
    const path = join(folder, name);
    const gone = match[1] === HOST && !isAlive(Number(match[2]));
    const age = gone ? Infinity : Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now());
    if (age > PART_LIFETIME) await rm(path, { force: true });
  }
}

let parts = 0;

function partOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.${++parts}.${HOST}.${process.pid}.part`);
}

async function writePart(
  part: string,
  bytes: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  await mkdir(dirname(part), { recursive: true });
  const file = await open(part, 'w');
  try {
    await writeFile(file, bytes);
    await flush(file);
  } finally {
    await file.close();
  }
}

/** To the disk: a rename may be there after a power cut where what was written before is not. */
async function flush(file: FileHandle): Promise<void> {
  await file.datasync().catch((error: unknown) => {
    // Not every file system of a network or a user space can; the file is as whole.
    if (!['EINVAL', 'ENOSYS', 'ENOTSUP'].some((code) => isCode(error, code))) throw error;
  });
}
