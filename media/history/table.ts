import type { HistoryRecord } from '../../server/shared/protocol';
import { element, setAttributes, updateText } from '../element';
import { cautionText } from '../facts';
import { RowWindow } from '../row-window';
import { rowByKey, rowsToKeep, scrollToShow, type Rows } from '../rows';
import { SortHeaders } from '../sort-headers';
import type { Sorting } from '../sorting';
import { COLUMNS, isNumber, rowOf, sortRecords, type Column } from './columns';

/** What the table asks of the panel. */
interface TableNeeds {
  open(record: HistoryRecord): void;
  copy(record: HistoryRecord): void;
  /** Another row is in the tab order. */
  activeChanged(record: HistoryRecord): void;
  sorted(sorting: Sorting): void;
}

/** Height of a row in pixels, as in the style sheet. */
const ROW = 22;
const OVERSCAN = 12;
/** Characters of the longest text that a column makes room for. */
const LONGEST = 40;
/** Room beside the text of a cell: in a header for the arrow, in values for the Copy button. */
const PADDING = { cell: 20, header: 36, copy: 52 };

/**
 * The history as a table with only the rows in sight in the page, so that 10,000 results cost no more than 50. One row is in the
 * tab order; the arrow keys go through the others.
 */
export class HistoryTable {
  readonly element = element('div', { class: 'table' });
  private readonly head = element('thead', { role: 'rowgroup' });
  private readonly body = element('tbody', { role: 'rowgroup' });
  private readonly table = element('table', { role: 'table', 'aria-label': 'Results' }, this.head, this.body);
  private readonly lines = new RowWindow(this.body, makeLine, (line, at) => this.fill(line, at));
  private readonly headers: SortHeaders;
  private records: readonly HistoryRecord[] = [];
  private activeAt = 0;
  private frame = 0;

  /**
   * @param scroller the element that scrolls, in which the table lies
   * @param active id of the result whose row is in the tab order first
   */
  constructor(
    private readonly scroller: HTMLElement,
    sorting: Sorting,
    private active: string,
    private readonly needs: TableNeeds,
  ) {
    this.headers = new SortHeaders(sorting, (changed) => {
      this.needs.sorted(changed);
      this.show(this.records);
    });
    const cells = COLUMNS.map((column) =>
      this.headers.add(column, 'th', { role: 'columnheader', scope: 'col', class: classOf(column) }),
    );
    this.head.append(element('tr', { role: 'row', 'aria-rowindex': 1 }, ...cells));
    this.element.append(this.table);
    this.body.addEventListener('keydown', (event) => this.key(event));
    this.body.addEventListener('click', (event) => this.click(event));
    this.body.addEventListener('focusin', (event) => this.activate(lineAt(event)));
    scroller.addEventListener('scroll', () => (this.frame ||= requestAnimationFrame(() => this.render())), {
      passive: true,
    });
    new ResizeObserver(() => this.render()).observe(scroller);
  }

  /** Shows these results in the chosen order. The active row stays, and the focus in it. */
  show(records: readonly HistoryRecord[]): void {
    const focused = KINDS.find((kind) => this.body.querySelector(`${kind}:focus`));
    this.records = sortRecords(records, this.headers.current);
    this.activeAt = Math.max(
      0,
      this.records.findIndex(({ id }) => id === this.active),
    );
    this.table.setAttribute('aria-rowcount', String(this.records.length + 1));
    this.table.style.setProperty('--columns', widths(this.records));
    this.body.style.height = `${this.records.length * ROW}px`;
    this.render(true);
    if (focused) this.lines.get(this.activeAt)?.querySelector<HTMLElement>(focused)?.focus({ preventScroll: true });
  }

