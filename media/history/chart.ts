import type { HistoryRecord } from '../../server/shared/protocol';
import { element, setAttributes, shape, showText } from '../element';
import { countOf, countText, resultText } from '../../server/shared/number-text';
import { cautionText } from '../facts';
import { RowWindow } from '../row-window';
import { polyline, ValueAxis, type PlotRoom } from '../plot';
import type { ScaleKind } from '../scale';
import type { Group, Point } from './groups';
import { markerOf, SERIES_LOOKS } from './markers';
import { thinned, type Placed } from './thinning';

/** What a chart asks of the panel. */
interface ChartNeeds {
  open(record: HistoryRecord): void;
  hover(record: HistoryRecord, anchor: Element): void;
  leave(): void;
}

const HEIGHT = 220;
const ROOM: PlotRoom = { height: HEIGHT, top: 12, bottom: 28 };
const RIGHT = 12;
const AXIS = 62;
/** Least width of a slot; where not all of them fit, the chart scrolls sideways. */
const NARROWEST = 20;
/** Width that a label needs. */
const LABEL_WIDTH = 60;
/** Most width of a slot. */
const WIDEST = 140;
/** Most width of a chart that scrolls; in it, slots become narrower than the narrowest. */
const LONGEST = 8000;
/** Most points that a chart as wide as its panel draws. */
const MOST_POINTS = 1000;
/** Most lines that the legend names. */
const MOST_NAMES = 12;

/** One comparable group as a line chart: commits or evaluations across, value with its standard error up. Points are buttons that open their run. */
export class Chart {
  readonly element: HTMLElement;
  private readonly scroller = element('div', { class: 'plot' });
  private readonly axis = shape('svg', { class: 'axis', width: AXIS, height: HEIGHT, 'aria-hidden': 'true' });
  private readonly left = element('p', { class: 'caution', hidden: true });
  private points: readonly Drawn[] = [];
  private marks: RowWindow<SVGGElement> | undefined;
  private activeAt = 0;
  private frame = 0;
  private width = 0;

  /** @param focused id of the result whose point has the focus, where one of another chart in its place had it */
  constructor(
    private readonly group: Group,
    private readonly wanted: ScaleKind,
    private readonly needs: ChartNeeds,
    private focused?: string,
  ) {
    const caution = cautionText(group.first);
    const notPositive = wanted === 'log' && group.points.some(({ record }) => record.value <= 0);
    this.element = element(
      'figure',
      { class: 'chart' },
      element(
        'figcaption',
        {},
        element('h2', {}, group.title),
        ...(caution ? [element('p', { class: 'caution' }, caution)] : []),
      ),
      ...(notPositive
        ? [
            element(
              'p',
              { class: 'caution' },
              'Linear scale: a logarithmic one cannot show values that are not above 0',
            ),
          ]
        : []),
      this.left,
      element('div', { class: 'frame' }, this.axis, this.scroller),
      ...this.legend(),
    );
    new ResizeObserver(() => this.draw()).observe(this.scroller);
    this.scroller.addEventListener('keydown', (event) => this.key(event));
    this.scroller.addEventListener('scroll', () => (this.frame ||= requestAnimationFrame(() => this.render())), {
      passive: true,
    });
    this.follow('click', (at) => this.open(at));
    this.follow('pointerover', (at) => this.hover(at));
    this.follow('pointerout', () => this.needs.leave());
    this.follow('focusin', (at) => {
      this.activate(at);
      this.hover(at);
    });
    this.follow('focusout', () => this.needs.leave());
  }

  /** One listener for all points: thousands may come. */
  private follow(type: string, action: (at: number) => void): void {
    this.scroller.addEventListener(type, ({ target }) => {
      const at = target instanceof Element ? target.closest('.point')?.getAttribute('data-at') : undefined;
      if (at) action(Number(at));
    });
  }

  private open(at: number): void {
    const drawn = this.points[at];
    if (drawn) this.needs.open(drawn.point.record);
  }

  private hover(at: number): void {
    const drawn = this.points[at];
    const node = this.marks?.get(at);
    if (drawn && node) this.needs.hover(drawn.point.record, node);
  }

