import { button, element, showText, type Attributes } from './element';
import { nextSorting, type Sorting } from './sorting';

/** What a header needs of its column. */
interface SortedColumn {
  id: string;
  title: string;
}

/** The headers of a sorted table: a button in each, an arrow in the one that decides. */
export class SortHeaders {
  private readonly headers = new Map<string, { cell: HTMLElement; arrow: HTMLElement; button: HTMLButtonElement }>();

  /** @param sorted called with the new order after a click */
  constructor(
    private sorting: Sorting,
    private readonly sorted: (sorting: Sorting) => void,
  ) {}

  /** The order that the headers show. */
  get current(): Sorting {
    return this.sorting;
  }

  /** The buttons, in the order in which the headers were added. */
  get buttons(): HTMLButtonElement[] {
    return [...this.headers.values()].map((header) => header.button);
  }

  /** Makes the header of one more column. */
  add(
    { id, title }: SortedColumn,
    tag: 'th' | 'div',
    cellAttributes: Attributes,
    buttonAttributes: Attributes = {},
  ): HTMLElement {
    const arrow = element('span', { class: 'arrow', 'aria-hidden': 'true' });
    const sort = button(buttonAttributes, title, () => this.sortBy(id));
    sort.append(arrow);
    const cell: HTMLElement = element(tag, cellAttributes, sort);
    this.headers.set(id, { cell, arrow, button: sort });
    this.mark();
    return cell;
  }

  /** Shows another order, which was not chosen here. */
  set(sorting: Sorting): void {
    this.sorting = sorting;
    this.mark();
  }

  private sortBy(column: string): void {
    this.sorting = nextSorting(this.sorting, column);
    this.mark();
    this.sorted(this.sorting);
  }

  private mark(): void {
    const { column, descending } = this.sorting;
    for (const [id, { cell, arrow }] of this.headers) {
      const decides = id === column;
      cell.setAttribute('aria-sort', !decides ? 'none' : descending ? 'descending' : 'ascending');
      showText(arrow, !decides ? '' : descending ? '↓' : '↑');
    }
  }
}
