/**
 * Number of single-character edits (insert, delete, replace, swap neighbours) between two words: optimal string
 * alignment. Not counted beyond `limit` where the lengths alone differ by that.
 */
export function editDistance(a: string, b: string, limit = Infinity): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(at(previous, j) + 1, at(current, j - 1) + 1, at(previous, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, at(before, j - 2) + 1);
      }
      current[j] = least;
    }
    before = previous;
    previous = current;
  }
  return at(previous, b.length);
}

/** A number of a row of distances; the rows are as long as the loops that fill and read them. */
const at = (row: readonly number[], index: number): number => row[index] ?? Infinity;

/**
 * The known word that was probably meant, or undefined where nothing is close: at most a third of the letters may
 * differ. Case does not count as a difference.
 */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.floor(Math.max(word.length, 3) / 3) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}
