import type { ByteSource } from './source-file';

/** Where a byte string lies that was not read: a pickle's weights stay in the file. */
export class ByteRange {
  constructor(
    readonly offset: number,
    readonly length: number,
  ) {}
}

const WINDOW = 2 ** 16;

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
      this.window = this.file.read(this.position, Math.min(Math.max(length, WINDOW), this.end - this.position));
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

  /** Exact up to 2^53. Larger lengths exceed any file and fail where they are used. */
  uint64(): number {
    return Number(this.view(8).getBigUint64(0, true));
  }

  float64BigEndian(): number {
    return this.view(8).getFloat64(0, false);
  }

  /** @throws UserError when the region ends earlier */
  need(length: number): void {
    if (this.position + length > this.end) {
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
