import { type Zippable, zipSync } from 'fflate';
import { writeAtomically } from '../atomic-file';
import { UserError } from '../errors';
import { readRegularFile } from '../regular-file';
import { Archive, type ArchiveEntry } from './zip-archive';
import { formatNpy, type NpyArray, NpyRows, parseNpy } from './npy';

export type { NpyArray, NpyDtype } from './npy';

/** Most bytes unpacked from one file. The largest expected arrays, 50,000 float32 features of 2048, take 0.4 GB. */
const MAX_BYTES = 2 ** 30;

/** Most arrays in one file. */
const MAX_ARRAYS = 10_000;

/** The earliest time of a zip file, which numpy uses too, so that equal arrays give equal files. */
const ZIP_EPOCH = new Date(1980, 0, 1);

/** A numpy `.npz` file, stored or compressed, of which only the arrays that are asked for are read. */
export class Npz {
  private constructor(
    readonly path: string,
    private readonly archive: Archive,
  ) {}

  /** @throws UserError if it is missing, damaged or no zip file */
  static async open(path: string): Promise<Npz> {
    return new Npz(path, await Archive.open(path, MAX_ARRAYS));
  }

  /** Of the arrays, without `.npy`. */
  get names(): string[] {
    return this.archive.entries.map(nameOf);
  }

  /** @returns undefined if there is none of this name @throws UserError naming the file and the entry at fault */
  async read(name: string, maxBytes = MAX_BYTES): Promise<NpyArray | undefined> {
    const entry = this.entryOf(name);
    if (!entry) return undefined;
    const where = `${this.path}: ${entry.name}`;
    if (entry.size > maxBytes) throw new UserError(`${where} has ${entry.size} bytes; at most ${maxBytes} are read`);
    return parseNpy(await entry.read(), where);
  }

  /** One array in parts, however large. @returns undefined if there is none of this name @throws UserError as `NpyRows` */
  async rows(name: string): Promise<NpyRows | undefined> {
    const entry = this.entryOf(name);
    return entry && NpyRows.open(() => entry.reader(), `${this.path}: ${entry.name}`);
  }

  close(): void {
    this.archive.close();
  }

  private entryOf(name: string): ArchiveEntry | undefined {
    return this.archive.entries.find((entry) => nameOf(entry) === name);
  }
}

const nameOf = ({ name }: ArchiveEntry): string => name.replace(/\.npy$/, '');

/**
 * Reads all arrays of a numpy `.npz` file.
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
      arrays.set(nameOf(entry), parseNpy(await entry.read(), `${path}: ${entry.name}`));
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
