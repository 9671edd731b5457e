import { createHash } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { CancelledError, messageOf, UserError } from '../errors';
import { subsetIndices } from '../numpy/numpy-random';
import { Archive } from '../numpy/zip-archive';
import { readRegularFile } from '../regular-file';
import type { Image } from './image';
import { decodeImage } from './image-file';

/** Images of one shape, ready for a detector. */
export interface ImageBatch {
  /** uint8 [n, channels, height, width], 0..255. */
  data: Uint8Array;
  n: number;
  channels: number;
  height: number;
  width: number;
}

/** One file of a set, in a folder or an archive. */
interface ImageSource {
  /** Path relative to the set, separated by `/`. */
  name: string;
  size: number;
  /** ms since the epoch */
  modified: number;
  read(): Promise<Buffer>;
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
const MAX_FILE = 2 ** 28;

/**
 * The images that fid.py would measure in a folder (with its subfolders) or a zip: by extension, sorted by code point
 * of their path, of one shape, 8 bits, optionally a random subset. Files are read one batch at a time. A file in one of
 * the other formats that fid.py reads is refused by name: nothing is skipped.
 */
export class ImageSet {
  private constructor(
    /** The folder or zip, as given. */
    readonly path: string,
    private readonly sources: readonly ImageSource[],
    private readonly archive?: Archive,
  ) {}

  /**
   * @param options.num take this many by fid.py's seeded shuffle
   * @param options.seed of that shuffle, default 0
   * @param options.part only this one of equal parts, in order
   * @param options.only only these paths, each of which must exist
   * @throws UserError if there are fewer than `num`, or fewer than 2, or none (exit code 1 and fid.py's words), or if the
   * parts would not be equal
   */
  static async open(
    path: string,
    options: { num?: number; seed?: number; part?: { index: number; of: number }; only?: readonly string[] } = {},
  ): Promise<ImageSet> {
    const { num, seed = 0, part = { index: 0, of: 1 }, only } = options;
    const { sources: found, archive } = await sourcesOf(path);
    const sources = only ? chosenOf(found, only, path) : found;
    try {
      const all = sortByCodePoint(sources);
      if (all.length % part.of > 0) {
        throw new UserError(`${path} has ${all.length} images, which cannot be divided into ${part.of} equal parts`);
      }
      const size = all.length / part.of;
      const images = all.slice(part.index * size, (part.index + 1) * size);
      const n = images.length;
      const place = part.of === 1 ? path : `${path}, part ${part.index + 1} of ${part.of}`;
      if (n === 0) throw new UserError(`No image files found in ${path}`, 1);
      if (num !== undefined && n < num)
        throw new UserError(`Found ${n} images, but expected at least ${num}: ${place}`, 1);
      if (n < 2) throw new UserError(`Found ${n} images, but need at least 2 to compute statistics: ${place}`, 1);
      const chosen = subsetIndices(n, num ?? n, seed).map((index) => images[index]!);
      return new ImageSet(path, chosen, archive);
    } catch (error) {
      archive?.close();
      throw error;
    }
  }

  /** How many images will be read. */
  get num(): number {
    return this.sources.length;
  }

  /** Their paths relative to the set, in order. */
  get names(): string[] {
    return this.sources.map(({ name }) => name);
  }

  /** sha256 of names, sizes and times: another one whenever an image is added, removed, rewritten, or others are chosen. */
  get digest(): string {
    const hash = createHash('sha256');
    for (const { name, size, modified } of this.sources) hash.update(`${name}\0${size}\0${modified}\n`);
    return `sha256:${hash.digest('hex')}`;
  }

