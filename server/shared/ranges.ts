/** A range of integers; both ends belong to it. */
export type IntegerRange = readonly [first: number, last: number];

/** How many different integers some ranges have; takes no longer for a range of millions. */
export function countIn(ranges: readonly IntegerRange[]): number {
  let count = 0;
  let end = -Infinity;
  for (const [first, last] of ranges.toSorted(([a], [b]) => a - b)) {
    count += Math.max(last - Math.max(first, end + 1) + 1, 0);
    end = Math.max(end, last);
  }
  return count;
}
