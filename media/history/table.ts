import type { HistoryRecord } from '../../server/shared/protocol';
import { element, setAttributes, showText } from '../element';
import { cautionText } from '../facts';
import { rowByKey } from '../rows';
import { SortHeaders } from '../sort-headers';
import type { Sorting } from '../sorting';
import { COLUMNS, sortRecords, type Column } from './columns';

/** What the table asks of the panel. */
interface TableNeeds {
  open(record: HistoryRecord): void;
  copy(record: HistoryRecord): void;
  /** Another row is in the tab order. */
  activeChanged(record: HistoryRecord): void;
  sorted(sorting: Sorting): void;
}

/** The history as a table. One row is in the tab order; the arrow keys go through the others. */
export class HistoryTable {
  /** The scrolling element. */
  readonly element = element('div', { class: 'table' });
  private readonly body = element('tbody');
  private readonly headers: SortHeaders;
  private records: readonly HistoryRecord[] = [];
  private activeAt = 0;

  /** @param active id of the result whose row is in the tab order first */
  constructor(
    sorting: Sorting,
    private active: string,
    private readonly needs: TableNeeds,
  ) {
    this.headers = new SortHeaders(sorting, (changed) => {
      this.needs.sorted(changed);
      this.show(this.records);
    });
    const head = COLUMNS.map((column) => this.headers.add(column, 'th', { scope: 'col', class: classOf(column) }));
    this.element.append(
      element('table', { 'aria-label': 'Results' }, element('thead', {}, element('tr', {}, ...head)), this.body),
    );
    this.body.addEventListener('keydown', (event) => this.key(event));
    this.body.addEventListener('click', (event) => this.click(event));
    this.body.addEventListener('focusin', (event) => this.activate(rowOf(event)));
  }

  /** Shows these results in the chosen order. The active row stays, and the focus in it. */
  show(records: readonly HistoryRecord[]): void {
    const focused = ['.open', '.copy'].find((kind) => this.body.querySelector(`${kind}:focus`));
    this.records = sortRecords(records, this.headers.current);
    this.activeAt = Math.max(
      0,
      this.records.findIndex(({ id }) => id === this.active),
    );
    this.body.replaceChildren(...this.records.map((record, at) => makeRow(record, at === this.activeAt ? 0 : -1)));
    if (focused) this.body.rows[this.activeAt]?.querySelector<HTMLElement>(focused)?.focus({ preventScroll: true });
  }

  private click(event: MouseEvent): void {
    const record = this.records[rowOf(event)];
    if (!record || !(event.target instanceof Element)) return;
    if (event.target.closest('.copy')) this.needs.copy(record);
    // A click that selects text in a row does not open its run.
    else if (getSelection()?.isCollapsed !== false) this.needs.open(record);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(innerHeight / 2 / (this.body.rows[0]?.offsetHeight || 22)));
    const target = rowByKey(event.key, rowOf(event), this.records.length, page);
    if (target === undefined) return;
    event.preventDefault();
    const kind = event.target instanceof Element && event.target.closest('.copy') ? '.copy' : '.open';
    this.body.rows[target]?.querySelector<HTMLElement>(kind)?.focus();
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
    const record = this.records[at];
    if (!record) return;
    this.active = record.id;
    this.needs.activeChanged(record);
  }
}

/** Numbers end at the right; commit and time are sorted by a number but are read as text. */
function classOf({ id, order }: Column): string | undefined {
  return order && id !== 'commit' && id !== 'time' ? 'number' : undefined;
}

function rowOf(event: Event): number {
  const row = event.target instanceof Element ? event.target.closest('tr') : null;
  return row ? row.sectionRowIndex : -1;
}

function makeRow(record: HistoryRecord, tabindex: 0 | -1): HTMLTableRowElement {
  const row = element('tr', { 'data-id': record.id });
  for (const column of COLUMNS) {
    const { id } = column;
    const shown = column.text(record);
    const cell = element('td', { class: classOf(column) });
    if (id === 'commit') {
      const label = `${shown}, ${record.name}: open its samples`;
      cell.append(element('button', { type: 'button', class: 'open', tabindex, 'aria-label': label }, shown));
    } else if (id === 'value') {
      const label = `Copy ${shown}`;
      const copy = element(
        'button',
        { type: 'button', class: 'copy', tabindex, 'aria-label': label, title: 'Copy' },
        'Copy',
      );
      cell.append(copy, element('span', {}, shown));
    } else {
      showText(cell, shown);
      const caution = id === 'num' ? cautionText(record) : undefined;
      setAttributes(cell, { title: caution ?? shown });
      cell.classList.add(`column-${id}`);
    }
    if (id === 'workTree' && record.code.dirty) cell.classList.add('dirty');
    row.append(cell);
  }
  return row;
}
