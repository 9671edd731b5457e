/** Rows of equal height in a scrolling element, of which only those in sight are in the DOM. Lengths are CSS pixels. No DOM. */

export interface Rows {
  rows: number;
  /** Distance from one row to the next. */
  rowHeight: number;
}

/** First and last row (inclusive) to keep in the DOM: those in sight and `overscan` more at each end. Empty: last < first. */
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

/** Scroll position that shows the whole of `row` and `gap` below it, moving as little as possible. */
export function scrollToShow({ rowHeight }: Rows, row: number, scrollTop: number, viewport: number, gap = 0): number {
  const top = row * rowHeight;
  const bottom = top + rowHeight + gap;
  if (top < scrollTop || bottom - top > viewport) return top;
  return Math.max(scrollTop, bottom - viewport);
}
