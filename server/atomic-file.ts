/**
 * Writing files that are complete or do not exist, even after a crash or a power failure: written under a temporary name,
 * flushed to the disk, renamed.
 */
import { chmod, link, mkdir, open, readdir, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { HOST, isAlive } from './claim';
import { isCode, UserError } from './errors';
import { removeFile, renameOver } from './held-file';
import { reasonOf } from './system-error';

/** A temporary file is named `.<final name>.<number>.<host>.<process id>.part`. */
const PART_NAME = /^\..+\.([^.]+)\.(\d+)\.part$/;
/** Age in ms above which a temporary file is a leftover, whichever host wrote it; they normally live for seconds. */
const PART_LIFETIME = 3600_000;

/** An error of the file system as a UserError that says what to do; any other error unchanged. */
export function fileError(error: unknown, path: string): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  if (code === undefined) return error;
  return new UserError(`Cannot write ${path}: ${reasonOf(error, 'write')}`);
}

/**
 * Writes a file atomically; creates its folders if needed. What killed processes left of files there is removed.
 * @param bytes all bytes, or parts in order; an error while producing them is thrown unchanged
 * @throws UserError saying what is wrong with the disk or the folder; no file is left
 */
export async function writeAtomically(
  path: string,
  bytes: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  mode?: number,
): Promise<void> {
  await tidy(dirname(path));
  const part = partOf(path);
  try {
    await writePart(part, bytes);
    if (mode !== undefined) await chmod(part, mode);
    await renameOver(part, path);
  } catch (error) {
    await removeFile(part).catch(() => undefined);
    throw fileError(error, path);
  }
}

/** Writes a file unless it exists. If several processes try at once, one writes and the others keep its file. */
export async function createOnce(path: string, text: string): Promise<void> {
  const part = partOf(path);
  try {
    await writePart(part, Buffer.from(text));
    // A hard link fails where the name exists, which a rename would replace; not every file system has them.
    await link(part, path).catch(async (error: unknown) => {
      if (!isCode(error, 'EEXIST')) await renameOver(part, path);
    });
  } catch (error) {
    throw fileError(error, path);
  } finally {
    await removeFile(part).catch(() => undefined);
  }
}

/** Gives a complete file its final name, after flushing it to the disk. */
export async function moveIntoPlace(part: string, path: string): Promise<void> {
  const file = await open(part, 'r+');
  await flush(file).finally(() => file.close());
  await renameOver(part, path);
}

/** Removes the temporary files of processes that have ended; those of others will still be renamed. */
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

/** Folders that this process has looked through for left-overs. */
const tidied = new Set<string>();

/** Removes left-overs from a folder before the first file is written there; one that cannot be listed stays as it is. */
async function tidy(folder: string): Promise<void> {
  if (tidied.has(folder)) return;
  tidied.add(folder);
  await removeLeftOvers(folder).catch(() => undefined);
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

/** Writes to the disk: after a power failure, a rename may be on the disk when the bytes written before are not. */
async function flush(file: FileHandle): Promise<void> {
  await file.datasync().catch((error: unknown) => {
    // Some network and user-space file systems cannot flush; the file is complete all the same.
    if (!['EINVAL', 'ENOSYS', 'ENOTSUP'].some((code) => isCode(error, code))) throw error;
  });
}
