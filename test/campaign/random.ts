/** Chance that can be repeated: every try of a campaign follows from one printed seed. */
import { random } from '../unit/scripts-shell-generator';

/** Numbers from 0 to below 1. */
export type Random = () => number;

/** The chance of one try, which depends on nothing but these three. */
export function chanceOf(seed: number, name: string, index: number): Random {
  let hash = seed | 0;
  for (const sign of `${name}:${index}`) hash = Math.imul(hash ^ (sign.codePointAt(0) ?? 0), 0x01000193);
  return random(hash);
}

/** A whole number from 0 to below `end`. */
export const whole = (next: Random, end: number): number => Math.floor(next() * end);

/** One of a list. @throws RangeError if the list is empty */
export function pick<T>(next: Random, list: readonly T[]): T {
  const index = whole(next, list.length);
  if (index >= list.length) throw new RangeError('nothing to pick from');
  return list[index];
}
