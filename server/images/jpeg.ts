import { decode } from 'jpeg-js';
import type { Image } from './image';

/** Memory the decoder may take for one image, in MB: enough for 2^26 pixels with their coefficients. */
const MEMORY_MB = 2048;

/** What the segments before the image say about it. */
export interface JpegFrame {
  width: number;
  height: number;
  /** Bits per sample. */
  depth: number;
  components: { id: number; horizontal: number; vertical: number }[];
  /** Offset of the frame's segment. */
  start: number;
  /** How many scans follow it. */
  scans: number;
  /** There is a JFIF segment: colours are YCbCr. */
  jfif: boolean;
  /** Adobe's segment: its colour transform (0 RGB, 1 YCbCr) and its offsets. */
  adobe?: { transform: number; start: number; end: number };
}

/**
 * Reads the segments up to the start of the frame (ITU T.81, B.1.1.3): markers C0-CF but for C4, C8 and CC.
 * @returns undefined if the file ends before it
 */
export function readJpegFrame(bytes: Buffer): JpegFrame | undefined {
  let jfif = false;
  let adobe: JpegFrame['adobe'];
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff;) {
    const marker = bytes.readUInt8(at + 1);
    if (marker === 0xff) {
      at++; // fill byte
      continue;
    }
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    if (end > bytes.length) return undefined;
    const body = bytes.subarray(at + 4, end);
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker) && body.length >= 6) {
      const components = Array.from(
        { length: Math.min(body.readUInt8(5), Math.floor((body.length - 6) / 3)) },
        (_, i) => {
          const [id = 0, factors = 0] = body.subarray(6 + 3 * i, 8 + 3 * i);
          return { id, horizontal: factors >> 4, vertical: factors & 15 };
        },
      );
      const [height, width] = [body.readUInt16BE(1), body.readUInt16BE(3)];
      return {
        width,
        height,
        depth: body.readUInt8(0),
        components,
        start: at,
        scans: scansAfter(bytes, end),
        jfif,
        adobe,
      };
    }
    if (marker === 0xe0 && body.toString('latin1', 0, 5) === 'JFIF\0') jfif = true;
    if (marker === 0xee && body.length >= 12 && body.toString('latin1', 0, 5) === 'Adobe') {
      adobe = { transform: body.readUInt8(11), start: at, end };
    }
    at = end;
  }
  return undefined;
}

const START_OF_SCAN = Buffer.from([0xff, 0xda]);

/** Scans from an offset on; coded data cannot hold their marker. */
function scansAfter(bytes: Buffer, from: number): number {
  let scans = 0;
  for (let at = bytes.indexOf(START_OF_SCAN, from); at >= 0; at = bytes.indexOf(START_OF_SCAN, at + 2)) scans++;
  return scans;
}

/**
 * Decodes a JPEG of 1 or 3 components to the pixels of libjpeg, which Pillow and hence fid.py use: jpeg-js decodes, the
 * chroma is interpolated and converted here. The pixels differ by the rounding of the two libraries' cosine
 * transforms: at most 3 of 255, 0.1 on average.
 * @throws Error if the image is damaged
 */
export function decodeJpeg(bytes: Buffer, frame: JpegFrame): Image {
  // Adobe's segment would override the option colorTransform, so jpeg-js must not see it.
  const { start = 0, end = 0 } = frame.adobe ?? {};
  const { width, height, data } = decode(
    start ? Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]) : bytes,
    {
      useTArray: true,
      formatAsRGBA: false,
      colorTransform: false,
      tolerantDecoding: false,
      maxResolutionInMP: Infinity,
      maxMemoryUsageInMB: MEMORY_MB,
    },
  );
  const plane = (channel: number) => Uint8Array.from({ length: width * height }, (_, k) => data[3 * k + channel]!);
  // The decoder repeats grayscale to 3 channels.
  if (frame.components.length === 1) return { width, height, channels: 1, pixels: plane(0) };
  const most = (key: 'horizontal' | 'vertical') => Math.max(...frame.components.map((one) => one[key]));
  const full = (channel: number): Uint8Array => {
    const { horizontal, vertical } = frame.components[channel]!;
    return interpolate(plane(channel), width, height, most('horizontal') / horizontal, most('vertical') / vertical);
  };
  const planes = [full(0), full(1), full(2)] as const;
  if (isYCbCr(frame)) toRgb(planes, data);
  else planes.forEach((values, channel) => values.forEach((value, k) => (data[3 * k + channel] = value)));
  return { width, height, channels: 3, pixels: data };
}

