/**
 * Writing and reading protocol buffers. A message to be written is a list of chunks whose lengths are known before their
 * bytes: a model with hundreds of megabytes of weights is laid out first, then written one tensor at a time. A message in
 * a file is read field by field.
 * Source: the protocol-buffers encoding guide (varints, tags, length-delimited fields).
 */
import { UserError } from '../errors';
import { ByteCursor, exact } from '../weights/byte-cursor';
import type { ByteSource } from '../weights/source-file';

/** Bytes that are produced only when they are written, and dropped afterwards. */
export interface LazyBytes {
  readonly byteLength: number;
  /** @returns exactly `byteLength` bytes */
  load(): Uint8Array;
}

/** Wire types that are written, or skipped while reading. */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Bytes of content after the tag (of a varint: after the varint), by wire type. A byte string states its own length. */
const LENGTH: Readonly<Record<number, number>> = { [WIRE.varint]: 0, [WIRE.fixed64]: 8, [WIRE.fixed32]: 4 };

/** Largest number of a field. */
const MAX_FIELD = 2 ** 29 - 1;

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

  /** Adds bytes that are already encoded: whole fields, or a value after its prefix. */
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

/** A field of a message in a file. Its content has not been read, except that of a varint. */
export interface Field {
  readonly number: number;
  readonly wire: number;
  /** The value of a varint as an int64, exact up to 2^53; 0 for other wire types. */
  readonly value: number;
  /** Byte offsets of the field, of its content (unless it is a varint), and of the end of both. */
  readonly start: number;
  readonly contentStart: number;
  readonly end: number;
}

/**
 * The fields of a message.
 * @param message the field that contains it; undefined: the file itself is the message
 * @throws UserError for bytes that are not a field, a field that ends after the message, or more fields than the file's
 * budget allows
 */
export function* fieldsOf(source: ByteSource, message?: Field): Generator<Field> {
  const cursor = new ByteCursor(source, message?.contentStart ?? 0, message?.end ?? source.size);
  while (cursor.position < cursor.end) {
    source.budget.spend(1);
    const from = cursor.position;
    const tag = readVarint(cursor);
    const wire = Number(tag % 8n);
    const number = Number(tag / 8n);
    const value = wire === WIRE.varint ? Number(BigInt.asIntN(64, readVarint(cursor))) : 0;
    const length = wire === WIRE.bytes ? exact(readVarint(cursor), source) : LENGTH[wire];
    if (length === undefined || number < 1 || number > MAX_FIELD) {
      throw new UserError(
        `${source.path} is not an ONNX model, or it is damaged (no valid field at byte ${from}): give an ONNX file, or copy it again from its source`,
      );
    }
    const contentStart = cursor.skip(length).offset;
    yield { number, wire, value, start: from, contentStart, end: cursor.position };
  }
}

/** The inverse of `varint`, as a uint64. @throws UserError beyond ten bytes or 64 bits */
function readVarint(cursor: ByteCursor): bigint {
  // Nearly all are short: numbers do for the first four bytes.
  let low = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = cursor.uint8();
    low |= (byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt(low);
  }
  let value = BigInt(low);
  for (let shift = 28n; shift < 70n; shift += 7n) {
    const byte = cursor.uint8();
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80 && value < 2n ** 64n) return value;
  }
  return cursor.file.fail(`no valid number at byte ${cursor.position}`);
}

/** The content of a string field. @throws UserError for one that is longer than the file's budget allows */
export function fieldText(source: ByteSource, { contentStart, end }: Field): string {
  source.budget.hold(2 * (end - contentStart));
  return new TextDecoder().decode(source.read(contentStart, end - contentStart));
}
