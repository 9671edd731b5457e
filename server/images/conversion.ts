/**
 * Images that are no plain 8-bit grayscale or RGB, as Pillow's `convert('RGB')` makes them: colours of a palette, alpha left
 * out (not blended), WebP, BMP.
 */
import { messageOf, UserError } from '../errors';
import { decodeBmp, isBmp } from './bmp';
import type { Image } from './image';
import { decodeImage } from './image-file';
import { isPng, readPngHeader, unpackPng } from './png';
import { decodeWebp, isWebp } from './webp';

/** PNG's colour types that are converted: their channels after it, and their name. */
const PNG_KINDS: Readonly<Record<number, { channels: 1 | 3; name: string }>> = {
  3: { channels: 3, name: 'PNG with a palette' },
  4: { channels: 1, name: 'PNG with alpha' },
  6: { channels: 3, name: 'PNG with alpha' },
};

/**
 * Decodes an image of any kind that is converted or needs no conversion, by its content.
 * @param name how errors name the file
 * @returns also which kind was converted; undefined for plain images
 * @throws UserError for damaged and other files
 */
export function convertImage(bytes: Buffer, name: string): { image: Image; from?: string } {
  try {
    if (isWebp(bytes)) return { image: decodeWebp(bytes), from: 'WebP' };
    if (isBmp(bytes)) return { image: decodeBmp(bytes), from: 'BMP' };
  } catch (error) {
    throw new UserError(`${name} cannot be converted: ${messageOf(error)}`);
  }
  const header = isPng(bytes) ? readPngHeader(bytes) : undefined;
  const kind = header && (PNG_KINDS[header.colorType] ?? (header.depth < 8 ? FEW_BITS : undefined));
  if (!header || !kind || header.depth > 8) return { image: decodeImage(bytes, name) };
  return { image: unpackPng(bytes, header, kind.channels, name), from: kind.name };
}

const FEW_BITS = { channels: 1, name: 'PNG of fewer than 8 bits' } as const;