/** What libjpeg goes by, in its order: JFIF, then Adobe, then the names of the components. */
function isYCbCr({ jfif, adobe, components }: JpegFrame): boolean {
  if (jfif) return true;
  if (adobe) return adobe.transform !== 0;
  return String.fromCharCode(...components.map(({ id }) => id)) !== 'RGB';
}

/**
 * libjpeg's "fancy upsampling": a chroma plane stored at half the width, height or both is interpolated by a triangle
 * filter instead of repeated. Other ratios are repeated there too.
 * @param plane [height, width], each stored sample repeated x times across and y times down
 */
function interpolate(plane: Uint8Array, width: number, height: number, x: number, y: number): Uint8Array {
  const half = Math.ceil(width / 2);
  const fancy = (x === 1 && y === 2) || (x === 2 && y <= 2 && half > 2);
  if (!fancy) return plane;
  const result = new Uint8Array(plane.length);
  const columns = x === 2 ? half : width;
  const sums = new Int32Array(columns);
  for (let row = 0; row < height; row++) {
    // Between two rows: 3 parts of the nearer stored row, 1 part of the other; at the borders the last row is repeated.
    const other = row % 2 === 0 ? Math.max(row - 1, 0) : row + 1 < height ? row + 1 : row;
    for (let column = 0; column < columns; column++) {
      const at = x * column;
      const value = plane[row * width + at]!;
      sums[column] = y === 2 ? 3 * value + plane[other * width + at]! : value;
    }
    const target = result.subarray(row * width, (row + 1) * width);
    if (x === 2) spread(sums, target, y === 2);
    else sums.forEach((sum, column) => (target[column] = (sum + (row % 2 === 0 ? 1 : 2)) >> 2));
  }
  return result;
}

/** The same along a row. `sums` are scaled by 4 if two rows are in them; rounding alternates as in libjpeg. */
function spread(sums: Int32Array, target: Uint8Array, twoRows: boolean): void {
  const [shift, low, high] = twoRows ? ([4, 8, 7] as const) : ([2, 1, 2] as const);
  for (let column = 0; column < target.length; column++) {
    const i = column >> 1;
    const left = column % 2 === 0;
    const neighbour = sums[left ? Math.max(i - 1, 0) : Math.min(i + 1, sums.length - 1)]!;
    target[column] = (3 * sums[i]! + neighbour + (left ? low : high)) >> shift;
  }
}

/** JFIF's YCbCr to RGB in libjpeg's fixed point, into interleaved pixels. */
function toRgb([luma, blue, red]: readonly [Uint8Array, Uint8Array, Uint8Array], pixels: Uint8Array): void {
  const HALF = 1 << 15;
  const fixed = (value: number) => Math.floor(value * 65536 + 0.5);
  const [redToR, blueToG] = [fixed(1.402), fixed(0.34414)];
  const [redToG, blueToB] = [fixed(0.71414), fixed(1.772)];
  for (let k = 0; k < luma.length; k++) {
    const y = luma[k]!;
    const [cb, cr] = [blue[k]! - 128, red[k]! - 128];
    pixels[3 * k] = clamp(y + ((redToR * cr + HALF) >> 16));
    pixels[3 * k + 1] = clamp(y + ((HALF - blueToG * cb - redToG * cr) >> 16));
    pixels[3 * k + 2] = clamp(y + ((blueToB * cb + HALF) >> 16));
  }
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
