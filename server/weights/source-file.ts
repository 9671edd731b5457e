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

/** A part of a file, read as if it were one: an archive inside a pickle. */
export class RangeSource implements ByteSource {
  readonly size: number;

  constructor(
    private readonly owner: ByteSource,
    private readonly range: { readonly offset: number; readonly length: number },
  ) {
    this.size = range.length;
  }

  get path(): string {
    return this.owner.path;
  }

  get budget(): Budget {
    return this.owner.budget;
  }

  read(offset: number, length: number): Uint8Array {
    if (!isWithin(offset, length, this.size)) this.fail('an archive in it ends too early');
    return this.owner.read(this.range.offset + offset, length);
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

/** Types of numbers that weights are stored as, all little-endian. */
export type FloatType = 'float16' | 'bfloat16' | 'float32' | 'float64';

/** Bytes of one number, and how a block of them becomes float32: exactly, but float64, which is rounded to the nearest. */
const FLOATS: Readonly<Record<FloatType, { size: number; decode: (bytes: Uint8Array) => Float32Array }>> = {
  float16: { size: 2, decode: (bytes) => fromHalf(viewOf(Uint16Array, bytes)) },
  bfloat16: { size: 2, decode: (bytes) => fromBfloat(viewOf(Uint16Array, bytes)) },
  float32: { size: 4, decode: (bytes) => viewOf(Float32Array, bytes) },
  float64: { size: 8, decode: (bytes) => Float32Array.from(viewOf(Float64Array, bytes)) },
};

/** Bytes of one number of a type. */
export function floatSize(type: FloatType): number {
  return FLOATS[type].size;
}

/** Numbers of any type as float32. @param offset in bytes @param count of numbers */
export function readFloats(
  source: ByteSource,
  offset: number,
  count: number,
  type: FloatType = 'float32',
): Float32Array {
  const { size, decode } = FLOATS[type];
  return decode(source.read(offset, count * size));
}

interface TypedArrayMaker<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, offset: number, length: number): T;
}

/** Bytes as numbers; they are copied where they do not begin where such numbers can. */
function viewOf<T>(type: TypedArrayMaker<T>, bytes: Uint8Array): T {
  const size = type.BYTES_PER_ELEMENT;
  const aligned = bytes.byteOffset % size === 0 ? bytes : Uint8Array.from(bytes);
  return new type(aligned.buffer, aligned.byteOffset, aligned.length / size);
}

function fromBfloat(values: Uint16Array): Float32Array {
  const bits = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) bits[i] = values[i]! << 16;
  return new Float32Array(bits.buffer);
}

let halves: Float32Array | undefined;

function fromHalf(values: Uint16Array): Float32Array {
  const table = (halves ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => halfValue(bits)));
  const floats = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) floats[i] = table[values[i]!]!;
  return floats;
}

/** IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}
