/** BMP, uncompressed, as Windows and OS/2 define it: 1, 4 and 8 bits with a palette, 24 and 32 bits. */
import { type Image, sizeProblem } from './image';

/** Bytes of the file's header, and where it has the offset of the pixels. */
const FILE = { bytes: 14, pixels: 10 };
/** Sizes of the second header: OS/2's, and the least of Windows'. */
const [OS2, WINDOWS] = [12, 40];
/** Compressions: none, and masks that say where the colours are. */
const [PLAIN, MASKS] = [0, 3];
/** Masks of 32 bits in the order blue, green, red, alpha, as without masks. */
const USUAL_MASKS = [0xff0000, 0xff00, 0xff];

export function isBmp(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 2) === 'BM';
}

/**
 * Decodes to RGB; alpha is left out.
 * @throws Error for a damaged, compressed or unknown one
 */
export function decodeBmp(bytes: Buffer): Image {
  if (bytes.length < FILE.bytes + OS2) throw new Error('the BMP is cut off');
  const header = headerOf(bytes);
  const { width, height, bits, compression, size } = header;
  const problem = sizeProblem(width, height);
  if (problem !== undefined) throw new Error(problem);
  if (compression !== PLAIN && !(compression === MASKS && bits === 32 && hasUsualMasks(bytes)))
    throw new Error(`the BMP has compression ${compression}, which is not read`);
  if (![1, 4, 8, 24, 32].includes(bits)) throw new Error(`the BMP has ${bits} bits a pixel, which is not read`);
  const start = bytes.readUInt32LE(FILE.pixels);
  const stride = Math.ceil((width * bits) / 32) * 4;
  if (start + stride * height > bytes.length) throw new Error('the BMP is cut off');
  const palette = bytes.subarray(FILE.bytes + size, start);
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const row = start + stride * (header.isTopDown ? y : height - 1 - y);
    for (let x = 0; x < width; x++) pixels.set(colour(bytes, row, x, header, palette), (y * width + x) * 3);
  }
  return { width, height, channels: 3, pixels };
}

interface Header {
  size: number;
  width: number;
  height: number;
  bits: number;
  compression: number;
  isTopDown: boolean;
}

function headerOf(bytes: Buffer): Header {
  const size = bytes.readUInt32LE(FILE.bytes);
  if (size === OS2) {
    const [width, height, bits] = [bytes.readUInt16LE(18), bytes.readUInt16LE(20), bytes.readUInt16LE(24)];
    return { size, width, height, bits, compression: PLAIN, isTopDown: false };
  }
  if (size < WINDOWS || bytes.length < FILE.bytes + size) throw new Error('the BMP has an unknown header');
  const rows = bytes.readInt32LE(22);
  return {
    size,
    width: Math.max(bytes.readInt32LE(18), 0),
    height: Math.abs(rows),
    bits: bytes.readUInt16LE(28),
    compression: bytes.readUInt32LE(30),
    isTopDown: rows < 0,
  };
}

function hasUsualMasks(bytes: Buffer): boolean {
  const at = FILE.bytes + WINDOWS;
  return bytes.length >= at + 12 && USUAL_MASKS.every((mask, i) => bytes.readUInt32LE(at + 4 * i) === mask);
}

/** Red, green and blue of one pixel. @param row where its row begins */
function colour(bytes: Buffer, row: number, x: number, { bits, size }: Header, palette: Buffer): number[] {
  if (bits >= 24) {
    const at = row + x * (bits / 8);
    return [bytes[at + 2]!, bytes[at + 1]!, bytes[at]!];
  }
  const byte = bytes[row + Math.floor((x * bits) / 8)]!;
  const index = (byte >> (8 - bits - ((x * bits) % 8))) & (2 ** bits - 1);
  const at = index * (size === OS2 ? 3 : 4);
  if (at + 3 > palette.length) throw new Error(`the BMP has no colour ${index}`);
  return [palette[at + 2]!, palette[at + 1]!, palette[at]!];
}
