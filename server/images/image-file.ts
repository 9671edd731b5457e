import { messageOf, UserError } from '../errors';
import { isBmp } from './bmp';
import { type Image, sizeProblem } from './image';
import { decodeJpeg, readJpegFrame } from './jpeg';
import { decodePng, isPng } from './png';
import { isWebp } from './webp';

/** A bit of a JPEG codes at least one block of 8 x 8 samples, of one component at the image's full size. */
const MOST_PIXELS_PER_BYTE = 8 * 64;

/** A progressive JPEG has about 10; each goes through the whole image again. */
const MAX_SCANS = 100;

/**
 * Decodes a PNG (8-bit grayscale or RGB) or JPEG (grayscale or colour), by its content, not by its name.
 * @param name how errors name the file
 * @throws UserError for damaged, truncated, oversized and other files, saying what to do
 */
export function decodeImage(bytes: Buffer, name: string): Image {
  if (bytes.length === 0) throw new UserError(`${name} is empty (0 bytes): make it again or remove it`);
  if (isPng(bytes)) return decodePng(bytes, name);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return readJpeg(bytes, name);
  const kind = isWebp(bytes) ? 'WebP' : isBmp(bytes) ? 'BMP' : undefined;
  if (kind)
    throw new UserError(`${name} is ${kind}, neither PNG nor JPEG: convert it to PNG, or measure with --convert`);
  throw new UserError(`${name} is neither PNG nor JPEG: convert it to PNG, or move it out of the folder`);
}

function readJpeg(bytes: Buffer, name: string): Image {
  const fail = (problem: string): never => {
    throw new UserError(`${name}: ${problem}`);
  };
  const frame = readJpegFrame(bytes) ?? fail('the JPEG is cut off before its image');
  const { depth, width, height, start } = frame;
  const channels = frame.components;
  if (depth !== 8 || (channels !== 1 && channels !== 3)) {
    const kind = channels === 4 ? 'CMYK' : `of ${channels} channels`;
    fail(`the JPEG is ${depth}-bit ${kind}: save it as 8-bit RGB or grayscale`);
  }
  const problem = sizeProblem(width, height);
  if (problem) fail(problem);
  if (width * height > bytes.length * MOST_PIXELS_PER_BYTE)
    fail(`the JPEG claims ${width} x ${height} pixels, which cannot be in a file of ${bytes.length} bytes`);
  if (frame.scans > MAX_SCANS) fail(`the JPEG has more than ${MAX_SCANS} scans: save it again`);
  // libjpeg fills a missing end with gray.
  if (bytes.lastIndexOf(Buffer.from([0xff, 0xd9])) < start) fail('the JPEG is cut off');
  try {
    return decodeJpeg(bytes, frame);
  } catch (error) {
    return fail(`the JPEG is damaged or cut off (${messageOf(error)}): make it again or remove it`);
  }
}
