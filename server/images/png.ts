/**
 * The only reader and writer of PNG files (W3C recommendation, third edition), for 8-bit grayscale and RGB images. The
 * same image gives the same bytes with the same build of Node (zlib's compressed bytes may differ between processor
 * families; pixels never do).
 */
import { pipeline } from 'node:stream/promises';
import { crc32, createDeflate, deflateSync, inflateSync } from 'node:zlib';
import { PNG } from 'pngjs';
import { messageOf, UserError } from '../errors';
import { type Image, sizeProblem } from './image';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** PNG's colour types. Those without `channels` are refused: to fid.py they mean something else than plain channels. */
const COLORS: Readonly<Record<number, { channels?: 1 | 3; name: string }>> = {
  0: { channels: 1, name: 'grayscale' },
  2: { channels: 3, name: 'RGB' },
  3: { name: 'palette' },
  4: { name: 'grayscale with alpha' },
  6: { name: 'RGB with alpha (RGBA)' },
};
const DEFLATE = { level: 6 };
/** A byte of deflated data gives at most 1032 bytes (RFC 1951: 258 bytes by a length and a distance of one bit each). */
const MOST_PER_BYTE = 1032;

/** tEXt chunks by keyword (1-79 Latin-1 characters), e.g. `{ seed: '7' }`; written in the order given. */
export type PngText = Readonly<Record<string, string>>;

/**
 * Encodes an image.
 * @throws RangeError unless it has 1 or 3 channels and as many bytes as its size says
 */
export function encodePng(image: Image, text: PngText = {}): Buffer {
  const { width, height, channels, pixels } = image;
  if (pixels.length !== width * height * channels)
    throw new RangeError(`${pixels.length} bytes for ${width}x${height}`);
  const stride = width * channels;
  const rows = Array.from({ length: height }, (_, y) => pixels.subarray(y * stride, (y + 1) * stride));
  const filtered = rows.map((row, y) => filterRow(row, y > 0 ? rows[y - 1] : undefined, channels));
  return Buffer.concat([head(image, text), chunk('IDAT', deflateSync(Buffer.concat(filtered), DEFLATE)), tail()]);
}

/**
 * Encodes an image row by row, for images that are too large for memory.
 * @param rows `height` arrays of width * channels bytes
 * @returns the file's bytes in pieces
 */
export async function* encodePngRows(
  size: Omit<Image, 'pixels'>,
  rows: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  yield head(size, {});
  const deflate = createDeflate(DEFLATE);
  // An error in the rows destroys the stream, and the loop below throws it.
  pipeline(filterRows(rows, size.channels), deflate).catch(() => undefined);
  for await (const bytes of deflate) yield chunk('IDAT', bytes as Buffer);
  yield tail();
}

async function* filterRows(rows: AsyncIterable<Uint8Array>, channels: number): AsyncGenerator<Uint8Array> {
  let above: Uint8Array | undefined;
  for await (const row of rows) {
    yield filterRow(row, above, channels);
    above = row;
  }
}

/** What a PNG file says before its pixels. */
export interface PngHeader {
  width: number;
  height: number;
  /** Bits per sample. */
  depth: number;
  /** PNG's colour type, see `COLORS`. */
  colorType: number;
  interlaced: boolean;
  text: Record<string, string>;
}

/** Where IHDR, the first chunk of every PNG, has its fields, and where it ends. */
const IHDR = { width: 16, height: 20, depth: 24, colorType: 25, interlace: 28, end: 33 };

export function isPng(bytes: Buffer): boolean {
  return bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE);
}

/**
 * Reads the chunks before the pixels; no checksum is verified.
 * @param start the start of the file, or all of it; chunks that it does not hold are left out
 * @returns undefined if it is not a PNG, or ends inside IHDR
 */
export function readPngHeader(start: Buffer): PngHeader | undefined {
  if (!isPng(start) || start.length < IHDR.end) return undefined;
  const text: Record<string, string> = {};
  for (let at = IHDR.end; at + 8 <= start.length;) {
    const end = at + 8 + start.readUInt32BE(at);
    const type = start.toString('latin1', at + 4, at + 8);
    if (type === 'IDAT') break;
    if (type === 'tEXt') {
      const [keyword = '', ...value] = start.toString('latin1', at + 8, end).split('\0');
      text[keyword] = value.join('\0');
    }
    at = end + 4;
  }
  return {
    width: start.readUInt32BE(IHDR.width),
    height: start.readUInt32BE(IHDR.height),
    depth: start.readUInt8(IHDR.depth),
    colorType: start.readUInt8(IHDR.colorType),
    interlaced: start.readUInt8(IHDR.interlace) !== 0,
    text,
  };
}

/**
 * Decodes an 8-bit grayscale or RGB file.
 * @param where how errors name the file
 * @throws UserError for damaged, truncated, oversized and other files, saying what to do
 */
export function decodePng(bytes: Buffer, where: string): Image {
  const fail = (problem: string): never => {
    throw new UserError(`${where}: ${problem}`);
  };
  const header = readPngHeader(bytes) ?? fail(isPng(bytes) ? 'the PNG is cut off' : 'the file is not a PNG');
  const { depth } = header;
  const { channels, name } = COLORS[header.colorType] ?? { name: 'of an unknown colour type' };
  if (!channels || depth !== 8) {
    const advice = depth > 8 ? '' : ', or convert it with --convert';
    return fail(`the PNG is ${depth}-bit ${name}: save it as 8-bit RGB or 8-bit grayscale${advice}`);
  }
  return unpackPng(bytes, header, channels, where);
}