  /**
   * Brings the rows in sight into the page; to be called when what lies above the table has changed its height.
   * @param all true where the rows that stay may show other results
   */
  render(all = false): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const above = this.scroller.scrollTop - this.top();
    const from = Math.max(0, above);
    const room = Math.max(0, above + this.scroller.clientHeight - from);
    this.lines.show(rowsToKeep(this.rows, from, room, OVERSCAN, this.activeAt), () => all);
  }

  /** The results in the order in which they are shown. */
  get shown(): readonly HistoryRecord[] {
    return this.records;
  }

  private get rows(): Rows {
    return { rows: this.records.length, rowHeight: ROW };
  }

  /** Pixels from the top of what scrolls to the first row. */
  private top(): number {
    return this.scroller.scrollTop + this.body.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
  }

  private fill(line: HTMLElement, at: number): void {
    const record = this.records[at];
    if (!record) return;
    line.dataset.at = String(at);
    line.dataset.id = record.id;
    line.classList.toggle('odd', at % 2 === 1);
    line.style.transform = `translateY(${at * ROW}px)`;
    line.setAttribute('aria-rowindex', String(at + 2));
    fillLine(line, record);
    for (const made of line.querySelectorAll('button')) made.tabIndex = at === this.activeAt ? 0 : -1;
  }

  private click(event: MouseEvent): void {
    const record = this.records[lineAt(event)];
    if (!record || !(event.target instanceof Element)) return;
    if (event.target.closest('.copy')) this.needs.copy(record);
    // A click that selects text in a row does not open its run.
    else if (getSelection()?.isCollapsed !== false) this.needs.open(record);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / 2 / ROW));
    const target = rowByKey(event.key, lineAt(event), this.records.length, page);
    if (target === undefined) return;
    event.preventDefault();
    this.focus(target, event.target instanceof Element && event.target.closest('.copy') ? '.copy' : '.open');
  }

  private focus(at: number, kind: (typeof KINDS)[number]): void {
    // The header covers the top of the list.
    const covered = this.head.offsetHeight;
    const before = this.top() - covered;
    const { scrollTop, clientHeight } = this.scroller;
    this.scroller.scrollTop = before + scrollToShow(this.rows, at, scrollTop - before, clientHeight - covered);
    this.activate(at);
    this.render();
    this.lines.get(at)?.querySelector<HTMLElement>(kind)?.focus({ preventScroll: true });
  }

  private activate(at: number): void {
    const record = this.records[at];
    if (!record || at === this.activeAt) return;
    for (const [row, tabindex] of [
      [this.activeAt, -1],
      [at, 0],
    ] as const) {
      for (const made of this.lines.get(row)?.querySelectorAll('button') ?? []) made.tabIndex = tabindex;
    }
    this.activeAt = at;
    this.active = record.id;
    this.needs.activeChanged(record);
  }
}

/** The buttons of a row. */
const KINDS = ['.open', '.copy'] as const;

/** Widths of the columns for these results, for grid-template-columns; the last takes what is left. */
function widths(records: readonly HistoryRecord[]): string {
  const longest = COLUMNS.map(() => 0);
  for (const record of records) {
    const { texts } = rowOf(record);
    for (let at = 0; at < texts.length; at++) longest[at] = Math.max(longest[at] ?? 0, texts[at]?.length ?? 0);
  }
  const each = COLUMNS.map(({ id, title }, at) => {
    const cell = `${Math.min(longest[at] ?? 0, LONGEST)}ch + ${id === 'value' ? PADDING.copy : PADDING.cell}px`;
    return `max(${cell}, ${title.length}ch + ${PADDING.header}px)`;
  });
  return [...each.slice(0, -1), `minmax(${each.at(-1)}, 1fr)`].join(' ');
}

/** Numbers end at the right. */
function classOf(column: Column): string | undefined {
  return isNumber(column) ? 'number' : undefined;
}

/** The place of the result whose row an event came from; -1 outside of rows. */
function lineAt(event: Event): number {
  const line = event.target instanceof Element ? event.target.closest<HTMLElement>('tr[data-at]') : null;
  return line ? Number(line.dataset.at) : -1;
}

/** An empty row, to be filled with a result. */
function makeLine(): HTMLElement {
  const cells = COLUMNS.map((column) => {
    const { id } = column;
    const cell = element('td', { role: 'cell', class: classOf(column) });
    cell.classList.add(`column-${id}`);
    if (id === 'commit') cell.append(element('button', { type: 'button', class: 'open' }));
    if (id === 'value')
      cell.append(element('button', { type: 'button', class: 'copy', title: 'Copy' }, 'Copy'), element('span'));
    return cell;
  });
  return element('tr', { role: 'row' }, ...cells);
}

function fillLine(line: HTMLElement, record: HistoryRecord): void {
  const { texts } = rowOf(record);
  for (const [at, { id }] of COLUMNS.entries()) {
    const cell = line.children[at];
    const shown = texts[at] ?? '';
    if (!cell) continue;
    const [first, second] = cell.children;
    if (id === 'commit' && first) {
      updateText(first, shown);
      setAttributes(first, { 'aria-label': `${shown}, ${record.name}: open its samples` });
    } else if (id === 'value' && first && second) {
      setAttributes(first, { 'aria-label': `Copy ${shown}` });
      updateText(second, shown);
    } else {
      updateText(cell, shown);
      setAttributes(cell, { title: (id === 'num' ? cautionText(record) : undefined) ?? shown });
    }
    if (id === 'workTree') cell.classList.toggle('dirty', record.code.dirty);
  }
}
