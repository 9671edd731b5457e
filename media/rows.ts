/** Rows of equal height in a scrolling element, of which only those in sight are in the DOM. Lengths are CSS pixels. No DOM. */

/** A list of rows. */
export interface Rows {
  /** How many there are. */
  rows: number;
  /** Distance from one row to the next. */
  rowHeight: number;
}

/** First and last row (inclusive) in sight, and `overscan` more at each end. Empty: last < first. */
export function rowsInSight(
  { rows, rowHeight }: Rows,
  scrollTop: number,
  viewport: number,
  overscan: number,
): { first: number; last: number } {
  const first = Math.floor(scrollTop / rowHeight) - overscan;
  const last = Math.ceil((scrollTop + viewport) / rowHeight) - 1 + overscan;
  return { first: Math.max(0, first), last: Math.min(rows - 1, last) };
}

/**
 * The rows to keep in the DOM, ascending: those in sight and `overscan` more at each end, and the active one, without which
 * the keyboard would lose its place.
 */
export function rowsToKeep(
  rows: Rows,
  scrollTop: number,
  viewport: number,
  overscan: number,
  active: number,
): readonly number[] {
  const { first, last } = rowsInSight(rows, scrollTop, viewport, overscan);
  const kept = Array.from({ length: Math.max(0, last - first + 1) }, (_, nth) => first + nth);
  if (active < first) return [active, ...kept];
  return active > last && active < rows.rows ? [...kept, active] : kept;
}

/** Scroll position that shows the whole of `row` and `gap` below it, moving as little as possible. */
export function scrollToShow({ rowHeight }: Rows, row: number, scrollTop: number, viewport: number, gap = 0): number {
  const top = row * rowHeight;
  const bottom = top + rowHeight + gap;
  if (top < scrollTop || bottom - top > viewport) return top;
  return Math.max(scrollTop, bottom - viewport);
}

/**
 * The row that a key leads to from row `at` of `count`, as in WAI-ARIA's grid; undefined for keys that do not move.
 * @param page rows that PageUp and PageDown pass, at least 1
 */
export function rowByKey(key: string, at: number, count: number, page: number): number | undefined {
  const targets = new Map([
    ['ArrowDown', at + 1],
    ['ArrowUp', at - 1],
    ['Home', 0],
    ['End', count - 1],
    ['PageDown', at + page],
    ['PageUp', at - page],
  ]);
  const target = targets.get(key);
  return target === undefined ? undefined : Math.min(Math.max(target, 0), count - 1);
}
