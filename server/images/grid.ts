/** One PNG of many images, side by side. */
import { messageOf, UserError } from '../errors';
import { writeAtomically } from '../atomic-file';
import { readRegularFile } from '../regular-file';
import type { Image } from './image';
import { decodePng, encodePngRows } from './png';

/** Images that a grid shows at most, the first of a run: 32 x 32. */
export const GRID_IMAGES = 1024;

/** The near-square arrangement of n images: as many columns as rows, or one more. */
export function gridShape(n: number): { columns: number; rows: number } {
  const columns = Math.ceil(Math.sqrt(n));
  return { columns, rows: Math.ceil(n / columns) };
}

/**
 * Writes a grid of images to `dest`, row by row from left to right; unused cells are black. One row of images is in
 * memory at a time.
 * @param files PNG files as `generate` writes them, all of one size and number of channels; at least one
 * @throws UserError for a file that is missing, damaged or of another size; RangeError without files
 */
export async function writeGrid(files: readonly string[], dest: string): Promise<void> {
  const [file] = files;
  if (file === undefined) throw new RangeError('A grid needs at least one image');
  const first = await readImage(file);
  const { columns, rows } = gridShape(files.length);
  const size = { width: first.width * columns, height: first.height * rows, channels: first.channels };
  await writeAtomically(dest, encodePngRows(size, gridRows(files, first, columns)));
}

async function* gridRows(files: readonly string[], first: Image, columns: number): AsyncGenerator<Uint8Array> {
  const stride = first.width * first.channels;
  for (let start = 0; start < files.length; start += columns) {
    const lines = Array.from({ length: first.height }, () => new Uint8Array(stride * columns));
    for (const [column, file] of files.slice(start, start + columns).entries()) {
      const image = await readImage(file);
      if (image.width !== first.width || image.height !== first.height || image.channels !== first.channels) {
        throw new UserError(
          `${file} is ${sizeOf(image)}, but ${files[0]} is ${sizeOf(first)}: a grid needs equal sizes`,
        );
      }
      for (const [y, line] of lines.entries()) {
        line.set(image.pixels.subarray(y * stride, (y + 1) * stride), column * stride);
      }
    }
    yield* lines;
  }
}

async function readImage(file: string): Promise<Image> {
  const bytes = await readRegularFile(file).catch((error: unknown) => {
    throw new UserError(`${messageOf(error)}, so the grid cannot be made`);
  });
  return decodePng(bytes, file);
}

function sizeOf({ width, height, channels }: Image): string {
  return `${width}x${height} with ${channels} ${channels === 1 ? 'channel' : 'channels'}`;
}