/**
 * The first channels of a file of any colour type, in 8 bits: palettes as colours, gray of fewer bits widened.
 * @throws UserError for a damaged, truncated or oversized file
 */
export function unpackPng(bytes: Buffer, header: PngHeader, channels: 1 | 3, where: string): Image {
  const fail = (problem: string): never => {
    throw new UserError(`${where}: ${problem}`);
  };
  const { width, height } = header;
  const problem = pngProblem(header, bytes.length);
  if (problem) fail(problem);
  let rgba: Buffer;
  try {
    // pngjs inflates interlaced images without a limit.
    if (header.interlaced)
      checkInterlaced(bytes, interlacedBytes(width, height, SAMPLES[header.colorType] ?? channels));
    rgba = PNG.sync.read(bytes).data;
  } catch (error) {
    return fail(`the PNG is damaged or cut off (${messageOf(error)}): make it again or remove it`);
  }
  const pixels = new Uint8Array(width * height * channels);
  for (let from = 0, to = 0; to < pixels.length; from += 4) {
    for (let channel = 0; channel < channels; channel++) pixels[to++] = rgba[from + channel]!;
  }
  return { width, height, channels, pixels };
}

/**
 * What is wrong with the size that a PNG claims; undefined if nothing is.
 * @param fileBytes bytes of the whole file, which limit what can be in it
 */
export function pngProblem({ width, height, depth, colorType }: PngHeader, fileBytes: number): string | undefined {
  const problem = sizeProblem(width, height);
  if (problem) return problem;
  const rowBits = width * depth * (SAMPLES[colorType] ?? 1);
  const needed = height * (1 + Math.ceil(rowBits / 8));
  if (needed <= fileBytes * MOST_PER_BYTE) return undefined;
  return `the image claims ${width} x ${height} pixels, which cannot be in a file of ${fileBytes} bytes: make it again or remove it`;
}

/** Samples of a pixel by PNG's colour type. */
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** The seven passes of an interlaced image: start and step of columns and rows (recommendation, section 8.1). */
const PASSES = [
  [0, 8, 0, 8],
  [4, 8, 0, 8],
  [0, 4, 4, 8],
  [2, 4, 0, 4],
  [0, 2, 2, 4],
  [1, 2, 0, 2],
  [0, 1, 1, 2],
] as const;

/** Bytes of an interlaced 8-bit image before they are deflated: each row of each pass begins with its filter. */
function interlacedBytes(width: number, height: number, channels: number): number {
  return PASSES.reduce((sum, [left, across, top, down]) => {
    const columns = Math.max(Math.ceil((width - left) / across), 0);
    const rows = Math.max(Math.ceil((height - top) / down), 0);
    return sum + (columns === 0 ? 0 : rows * (1 + columns * channels));
  }, 0);
}

/** @throws Error if the image data are longer than `atMost` bytes once they are inflated */
function checkInterlaced(bytes: Buffer, atMost: number): void {
  const parts: Buffer[] = [];
  for (let at = SIGNATURE.length; at + 8 <= bytes.length;) {
    const end = at + 8 + bytes.readUInt32BE(at);
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(bytes.subarray(at + 8, end));
    at = end + 4;
  }
  inflateSync(Buffer.concat(parts), { maxOutputLength: atMost });
}

function head({ width, height, channels }: Omit<Image, 'pixels'>, text: PngText): Buffer {
  const colorType = Object.keys(COLORS).find((type) => COLORS[Number(type)]?.channels === channels);
  if (colorType === undefined) throw new RangeError(`a PNG of ${channels} channels`);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, Number(colorType)], 8);
  const texts = Object.entries(text).map(([keyword, value]) =>
    chunk('tEXt', Buffer.from(`${keyword}\0${value}`, 'latin1')),
  );
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), ...texts]);
}

function tail(): Buffer {
  return chunk('IEND', Buffer.alloc(0));
}

function chunk(type: string, data: Buffer): Buffer {
  const bytes = Buffer.alloc(data.length + 12);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, 'latin1');
  data.copy(bytes, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, data.length + 8)), data.length + 8);
  return bytes;
}

/** PNG's predictors, by filter type, from the bytes to the left, above, and above left. */
const PREDICTORS: readonly ((left: number, up: number, upLeft: number) => number)[] = [
  () => 0,
  (left) => left,
  (_left, up) => up,
  (left, up) => (left + up) >> 1,
  paeth,
];

function paeth(left: number, up: number, upLeft: number): number {
  const toLeft = Math.abs(up - upLeft);
  const toUp = Math.abs(left - upLeft);
  const toUpLeft = Math.abs(left + up - 2 * upLeft);
  if (toLeft <= toUp && toLeft <= toUpLeft) return left;
  return toUp <= toUpLeft ? up : upLeft;
}

/** The filter type and the residues of one row: of the five predictors the one with the smallest sum of |residue|. */
function filterRow(row: Uint8Array, above: Uint8Array | undefined, channels: number): Uint8Array {
  let best: Uint8Array | undefined;
  let smallest = Infinity;
  for (const [type, predict] of PREDICTORS.entries()) {
    const filtered = new Uint8Array(row.length + 1);
    filtered[0] = type;
    let sum = 0;
    for (let k = 0; k < row.length; k++) {
      const left = k >= channels ? row[k - channels]! : 0;
      const upLeft = above && k >= channels ? above[k - channels]! : 0;
      const residue = (row[k]! - predict(left, above ? above[k]! : 0, upLeft)) & 0xff;
      filtered[k + 1] = residue;
      sum += Math.min(residue, 256 - residue);
    }
    if (sum < smallest) {
      smallest = sum;
      best = filtered;
    }
  }
  return best ?? new Uint8Array(row.length + 1);
}
