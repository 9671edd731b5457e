/** How a table is sorted. No DOM. */

/** The column that decides, and its direction. */
export interface Sorting {
  column: string;
  descending: boolean;
}

/** The order after a click on a header: the other way round for the same column, ascending for a new one. */
export function nextSorting({ column, descending }: Sorting, clicked: string): Sorting {
  return { column: clicked, descending: clicked === column && !descending };
}
