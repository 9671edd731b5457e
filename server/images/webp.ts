import { readFileSync } from 'node:fs';
import path from 'node:path';
import loadLibrary from '@jsquash/webp/codec/dec/webp_dec.js';
import { packageRoot } from '../package-root';
import { type Image, sizeProblem } from './image';

/** libwebp as WebAssembly, in the installed package and beside the bundles. */
export const WEBP_LIBRARY = 'node_modules/@jsquash/webp/codec/dec/webp_dec.wasm';

export function isWebp(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP';
}

/**
 * Decodes a still WebP by libwebp, which Pillow uses; alpha is left out.
 * @throws Error for a damaged or animated one
 */
export function decodeWebp(bytes: Buffer): Image {
  const problem = sizeOf(bytes);
  if (problem !== undefined) throw new Error(problem);
  const { decode } = (library ??= openLibrary());
  const decoded = decode(bytes);
  if (!decoded) throw new Error('the WebP is damaged or cut off');
  const { width, height, data } = decoded;
  const pixels = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < pixels.length; from += 4) {
    for (let channel = 0; channel < 3; channel++) pixels[to++] = data[from + channel]!;
  }
  return { width, height, channels: 3, pixels };
}

/** What is wrong with what the first chunk says (RFC 9649, section 2); undefined if nothing is. */
function sizeOf(bytes: Buffer): string | undefined {
  const kind = bytes.toString('latin1', 12, 16);
  if (bytes.length < 30) return 'the WebP is cut off';
  if (kind === 'VP8X' && bytes.readUInt8(20) & 2) return 'the WebP is animated: save one of its images';
  const sizes: Readonly<Record<string, () => [number, number]>> = {
    'VP8 ': () => [bytes.readUInt16LE(26) & 0x3fff, bytes.readUInt16LE(28) & 0x3fff],
    VP8L: () => [(bytes.readUInt32LE(21) & 0x3fff) + 1, ((bytes.readUInt32LE(21) >>> 14) & 0x3fff) + 1],
    VP8X: () => [bytes.readUIntLE(24, 3) + 1, bytes.readUIntLE(27, 3) + 1],
  };
  const size = sizes[kind]?.();
  return size ? sizeProblem(...size) : 'the WebP has no image';
}

interface WebpLibrary {
  decode: (bytes: Uint8Array) => { width: number; height: number; data: Uint8ClampedArray } | null;
}

let library: WebpLibrary | undefined;

/** The library, compiled at the first WebP. */
function openLibrary(): WebpLibrary {
  const module: Partial<WebpLibrary> = {};
  const started = loadLibrary(
    Object.assign(module, {
      instantiateWasm(imports: object, done: (instance: WebAssembly.Instance) => void) {
        const code = readFileSync(path.join(packageRoot(), WEBP_LIBRARY));
        const instance = new WebAssembly.Instance(new WebAssembly.Module(code), imports);
        done(instance);
        return instance.exports;
      },
    }),
  );
  started.catch(() => undefined); // reported below
  if (!module.decode) throw new Error('libwebp cannot be started: install EDM Workbench again');
  return { decode: module.decode };
}
