/**
 * Protocol-buffer messages as a list of chunks whose lengths are known before their bytes are: a model with hundreds of
 * megabytes of weights is laid out first and then written one tensor at a time.
 * Source: the protocol-buffers encoding guide (varints, tags, length-delimited fields).
 */

/** Bytes that are produced only when they are written, and dropped after. */
export interface LazyBytes {
  readonly byteLength: number;
  /** @returns exactly `byteLength` bytes */
  load(): Uint8Array;
}

/** Wire types this project writes or has to skip. */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const text = new TextEncoder();

/** A message under construction. Fields appear in the order in which they were added. */
export class Message {
  readonly chunks: (Uint8Array | LazyBytes)[] = [];
  byteLength = 0;

  /** An int32, int64, bool or enum field. @param value an integer, |value| <= 2^53 */
  int(field: number, value: number): this {
    return this.push(Uint8Array.from([...varint(field * 8 + WIRE.varint), ...varint(value)]));
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.push(Uint8Array.from([...varint(field * 8 + WIRE.fixed32), ...bytes]));
  }

  bytes(field: number, value: Uint8Array | LazyBytes): this {
    return this.push(lengthPrefix(field, value.byteLength)).push(value);
  }

  string(field: number, value: string): this {
    return this.bytes(field, text.encode(value));
  }

  message(field: number, value: Message): this {
    this.push(lengthPrefix(field, value.byteLength));
    for (const chunk of value.chunks) this.push(chunk);
    return this;
  }

  /** Repeated int64, packed as proto3 does. */
  ints(field: number, values: readonly number[]): this {
    return this.bytes(field, Uint8Array.from(values.flatMap(varint)));
  }

  /** The whole message in memory. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.byteLength);
    let at = 0;
    for (const chunk of this.chunks) {
      bytes.set(chunk instanceof Uint8Array ? chunk : chunk.load(), at);
      at += chunk.byteLength;
    }
    return bytes;
  }

  /** Adds what is encoded already: whole fields, or the value of one whose prefix was added. */
  push(chunk: Uint8Array | LazyBytes): this {
    this.chunks.push(chunk);
    this.byteLength += chunk.byteLength;
    return this;
  }
}

function lengthPrefix(field: number, length: number): Uint8Array {
  return Uint8Array.from([...varint(field * 8 + WIRE.bytes), ...varint(length)]);
}

/** Base-128, least significant group first; a negative number takes ten bytes, as two's complement int64. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}
