import { UserError } from '../errors';

/** Typed arrays by numpy's name of the element type. */
interface ElementArrays {
  float64: Float64Array;
  float32: Float32Array;
  int64: BigInt64Array;
  int32: Int32Array;
  uint32: Uint32Array;
  uint8: Uint8Array;
  /** One byte each, 0 or 1. */
  bool: Uint8Array;
}
/** An element type, by numpy's name. */
export type NpyDtype = keyof ElementArrays;

/** A numpy array: `data` in C order (last index fastest), its length the product of `shape` (`[]` is a scalar). */
export type NpyArray = {
  [T in NpyDtype]: {
    dtype: T;
    shape: number[];
    data: ElementArrays[T];
    /** The file has float16, which is widened. */
    isHalf?: true;
  };
}[NpyDtype];

/** numpy's `descr` of each type, bytes per element, and the typed array of its bytes. */
const DTYPES: {
  [T in NpyDtype]: { descr: string; bytes: number; view: (bytes: Uint8Array<ArrayBuffer>) => ElementArrays[T] };
} = {
  float64: { descr: '<f8', bytes: 8, view: (b) => new Float64Array(b.buffer) },
  float32: { descr: '<f4', bytes: 4, view: (b) => new Float32Array(b.buffer) },
  int64: { descr: '<i8', bytes: 8, view: (b) => new BigInt64Array(b.buffer) },
  int32: { descr: '<i4', bytes: 4, view: (b) => new Int32Array(b.buffer) },
  uint32: { descr: '<u4', bytes: 4, view: (b) => new Uint32Array(b.buffer) },
  uint8: { descr: '|u1', bytes: 1, view: (b) => b },
  bool: { descr: '|b1', bytes: 1, view: (b) => b },
};

/** How the elements of a file become those of a typed array. */
interface Elements {
  dtype: NpyDtype;
  /** Bytes of one element in the file. */
  bytes: number;
  isBigEndian: boolean;
  /** float16, which is widened to float32. */
  isHalf: boolean;
}

/** @param descr numpy's name, e.g. `<f8` @returns undefined for a type that is not read */
function elementsOf(descr: string): Elements | undefined {
  const isBigEndian = descr.startsWith('>');
  const little = isBigEndian ? `<${descr.slice(1)}` : descr;
  if (little === '<f2') return { dtype: 'float32', bytes: 2, isBigEndian, isHalf: true };
  const dtype = (Object.keys(DTYPES) as NpyDtype[]).find((name) => DTYPES[name].descr === little);
  return dtype && { dtype, bytes: DTYPES[dtype].bytes, isBigEndian, isHalf: false };
}

/** The array of elements in C order. @param bytes memory of their own, which the result may use */
function arrayOf(
  { dtype, bytes: size, isBigEndian, isHalf }: Elements,
  shape: number[],
  bytes: Uint8Array<ArrayBuffer>,
) {
  if (isBigEndian) for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
  const data = isHalf ? halves(new Uint16Array(bytes.buffer)) : DTYPES[dtype].view(bytes);
  return { dtype, shape, data, ...(isHalf && { isHalf }) } as NpyArray;
}

/** float16 (IEEE 754 binary16) as float32, exactly. */
function halves(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, (half) => {
    const [sign, exponent, fraction] = [half >> 15 ? -1 : 1, (half >> 10) & 31, half & 1023];
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
  });
}

/** The array that a pickle of numpy holds. @returns undefined for a type that is not read, or bytes that do not fill it */
export function numpyArray(
  descr: string,
  shape: readonly number[],
  isFortran: boolean,
  bytes: Uint8Array,
): NpyArray | undefined {
  const elements = elementsOf(descr);
  if (!elements || product(shape, elements.bytes) !== bytes.length) return undefined;
  const flat = new Uint8Array(bytes.length);
  if (isFortran && shape.length > 1) reorder(bytes, flat, shape, elements.bytes);
  else flat.set(bytes);
  return arrayOf(elements, [...shape], flat);
}

