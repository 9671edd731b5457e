/** Seed lists and the names of the images made from them, as NVlabs/edm's generate.py has them. Pure. */
import { UserError } from '../errors';
import { countIn, type IntegerRange } from '../shared/ranges';

/** More images than this in one run are taken for a typing error. */
const MAX_SEEDS = 10_000_000;

/** Characters of a list that a message shows. */
const SHOWN = 60;

/**
 * The seeds of a list such as `0-63` or `1,2,5-10`: comma-separated integers (spaces and signs allowed) or inclusive
 * ranges `a-b` of non-negative integers, in the order written, duplicates kept.
 * @throws UserError if the list is empty, a piece is not an integer, a range is reversed, or a seed is beyond
 *   +-(2^53 - 1), which a number cannot hold (generate.py itself goes to +-2^63)
 */
export function parseSeeds(list: string): number[] {
  const seeds: number[] = [];
  for (const [first, last] of seedRanges(list)) for (let seed = first; seed <= last; seed++) seeds.push(seed);
  return seeds;
}

/** How many different seeds a list has; takes no longer for a range of millions. @throws UserError as `parseSeeds` */
export function countSeeds(list: string): number {
  return countIn(seedRanges(list));
}

/** The ranges of a list, in the order written; a single seed is one of length 1. @throws UserError as `parseSeeds` */
export function seedRanges(list: string): IntegerRange[] {
  const ranges: IntegerRange[] = [];
  const shown = list.length > SHOWN ? `${list.slice(0, SHOWN)}...` : list;
  let count = 0;
  for (const piece of list.split(',')) {
    const range = /^(\d+)-(\d+)$/.exec(piece);
    if (!range && !/^\s*[+-]?\d+\s*$/.test(piece)) {
      throw new UserError(
        `--seeds ${shown}: "${piece.slice(0, SHOWN)}" is neither an integer nor a range; write e.g. 0-63 or 1,2,5-10`,
      );
    }
    const first = Number(range ? range[1] : piece);
    const last = range ? Number(range[2]) : first;
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last)) {
      throw new UserError(
        `--seeds ${shown}: "${piece.slice(0, SHOWN)}" exceeds 2^53 - 1; use smaller seeds (they count mod 2^32 anyway)`,
      );
    }
    if (last < first) {
      throw new UserError(`--seeds ${shown}: the range ${piece} is empty; did you mean ${last}-${first}?`);
    }
    count += last - first + 1;
    if (count > MAX_SEEDS) {
      throw new UserError(`--seeds ${shown}: more than ${MAX_SEEDS} seeds; split the list over several runs`);
    }
    ranges.push([first, last]);
  }
  return ranges;
}

/** The shortest list that `parseSeeds` reads as these seeds, in their order: 0,1,2,9 -> `0-2,9`. */
export function seedsText(seeds: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const seed of seeds) {
    const range = ranges.at(-1);
    // A range has no negative seeds: its dash would be read as a sign.
    if (range && range[0] >= 0 && seed === range[1] + 1) range[1] = seed;
    else ranges.push([seed, seed]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

/**
 * torch.Tensor.tensor_split as generate.py uses it: ceil(n / batch) nearly equal parts, longer ones first.
 * 65 seeds at a batch of 64 make 33 + 32.
 */
export function splitSeeds(seeds: readonly number[], batch: number): number[][] {
  const parts = Math.ceil(seeds.length / batch);
  const size = Math.floor(seeds.length / parts);
  const longer = seeds.length % parts;
  const batches: number[][] = [];
  for (let part = 0, start = 0; part < parts; part++) {
    const end = start + size + (part < longer ? 1 : 0);
    batches.push(seeds.slice(start, end));
    start = end;
  }
  return batches;
}

/**
 * Path of a seed's image relative to the output folder, with forward slashes: `{seed:06d}.png`, with `subdirs` in a
 * folder per thousand seeds. Python's signs and modulo: seed -5 is `-00005.png` in `-01000/`.
 */
export function imagePath(seed: number, subdirs: boolean): string {
  const name = `${sixDigits(seed)}.png`;
  const thousand = seed - (((seed % 1000) + 1000) % 1000);
  return subdirs ? `${sixDigits(thousand)}/${name}` : name;
}

/** Python's `{value:06d}`: the sign counts as one of the six places. */
function sixDigits(value: number): string {
  return value < 0 ? `-${String(-value).padStart(5, '0')}` : String(value).padStart(6, '0');
}
