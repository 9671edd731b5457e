import { readFileSync } from 'node:fs';
import path from 'node:path';
import loadLibrary, { type JpegLibrary } from '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs';
import { packageRoot } from '../package-root';
import type { Image } from './image';

/** libjpeg-turbo as WebAssembly, in the installed package and beside the bundles. */
export const JPEG_LIBRARY = 'node_modules/@cornerstonejs/codec-libjpeg-turbo-8bit/dist/libjpegturbowasm_decode.wasm';

/** What the segments before the image say about it. */
export interface JpegFrame {
  width: number;
  height: number;
  /** Bits per sample. */
  depth: number;
  /** Components: 1 grayscale, 3 colour, 4 CMYK. */
  components: number;
  /** Offset of the frame's segment. */
  start: number;
  /** How many scans follow it. */
  scans: number;
}

/**
 * Reads the segments up to the start of the frame (ITU T.81, B.1.1.3): markers C0-CF but for C4, C8 and CC.
 * @returns undefined if the file ends before it
 */
export function readJpegFrame(bytes: Buffer): JpegFrame | undefined {
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
      const [height, width] = [body.readUInt16BE(1), body.readUInt16BE(3)];
      const [depth, components] = [body.readUInt8(0), body.readUInt8(5)];
      return { width, height, depth, components, start: at, scans: scansAfter(bytes, end) };
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
 * Decodes a JPEG of 1 or 3 components by libjpeg-turbo, which Pillow and hence fid.py use: the pixels are the same.
 * @throws Error if the image is damaged
 */
export function decodeJpeg(bytes: Buffer, { width, height, components: channels }: JpegFrame): Image {
  const { JPEGDecoder } = (library ??= openLibrary());
  const decoder = new JPEGDecoder();
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    const pixels = Uint8Array.from(decoder.getDecodedBuffer());
    if (pixels.length === width * height * channels) return { width, height, channels, pixels };
    throw new Error(`it has ${pixels.length} samples`);
  } catch (error) {
    // The library throws the address of a C++ exception; also what libjpeg only warns of is damage.
    if (typeof error === 'number') throw new Error('libjpeg-turbo cannot read it to its end');
    throw error;
  } finally {
    decoder.delete();
  }
}

let library: JpegLibrary | undefined;

/** The library, compiled at the first JPEG (10 ms). */
function openLibrary(): JpegLibrary {
  const module: Partial<JpegLibrary> = {};
  const started = loadLibrary(
    Object.assign(module, {
      instantiateWasm(imports: object, done: (instance: WebAssembly.Instance) => void) {
        const code = readFileSync(path.join(packageRoot(), JPEG_LIBRARY));
        const instance = new WebAssembly.Instance(new WebAssembly.Module(code), imports);
        done(instance);
        return instance.exports;
      },
    }),
  );
  started.catch(() => undefined); // reported below
  if (!module.JPEGDecoder) throw new Error('libjpeg-turbo cannot be started: install EDM Workbench again');
  return { JPEGDecoder: module.JPEGDecoder };
}
