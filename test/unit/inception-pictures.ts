import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { decodeImage } from '../../server/images/image-file';

const FOLDER = path.join(__dirname, '../fixtures/inception');

/** What torch-fidelity and pytorch-fid made of the pictures with the synthetic weights (names and meaning inside). */
export const expected = JSON.parse(readFileSync(path.join(FOLDER, 'expected.json'), 'utf8')) as {
  pictures: Record<string, string>;
  sets: { n: number; A: string; B: string; distance: number; pytorch_fid_distance: number; kernel_distance: number };
};

export const featuresFile = path.join(FOLDER, 'features.npz');

/** One of the pictures, [3, height, width]; grayscale is repeated. */
export async function picture(name: string): Promise<{ data: Uint8Array; height: number; width: number }> {
  const file = path.join(FOLDER, `${name}.png`);
  const { width, height, channels, pixels } = decodeImage(await readFile(file), file);
  const plane = width * height;
  const data = new Uint8Array(3 * plane);
  for (let i = 0; i < data.length; i++) data[i] = pixels[(i % plane) * channels + (Math.floor(i / plane) % channels)]!;
  return { data, height, width };
}

const mix = (h: number): number => {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};
const quotient = (a: number, b: number): number => Math.floor(a / b);

/** Random values 0..255 on a lattice of `cell` pixels, interpolated. @returns [size, size] */
function valueNoise(seed: number, size: number, cell: number): Int32Array {
  const lattice = (x: number, y: number): number =>
    mix(mix((Math.imul(x, 0x1f123bb5) + Math.imul(y, 0x7feb352d)) | 0) ^ seed) >>> 24;
  return Int32Array.from({ length: size * size }, (_, p) => {
    const [x, y] = [p % size, quotient(p, size)];
    const [cx, fx, cy, fy] = [quotient(x, cell), x % cell, quotient(y, cell), y % cell];
    const row = (at: number): number => lattice(cx, at) * (cell - fx) + lattice(cx + 1, at) * fx;
    return quotient(row(cy) * (cell - fy) + row(cy + 1) * fy, cell * cell);
  });
}

interface Scene {
  fine: number;
  shapes: number;
  squares?: boolean;
  tint?: number;
}

/** A picture of soft noise and a few translucent shapes, integer arithmetic only. @returns uint8 [size, size, 3] */
function scene(seed: number, size: number, { fine, shapes, squares = false, tint = 0 }: Scene): Uint8Array {
  let drawn = 0;
  const next = (): number => mix((seed + Math.imul(++drawn, 0x9e3779b9)) | 0);
  const below = (n: number): number => next() % n;
  const base = [below(120) + 60, below(120) + 60, below(120) + 60];
  const sky = below(80);
  const [wide, middle, narrow] = [quotient(size, 2), quotient(size, 5), quotient(size, 16)];
  const [low, high] = [valueNoise(next(), size, wide), valueNoise(next(), size, middle)];
  const values = new Int32Array(size * size * 3);
  for (let c = 0; c < 3; c++) {
    const [own, grain] = [valueNoise(next(), size, middle), valueNoise(next(), size, narrow)];
    for (let p = 0; p < size * size; p++) {
      const noise = quotient(low[p] * 2 + high[p] - 382, 6) + quotient(own[p] - 127, 4);
      const shade = sky - quotient(quotient(p, size) * 2 * sky, size);
      values[p * 3 + c] = base[c] + noise + quotient(fine * (grain[p] - 127), 4) + shade;
    }
  }
  for (let s = 0; s < shapes; s++) {
    const [cx, cy] = [below(size), below(size)];
    const [rx, ry] = [below(quotient(size, 3)) + 2, below(quotient(size, 3)) + 2];
    const colour = [below(256), below(256), below(256)];
    for (let i = 0; i < values.length; i++) {
      const [dx, dy] = [(quotient(i, 3) % size) - cx, quotient(i, 3 * size) - cy];
      const isInside = squares
        ? Math.abs(dx) <= rx && Math.abs(dy) <= ry
        : (dx * ry) ** 2 + (dy * rx) ** 2 <= (rx * ry) ** 2;
      if (isInside) values[i] = quotient(values[i] + colour[i % 3] * 3, 4);
    }
  }
  return Uint8Array.from(values, (value, i) => Math.min(255, Math.max(0, value + [tint, 0, -tint][i % 3])));
}

/** One of the fixtures' two sets. @returns uint8 [n, 32, 32, 3] */
export function pictureSet(set: 'A' | 'B', n: number): Uint8Array[] {
  return Array.from({ length: n }, (_, i) =>
    set === 'A'
      ? scene(0x5a000000 + i, 32, { fine: 1, shapes: 1 + (i % 4) })
      : scene(0x5b000000 + i, 32, { fine: 2 + (i % 3), shapes: 1 + (i % 3), squares: i % 2 === 0, tint: 18 }),
  );
}
