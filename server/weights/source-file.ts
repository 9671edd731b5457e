import { isWithin, RegularFile } from '../regular-file';
import { Budget, IMPORTING, type Limits } from './budget';

/** Bytes that can be read at any offset, and the name of their file for messages. */
export interface ByteSource {
  readonly path: string;
  readonly size: number;
  /** What reading this file may still cost. */
  readonly budget: Budget;
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

  get budget(): Budget {
    return this.owner.budget;
  }

  read(offset: number, length: number): Uint8Array {
    if (!isWithin(offset, length, this.size)) this.fail('a storage is too short');
    return Uint8Array.from(this.bytes.subarray(offset, offset + length));
  }

  fail(problem: string): never {
    return this.owner.fail(problem);
  }
}

/** A file of weights that can be read at any offset. A read beyond its end means that the file is cut off. */
export class SourceFile extends RegularFile implements ByteSource {
  readonly budget: Budget;

  /** @throws UserError when the file cannot be opened or is not a regular file */
  constructor(path: string, limits: Limits = IMPORTING) {
    super(path);
    this.budget = new Budget(path, limits);
  }
}

/** Little-endian float32 values. */
export function readFloats(source: ByteSource, offset: number, count: number): Float32Array {
  const bytes = source.read(offset, count * 4);
  return new Float32Array(bytes.buffer, bytes.byteOffset, count);
}
