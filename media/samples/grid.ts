import type { SampleDetails, SamplesResult } from '../../server/shared/protocol';
import { element, setAttributes, showText } from '../element';
import { RowWindow } from '../row-window';
import { rowsInSight, rowsToKeep, scrollToShow } from '../rows';
import { GAP, gridLayout, moveByKey, type GridLayout } from './layout';

/** One image of the folder. */
export type Sample = SamplesResult['images'][number];

/** What the grid needs from the panel around it. Positions count the samples shown, after filtering. */
export interface GridNeeds {
  urlOf(sample: Sample): string;
  /** Text alternative of an image, as far as it is known. */
  textOf(sample: Sample): string;
  detailsOf(sample: Sample): SampleDetails | undefined;
  /** Files have come into sight and stayed there. */
  seen(files: string[]): void;
  /** The sample under pointer or focus; undefined when there is none. */
  pointedAt(sample: Sample | undefined): void;
  open(position: number): void;
  activeChanged(position: number): void;
}

const OVERSCAN = 2;
/** After this pause the images in sight are fetched and their details asked for, so that a drag through 50,000 fetches few. */
const REST_MS = 80;

/** A grid of images with only the rows in sight in the DOM. Keyboard as in WAI-ARIA's grid. */
export class SampleGrid {
  /** The scrolling element. */
  readonly element = element('div', { class: 'grid', role: 'grid', 'aria-label': 'Samples', 'aria-readonly': 'true' });
  private readonly canvas = element('div', { class: 'canvas', role: 'presentation' });
  private readonly lines = new RowWindow(
    this.canvas,
    () => element('div', { class: 'row', role: 'row' }),
    (line, row) => this.fillRow(line, row),
  );
  private samples: readonly Sample[] = [];
  private layout: GridLayout = gridLayout(0, 0, 1);
  private tile = 1;
  private activeAt = 0;
  private lastTop = 0;
  private frame = 0;
  private rest = 0;

  constructor(private readonly needs: GridNeeds) {
    this.element.append(this.canvas);
    this.element.addEventListener('scroll', () => this.renderSoon(), { passive: true });
    new ResizeObserver(() => this.arrange()).observe(this.element);
    this.canvas.addEventListener('click', (event) => this.withCell(event, (at) => this.needs.open(at)));
    this.canvas.addEventListener('pointerover', (event) =>
      this.withCell(event, (at) => this.needs.pointedAt(this.samples[at])),
    );
    this.canvas.addEventListener('pointerleave', () => this.needs.pointedAt(this.hasFocus ? this.active : undefined));
    this.canvas.addEventListener('focusin', (event) =>
      this.withCell(event, (at) => {
        this.activate(at);
        this.needs.pointedAt(this.samples[at]);
      }),
    );
    this.canvas.addEventListener('focusout', () => this.needs.pointedAt(undefined));
    this.element.addEventListener('keydown', (event) => this.key(event));
  }

  /** The sample whose tile is in the tab order. */
  get active(): Sample | undefined {
    return this.samples[this.activeAt];
  }

  /** Shows other samples with `active` in sight. */
  show(samples: readonly Sample[], active = 0): void {
    this.setSamples(samples, active);
    this.element.scrollTop = 0;
    this.arrange(true);
    this.reveal(this.activeAt);
  }

  /** Shows a longer list of the same kind; the scroll position stays. */
  extend(samples: readonly Sample[], active: number): void {
    const before = this.samples;
    this.setSamples(samples, active);
    this.applyLayout(gridLayout(samples.length, this.element.clientWidth, this.tile));
    const { columns } = this.layout;
    const changed = (row: number): boolean => {
      const from = row * columns;
      return samples.slice(from, from + columns).some(({ file }, nth) => before[from + nth]?.file !== file);
    };
    this.render(changed);
  }

  /** Changes the side of a tile; what is at the top stays in sight. */
  resize(tile: number): void {
    if (tile === this.tile) return;
    this.tile = tile;
    this.arrange(true);
  }

  /** Moves the focus, scrolling as little as possible. */
  focus(position: number): void {
    this.reveal(position);
    this.activate(position);
    this.cell(position)?.focus({ preventScroll: true });
  }

