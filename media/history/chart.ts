import type { HistoryRecord } from '../../server/shared/protocol';
import { element, shape } from '../element';
import { resultText } from '../../server/shared/number-text';
import { cautionText } from '../facts';
import { polyline, ValueAxis, type PlotRoom } from '../plot';
import type { ScaleKind } from '../scale';
import type { Group, Point } from './groups';
import { markerOf } from './markers';

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

/** One comparable group as a line chart: commits or evaluations across, value with its standard error up. Points are buttons that open their run. */
export class Chart {
  readonly element: HTMLElement;
  private readonly scroller = element('div', { class: 'plot' });
  private readonly axis = shape('svg', { class: 'axis', width: AXIS, height: HEIGHT, 'aria-hidden': 'true' });
  private points: { point: Point; node: SVGGElement; y: number }[] = [];
  private activeAt: number;
  private width = 0;
  private takesFocus: boolean;

  /** @param focused id of the result whose point has the focus, where one of another chart in its place had it */
  constructor(
    private readonly group: Group,
    private readonly wanted: ScaleKind,
    private readonly needs: ChartNeeds,
    focused?: string,
  ) {
    const at = group.points.findIndex(({ record }) => record.id === focused);
    this.takesFocus = at >= 0;
    this.activeAt = at >= 0 ? at : group.points.length - 1;
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
      element('div', { class: 'frame' }, this.axis, this.scroller),
      ...this.legend(),
    );
    new ResizeObserver(() => this.draw()).observe(this.scroller);
    this.scroller.addEventListener('keydown', (event) => this.key(event));
  }

  private draw(): void {
    const room = this.scroller.clientWidth;
    if (room === 0 || room === this.width) return;
    const focused = this.takesFocus || this.scroller.contains(document.activeElement);
    this.takesFocus = false;
    this.width = room;
    const { slots, points, title } = this.group;
    const slot = Math.min(WIDEST, Math.max(NARROWEST, (room - RIGHT) / slots.length));
    const width = Math.max(room, slot * slots.length + RIGHT);
    const axis = new ValueAxis(
      points.flatMap(({ record }) => endsOf(record, this.wanted)),
      this.wanted,
      ROOM,
    );
    const place = { x: (x: number) => (x + 0.5) * slot, y: (value: number) => axis.y(value) };
    const svg = shape('svg', { width, height: HEIGHT, role: 'group', 'aria-label': `Chart: ${title}` });
    svg.append(axis.rules(0, width), this.slotLabels(slot), this.lines(place), this.markers(place));
    this.scroller.replaceChildren(svg);
    this.axis.replaceChildren(axis.labels(AXIS));
    // The newest commit is shown first.
    this.scroller.scrollLeft = width;
    if (focused) this.points[this.activeAt]?.node.focus();
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
    const lines = this.group.series.map((one, series) => {
      const { dash, colour } = markerOf(series);
      const corners = one.corners.map(({ x, record }) => [place.x(x), place.y(record.value)] as const);
      return polyline(corners, { class: `line colour-${colour}`, 'stroke-dasharray': dash });
    });
    return shape('g', { 'aria-hidden': 'true' }, ...lines);
  }

  private markers(place: Place): SVGGElement {
    this.points = this.group.points.map((point, at) => {
      const { record } = point;
      const y = place.y(record.value);
      const node = shape(
        'g',
        {
          class: `point colour-${markerOf(point.series).colour}${record.code.dirty ? ' dirty' : ''}`,
          role: 'button',
          'data-id': record.id,
          tabindex: at === this.activeAt ? 0 : -1,
          'aria-label': pointText(record),
          'aria-describedby': 'tooltip',
          transform: `translate(${place.x(point.x).toFixed(2)},${y.toFixed(2)})`,
        },
        ...this.errorBar(record, place, y),
        shape('circle', { r: 10, class: 'target' }),
        shape('path', { d: markerOf(point.series).outline, class: 'marker' }),
      );
      node.addEventListener('click', () => this.needs.open(record));
      node.addEventListener('pointerenter', () => this.needs.hover(record, node));
      node.addEventListener('pointerleave', () => this.needs.leave());
      node.addEventListener('focus', () => {
        this.activate(at);
        this.needs.hover(record, node);
      });
      node.addEventListener('blur', () => this.needs.leave());
      return { point, node, y };
    });
    return shape('g', {}, ...this.points.map(({ node }) => node));
  }

  /** One standard error up and down, around the marker. */
  private errorBar(record: HistoryRecord, place: Place, y: number): SVGElement[] {
    if (record.standard_error === undefined) return [];
    const [low, high] = endsOf(record, this.wanted).map((value) => place.y(value) - y);
    const d = `M-3,${high}H3M0,${high}V${low}M-3,${low}H3`;
    return [shape('path', { d, class: 'error' })];
  }

  /** Names the lines where there are several, and explains hollow markers where there are any. */
  private legend(): HTMLElement[] {
    const { series, points } = this.group;
    const entries = series.length > 1 ? series.map(({ name }, at) => legendEntry(name, at, true)) : [];
    if (points.some(({ record }) => record.code.dirty))
      entries.push(legendEntry('hollow: uncommitted changes', -1, false));
    return entries.length ? [element('ul', { class: 'legend' }, ...entries)] : [];
  }

  private activate(at: number): void {
    this.points[this.activeAt]?.node.setAttribute('tabindex', '-1');
    this.activeAt = at;
    this.points[at]?.node.setAttribute('tabindex', '0');
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const active = this.points[this.activeAt];
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      if (active) this.needs.open(active.point.record);
      return;
    }
    const target = this.points[this.target(event.key) ?? -1];
    if (!target) return;
    event.preventDefault();
    target.node.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    target.node.focus({ preventScroll: true });
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
