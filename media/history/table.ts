import type { HistoryRecord } from '../../server/shared/protocol';
import { button, element } from '../element';
import { cautionText } from '../facts';
import { COLUMNS, nextSorting, sortRecords, type Sorting } from './columns';

/** What the table asks of the panel. */
export interface TableNeeds {
  open(record: HistoryRecord): void;
  copy(record: HistoryRecord): void;
  sorted(sorting: Sorting): void;
}

/** The history as a table. One row is in the tab order; the arrow keys go through the others. */
export class HistoryTable {
  /** The scrolling element. */
  readonly element = element('div', { class: 'table' });
  private readonly body = element('tbody');
  private readonly headers = new Map<string, { cell: HTMLElement; arrow: HTMLElement }>();
  private records: readonly HistoryRecord[] = [];
  private activeAt = 0;

  constructor(
    private sorting: Sorting,
    private readonly needs: TableNeeds,
  ) {
    const head = element('tr');
    for (const { id, title, order } of COLUMNS) {
      const arrow = element('span', { class: 'arrow', 'aria-hidden': 'true' });
      const sort = button({}, title, () => this.sortBy(id));
      sort.append(arrow);
      const cell = element(
        'th',
        { scope: 'col', class: order && id !== 'commit' && id !== 'time' ? 'number' : undefined },
        sort,
      );
      this.headers.set(id, { cell, arrow });
      head.append(cell);
    }
    this.element.append(element('table', { 'aria-label': 'Results' }, element('thead', {}, head), this.body));
    this.body.addEventListener('keydown', (event) => this.key(event));
    this.body.addEventListener('click', (event) => this.click(event));
    this.body.addEventListener('focusin', (event) => this.activate(rowOf(event)));
    this.markSorting();
  }

  /** Shows these results in the chosen order. */
  show(records: readonly HistoryRecord[]): void {
    this.records = sortRecords(records, this.sorting);
    this.activeAt = 0;
    this.body.replaceChildren(...this.records.map((record, at) => makeRow(record, at)));
  }

  private sortBy(column: string): void {
    this.sorting = nextSorting(this.sorting, column);
    this.needs.sorted(this.sorting);
    this.markSorting();
    this.show(this.records);
  }

  private markSorting(): void {
    for (const [id, { cell, arrow }] of this.headers) {
      const sorted = id === this.sorting.column;
      cell.setAttribute('aria-sort', !sorted ? 'none' : this.sorting.descending ? 'descending' : 'ascending');
      arrow.textContent = !sorted ? '' : this.sorting.descending ? '↓' : '↑';
    }
  }

  private click(event: MouseEvent): void {
    const record = this.records[rowOf(event)];
    if (!record || !(event.target instanceof Element)) return;
    if (event.target.closest('.copy')) this.needs.copy(record);
    // Selecting text in a row must not open its run.
    else if (getSelection()?.isCollapsed !== false) this.needs.open(record);
  }

  private key(event: KeyboardEvent): void {
    const at = rowOf(event);
    const last = this.records.length - 1;
    const page = Math.max(1, Math.floor(innerHeight / 2 / (this.body.rows[0]?.offsetHeight || 22)));
    const target: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      Home: 0,
      End: last,
      PageDown: at + page,
      PageUp: at - page,
    };
    if (event.ctrlKey || event.altKey || event.metaKey || !Object.hasOwn(target, event.key)) return;
    event.preventDefault();
    const row = this.body.rows[Math.min(Math.max(target[event.key], 0), last)];
    const kind = event.target instanceof Element && event.target.closest('.copy') ? '.copy' : '.open';
    row.querySelector<HTMLElement>(kind)?.focus();
  }

  private activate(at: number): void {
    if (at < 0 || at === this.activeAt) return;
    for (const [row, tabindex] of [
      [this.activeAt, -1],
      [at, 0],
    ] as const) {
      for (const made of this.body.rows[row]?.querySelectorAll('button') ?? []) made.tabIndex = tabindex;
    }
    this.activeAt = at;
  }
}

function rowOf(event: Event): number {
  const row = event.target instanceof Element ? event.target.closest('tr') : null;
  return row ? row.sectionRowIndex : -1;
}

function makeRow(record: HistoryRecord, at: number): HTMLTableRowElement {
  const row = element('tr', { 'data-id': record.id });
  const tabindex = at === 0 ? 0 : -1;
  for (const { id, text, order } of COLUMNS) {
    const shown = text(record);
    const cell = element('td', { class: order && id !== 'commit' && id !== 'time' ? 'number' : undefined });
    if (id === 'commit') {
      const label = `${shown}, ${record.name}: open its samples`;
      cell.append(element('button', { type: 'button', class: 'open', tabindex, 'aria-label': label }, shown));
    } else if (id === 'value') {
      const label = `Copy value ${shown}`;
      const copy = element(
        'button',
        { type: 'button', class: 'copy', tabindex, 'aria-label': label, title: 'Copy value' },
        'Copy',
      );
      cell.append(copy, shown);
    } else {
      cell.append(shown);
      const caution = id === 'num' ? cautionText(record) : undefined;
      cell.title = caution ?? shown;
      cell.classList.add(`column-${id}`);
    }
    if (id === 'workTree' && record.code.dirty) cell.classList.add('dirty');
    row.append(cell);
  }
  return row;
}
