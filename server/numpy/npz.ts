import { type Zippable, zipSync } from 'fflate';
import { writeAtomically } from '../atomic-file';
import { UserError } from '../errors';
import { readRegularFile } from '../regular-file';
import { Archive } from './zip-archive';
import { formatNpy, type NpyArray, parseNpy } from './npy';

export type { NpyArray, NpyDtype } from './npy';

/** Most bytes unpacked from one file. The largest expected arrays, 50,000 float32 features of 2048, take 0.4 GB. */
const MAX_BYTES = 2 ** 30;

/** Most arrays in one file. */
const MAX_ARRAYS = 10_000;

/** The earliest time of a zip file, which numpy uses too, so that equal arrays give equal files. */
const ZIP_EPOCH = new Date(1980, 0, 1);

/**
 * Reads the arrays of a numpy `.npz` file, stored or compressed.
 * @param maxBytes most unpacked bytes
 * @returns arrays by name, without `.npy`
 * @throws UserError naming the file and the entry at fault
 */
export async function readNpz(path: string, maxBytes = MAX_BYTES): Promise<Map<string, NpyArray>> {
  const archive = await Archive.open(path, MAX_ARRAYS);
  try {
    const claimed = archive.entries.reduce((sum, entry) => sum + entry.size, 0);
    if (claimed > maxBytes) {
      throw new UserError(`${path} would unpack to ${claimed} bytes; at most ${maxBytes} are read`);
    }
    const arrays = new Map<string, NpyArray>();
    for (const entry of archive.entries) {
      arrays.set(entry.name.replace(/\.npy$/, ''), parseNpy(await entry.read(), `${path}: ${entry.name}`));
    }
    return arrays;
  } finally {
    archive.close();
  }
}

/**
 * Writes a `.npz` file as `numpy.savez` does (stored, not compressed), atomically; creates its folder if needed.
 * @param arrays by name, without `.npy`
 */
export async function writeNpz(path: string, arrays: ReadonlyMap<string, NpyArray>): Promise<void> {
  const files: Zippable = {};
  for (const [name, array] of arrays) {
    files[`${name}.npy`] = [formatNpy(array), { level: 0, mtime: ZIP_EPOCH }];
  }
  await writeAtomically(path, zipSync(files));
}

/** Reads one numpy `.npy` file. @throws UserError naming the file */
export async function readNpy(path: string, maxBytes = MAX_BYTES): Promise<NpyArray> {
  return parseNpy(await readRegularFile(path, { atMost: maxBytes }), path);
}

/**
 * A float64 array from a map of arrays, of any shape; float32 is widened.
 * @param path how errors name the file
 * @throws UserError if it is missing or of another type
 */
export function float64Of(arrays: ReadonlyMap<string, NpyArray>, name: string, path: string): Float64Array {
  const array = arrays.get(name);
  if (array?.dtype === 'float64') return array.data;
  if (array?.dtype === 'float32') return Float64Array.from(array.data);
  const found = array ? `it is ${array.dtype}` : `it has ${[...arrays.keys()].join(', ') || 'no arrays'}`;
  throw new UserError(`${path} has no floating-point array "${name}": ${found}`);
}