  private draw(): void {
    const room = this.scroller.clientWidth;
    if (room === 0 || room === this.width) return;
    const active = this.points[this.activeAt]?.point.record.id;
    const kept = this.focused ?? (this.scroller.contains(document.activeElement) ? active : undefined);
    this.focused = undefined;
    this.width = room;
    const { slots, points, title } = this.group;
    const narrowest = Math.min(NARROWEST, LONGEST / slots.length);
    const slot = Math.min(WIDEST, Math.max(narrowest, (room - RIGHT) / slots.length));
    const width = Math.max(room, slot * slots.length + RIGHT);
    const axis = new ValueAxis(
      points.flatMap(({ record }) => endsOf(record, this.wanted)),
      this.wanted,
      ROOM,
    );
    const place: Place = { x: (x: number) => (x + 0.5) * slot, y: (value: number) => axis.y(value) };
    const svg = shape('svg', { width, height: HEIGHT, role: 'group', 'aria-label': `Chart: ${title}` });
    this.place(place, width / room);
    const canvas = shape('g');
    this.marks = new RowWindow(canvas, makeMark, (node, at) => this.fill(node, at, place));
    svg.append(axis.rules(0, width), this.slotLabels(slot), this.lines(place), canvas);
    this.scroller.replaceChildren(svg);
    this.axis.replaceChildren(axis.labels(AXIS));
    // The newest commit is shown first.
    this.scroller.scrollLeft = width;
    const same = this.points.findIndex(({ point }) => point.record.id === (kept ?? active));
    this.activeAt = same >= 0 ? same : this.points.length - 1;
    this.render();
    if (kept !== undefined) this.marks.get(this.activeAt)?.focus();
  }

  /** Brings the points in sight into the picture, those of half a view beside it, and the active one. */
  private render(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { scrollLeft } = this.scroller;
    const [from, to] = [scrollLeft - this.width / 2, scrollLeft + this.width * 1.5];
    const shown = this.points.flatMap(({ x }, at) => ((x >= from && x <= to) || at === this.activeAt ? [at] : []));
    this.marks?.show(shown);
  }

  /** Labels; where they would overlap only every second, third, ... one, counted from the last. */
  private slotLabels(width: number): SVGGElement {
    const { slots } = this.group;
    const every = Math.ceil(LABEL_WIDTH / width);
    const labels = slots.flatMap(({ short, detail }, at) => {
      if ((slots.length - 1 - at) % every !== 0) return [];
      const text = shape('text', { x: (at + 0.5) * width, y: HEIGHT - 9, class: 'commit' }, short);
      text.append(shape('title', {}, detail));
      return [text];
    });
    return shape('g', { 'aria-hidden': 'true' }, ...labels);
  }

  private lines(place: Place): SVGGElement {
    const lines = this.group.series.flatMap((one, series) => {
      if (one.corners.length < 2) return [];
      const { dash, colour } = markerOf(series);
      const corners = one.corners.map(({ x, record }) => [place.x(x), place.y(record.value)] as const);
      return [polyline(corners, { class: `line colour-${colour}`, 'stroke-dasharray': dash })];
    });
    return shape('g', { 'aria-hidden': 'true' }, ...lines);
  }

  /** Finds the place of each point, and leaves out those that others cover. @param views how many times as wide as the panel the chart is */
  private place(place: Place, views: number): void {
    const placed = this.group.points.map((point) => ({
      point,
      x: place.x(point.x),
      y: place.y(point.record.value),
      look: `${point.series % SERIES_LOOKS} ${point.record.code.dirty}`,
    }));
    this.points = thinned(placed, MOST_POINTS * views);
    this.left.hidden = this.points.length === placed.length;
    const drawn = `${countText(this.points.length)} of ${countOf(placed.length, 'result')} are drawn`;
    showText(this.left, `${drawn}: of those that cover each other the last. Filter to see the others`);
  }

  private fill(node: SVGGElement, at: number, place: Place): void {
    const drawn = this.points[at];
    if (!drawn) return;
    const { point, x, y } = drawn;
    const { record } = point;
    const { colour, outline } = markerOf(point.series);
    setAttributes(node, {
      class: `point colour-${colour}${record.code.dirty ? ' dirty' : ''}`,
      'data-id': record.id,
      'data-at': at,
      tabindex: at === this.activeAt ? 0 : -1,
      'aria-label': pointText(record),
      transform: `translate(${x.toFixed(2)},${y.toFixed(2)})`,
    });
    node.querySelector('.error')?.setAttribute('d', this.errorBar(record, place, y));
    node.querySelector('.marker')?.setAttribute('d', outline);
  }

