import type { ByteSource } from './source-file';

/** Where a byte string lies that was not read: a pickle's weights stay in the file. */
export class ByteRange {
  constructor(
    readonly offset: number,
    readonly length: number,
  ) {}
}

const WINDOW = 2 ** 16;
/** Bytes that count as one step of a file's budget when they are read. */
const BYTES_PER_STEP = 2 ** 12;

/** Reads a region of a file from front to back, and can skip bytes without reading them. */
export class ByteCursor {
  private window: Uint8Array = new Uint8Array(0);
  private windowStart = 0;

  /** @param end first byte after the region */
  constructor(
    readonly file: ByteSource,
    public position: number,
    readonly end: number,
  ) {}

  /** The next `length` bytes; valid until the next call. @throws UserError at the region's end */
  take(length: number): Uint8Array {
    this.need(length);
    if (this.position < this.windowStart || this.position + length > this.windowStart + this.window.length) {
      const size = Math.min(Math.max(length, WINDOW), this.end - this.position);
      this.file.budget.spend(Math.ceil(size / BYTES_PER_STEP));
      this.window = this.file.read(this.position, size);
      this.windowStart = this.position;
    }
    const start = this.position - this.windowStart;
    this.position += length;
    return this.window.subarray(start, start + length);
  }

  /** Skips the next `length` bytes. @throws UserError at the region's end */
  skip(length: number): ByteRange {
    this.need(length);
    const range = new ByteRange(this.position, length);
    this.position += length;
    return range;
  }

  uint8(): number {
    return this.take(1)[0]!; // take throws at the region's end
  }

  uint16(): number {
    return this.view(2).getUint16(0, true);
  }

  uint32(): number {
    return this.view(4).getUint32(0, true);
  }

  int32(): number {
    return this.view(4).getInt32(0, true);
  }

  /** @throws UserError beyond 2^53 - 1, which no length or offset in a file can be */
  uint64(): number {
    return exact(this.view(8).getBigUint64(0, true), this.file);
  }

  float64BigEndian(): number {
    return this.view(8).getFloat64(0, false);
  }

  /** @throws UserError when the region ends earlier */
  need(length: number): void {
    if (!(length >= 0 && this.position + length <= this.end)) {
      this.file.fail(
        `at byte ${this.position} it claims ${length} more bytes, but only ${this.end - this.position} follow`,
      );
    }
  }

  private view(length: number): DataView {
    const bytes = this.take(length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }
}

/** A 64-bit number of a file as a number. @throws UserError beyond 2^53 - 1 */
export function exact(value: bigint, file: ByteSource): number {
  if (value > Number.MAX_SAFE_INTEGER) file.fail(`it claims ${value} bytes`);
  return Number(value);
}
