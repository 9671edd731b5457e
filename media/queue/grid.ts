import type { Job } from '../../server/shared/protocol';
import { element, setAttributes, updateText } from '../element';
import { RowWindow } from '../row-window';
import { rowByKey, rowsToKeep, scrollToShow, type Rows } from '../rows';
import { SortHeaders } from '../sort-headers';
import type { Sorting } from '../sorting';
import { COLUMNS, jobText, type Clock, type Column } from './columns';

/** What the grid asks of the panel. */
export interface GridNeeds {
  sorted(sorting: Sorting): void;
  /** The active job changed, or is the same one with news; undefined where there is none. */
  activeChanged(job: Job | undefined): void;
  /** Enter or double click. */
  open(job: Job): void;
  /** Any other key on a job; true where it was used. */
  key(job: Job, key: string): boolean;
}

/** Height of a row in pixels, as in the style sheet. */
const ROW = 24;
const OVERSCAN = 8;

/** A table of jobs with only the rows in sight in the DOM, so that 10,000 jobs cost no more than 50. Keyboard as in WAI-ARIA's grid. */
export class QueueGrid {
  /** The scrolling element. */
  readonly element = element('div', { class: 'grid', role: 'grid', 'aria-label': 'Jobs', 'aria-readonly': 'true' });
  private readonly canvas = element('div', { class: 'canvas', role: 'rowgroup' });
  private readonly headers: SortHeaders;
  private readonly lines = new RowWindow(this.canvas, makeLine, (line, at) => this.fill(line, at));
  private jobs: readonly Job[] = [];
  private clock: Clock = { taken: 0, now: 0 };
  private user = '';
  /** Place of the active job, which is known by its id: its place changes when the queue changes. */
  private activeAt = 0;
  private frame = 0;

  /** @param activeId id of the job that is active first, where the queue has it */
  constructor(
    sorting: Sorting,
    private activeId: string,
    private readonly needs: GridNeeds,
  ) {
    this.headers = new SortHeaders(sorting, (changed) => this.needs.sorted(changed));
    const head = element('div', { class: 'row header', role: 'row', 'aria-rowindex': 1 });
    for (const [at, column] of COLUMNS.entries()) {
      const attributes = { class: cellClass(column), role: 'columnheader', 'aria-colindex': at + 1 };
      head.append(this.headers.add(column, 'div', attributes, { tabindex: at === 0 ? 0 : -1 }));
    }
    head.addEventListener('keydown', (event) => this.headKey(event));
    this.element.append(element('div', { role: 'rowgroup', class: 'head-group' }, head), this.canvas);
    this.element.setAttribute('aria-colcount', String(COLUMNS.length));
    this.element.addEventListener('scroll', () => (this.frame ||= requestAnimationFrame(() => this.render())), {
      passive: true,
    });
    new ResizeObserver(() => this.render()).observe(this.element);
    this.canvas.addEventListener('click', (event) => {
      const at = lineAt(event);
      if (at !== undefined) this.focus(at);
    });
    this.canvas.addEventListener('dblclick', (event) => {
      const job = this.jobs[lineAt(event) ?? -1];
      if (job) this.needs.open(job);
    });
    // A tooltip where the text is cut off, and only for the cell under the pointer: thousands scroll by.
    this.canvas.addEventListener('mouseover', ({ target }) => {
      if (target instanceof HTMLElement && target.matches('.cell'))
        setAttributes(target, { title: target.scrollWidth > target.clientWidth ? (target.textContent ?? '') : '' });
    });
    this.canvas.addEventListener('focusin', (event) => {
      const at = lineAt(event);
      if (at !== undefined) this.activate(at);
      // The keyboard comes from a header that may be far to the right: show where the row begins. A click does not scroll.
      if (event.target instanceof Element && event.target.matches(':focus-visible')) this.element.scrollLeft = 0;
    });
    this.canvas.addEventListener('keydown', (event) => this.key(event));
  }

  /** The job whose row is in the tab order. */
  get active(): Job | undefined {
    return this.jobs[this.activeAt];
  }

  /** Shows these jobs in this order. The active job and the scroll position stay. */
  show(jobs: readonly Job[], user: string, clock: Clock): void {
    const focused = this.canvas.contains(document.activeElement);
    this.jobs = jobs;
    this.user = user;
    this.clock = clock;
    const same = jobs.findIndex(({ id }) => id === this.activeId);
    this.activeAt = Math.max(0, same);
    this.activeId = jobs[this.activeAt]?.id ?? '';
    this.element.setAttribute('aria-rowcount', String(jobs.length + 1));
    const others = jobs.some((job) => job.user !== user);
    this.element.classList.toggle('mixed', others);
    // A column without anything to show gives its width to the reasons.
    this.element.classList.toggle('no-progress', !jobs.some(({ progress }) => progress));
    this.element.classList.toggle('no-ended', !jobs.some(({ ended }) => ended !== undefined));
    this.canvas.style.height = `${jobs.length * ROW}px`;
    this.render(true);
    if (focused) this.lines.get(this.activeAt)?.focus({ preventScroll: true });
    this.needs.activeChanged(this.active);
  }

