import type { Job } from '../../server/shared/protocol';
import { button, element } from '../element';
import { rowsInSight, scrollToShow } from '../rows';
import { COLUMNS, jobText, nextSorting, type Clock, type Sorting } from './columns';

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

/** Height of a row; the style sheet has the same. */
const ROW = 24;
const OVERSCAN = 8;

/** A table of jobs that keeps only the rows in sight in the DOM: 10,000 jobs cost what 50 cost. Keyboard as in WAI-ARIA's grid. */
export class QueueGrid {
  /** The scrolling element. */
  readonly element = element('div', { class: 'grid', role: 'grid', 'aria-label': 'Jobs', 'aria-readonly': 'true' });
  private readonly canvas = element('div', { class: 'canvas', role: 'rowgroup' });
  private readonly headers = new Map<string, { cell: HTMLElement; arrow: HTMLElement }>();
  private readonly lines = new Map<number, HTMLElement>();
  private jobs: readonly Job[] = [];
  private clock: Clock = { taken: 0, now: 0 };
  private user = '';
  /** The active job by id: its place changes as the queue does. */
  private activeId = '';
  private activeAt = 0;
  private frame = 0;

  constructor(
    private sorting: Sorting,
    private readonly needs: GridNeeds,
  ) {
    const head = element('div', { class: 'row header', role: 'row', 'aria-rowindex': 1 });
    for (const [at, { id, title, number }] of COLUMNS.entries()) {
      const arrow = element('span', { class: 'arrow', 'aria-hidden': 'true' });
      const sort = button({ tabindex: at === 0 ? 0 : -1 }, title, () => this.sortBy(id));
      sort.append(arrow);
      const cell = element(
        'div',
        { class: `cell column-${id}${number ? ' number' : ''}`, role: 'columnheader', 'aria-colindex': at + 1 },
        sort,
      );
      this.headers.set(id, { cell, arrow });
      head.append(cell);
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
    // A tooltip for the one cell that is pointed at, where its text is cut: not for thousands that scroll by.
    this.canvas.addEventListener('mouseover', ({ target }) => {
      if (target instanceof HTMLElement && target.matches('.cell'))
        target.title = target.scrollWidth > target.clientWidth ? (target.textContent ?? '') : '';
    });
    this.canvas.addEventListener('focusin', (event) => {
      const at = lineAt(event);
      if (at !== undefined) this.activate(at);
      // Whoever comes from a header far to the right wants to see whose row it is; a click stays where it is.
      if (event.target instanceof Element && event.target.matches(':focus-visible')) this.element.scrollLeft = 0;
    });
    this.canvas.addEventListener('keydown', (event) => this.key(event));
    this.markSorting();
  }

  /** The job that holds the grid's place in the tab order. */
  get active(): Job | undefined {
    return this.jobs[this.activeAt];
  }

  /** Shows these jobs in this order; the active job stays the active one, and the place scrolled to stays. */
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
    // The width is the reasons', until a job from here says how far it is.
    this.element.classList.toggle('no-progress', !jobs.some(({ progress }) => progress));
    this.canvas.style.height = `${jobs.length * ROW}px`;
    this.render(true);
    if (focused) this.lines.get(this.activeAt)?.focus({ preventScroll: true });
    this.needs.activeChanged(this.active);
  }

  /** Clocks of the jobs in sight go on. */
  tick(now: number): void {
    this.clock = { ...this.clock, now };
    for (const [at, line] of this.lines) fillTicking(line, this.jobs[at], this.clock);
  }

  private sortBy(column: string): void {
    this.sorting = nextSorting(this.sorting, column);
    this.markSorting();
    this.needs.sorted(this.sorting);
  }

  private markSorting(): void {
    for (const [id, { cell, arrow }] of this.headers) {
      const sorted = id === this.sorting.column;
      cell.setAttribute('aria-sort', !sorted ? 'none' : this.sorting.descending ? 'descending' : 'ascending');
      arrow.textContent = !sorted ? '' : this.sorting.descending ? '↓' : '↑';
    }
  }

