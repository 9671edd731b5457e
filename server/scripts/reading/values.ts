/** Amounts that schedulers read from the values of options. */
import { countIn } from '../../shared/ranges';

/** Seconds that Slurm reads from a time, as its manual says; undefined without a time or for no limit. */
export function secondsOf(value: string): number | undefined {
  const days = /^(\d+)-(\d+)?(?::(\d+))?(?::(\d+))?$/.exec(value);
  if (days)
    return Number(days[1]) * 86400 + Number(days[2] ?? 0) * 3600 + Number(days[3] ?? 0) * 60 + Number(days[4] ?? 0);
  const clock = /^(\d+)(?::(\d+))?(?::(\d+))?$/.exec(value);
  if (!clock) return undefined;
  if (clock[3] !== undefined) return Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3]);
  return Number(clock[1]) * 60 + Number(clock[2] ?? 0);
}

/** Megabytes that Slurm reads from a memory size. */
export function megabytesOf(value: string): number | undefined {
  const match = /^\s*\+?(\d+)([kmgt]?)b?$/i.exec(value);
  if (!match) return undefined;
  const factor = { k: 1 / 1024, m: 1, g: 1024, t: 1024 * 1024 }[(match[2] ?? '').toLowerCase() || 'm'] ?? 1;
  return Math.ceil(Number(match[1]) * factor);
}

/** Minutes of LSF's `[hour:]minute`. */
export function lsfMinutesOf(value: string): number | undefined {
  const match = /^(?:(\d+):)?(\d+)/.exec(value);
  return match ? Number(match[1] ?? 0) * 60 + Number(match[2]) : undefined;
}

/** Megabytes of an amount of bsub; undefined without a unit, which then depends on the site. */
export function lsfMegabytesOf(value: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGTPE])B?(?:\/\w+)?\s*!?$/i.exec(value);
  const power = 'KMGTPE'.indexOf((match?.[2] ?? '').toUpperCase()) - 1;
  return match ? Number(match[1]) * 1024 ** power : undefined;
}

/** The largest index of an array specification; 0 where it has none. */
export function largestIndex(value: string): number {
  let largest = 0;
  for (const part of (value.replace(/[[\]]/g, '').split('%', 1)[0] ?? '').split(',')) {
    const match = /^(\d+)(?:-(\d+)(?::(\d+))?)?$/.exec(part);
    if (match) largest = Math.max(largest, Number(match[2] ?? match[1]));
  }
  return largest;
}

/** Different seeds in `0-49999` or `1,2,5-10`; undefined for anything else. */
export function seedCount(seeds: string): number | undefined {
  const ranges = seedRanges(seeds);
  return ranges && countIn(ranges);
}

/** Seeds in such a list, repeated ones too, as generate.py divides them into batches. */
export function seedsListed(seeds: string): number | undefined {
  return seedRanges(seeds)?.reduce((sum, [first, last]) => sum + Math.max(last - first + 1, 0), 0);
}

function seedRanges(seeds: string): [first: number, last: number][] | undefined {
  const ranges: [number, number][] = [];
  for (const part of seeds.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (!match) return undefined;
    ranges.push([Number(match[1]), Number(match[2] ?? match[1])]);
  }
  return ranges;
}

/** The most indices of an array with steps that are counted one by one. */
const mostCounted = 100_000;

/** Tasks of an array specification without its limit, `0-9` or `1,4-10:2`; undefined for what is not one. */
export function arrayCount(indices: string): number | undefined {
  const ranges: [number, number][] = [];
  for (const part of indices.split(',')) {
    const match = /^\s*(\d+)(?:-(\d+)(?::([1-9]\d*))?)?\s*$/.exec(part);
    if (!match) return undefined;
    const [first, last, step] = [Number(match[1]), Number(match[2] ?? match[1]), Number(match[3] ?? 1)];
    if (last < first || (step > 1 && (last - first) / step > mostCounted)) return undefined;
    if (step === 1) ranges.push([first, last]);
    else for (let index = first; index <= last; index += step) ranges.push([index, index]);
  }
  return countIn(ranges);
}