  /** Shows an order in the headers that the panel chose. */
  setSorting(sorting: Sorting): void {
    this.headers.set(sorting);
  }

  /** Brings the clocks of the jobs in sight up to date. */
  tick(now: number): void {
    this.clock = { ...this.clock, now };
    for (const [at, line] of this.lines.entries()) {
      const job = this.jobs[at];
      if (job) fillTicking(line, job, this.clock);
    }
  }

  private get rows(): Rows {
    return { rows: this.jobs.length, rowHeight: ROW };
  }

  /** @param all true where the rows that stay in sight may show other jobs */
  private render(all = false): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { scrollTop, clientHeight } = this.element;
    this.lines.show(rowsToKeep(this.rows, scrollTop, clientHeight, OVERSCAN, this.activeAt), () => all);
  }

  private fill(line: HTMLElement, at: number): void {
    const job = this.jobs[at];
    if (!job) return;
    line.dataset.at = String(at);
    line.dataset.id = job.id;
    line.style.transform = `translateY(${at * ROW}px)`;
    line.setAttribute('aria-rowindex', String(at + 2));
    setAttributes(line, { 'aria-label': jobText(job, this.clock) });
    line.tabIndex = at === this.activeAt ? 0 : -1;
    line.className = `row state-${job.state}${job.user === this.user ? ' mine' : ''}${at % 2 ? ' odd' : ''}`;
    for (const [nth, { text }] of COLUMNS.entries())
      updateText(line.children[nth] as HTMLElement, text(job, this.clock));
  }

  private focus(at: number): void {
    // The header covers the top of the list.
    const room = this.element.clientHeight - ROW;
    this.element.scrollTop = scrollToShow(this.rows, at, this.element.scrollTop, room);
    this.activate(at);
    this.render();
    this.lines.get(at)?.focus({ preventScroll: true });
  }

  private activate(at: number): void {
    if (at === this.activeAt) return;
    const before = this.lines.get(this.activeAt);
    if (before) before.tabIndex = -1;
    this.activeAt = at;
    this.activeId = this.jobs[at]?.id ?? '';
    const line = this.lines.get(at);
    if (line) line.tabIndex = 0;
    this.needs.activeChanged(this.active);
  }

  /** The headers are one stop of the Tab key: the arrow keys go from one to the next, and down to the jobs. */
  private headKey(event: KeyboardEvent): void {
    const shown = this.headers.buttons.filter((one) => one.checkVisibility({ visibilityProperty: true }));
    const at = shown.findIndex((one) => one === document.activeElement);
    const targets = new Map([
      ['ArrowRight', at + 1],
      ['ArrowLeft', at - 1],
      ['Home', 0],
      ['End', shown.length - 1],
    ]);
    const target = targets.get(event.key);
    if (event.key === 'ArrowDown') this.focus(this.activeAt);
    else if (target !== undefined) {
      const next = shown[Math.min(Math.max(target, 0), shown.length - 1)];
      for (const one of shown) one.tabIndex = one === next ? 0 : -1;
      next?.focus();
    } else return;
    event.preventDefault();
  }

  private key(event: KeyboardEvent): void {
    const job = this.active;
    if (!job || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 2);
    const target = rowByKey(event.key, this.activeAt, this.jobs.length, page);
    if (target !== undefined) this.focus(target);
    else if (event.key === 'Enter') this.needs.open(job);
    else if (event.ctrlKey || !this.needs.key(job, event.key)) return;
    event.preventDefault();
  }
}

function cellClass({ id, number }: Column): string {
  return `cell column-${id}${number ? ' number' : ''}`;
}

/** An empty line, to be filled with a job. */
function makeLine(): HTMLElement {
  const cells = COLUMNS.map((column, at) =>
    element('span', { class: cellClass(column), role: 'gridcell', 'aria-colindex': at + 1 }),
  );
  return element('div', { class: 'row', role: 'row' }, ...cells);
}

function fillTicking(line: HTMLElement, job: Job, clock: Clock): void {
  for (const [nth, { text, ticks }] of COLUMNS.entries())
    if (ticks) updateText(line.children[nth] as HTMLElement, text(job, clock));
}

function lineAt(event: Event): number | undefined {
  const line = event.target instanceof Element ? event.target.closest<HTMLElement>('.row[data-at]') : null;
  return line ? Number(line.dataset.at) : undefined;
}
