/** Bytes of a file that know where their structure is, so that it can be broken at those places. */
import { pick, type Random, whole } from './random';

/** A number in the bytes: a length, an offset, a count. */
interface Place {
  at: number;
  size: 1 | 2 | 4 | 8;
  littleEndian: boolean;
}

/** Bytes in order, with the places of their numbers and the borders between their parts. */
export class StructuredBytes {
  private readonly parts: Buffer[] = [];
  private readonly places: Place[] = [];
  /** Offsets at which a part begins: an operation, a chunk, an entry. */
  private readonly borders: number[] = [];
  length = 0;

  bytes(part: Uint8Array | string): this {
    const bytes = typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part);
    this.parts.push(bytes);
    this.length += bytes.length;
    return this;
  }

  /** A number that a mutation may change. */
  number(value: number | bigint, size: Place['size'], littleEndian = true): this {
    this.places.push({ at: this.length, size, littleEndian });
    return this.bytes(encoded(BigInt(value), size, littleEndian));
  }

  border(): this {
    this.borders.push(this.length);
    return this;
  }

  /** The valid bytes. */
  whole(): Buffer {
    return Buffer.concat(this.parts);
  }

  /**
   * The bytes with some places broken.
   * @param insert bytes that may be put at a border, e.g. operations of a pickle
   */
  mutated(random: Random, insert: (random: Random) => Uint8Array = () => Buffer.alloc(0)): Buffer {
    let bytes = this.whole();
    for (let left = pick(random, [0, 1, 1, 1, 2, 3, 8]); left > 0; left--) {
      bytes = pick(random, MUTATIONS)(bytes, this, random, insert);
    }
    return bytes;
  }

  anyPlace(random: Random, length: number): Place | undefined {
    const place = this.places.length > 0 ? pick(random, this.places) : undefined;
    return place && place.at + place.size <= length ? place : undefined;
  }

  anyBorder(random: Random, length: number): number {
    return Math.min(this.borders.length > 0 ? pick(random, this.borders) : whole(random, length + 1), length);
  }
}

type Mutation = (
  bytes: Buffer,
  structure: StructuredBytes,
  random: Random,
  insert: (random: Random) => Uint8Array,
) => Buffer;

/** Numbers that readers get wrong. */
const NASTY = [0n, 1n, 2n, 127n, 128n, 255n, 256n, 2n ** 15n, 2n ** 16n - 1n, 2n ** 16n, 2n ** 31n - 1n, 2n ** 31n]
  .concat([2n ** 32n - 2n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n])
  .concat([2n ** 63n, 2n ** 64n - 1n]);

const changeNumber: Mutation = (bytes, structure, random) => {
  const place = structure.anyPlace(random, bytes.length);
  if (!place) return bytes;
  const { at, size, littleEndian } = place;
  const before = decoded(bytes.subarray(at, at + size), littleEndian);
  const after = pick(random, [
    pick(random, NASTY),
    before + BigInt(pick(random, [-1, 1, -4, 4, 100])),
    before * 2n,
    BigInt(bytes.length) + BigInt(pick(random, [-1, 0, 1])),
    BigInt(Math.floor(random() * 2 ** 32)),
  ]);
  return replaced(bytes, at, size, encoded(after, size, littleEndian));
};

const flipByte: Mutation = (bytes, _, random) =>
  bytes.length === 0 ? bytes : replaced(bytes, whole(random, bytes.length), 1, Buffer.of(whole(random, 256)));

const insertPart: Mutation = (bytes, structure, random, insert) =>
  replaced(bytes, structure.anyBorder(random, bytes.length), 0, insert(random));

const repeatPart: Mutation = (bytes, structure, random) => {
  const [a, b] = [structure.anyBorder(random, bytes.length), structure.anyBorder(random, bytes.length)];
  const part = bytes.subarray(Math.min(a, b), Math.min(Math.max(a, b), Math.min(a, b) + 4096));
  return replaced(bytes, structure.anyBorder(random, bytes.length), 0, part);
};

const removePart: Mutation = (bytes, structure, random) => {
  const [a, b] = [structure.anyBorder(random, bytes.length), structure.anyBorder(random, bytes.length)];
  return replaced(bytes, Math.min(a, b), Math.abs(a - b), Buffer.alloc(0));
};

const cutOff: Mutation = (bytes, structure, random) =>
  bytes.subarray(0, random() < 0.5 ? structure.anyBorder(random, bytes.length) : whole(random, bytes.length + 1));

const append: Mutation = (bytes, _, random) =>
  Buffer.concat([bytes, Buffer.from(Array.from({ length: whole(random, 64 + 1) }, () => whole(random, 256)))]);

/** The likelier ones stand there more often. */
const MUTATIONS = [
  changeNumber,
  changeNumber,
  changeNumber,
  flipByte,
  flipByte,
  insertPart,
  insertPart,
  repeatPart,
].concat([removePart, cutOff, append]);

function replaced(bytes: Buffer, at: number, length: number, by: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(at + length)]);
}

function encoded(value: bigint, size: Place['size'], littleEndian: boolean): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  const low = bytes.subarray(0, size);
  return littleEndian ? low : low.reverse();
}

function decoded(bytes: Uint8Array, littleEndian: boolean): bigint {
  const ordered = littleEndian ? [...bytes].reverse() : [...bytes];
  return ordered.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