const MAGIC = '\x93NUMPY';
/** numpy's own limits on what it reads: bytes of the header, dimensions. */
const MAX_HEADER = 10_000;
const MAX_DIMENSIONS = 64;
/** numpy aligns the first element to this many bytes. */
const ALIGNMENT = 64;

/**
 * Reads the bytes of a `.npy` file, versions 1 to 3 (format: numpy.lib.format).
 * @param bytes the whole file, which is copied
 * @param where how errors name it, e.g. `stats.npz: mu.npy`
 * @returns the array in C order, whatever the file's order
 * @throws UserError for anything but a complete array of a known type; big-endian ones are read, float16 becomes float32
 */
export function parseNpy(bytes: Uint8Array, where: string): NpyArray {
  const { elements, fortran, shape, start } = parseHeader(bytes, where);
  const { bytes: size, dtype } = elements;
  const expected = product(shape, size);
  if (expected !== bytes.length - start) {
    const claim = `shape (${shape.join(', ')}) of ${dtype} needs ${expected} bytes, the file has ${bytes.length - start}`;
    throw new UserError(`${where}: damaged or cut off: ${claim}`);
  }
  const flat = new Uint8Array(expected);
  if (fortran && shape.length > 1) reorder(bytes.subarray(start), flat, shape, size);
  else flat.set(bytes.subarray(start));
  return arrayOf(elements, shape, flat);
}

/** Bytes of a `.npy` file that tell how long its header is. */
const PREAMBLE = 12;

/**
 * An array that is read a few rows at a time, a row being what one number of its first dimension counts. Memory does not
 * grow with the array; rows are cheapest in order.
 */
export class NpyRows {
  private constructor(
    private reader: SequentialReader,
    private readonly open: () => SequentialReader,
    private readonly where: string,
    private readonly header: Header,
  ) {}

  /**
   * @param open reads the file from its start
   * @param where how errors name it
   * @throws UserError for anything but an array of a known type, and for one in Fortran order
   */
  static async open(open: () => SequentialReader, where: string): Promise<NpyRows> {
    const reader = open();
    const preamble = await reader.take(PREAMBLE);
    const left = headerBytes(preamble, where) - PREAMBLE;
    if (left > MAX_HEADER) throw new UserError(`${where}: its header claims ${left} bytes`);
    const rest = await reader.take(left);
    const header = parseHeader(Buffer.concat([preamble, rest]), where);
    if (header.shape.length === 0) throw new UserError(`${where} is a single number`);
    if (header.fortran && header.shape.length > 1)
      throw new UserError(`${where} is in Fortran order: save it in C order`);
    return new NpyRows(reader, open, where, header);
  }

  /** All dimensions; the first counts the rows. */
  get shape(): readonly number[] {
    return this.header.shape;
  }

  get dtype(): NpyDtype {
    return this.header.elements.dtype;
  }

  /** Bytes of a row in the file. */
  get rowBytes(): number {
    return product(this.shape.slice(1), this.header.elements.bytes);
  }

  /** Rows [from, from + count). @throws UserError where the file ends before */
  async read(from: number, count: number): Promise<NpyArray> {
    const { elements, shape, start } = this.header;
    const [offset, length] = [start + from * this.rowBytes, count * this.rowBytes];
    if (from + count > this.shape[0]!)
      throw new UserError(`${this.where} has ${this.shape[0]} rows, not ${from + count}`);
    if (this.reader.position > offset) this.reader = this.open();
    await this.reader.skip(offset - this.reader.position);
    const bytes = Uint8Array.from(await this.reader.take(length));
    if (from + count === shape[0]) await this.reader.finish();
    return arrayOf(elements, [count, ...shape.slice(1)], bytes);
  }
}

