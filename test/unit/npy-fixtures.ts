import { join } from 'node:path';
import { readNpz } from '../../server/numpy/npz';

/** A file of test/fixtures. */
export function fixture(...path: string[]): string {
  return join(__dirname, '..', 'fixtures', ...path);
}

/** All arrays of an .npz file as plain numbers; the tests know the shapes. */
export async function readNumbers(path: string): Promise<Record<string, ArrayLike<number>>> {
  const arrays = await readNpz(path);
  return Object.fromEntries(
    [...arrays].map(([name, { data }]) => [name, data instanceof BigInt64Array ? Array.from(data, Number) : data]),
  );
}

/** Largest |a - b|; NaN if the lengths differ or a value is not a number. */
export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return NaN;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (Number.isNaN(difference)) return NaN;
    largest = Math.max(largest, difference);
  }
  return largest;
}
