/**
 * PNG (W3C recommendation, third edition) of 8-bit grayscale and RGB images. The same image gives the same bytes with
 * the same build of Node (zlib's compressed bytes may differ between processor families; pixels never do).
 */
import { pipeline } from 'node:stream/promises';
import { crc32, createDeflate, deflateSync } from 'node:zlib';
import { PNG } from 'pngjs';
import { messageOf, UserError } from '../errors';
import type { Image } from './image';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** PNG's colour type by number of channels. */
const COLOR_TYPES: Readonly<Record<number, number | undefined>> = { 1: 0, 3: 2 };
const DEFLATE = { level: 6 };

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
 * Encodes an image whose rows come one after the other, for images that are too large to hold.
 * @param rows `height` arrays of width * channels bytes
 * @returns the file's bytes in pieces
 */
export async function* encodePngRows(
  size: Omit<Image, 'pixels'>,
  rows: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  yield head(size, {});
  const deflate = createDeflate(DEFLATE);
  // A failure of the rows destroys the stream, and is thrown by the loop below.
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

/**
 * Decodes an 8-bit grayscale or RGB file, as `encodePng` writes it.
 * @param where how errors name the file
 * @throws UserError for anything else
 */
export function decodePng(bytes: Buffer, where: string): Image {
  let decoded: PNG;
  try {
    decoded = PNG.sync.read(bytes);
  } catch (error) {
    throw new UserError(`${where} is not a readable PNG file (${messageOf(error)}); delete it and generate it again`);
  }
  const depth = bytes[24];
  const channels = [1, 3].find((count) => COLOR_TYPES[count] === bytes[25]);
  if (depth !== 8 || channels === undefined) throw new UserError(`${where} is not an 8-bit grayscale or RGB image`);
  const { width, height, data: rgba } = decoded;
  const pixels = new Uint8Array(width * height * channels);
  for (let k = 0; k < width * height; k++) {
    for (let channel = 0; channel < channels; channel++) pixels[k * channels + channel] = rgba[4 * k + channel];
  }
  return { width, height, channels, pixels };
}

/** The tEXt chunks of a PNG file, by keyword; none if the bytes are no PNG file. Nothing is checksummed. */
export function readPngText(bytes: Buffer): Record<string, string> {
  const text: Record<string, string> = {};
  if (!bytes.subarray(0, 8).equals(SIGNATURE)) return text;
  for (let at = 8; at + 12 <= bytes.length;) {
    const end = at + 8 + bytes.readUInt32BE(at);
    if (bytes.toString('latin1', at + 4, at + 8) === 'tEXt') {
      const [keyword, ...value] = bytes.toString('latin1', at + 8, end).split('\0');
      text[keyword] = value.join('\0');
    }
    at = end + 4;
  }
  return text;
}

function head({ width, height, channels }: Omit<Image, 'pixels'>, text: PngText): Buffer {
  const colorType = COLOR_TYPES[channels];
  if (colorType === undefined) throw new RangeError(`a PNG of ${channels} channels`);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, colorType], 8);
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
      const left = k >= channels ? row[k - channels] : 0;
      const upLeft = above && k >= channels ? above[k - channels] : 0;
      const residue = (row[k] - predict(left, above ? above[k] : 0, upLeft)) & 0xff;
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
