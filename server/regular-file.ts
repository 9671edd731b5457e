/**
 * Files that somebody else has named. Only regular files are read: a pipe or a device may have no end, and opening one may
 * wait for ever or do something.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { messageOf, UserError } from './errors';
import { reasonOf } from './system-error';

/** A pipe that replaces a file between the look and the opening does not hold us up. Windows has no such flag. */
const FLAGS = constants.O_RDONLY | ((constants.O_NONBLOCK as number | undefined) ?? 0);

/** Most bytes that one call of the operating system reads. */
const MAX_READ = 2 ** 30;

/** What tells the kinds of files apart. */
type Kind = Pick<Stats, 'isFile' | 'isDirectory' | 'isFIFO' | 'isSocket' | 'isCharacterDevice' | 'isBlockDevice'>;

const OTHER_KINDS: readonly [name: string, holds: (kind: Kind) => boolean][] = [
  ['a folder', (stats) => stats.isDirectory()],
  ['a pipe (FIFO)', (stats) => stats.isFIFO()],
  ['a socket', (stats) => stats.isSocket()],
  ['a device', (stats) => stats.isCharacterDevice() || stats.isBlockDevice()],
];

/** @throws UserError unless it is a regular file */
export function checkRegular(stats: Kind, path: string): void {
  if (stats.isFile()) return;
  const kind = OTHER_KINDS.find(([, holds]) => holds(stats))?.[0] ?? 'something else';
  throw new UserError(`${path} is not a file but ${kind}: give a regular file`);
}

/** A regular file that can be read at any offset. */
export class RegularFile {
  /** Bytes when it was opened. */
  readonly size: number;
  private readonly descriptor: number;

  /** @throws UserError when it cannot be opened or is not a regular file */
  constructor(readonly path: string) {
    try {
      checkRegular(statSync(path), path);
      this.descriptor = openSync(path, FLAGS);
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(`Cannot open ${path}: ${messageOf(error)}`);
    }
    try {
      const stats = fstatSync(this.descriptor);
      checkRegular(stats, path);
      this.size = stats.size;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Bytes of memory of their own.
   * @throws UserError when the file ends before `offset + length`, or cannot be read
   */
  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    if (!isWithin(offset, length, this.size)) this.fail(`it ends before byte ${offset + length}`);
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const count = this.readSome(bytes, at, Math.min(length - at, MAX_READ), offset + at);
      if (count === 0) this.fail('it became shorter while it was read');
      at += count;
    }
    return bytes;
  }

  /** @throws UserError `PATH is cut off or damaged (PROBLEM)` */
  fail(problem: string): never {
    throw new UserError(`${this.path} is cut off or damaged (${problem}): copy it again from its source`);
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private readSome(bytes: Uint8Array, at: number, length: number, position: number): number {
    try {
      return readSync(this.descriptor, bytes, at, length, position);
    } catch (error) {
      throw new UserError(`Cannot read ${this.path}: ${messageOf(error)}`);
    }
  }
}

/** Whether a range lies in something of `size` bytes. False for numbers that are not exact integers of 0 or more. */
export function isWithin(offset: number, length: number, size: number): boolean {
  return [offset, length, offset + length].every(
    (number) => Number.isSafeInteger(number) && number >= 0 && number <= size,
  );
}

/**
 * All or the first bytes of a regular file.
 * @param limit.atMost a larger file is refused
 * @param limit.start only this many bytes are read, or fewer if there are no more
 * @throws UserError when it cannot be read, is not a regular file, or is too large
 */
export async function readRegularFile(path: string, limit: { atMost?: number; start?: number } = {}): Promise<Buffer> {
  const { atMost = Infinity, start = Infinity } = limit;
  try {
    checkRegular(await stat(path), path);
    const file = await open(path, FLAGS);
    try {
      const stats = await file.stat();
      checkRegular(stats, path);
      if (stats.size > atMost) throw new Error(`${stats.size} bytes; at most ${atMost} are read`);
      if (start === Infinity) return await file.readFile();
      const buffer = Buffer.alloc(Math.min(start, stats.size));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`Cannot read ${path}: ${reasonOf(error, 'read')}`);
  }
}
