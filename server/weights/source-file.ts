import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { UserError, messageOf } from '../errors';

/** Bytes that can be read at any offset, and the name of their file for messages. */
export interface ByteSource {
  readonly path: string;
  readonly size: number;
  /** @throws UserError when the source ends before `offset + length` */
  read(offset: number, length: number): Uint8Array;
  /** @throws UserError naming the file and the problem */
  fail(problem: string): never;
}

/** Bytes in memory that were decoded from a file. */
export class MemorySource implements ByteSource {
  readonly size: number;

  constructor(
    private readonly owner: ByteSource,
    private readonly bytes: Uint8Array,
  ) {
    this.size = bytes.length;
  }

  get path(): string {
    return this.owner.path;
  }

  read(offset: number, length: number): Uint8Array {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) this.fail('a storage is too short');
    return Uint8Array.from(this.bytes.subarray(offset, offset + length));
  }

  fail(problem: string): never {
    return this.owner.fail(problem);
  }
}

/** A file of weights that can be read at any offset. A read beyond its end means that the file is cut off. */
export class SourceFile implements ByteSource {
  readonly size: number;
  private readonly descriptor: number;

  /** @throws UserError when the file cannot be opened */
  constructor(readonly path: string) {
    try {
      this.descriptor = openSync(path, 'r');
    } catch (error) {
      throw new UserError(`Cannot open ${path}: ${messageOf(error)}`);
    }
    const stat = fstatSync(this.descriptor);
    if (!stat.isFile()) {
      this.close();
      throw new UserError(`${path} is not a file`);
    }
    this.size = stat.size;
  }

  /** @throws UserError when the file ends before `offset + length` */
  read(offset: number, length: number): Uint8Array {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size))
      this.fail(`it ends before byte ${offset + length}`);
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const count = readSync(this.descriptor, bytes, at, length - at, offset + at);
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
}

/** Little-endian float32 values. */
export function readFloats(source: ByteSource, offset: number, count: number): Float32Array {
  const bytes = source.read(offset, count * 4);
  return new Float32Array(bytes.buffer, bytes.byteOffset, count);
}