  /** Rows in sight, and the active one: were it removed, the keyboard's place would be lost. */
  private render(all = false): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const rows = { rows: this.jobs.length, rowHeight: ROW };
    const { first, last } = rowsInSight(rows, this.element.scrollTop, this.element.clientHeight, OVERSCAN);
    const wanted = new Set(Array.from({ length: Math.max(0, last - first + 1) }, (_, nth) => first + nth));
    if (this.activeAt < this.jobs.length) wanted.add(this.activeAt);
    const spare: HTMLElement[] = [];
    for (const [at, line] of this.lines) {
      if (wanted.has(at)) {
        if (all) this.fill(line, at);
      } else {
        this.lines.delete(at);
        spare.push(line);
      }
    }
    for (const at of wanted) {
      if (this.lines.has(at)) continue;
      const line = spare.pop() ?? this.makeLine();
      this.lines.set(at, line);
      this.fill(line, at);
      this.insert(line, at);
    }
    for (const line of spare) line.remove();
  }

  /** Lines stand in the order of the list, for readers that go by the document. */
  private insert(line: HTMLElement, at: number): void {
    let after: number | undefined;
    for (const other of this.lines.keys()) if (other > at && (after === undefined || other < after)) after = other;
    this.canvas.insertBefore(line, after === undefined ? null : (this.lines.get(after) ?? null));
  }

  private makeLine(): HTMLElement {
    const cells = COLUMNS.map(({ id, number }, at) =>
      element('span', {
        class: `cell column-${id}${number ? ' number' : ''}`,
        role: 'gridcell',
        'aria-colindex': at + 1,
      }),
    );
    return element('div', { class: 'row', role: 'row' }, ...cells);
  }

  private fill(line: HTMLElement, at: number): void {
    const job = this.jobs[at];
    line.dataset.at = String(at);
    line.dataset.id = job.id;
    line.style.transform = `translateY(${at * ROW}px)`;
    line.setAttribute('aria-rowindex', String(at + 2));
    line.setAttribute('aria-label', jobText(job, this.clock));
    line.tabIndex = at === this.activeAt ? 0 : -1;
    line.className = `row state-${job.state}${job.user === this.user ? ' mine' : ''}${at % 2 ? ' odd' : ''}`;
    for (const [nth, { text }] of COLUMNS.entries()) setText(line.children[nth] as HTMLElement, text(job, this.clock));
  }

  private focus(at: number): void {
    // The header covers the top of the list.
    const room = this.element.clientHeight - ROW;
    this.element.scrollTop = scrollToShow({ rows: this.jobs.length, rowHeight: ROW }, at, this.element.scrollTop, room);
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

  /** The headers are one stop of the Tab key: arrows go from one to the next, and down to the jobs. */
  private headKey(event: KeyboardEvent): void {
    const shown = [...this.headers.values()].map(({ cell }) => cell.querySelector('button')).filter((one) => one?.checkVisibility({ visibilityProperty: true })); // prettier-ignore
    const at = shown.findIndex((one) => one === document.activeElement);
    const target: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: shown.length - 1 };
    if (event.key === 'ArrowDown') this.focus(this.activeAt);
    else if (Object.hasOwn(target, event.key)) {
      const next = shown[Math.min(Math.max(target[event.key], 0), shown.length - 1)];
      for (const one of shown) if (one) one.tabIndex = one === next ? 0 : -1;
      next?.focus();
    } else return;
    event.preventDefault();
  }

  private key(event: KeyboardEvent): void {
    const job = this.active;
    if (!job || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 2);
    const target: Record<string, number> = {
      ArrowDown: this.activeAt + 1,
      ArrowUp: this.activeAt - 1,
      Home: 0,
      End: this.jobs.length - 1,
      PageDown: this.activeAt + page,
      PageUp: this.activeAt - page,
    };
    if (Object.hasOwn(target, event.key)) this.focus(Math.min(Math.max(target[event.key], 0), this.jobs.length - 1));
    else if (event.key === 'Enter') this.needs.open(job);
    else if (event.ctrlKey || !this.needs.key(job, event.key)) return;
    event.preventDefault();
  }
}

function fillTicking(line: HTMLElement, job: Job, clock: Clock): void {
  for (const [nth, { text, ticks }] of COLUMNS.entries())
    if (ticks) setText(line.children[nth] as HTMLElement, text(job, clock));
}

/** Untouched where it is the same. */
function setText(cell: HTMLElement, text: string): void {
  if (cell.textContent !== text) cell.textContent = text;
}

function lineAt(event: Event): number | undefined {
  const line = event.target instanceof Element ? event.target.closest<HTMLElement>('.row[data-at]') : null;
  return line ? Number(line.dataset.at) : undefined;
}