/** Reads bytes from front to back. */
export interface SequentialReader {
  readonly position: number;
  /** @throws UserError where there are fewer */
  take(length: number): Promise<Buffer>;
  skip(length: number): Promise<void>;
  /** After all bytes were taken. @throws UserError if they are not those that were written */
  finish(): Promise<void>;
}

function product(shape: readonly number[], size: number): number {
  return shape.reduce((all, length) => all * length, size);
}

/**
 * The bytes of a version 1.0 `.npy` file, as `numpy.save` writes them.
 * @throws Error if the data does not fill the shape
 */
export function formatNpy(array: NpyArray): Uint8Array {
  const { shape, data } = array;
  if (shape.reduce((product, length) => product * length, 1) !== data.length) {
    throw new Error(`${data.length} elements do not fill shape (${shape.join(', ')})`);
  }
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dict = `{'descr': '${DTYPES[array.dtype].descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const before = MAGIC.length + 4;
  const start = Math.ceil((before + dict.length + 1) / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(start + data.byteLength);
  bytes.set(Buffer.from(MAGIC + '\x01\x00', 'latin1'));
  new DataView(bytes.buffer).setUint16(before - 2, start - before, true);
  bytes.set(Buffer.from(dict.padEnd(start - before - 1) + '\n', 'latin1'), before);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  return bytes;
}

interface Header {
  elements: Elements;
  fortran: boolean;
  shape: number[];
  /** Where the elements begin. */
  start: number;
}

/** Bytes before the elements. @param bytes at least the first 12 @throws UserError if no array begins so */
function headerBytes(bytes: Uint8Array, where: string): number {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < PREAMBLE || file.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new UserError(`${where}: not a numpy .npy array`);
  }
  const version = file[6]!;
  if (version < 1 || version > 3) throw new UserError(`${where}: .npy version ${version} is unknown (1 to 3 are read)`);
  const [before, length] = version === 1 ? [10, file.readUInt16LE(8)] : [12, file.readUInt32LE(8)];
  return Math.max(before + length, PREAMBLE);
}

function parseHeader(bytes: Uint8Array, where: string): Header {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = headerBytes(bytes, where);
  if (start > file.length) throw new UserError(`${where}: damaged or cut off inside its header`);
  const before = file[6] === 1 ? 10 : 12;
  if (start - before > MAX_HEADER) throw new UserError(`${where}: its header claims ${start - before} bytes`);
  const header = file.toString('latin1', before, start);
  const descr = /'descr': *'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order': *(True|False)/.exec(header)?.[1];
  const shape = /'shape': *\(([\d, ]*)\)/.exec(header)?.[1];
  const lengths = shape?.split(',').filter((part) => part.trim() !== '') ?? [];
  const isShape = shape !== undefined && lengths.every((part) => /^ *\d+ *$/.test(part));
  if (descr === undefined || order === undefined || !isShape) {
    const shown = header
      .trim()
      .slice(0, 100)
      .replace(/\p{Cc}/gu, ' ');
    throw new UserError(`${where}: not a plain numeric array: ${shown}`);
  }
  if (lengths.length > MAX_DIMENSIONS) throw new UserError(`${where}: it claims ${lengths.length} dimensions`);
  const elements = elementsOf(descr);
  if (!elements) {
    const known = [...Object.keys(DTYPES), 'float16'].join(', ');
    throw new UserError(`${where}: cannot read numpy type ${descr}: save it as one of ${known}`);
  }
  return { elements, fortran: order === 'True', shape: lengths.map(Number), start };
}

/** Copies elements of `size` bytes from Fortran order (first index fastest) to C order. */
function reorder(from: Uint8Array, to: Uint8Array, shape: readonly number[], size: number): void {
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, length) => product * length, size));
  const index = new Array<number>(shape.length).fill(0);
  let source = 0;
  for (let target = 0; target < to.length; target += size) {
    for (let byte = 0; byte < size; byte++) to[target + byte] = from[source + byte]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      source += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      source -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}
