/** From samples to pixels (generate.py's quantisation). Pure. */

/** An 8-bit image: `pixels` row by row, channels interleaved (HWC); 1 channel is grayscale, 3 are RGB. */
export interface Image {
  width: number;
  height: number;
  channels: number;
  pixels: Uint8Array;
}

/**
 * One image of a batch as 8-bit pixels: clip(x * 127.5 + 128, 0, 255), truncated, in double precision; NaN becomes 0.
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
      pixels[k * channels + channel] = Math.min(Math.max(x[start + k] * 127.5 + 128, 0), 255);
    }
  }
  return { width: resolution, height: resolution, channels, pixels };
}