  /** Scrolls a tile into sight and makes it the active one without taking the focus. */
  reveal(position: number): void {
    if (position >= this.samples.length) return;
    const row = Math.floor(position / this.layout.columns);
    this.element.scrollTop = scrollToShow(this.layout, row, this.element.scrollTop, this.element.clientHeight, GAP);
    this.activate(position);
    this.render();
  }

  /** Texts of tiles in the DOM follow details that have arrived. */
  refresh(): void {
    for (const tile of this.canvas.querySelectorAll<HTMLElement>('.tile')) this.describe(tile);
  }

  private setSamples(samples: readonly Sample[], active: number): void {
    this.samples = samples;
    this.activeAt = Math.min(active, Math.max(samples.length - 1, 0));
  }

  private get hasFocus(): boolean {
    return this.canvas.contains(document.activeElement);
  }

  /** Lays the tiles out again where the width, the size or the samples have changed. */
  private arrange(force = false): void {
    // A hidden grid has no width; the observer calls again when it is shown.
    if (this.element.clientWidth === 0) return;
    const layout = gridLayout(this.samples.length, this.element.clientWidth, this.tile);
    if (!force && layout.columns === this.layout.columns) return this.renderSoon();
    const top = Math.floor(this.element.scrollTop / this.layout.rowHeight) * this.layout.columns;
    const focused = this.hasFocus;
    this.lines.show([]);
    this.applyLayout(layout);
    this.element.scrollTop = Math.floor(top / layout.columns) * layout.rowHeight;
    this.render();
    if (focused) this.cell(this.activeAt)?.focus({ preventScroll: true });
  }

  private applyLayout(layout: GridLayout): void {
    this.layout = layout;
    this.canvas.style.height = `${layout.rows * layout.rowHeight}px`;
    this.element.style.setProperty('--tile', `${layout.tile}px`);
    this.element.style.setProperty('--column', `${layout.columnWidth}px`);
    this.element.style.setProperty('--row', `${layout.rowHeight}px`);
    this.element.setAttribute('aria-rowcount', String(layout.rows));
    this.element.setAttribute('aria-colcount', String(layout.columns));
  }

  private renderSoon(): void {
    this.frame ||= requestAnimationFrame(() => this.render());
  }

