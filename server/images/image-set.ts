import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { CancelledError, UserError } from '../errors';
import { subsetIndices } from '../numpy/numpy-random';
import type { Image } from './image';
import { convertImage } from './conversion';
import { decodeImage } from './image-file';
import { type ImageSource, type ImageSources, MAX_FILE, sourcesOf } from './image-source';

/** Images of one shape, ready for a detector. */
export interface ImageBatch {
  /** uint8 [n, channels, height, width], 0..255. */
  data: Uint8Array;
  n: number;
  channels: number;
  height: number;
  width: number;
  /** Of the content of each image, DIGEST_BYTES in hex; equal only for equal images. */
  digests: string[];
}

/** Bytes of the digest of one image: the start of its sha256. */
export const DIGEST_BYTES = 16;

/** Most bytes of a batch: the detector's first layers take several times as many. */
const MAX_BATCH_BYTES = 2 ** 23;

/**
 * How a digest of images' bytes begins; earlier versions digested names and times. Another number where the same bytes give
 * other pixels: 2 is libjpeg-turbo's.
 */
export const CONTENT_DIGEST = 'content-2:';

/**
 * The images that fid.py would measure in a folder (with its subfolders) or a zip: by extension, sorted by code point
 * of their path, of one shape, 8 bits, optionally a random subset. Files are read one batch at a time. A file in one of
 * the other formats that fid.py reads is refused by name: nothing is skipped but what `left-out.ts` says. The images of a `.npz`
 * are those of its `arr_0`.
 */
export class ImageSet {
  private constructor(
    /** The folder or zip, as given. */
    readonly path: string,
    private readonly sources: readonly ImageSource[],
    /** Whether images of other kinds are converted. */
    readonly converts: boolean,
    private readonly found: ImageSources,
  ) {}

  /** Images that are no plain 8-bit grayscale or RGB and were converted, by kind; filled while they are read. */
  readonly converted = new Map<string, number>();

  /**
   * @param options.convert convert images of other kinds as Pillow does, instead of refusing them
   * @param options.num take this many by fid.py's seeded shuffle
   * @param options.seed of that shuffle, default 0
   * @param options.part only this one of equal parts, in order
   * @param options.only only these paths, each of which must exist
   * @throws UserError if there are fewer than `num`, or fewer than 2, or none (exit code 1 and fid.py's words), or if the
   * parts would not be equal
   */
  static async open(
    path: string,
    options: {
      num?: number;
      seed?: number;
      part?: { index: number; of: number };
      only?: readonly string[];
      convert?: boolean;
    } = {},
  ): Promise<ImageSet> {
    const { num, seed = 0, part = { index: 0, of: 1 }, only, convert = false } = options;
    const found = await sourcesOf(path);
    try {
      const sources = only ? chosenOf(found.images, only, path) : found.images;
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
      const empty = chosen.find(({ size }) => size === 0);
      if (empty) throw new UserError(`${join(path, empty.name)} is empty (0 bytes): make it again or remove it`);
      return new ImageSet(path, chosen, convert, found);
    } catch (error) {
      found.close();
      throw error;
    }
  }

  /** How many images will be read. */
  get num(): number {
    return this.sources.length;
  }

  /** What was left out, in sentences. */
  get notes(): readonly string[] {
    return this.found.notes;
  }

  /** Their paths relative to the set, in order. */
  get names(): string[] {
    return this.sources.map(({ name }) => name);
  }

  /**
   * Digest of the bytes of all images in order, whatever they are called and whether they lie in a folder or a zip: their
   * sizes and CRC-32. Files that were not read yet are read; of those that were, it is what was read.
   * @throws UserError for a file that cannot be read; CancelledError
   */
  async digest(signal?: AbortSignal): Promise<string> {
    const unread = this.sources.filter((source) => source.crc32 === undefined);
    for (let start = 0; start < unread.length; start += READS_AT_ONCE) {
      if (signal?.aborted) throw new CancelledError();
      await Promise.all(unread.slice(start, start + READS_AT_ONCE).map((source) => this.read(source)));
    }
    const hash = createHash('sha256');
    for (const { size, crc32 = 0, pixels } of this.sources) {
      const shape = pixels ? ` ${pixels.width} ${pixels.height} ${pixels.channels}` : '';
      hash.update(`${size} ${crc32}${shape}\n`);
    }
    return CONTENT_DIGEST + hash.digest('hex');
  }

  /** The bytes of one image. @throws UserError for one that is too large or cannot be read */
  private async read(source: ImageSource): Promise<Buffer> {
    if (source.size > MAX_FILE) {
      throw new UserError(`${join(this.path, source.name)} has ${source.size} bytes; at most ${MAX_FILE} are read`);
    }
    const bytes = await source.read();
    source.size = bytes.length;
    source.crc32 = crc32(bytes);
    return bytes;
  }

  /**
   * The images in order, `size` at a time.
   * @param channels 3: grayscale is repeated, as fid.py does for its detector; 1: colour is refused
   * @throws UserError naming the first image that cannot be used; CancelledError
   */
  async *batches(size: number, channels: 1 | 3, signal?: AbortSignal): AsyncGenerator<ImageBatch> {
    const first = await this.load(0);
    const bytesEach = channels * first.image.width * first.image.height;
    const most = Math.max(Math.min(size, Math.floor(MAX_BATCH_BYTES / bytesEach)), 1);
    for (let start = 0; start < this.num; start += most) {
      const n = Math.min(most, this.num - start);
      let batch: ImageBatch | undefined;
      for (let index = 0; index < n; index++) {
        if (signal?.aborted) throw new CancelledError();
        const { image, name, digest } = start + index === 0 ? first : await this.load(start + index);
        if (!this.isAlike(image, first.image)) {
          const expected = `the first, ${this.sources[0]?.name}, is ${shapeOf(first.image)}`;
          throw new UserError(`${name} is ${shapeOf(image)} where ${expected}: all images must have one shape`);
        }
        if (image.channels > channels) {
          throw new UserError(`${name} is in colour, but the detector takes grayscale images: choose another detector`);
        }
        const { width, height } = image;
        batch ??= { data: new Uint8Array(n * bytesEach), n, channels, height, width, digests: [] };
        batch.digests.push(digest);
        fillPlanes(image, batch, index);
      }
      if (batch) yield batch;
    }
  }

  /** One image, decoded, with its path and the digest of its content. */
  private async load(index: number): Promise<{ image: Image; name: string; digest: string }> {
    const source = this.sources[index]!;
    const name = join(this.path, source.name);
    const bytes = await this.read(source);
    const shape = source.pixels ? JSON.stringify(source.pixels) : '';
    const digest = createHash('sha256')
      .update(shape)
      .update(bytes)
      .digest('hex')
      .slice(0, 2 * DIGEST_BYTES);
    return { image: this.decode(source, bytes, name), name, digest };
  }

  private decode({ pixels: shape }: ImageSource, bytes: Buffer, name: string): Image {
    if (shape) return { ...shape, pixels: bytes };
    if (!this.converts) return decodeImage(bytes, name);
    const { image, from } = convertImage(bytes, name);
    if (from !== undefined) this.converted.set(from, (this.converted.get(from) ?? 0) + 1);
    return image;
  }

  /** Whether two images can be in one set: of one size, and of one kind unless images are converted. */
  private isAlike(one: Image, other: Image): boolean {
    if (this.converts) return one.width === other.width && one.height === other.height;
    return shapeOf(one) === shapeOf(other);
  }

  close(): void {
    this.found.close();
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

/** Files that are read at once to be compared. */
const READS_AT_ONCE = 16;
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
