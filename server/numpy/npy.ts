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
export type NpyArray = { [T in NpyDtype]: { dtype: T; shape: number[]; data: ElementArrays[T] } }[NpyDtype];

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
 * @throws UserError for anything but a complete little-endian array of a known type
 */
export function parseNpy(bytes: Uint8Array, where: string): NpyArray {
  const { descr, fortran, shape, start } = parseHeader(bytes, where);
  const dtype = (Object.keys(DTYPES) as NpyDtype[]).find((name) => DTYPES[name].descr === descr);
  if (!dtype) {
    const known = Object.keys(DTYPES).join(', ');
    throw new UserError(`${where}: cannot read numpy type ${descr}: save it as one of ${known}, little endian`);
  }
  const size = DTYPES[dtype].bytes;
  const expected = shape.reduce((product, length) => product * length, size);
  if (expected !== bytes.length - start) {
    const claim = `shape (${shape.join(', ')}) of ${dtype} needs ${expected} bytes, the file has ${bytes.length - start}`;
    throw new UserError(`${where}: damaged or cut off: ${claim}`);
  }
  const flat = new Uint8Array(expected);
  if (fortran && shape.length > 1) reorder(bytes.subarray(start), flat, shape, size);
  else flat.set(bytes.subarray(start));
  return { dtype, shape, data: DTYPES[dtype].view(flat) } as NpyArray;
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

function parseHeader(bytes: Uint8Array, where: string) {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 12 || file.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new UserError(`${where}: not a numpy .npy array`);
  }
  const version = file[6]!;
  if (version < 1 || version > 3) throw new UserError(`${where}: .npy version ${version} is unknown (1 to 3 are read)`);
  const before = version === 1 ? 10 : 12;
  const start = before + (version === 1 ? file.readUInt16LE(8) : file.readUInt32LE(8));
  if (start > file.length) throw new UserError(`${where}: damaged or cut off inside its header`);
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
  return { descr, fortran: order === 'True', shape: lengths.map(Number), start };
}

/** Copies elements of `size` bytes from Fortran order (first index fastest) to C order. */
function reorder(from: Uint8Array, to: Uint8Array, shape: number[], size: number): void {
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