  /** One standard error up and down, around the marker; nothing where it is not known. */
  private errorBar(record: HistoryRecord, place: Place, y: number): string {
    if (record.standard_error === undefined) return '';
    const [low, high] = endsOf(record, this.wanted).map((value) => place.y(value) - y);
    return `M-3,${high}H3M0,${high}V${low}M-3,${low}H3`;
  }

  /** Names the lines where there are several, and explains hollow markers where there are any. */
  private legend(): HTMLElement[] {
    const { series, points } = this.group;
    const named = series.length > 1 ? series.slice(0, MOST_NAMES) : [];
    const entries = named.map(({ name }, at) => legendEntry(name, at, true));
    const more = series.length - named.length;
    if (named.length > 0 && more > 0) entries.push(element('li', {}, `and ${countOf(more, 'other line')}`));
    if (points.some(({ record }) => record.code.dirty))
      entries.push(legendEntry('hollow: uncommitted changes', -1, false));
    return entries.length ? [element('ul', { class: 'legend' }, ...entries)] : [];
  }

  private activate(at: number): void {
    this.marks?.get(this.activeAt)?.setAttribute('tabindex', '-1');
    this.activeAt = at;
    this.marks?.get(at)?.setAttribute('tabindex', '0');
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      this.open(this.activeAt);
      return;
    }
    const target = this.target(event.key);
    if (target === undefined || !this.points[target]) return;
    event.preventDefault();
    this.activate(target);
    // One out of sight is not in the picture before.
    this.render();
    const node = this.marks?.get(target);
    node?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    node?.focus({ preventScroll: true });
  }

  /** Left and right go through all points, up and down to the next value in the same slot. */
  private target(key: string): number | undefined {
    const last = this.points.length - 1;
    const at = this.activeAt;
    switch (key) {
      case 'ArrowRight':
        return Math.min(at + 1, last);
      case 'ArrowLeft':
        return Math.max(at - 1, 0);
      case 'Home':
        return 0;
      case 'End':
        return last;
      case 'ArrowUp':
        return this.neighbour(-1);
      case 'ArrowDown':
        return this.neighbour(1);
      default:
        return undefined;
    }
  }

  private neighbour(direction: 1 | -1): number {
    const active = this.points[this.activeAt];
    if (!active) return this.activeAt;
    const beyond = this.points
      .map((other, at) => ({
        at,
        gap: (other.y - active.y) * direction,
        same: Math.round(other.point.x) === Math.round(active.point.x),
      }))
      .filter(({ gap, same }) => same && gap > 0)
      .sort((a, b) => a.gap - b.gap);
    return beyond[0]?.at ?? this.activeAt;
  }
}

/** The value less and more one standard error; the value itself where there is none, or no logarithm of it. */
function endsOf({ value, standard_error: error = 0 }: HistoryRecord, kind: ScaleKind): [low: number, high: number] {
  return kind === 'log' && value - error <= 0 ? [value, value + error] : [value - error, value + error];
}

/** A point and its place in the picture. */
interface Drawn extends Placed {
  point: Point;
}

/** A marker, to be filled with a point. */
function makeMark(): SVGGElement {
  return shape(
    'g',
    { role: 'button', 'aria-describedby': 'tooltip' },
    shape('path', { class: 'error' }),
    shape('circle', { r: 10, class: 'target' }),
    shape('path', { class: 'marker' }),
  );
}

/** Value and data units to pixels. */
interface Place {
  x(x: number): number;
  y(value: number): number;
}

function pointText(record: HistoryRecord): string {
  const dirty = record.code.dirty ? ', uncommitted changes' : '';
  return `${record.name} at ${record.code.short}${dirty}: ${resultText(record)}. ${record.code.subject}. Open its samples`;
}

function legendEntry(text: string, series: number, line: boolean): HTMLElement {
  const { outline, dash, colour } = markerOf(Math.max(series, 0));
  const sign = shape('svg', { width: line ? 34 : 14, height: 14, 'aria-hidden': 'true' });
  if (line)
    sign.append(
      shape('line', { x1: 0, x2: 34, y1: 7, y2: 7, class: `line colour-${colour}`, 'stroke-dasharray': dash }),
    );
  const middle = line ? 17 : 7;
  const group = shape('g', {
    class: line ? `point colour-${colour}` : 'point dirty',
    transform: `translate(${middle},7)`,
  });
  group.append(shape('path', { d: outline, class: 'marker' }));
  sign.append(group);
  return element('li', {}, sign, text);
}