  /** @param changed true for rows that show other samples although they stay in sight */
  private render(changed?: (row: number) => boolean): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { scrollTop, clientHeight } = this.element;
    const activeRow = Math.floor(this.activeAt / this.layout.columns);
    this.lines.show(rowsToKeep(this.layout, scrollTop, clientHeight, OVERSCAN, activeRow), changed);
    const jump = Math.abs(scrollTop - this.lastTop) > clientHeight / 2;
    this.lastTop = scrollTop;
    if (!jump) this.fetchImages();
    clearTimeout(this.rest);
    this.rest = setTimeout(() => {
      this.fetchImages();
      this.needs.seen(this.filesInSight());
    }, REST_MS);
  }

  private fillRow(line: HTMLElement, row: number): void {
    const { columns, rowHeight, count } = this.layout;
    const from = row * columns;
    const length = Math.min(columns, count - from);
    line.setAttribute('aria-rowindex', String(row + 1));
    line.style.transform = `translateY(${row * rowHeight}px)`;
    while (line.childElementCount > length) line.lastElementChild?.remove();
    while (line.childElementCount < length) line.append(this.makeTile(line.childElementCount));
    for (const [nth, tile] of [...line.children].entries()) this.fillTile(tile as HTMLElement, from + nth);
  }

  /** An empty tile; its parts are filled again whenever its row shows other samples. */
  private makeTile(column: number): HTMLElement {
    const image = element('img', { draggable: 'false', decoding: 'async' });
    const problem = element('span', { class: 'problem', hidden: true }, 'Cannot be shown');
    const caption = element('span', { class: 'caption', 'aria-hidden': 'true' });
    const tile = element('div', { class: 'tile', role: 'gridcell', 'aria-colindex': column + 1 });
    tile.append(element('span', { class: 'frame' }, image, problem), caption);
    image.addEventListener('load', () => {
      const shown = this.layout.tile * devicePixelRatio;
      image.classList.toggle('pixelated', Math.max(image.naturalWidth, image.naturalHeight) < shown);
      image.classList.add('loaded');
    });
    image.addEventListener('error', () => {
      if (image.hasAttribute('src')) this.breakTile(tile, 'the file is not an image or is gone');
    });
    return tile;
  }

  private fillTile(tile: HTMLElement, at: number): void {
    const sample = this.samples[at];
    if (!sample) return;
    tile.dataset.at = String(at);
    tile.tabIndex = at === this.activeAt ? 0 : -1;
    tile.classList.remove('broken');
    const [image, problem] = partsOf(tile);
    // Removing the source cancels a running fetch: images that scrolled by must not delay those in sight.
    image.removeAttribute('src');
    image.classList.remove('loaded');
    image.hidden = false;
    problem.hidden = true;
    const caption = tile.lastElementChild as HTMLElement;
    caption.hidden = !this.layout.captions;
    showText(caption, sample.seed === undefined ? sample.file.replace(/^.*\//, '') : String(sample.seed));
    this.describe(tile);
  }

  private sampleOf({ dataset }: HTMLElement): Sample | undefined {
    return this.samples[Number(dataset.at)];
  }

  /** Tooltip and text alternative, as far as the sample is known. */
  private describe(tile: HTMLElement): void {
    const sample = this.sampleOf(tile);
    if (!sample) return;
    const text = this.needs.textOf(sample);
    const details = this.needs.detailsOf(sample);
    const [image] = partsOf(tile);
    setAttributes(image, { alt: text });
    if (details?.problem) this.breakTile(tile, details.problem);
    else if (!tile.classList.contains('broken'))
      setAttributes(tile, {
        title: details ? `${text}, ${sample.file}, ${details.width} × ${details.height}` : `${text}, ${sample.file}`,
      });
  }

  private breakTile(tile: HTMLElement, why: string): void {
    const sample = this.sampleOf(tile);
    if (!sample) return;
    const [image, problem] = partsOf(tile);
    tile.classList.add('broken');
    const title = `${this.needs.textOf(sample)}, ${sample.file}: ${this.needs.detailsOf(sample)?.problem ?? why}`;
    setAttributes(tile, { title });
    setAttributes(problem, { 'aria-label': `${title}. Cannot be shown` });
    problem.hidden = false;
    image.hidden = true;
  }

  private fetchImages(): void {
    for (const tile of this.canvas.querySelectorAll<HTMLElement>('.tile:not(.broken)')) {
      const [image] = partsOf(tile);
      const sample = this.sampleOf(tile);
      if (sample && !image.hasAttribute('src')) image.src = this.needs.urlOf(sample);
    }
  }

  private filesInSight(): string[] {
    const { first, last } = rowsInSight(this.layout, this.element.scrollTop, this.element.clientHeight, 0);
    const { columns } = this.layout;
    return this.samples.slice(Math.max(first, 0) * columns, (last + 1) * columns).map(({ file }) => file);
  }

  private activate(position: number): void {
    if (position === this.activeAt) return;
    this.cell(this.activeAt)?.setAttribute('tabindex', '-1');
    this.activeAt = position;
    this.cell(position)?.setAttribute('tabindex', '0');
    this.needs.activeChanged(position);
  }

  private cell(position: number): HTMLElement | null {
    return this.canvas.querySelector<HTMLElement>(`[data-at="${position}"]`);
  }

  private withCell(event: Event, act: (position: number) => void): void {
    const cell = event.target instanceof Element ? event.target.closest<HTMLElement>('.tile') : null;
    if (cell) act(Number(cell.dataset.at));
  }

  private key(event: KeyboardEvent): void {
    if (event.altKey || event.metaKey || this.samples.length === 0) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      this.needs.open(this.activeAt);
      return;
    }
    const page = Math.floor(this.element.clientHeight / this.layout.rowHeight);
    const target = moveByKey(this.layout, this.activeAt, event.key, event.ctrlKey, page);
    if (target === undefined) return;
    event.preventDefault();
    this.focus(target);
  }
}

/** Image and problem text of a tile. */
function partsOf(tile: HTMLElement): [HTMLImageElement, HTMLElement] {
  const frame = tile.firstElementChild;
  return [frame?.firstElementChild as HTMLImageElement, frame?.lastElementChild as HTMLElement];
}
