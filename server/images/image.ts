/** An 8-bit image: `pixels` row by row, channels interleaved (HWC); 1 channel is grayscale, 3 are RGB. */
export interface Image {
  width: number;
  height: number;
  channels: number;
  pixels: Uint8Array;
}

/** Largest image read, in pixels: twice 8192 x 4096. Checked before memory is taken. */
const MAX_PIXELS = 2 ** 26;

/** What is wrong with the size an image file claims; undefined if nothing is. */
export function sizeProblem(width: number, height: number): string | undefined {
  if (width * height === 0) return 'the image has no pixels';
  if (width * height <= MAX_PIXELS) return undefined;
  return `the image claims ${width} x ${height} pixels; at most ${MAX_PIXELS} are read`;
}

/**
 * One image of a batch (generate.py's quantisation) as 8-bit pixels: clip(x * 127.5 + 128, 0, 255), truncated, in double precision; NaN becomes 0.
 * @param x samples [n, channels, resolution, resolution], nominally in -1..1
 * @param index which of the n images
 */
export function quantize(x: ArrayLike<number>, index: number, channels: number, resolution: number): Image {
  const plane = resolution * resolution;
  const pixels = new Uint8Array(channels * plane);
  for (let channel = 0; channel < channels; channel++) {
    const start = (index * channels + channel) * plane;
    for (let k = 0; k < plane; k++) {
      // Assignment to a Uint8Array truncates; it also turns NaN into 0.
      pixels[k * channels + channel] = Math.min(Math.max(x[start + k]! * 127.5 + 128, 0), 255);
    }
  }
  return { width: resolution, height: resolution, channels, pixels };
}
