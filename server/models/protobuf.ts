/**
 * Protocol-buffer messages as a list of chunks whose lengths are known before their bytes are: a model with hundreds of
 * megabytes of weights is laid out first and then written one tensor at a time; one in a file is read field by field.
 * Source: the protocol-buffers encoding guide (varints, tags, length-delimited fields).
 */
import { UserError } from '../errors';
import { ByteCursor } from '../weights/byte-cursor';
import type { ByteSource } from '../weights/source-file';

/** Bytes that are produced only when they are written, and dropped after. */
export interface LazyBytes {
  readonly byteLength: number;
  /** @returns exactly `byteLength` bytes */
  load(): Uint8Array;
}

/** Wire types this project writes or has to skip. */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Bytes after the tag, and after the varint of one, by wire type; a string of bytes says its length itself. */
const LENGTH: Readonly<Record<number, number>> = { [WIRE.varint]: 0, [WIRE.fixed64]: 8, [WIRE.fixed32]: 4 };

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

/** A field of a message in a file; only a varint is read. */
export interface Field {
  readonly number: number;
  /** What a varint says, exact up to 2^53; of other fields 0. */
  readonly value: number;
  /** Where the field begins, where the content of one that is no varint does, and where both end. */
  readonly start: number;
  readonly contentStart: number;
  readonly end: number;
}

/**
 * The fields of a message.
 * @param message the field whose content it is; undefined: the file itself is the message
 * @throws UserError for bytes that are no field, or one that ends beyond the message
 */
export function* fieldsOf(source: ByteSource, message?: Field): Generator<Field> {
  const cursor = new ByteCursor(source, message?.contentStart ?? 0, message?.end ?? source.size);
  while (cursor.position < cursor.end) {
    const from = cursor.position;
    const tag = cursor.varint();
    const wire = tag % 8;
    const value = wire === WIRE.varint ? cursor.varint() : 0;
    const length = wire === WIRE.bytes ? cursor.varint() : LENGTH[wire];
    if (length === undefined) {
      throw new UserError(
        `${source.path} is not an ONNX model, or damaged (at byte ${from} there is no field of one): give an ONNX file, or copy it again from its source`,
      );
    }
    const contentStart = cursor.leap(length).offset;
    yield { number: Math.floor(tag / 8), value, start: from, contentStart, end: cursor.position };
  }
}

/** The content of a string field. */
export function fieldText(source: ByteSource, { contentStart, end }: Field): string {
  return new TextDecoder().decode(source.read(contentStart, end - contentStart));
}
