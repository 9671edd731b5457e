/** Where the images of a set lie: a folder with its subfolders, a zip, or an array in a `.npz`. */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { messageOf, UserError } from '../errors';
import type { NpyRows } from '../numpy/npy';
import { Npz } from '../numpy/npz';
import { Archive, type ArchiveEntry } from '../numpy/zip-archive';
import { readRegularFile } from '../regular-file';
import type { Image } from './image';
import { MARKERS, junkIn, withoutRest } from './left-out';

/** One image of a set. */
export interface ImageSource {
  /** Path relative to the set, separated by `/`. */
  name: string;
  size: number;
  /** CRC-32 of its bytes. An archive states it; that of a file is known once it has been read. */
  crc32?: number;
  read(): Promise<Buffer>;
  /** Of an array: its bytes are pixels. Otherwise they are those of an image file. */
  pixels?: Omit<Image, 'pixels'>;
}

/** The images of a set before any is chosen. */
export interface ImageSources {
  images: ImageSource[];
  /** What was left out, in sentences. */
  notes: string[];
  close(): void;
}

/** Extensions of the files that fid.py takes for images: those that its reader (Pillow 9.4) registers. */
const EXTENSIONS = new Set(
  (
    '.apng .blp .bmp .bufr .bw .cur .dcx .dds .dib .emf .eps .fit .fits .flc .fli .ftc .ftu .gbr .gif .grib .h5 .hdf ' +
    '.icb .icns .ico .iim .im .j2c .j2k .jfif .jp2 .jpc .jpe .jpeg .jpf .jpg .jpx .mpeg .mpg .mpo .msp .palm .pbm ' +
    '.pcd .pcx .pdf .pgm .png .pnm .ppm .ps .psd .pxr .ras .rgb .rgba .sgi .tga .tif .tiff .vda .vst .webp .wmf ' +
    '.xbm .xpm'
  ).split(' '),
);

/** Largest image file that is read, in bytes. */
export const MAX_FILE = 2 ** 28;

/** Files whose size is read at once; for fifty thousand this would take 0.1 GB. */
const STATS_AT_ONCE = 256;

/** @throws UserError for a path that is missing or no set of images */
export async function sourcesOf(path: string): Promise<ImageSources> {
  const kind = await stat(path).catch((error: unknown) => {
    throw new UserError(`Cannot read images from ${path}: ${messageOf(error)}`);
  });
  if (kind.isDirectory()) {
    const junk: string[] = [];
    return chosenFrom(await walk(path, '', junk), junk, path, () => undefined);
  }
  const extension = extname(path).toLowerCase();
  if (extension === '.npz') return arraySources(path);
  if (extension !== '.zip') throw new UserError(`${path} is neither a folder of images nor a .zip or .npz`);
  const archive = await Archive.open(path);
  try {
    const junk = archive.entries.map(({ name }) => name).filter((name) => junkIn(name));
    const wanted = archive.entries.filter(({ name }) => !junkIn(name) && (isImage(name) || isMarker(name)));
    return await chosenFrom(wanted.map(sourceIn), junk, path, () => archive.close());
  } catch (error) {
    archive.close();
    throw error;
  }
}

/** @param files images and markers of runs @param junk paths of other programs' files */
async function chosenFrom(
  files: readonly ImageSource[],
  junk: readonly string[],
  path: string,
  close: () => void,
): Promise<ImageSources> {
  const { kept, notes } = await withoutRest(files, junk, path);
  return { images: kept.filter(({ name }) => isImage(name)), notes, close };
}

/** An image in an archive. */
function sourceIn(entry: ArchiveEntry): ImageSource {
  const { name, size, crc32 } = entry;
  return { name, size, crc32, read: () => entry.read() };
}

/** All images in a folder and its subfolders, as os.walk finds them: links to files are followed, to folders not. */
async function walk(root: string, folder: string, junk: string[]): Promise<ImageSource[]> {
  const items = await readdir(join(root, folder), { withFileTypes: true });
  const found: ImageSource[] = [];
  for (let start = 0; start < items.length; start += STATS_AT_ONCE) {
    const part = await Promise.all(
      items.slice(start, start + STATS_AT_ONCE).map((item) => sourcesAt(root, folder, item, junk)),
    );
    for (const sources of part) for (const source of sources) found.push(source);
  }
  return found;
}

/** The images and markers of one entry of a folder. */
async function sourcesAt(root: string, folder: string, item: Dirent, junk: string[]): Promise<ImageSource[]> {
  const name = folder ? `${folder}/${item.name}` : item.name;
  if (junkIn(name)) {
    junk.push(name);
    return [];
  }
  if (item.isDirectory()) return walk(root, name, junk);
  if (!isImage(name) && !isMarker(name)) return [];
  const path = join(root, name);
  const file = await stat(path).catch((error: unknown) => {
    if (isMarker(name)) return undefined;
    throw new UserError(`Cannot read ${path}: ${messageOf(error)}`);
  });
  if (!file?.isFile()) return [];
  return [{ name, size: file.size, read: () => readRegularFile(path, { atMost: MAX_FILE }) }];
}

function isImage(name: string): boolean {
  return EXTENSIONS.has(extname(name).toLowerCase());
}

function isMarker(name: string): boolean {
  return MARKERS.includes(name.slice(name.lastIndexOf('/') + 1));
}

/** The array of images in samples of ADM and others. */
const ARRAY = 'arr_0';

/** The images of `arr_0`, uint8 [N, height, width, 3 or 1] or [N, height, width], each read when it is needed. */
async function arraySources(path: string): Promise<ImageSources> {
  const npz = await Npz.open(path);
  try {
    const rows = await npz.rows(ARRAY);
    const names = npz.names.slice(0, 20).join(', ') || 'no arrays';
    if (!rows) throw new UserError(`${path} has no images: expected an array ${ARRAY}, it has ${names}`);
    const [n = 0, height = 0, width = 0, channels = 1] = rows.shape;
    const isImages = rows.dtype === 'uint8' && (rows.shape.length === 3 || (rows.shape.length === 4 && (channels === 1 || channels === 3))); // prettier-ignore
    if (!isImages) {
      const found = `${rows.dtype} (${rows.shape.join(', ')})`;
      throw new UserError(`${path}: ${ARRAY} is ${found}: images are uint8 (N, height, width, 3 or 1), 0 to 255`);
    }
    const digits = String(n).length;
    const next = inTurn();
    const images = Array.from({ length: n }, (_, index): ImageSource => ({
      name: `${ARRAY}/${String(index).padStart(digits, '0')}`,
      size: rows.rowBytes,
      read: () => next(() => rowOf(rows, index)),
      pixels: { width, height, channels },
    }));
    return { images, notes: [], close: () => npz.close() };
  } catch (error) {
    npz.close();
    throw error;
  }
}

async function rowOf(rows: NpyRows, index: number): Promise<Buffer> {
  const { data } = await rows.read(index, 1);
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** Calls one after the other: an array has one place that is read. */
function inTurn(): <T>(call: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (call) => {
    const result = last.then(call, call);
    last = result.catch(() => undefined);
    return result;
  };
}
