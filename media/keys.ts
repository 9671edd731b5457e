/** What keys mean in lists that are short enough to be shown as a whole. No DOM. */

const STEPS = new Map([
  ['ArrowLeft', -1],
  ['ArrowUp', -1],
  ['ArrowRight', 1],
  ['ArrowDown', 1],
  ['Home', -Infinity],
  ['End', Infinity],
]);

/** How many entries on a key leads, infinitely many for the first and the last one; undefined for keys that do not move. */
export function stepByKey(key: string): number | undefined {
  return STEPS.get(key);
}