  /**
   * The images in order, `size` at a time.
   * @param channels 3: grayscale is repeated, as fid.py does for its detector; 1: colour is refused
   * @throws UserError naming the first image that cannot be used; CancelledError
   */
  async *batches(size: number, channels: 1 | 3, signal?: AbortSignal): AsyncGenerator<ImageBatch> {
    let first: Image | undefined;
    for (let start = 0; start < this.num; start += size) {
      const group = this.sources.slice(start, start + size);
      let batch: ImageBatch | undefined;
      for (const [index, source] of group.entries()) {
        if (signal?.aborted) throw new CancelledError();
        const name = join(this.path, source.name);
        if (source.size > MAX_FILE)
          throw new UserError(`${name} has ${source.size} bytes; at most ${MAX_FILE} are read`);
        const image = decodeImage(await source.read(), name);
        first ??= image;
        if (shapeOf(image) !== shapeOf(first)) {
          const expected = `the first, ${this.sources[0]?.name}, is ${shapeOf(first)}`;
          throw new UserError(`${name} is ${shapeOf(image)} where ${expected}: all images must have one shape`);
        }
        if (image.channels > channels) {
          throw new UserError(`${name} is in colour, but the detector takes grayscale images: choose another detector`);
        }
        const { width, height } = image;
        const data = batch?.data ?? new Uint8Array(group.length * channels * height * width);
        batch ??= { data, n: group.length, channels, height, width };
        fillPlanes(image, batch, index);
      }
      if (batch) yield batch;
    }
  }

  close(): void {
    this.archive?.close();
  }
}

/** The images of the given names. */
function chosenOf(found: readonly ImageSource[], names: readonly string[], path: string): ImageSource[] {
  const byName = new Map(found.map((source) => [source.name, source]));
  return names.map((name) => {
    const source = byName.get(name);
    if (!source) throw new UserError(`${join(path, name)} is missing: generate it first`, 1);
    return source;
  });
}

async function sourcesOf(path: string): Promise<{ sources: ImageSource[]; archive?: Archive }> {
  const kind = await stat(path).catch((error: unknown) => {
    throw new UserError(`Cannot read images from ${path}: ${messageOf(error)}`);
  });
  if (kind.isDirectory()) return { sources: await walk(path, '') };
  if (extname(path).toLowerCase() !== '.zip') throw new UserError(`${path} is neither a folder of images nor a .zip`);
  const archive = await Archive.open(path);
  return { sources: archive.entries.filter(({ name }) => isImage(name)), archive };
}

/** Files whose size and time are read at once; for fifty thousand this would take 0.1 GB. */
const STATS_AT_ONCE = 256;

/** All images in a folder and its subfolders, as os.walk finds them: links to files are followed, to folders not. */
async function walk(root: string, folder: string): Promise<ImageSource[]> {
  const items = await readdir(join(root, folder), { withFileTypes: true });
  const found: ImageSource[] = [];
  for (let start = 0; start < items.length; start += STATS_AT_ONCE) {
    const part = await Promise.all(
      items.slice(start, start + STATS_AT_ONCE).map((item) => sourcesAt(root, folder, item)),
    );
    for (const sources of part) for (const source of sources) found.push(source);
  }
  return found;
}

/** The images of one entry of a folder. */
async function sourcesAt(root: string, folder: string, item: Dirent): Promise<ImageSource[]> {
  const name = folder ? `${folder}/${item.name}` : item.name;
  if (item.isDirectory()) return walk(root, name);
  if (!isImage(name)) return [];
  const path = join(root, name);
  const file = await stat(path).catch((error: unknown) => {
    throw new UserError(`Cannot read ${path}: ${messageOf(error)}`);
  });
  if (!file.isFile()) return [];
  return [{ name, size: file.size, modified: file.mtimeMs, read: () => readRegularFile(path, { atMost: MAX_FILE }) }];
}

function isImage(name: string): boolean {
  return EXTENSIONS.has(extname(name).toLowerCase());
}

/** By UTF-8 bytes, which is code point order as in Python; JavaScript's own order puts U+10000 before U+E000. */
function sortByCodePoint(sources: readonly ImageSource[]): ImageSource[] {
  const keyed = sources.map((source) => ({ source, key: Buffer.from(source.name) }));
  return keyed.sort((a, b) => Buffer.compare(a.key, b.key)).map(({ source }) => source);
}

function shapeOf({ width, height, channels }: Image): string {
  return `${width} x ${height} ${channels === 1 ? 'grayscale' : 'RGB'}`;
}

/** HWC to CHW, into image `index` of the batch; a grayscale image fills all of the batch's channels. */
function fillPlanes(image: Image, batch: ImageBatch, index: number): void {
  const plane = image.width * image.height;
  for (let channel = 0; channel < batch.channels; channel++) {
    const start = (index * batch.channels + channel) * plane;
    const from = channel % image.channels;
    for (let k = 0; k < plane; k++) batch.data[start + k] = image.pixels[k * image.channels + from]!;
  }
}
