import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';

export type Numbers = Float32Array | Float64Array | number[];

/** A file of test/fixtures. */
export function fixture(...path: string[]): string {
  return join(__dirname, '..', 'fixtures', ...path);
}

/** The values of a .npy file in C order; the tests know the shapes. */
export function parseNpy(bytes: Uint8Array): Numbers {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = 10 + view.getUint16(8, true);
  const header = Buffer.from(bytes.subarray(10, start)).toString('latin1');
  const dtype = /'descr': '([^']+)'/.exec(header)?.[1];
  const body = bytes.slice(start).buffer;
  if (dtype === '<f4') return new Float32Array(body);
  if (dtype === '<f8') return new Float64Array(body);
  if (dtype === '<i8') return Array.from(new BigInt64Array(body), Number);
  throw new Error(`unexpected dtype ${dtype}`);
}

export function readFixtureNpz(...path: string[]): Record<string, Numbers> {
  const files = unzipSync(readFileSync(fixture(...path)));
  return Object.fromEntries(
    Object.entries(files).map(([name, bytes]) => [name.replace(/\.npy$/, ''), parseNpy(bytes)]),
  );
}

/** Largest |a - b|; NaN if the lengths differ or a value is not a number. */
export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return NaN;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (!(difference <= largest)) largest = difference;
    if (Number.isNaN(difference)) return NaN;
  }
  return largest;
}
