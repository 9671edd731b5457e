import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { UserError, messageOf } from '../errors';

/** A weight file read at arbitrary places. Every read beyond its end is the user's cut-off file. */
export class SourceFile {
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

  /** Little-endian float32 values, on any machine. */
  readFloats(offset: number, count: number): Float32Array {
    const bytes = this.read(offset, count * 4);
    return new Float32Array(bytes.buffer, 0, count);
  }

  /** @throws UserError `PATH is damaged: PROBLEM` */
  fail(problem: string): never {
    throw new UserError(`${this.path} is cut off or damaged (${problem}): copy it again from its source`);
  }

  close(): void {
    closeSync(this.descriptor);
  }
}
