import { PNG } from 'pngjs';
import type { Image } from './image';
import { UserError, messageOf } from '../errors';
import { decodeJpeg, readJpegFrame } from './jpeg';

/** Largest image read, in pixels: twice 8192 x 4096. Its size is checked before memory is taken. */
const MAX_PIXELS = 2 ** 26;

/** PNG's colour types; those that would not be 1 or 3 plain channels are refused, as they mean something else to fid.py. */
const PNG_COLORS: Record<number, { channels?: 1 | 3; name: string }> = {
  0: { channels: 1, name: 'grayscale' },
  2: { channels: 3, name: 'RGB' },
  3: { name: 'palette' },
  4: { name: 'grayscale with alpha' },
  6: { name: 'RGB with alpha (RGBA)' },
};
const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Where IHDR says what is inside; the chunk comes first in every PNG. */
const PNG_IHDR = { width: 16, height: 20, depth: 24, color: 25, interlace: 28, end: 33 };

/**
 * Decodes a PNG (8-bit grayscale or RGB) or JPEG (grayscale or colour), whatever the name says.
 * @param name how errors name the file
 * @throws UserError for damaged, truncated, oversized and other files, saying what to do
 */
export function decodeImage(bytes: Buffer, name: string): Image {
  try {
    if (bytes.subarray(0, PNG_SIGNATURE.length).equals(PNG_SIGNATURE)) return readPng(bytes);
    if (bytes[0] === 0xff && bytes[1] === 0xd8) return readJpeg(bytes);
  } catch (error) {
    throw new UserError(`${name}: ${messageOf(error)}`);
  }
  throw new UserError(`${name} is neither PNG nor JPEG: convert it to PNG, or move it out of the folder`);
}

function readPng(bytes: Buffer): Image {
  if (bytes.length < PNG_IHDR.end) throw new Error('the PNG is cut off');
  const width = bytes.readUInt32BE(PNG_IHDR.width);
  const height = bytes.readUInt32BE(PNG_IHDR.height);
  const depth = bytes[PNG_IHDR.depth];
  const { channels, name } = PNG_COLORS[bytes[PNG_IHDR.color]] ?? { name: 'of an unknown colour type' };
  if (!channels || depth !== 8) {
    throw new Error(`the PNG is ${depth}-bit ${name}: save it as 8-bit RGB or 8-bit grayscale`);
  }
  checkSize(width, height);
  // pngjs inflates interlaced images without a limit; honest ones are hardly larger than their pixels.
  if (bytes[PNG_IHDR.interlace] && bytes.length > width * height * channels + 2 ** 20) {
    throw new Error('the interlaced PNG is larger than its pixels: save it without interlacing');
  }
  const rgba = attempt('PNG', () => PNG.sync.read(bytes)).data;
  const pixels = new Uint8Array(width * height * channels);
  for (let from = 0, to = 0; to < pixels.length; from += 4) {
    for (let channel = 0; channel < channels; channel++) pixels[to++] = rgba[from + channel];
  }
  return { width, height, channels, pixels };
}

function readJpeg(bytes: Buffer): Image {
  const frame = readJpegFrame(bytes);
  if (!frame) throw new Error('the JPEG is cut off before its image');
  const { depth, width, height, start } = frame;
  const channels = frame.components.length;
  if (depth !== 8 || (channels !== 1 && channels !== 3)) {
    const kind = channels === 4 ? 'CMYK' : `of ${channels} channels`;
    throw new Error(`the JPEG is ${depth}-bit ${kind}: save it as 8-bit RGB or grayscale`);
  }
  checkSize(width, height);
  // jpeg-js fills up a missing end without complaint.
  if (bytes.lastIndexOf(Buffer.from([0xff, 0xd9])) < start) throw new Error('the JPEG is cut off');
  return attempt('JPEG', () => decodeJpeg(bytes, frame));
}

function checkSize(width: number, height: number): void {
  if (width * height === 0) throw new Error('the image has no pixels');
  if (width * height > MAX_PIXELS) {
    throw new Error(`the image claims ${width} x ${height} pixels; at most ${MAX_PIXELS} are read`);
  }
}

function attempt<T>(format: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw new Error(`the ${format} is damaged or cut off (${messageOf(error)}): make it again or remove it`, {
      cause: error,
    });
  }
}
