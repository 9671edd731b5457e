import type { Calibration } from '../../server/shared/protocol';
import { element, shape } from '../element';
import { stepByKey } from '../keys';
import { polyline, ValueAxis, type PlotRoom } from '../plot';
import { memoryText, pointText, rateText, type BatchPoint } from './facts';

const HEIGHT = 214;
/** The space above is for the word that marks the recommended size and for a point's number, the one below for the sizes. */
const ROOM: PlotRoom = { height: HEIGHT, top: 40, bottom: 28 };
const AXIS = 62;
const SLOT = 84;
/** Space for the label of the memory limit. */
const RIGHT = 40;
/** Share of the memory that a recommended size may use. */
const MEMORY_SHARE = 0.9;

/**
 * Images per second over batch sizes, and the memory they take. The sizes are radio buttons: the arrow keys go through
 * them, and the checked one can be written into the config.
 */
export class BatchChart {
  readonly element: HTMLElement;
  private readonly nodes: SVGGElement[];

  /** @param choose called with the position of the size that was chosen */
  constructor(
    private readonly calibration: Calibration,
    private readonly choose: (at: number) => void,
  ) {
    const { points } = calibration;
    const rates = new ValueAxis([0, ...points.map(({ rate }) => rate)], 'linear', ROOM);
    this.nodes = points.map((point, at) => this.radio(point, at, rates.y(point.rate)));
    const group = shape(
      'g',
      { role: 'radiogroup', 'aria-label': `Batch size; ${calibration.batch} is recommended` },
      ...this.nodes,
    );
    group.addEventListener('keydown', (event) => this.key(event));
    const corners = points.map(({ rate }, at) => [place(at), rates.y(rate)] as const);
    const line = polyline(corners, { class: 'line' });
    const memory = this.memory();
    this.element = element(
      'div',
      { class: 'charts' },
      figure('Images per second', this.picture({ role: 'group' }, rates, line, group)),
      ...(memory ? [memory] : []),
    );
  }

  /** Shows which size is the chosen one. */
  check(chosen: number): void {
    for (const [at, node] of this.nodes.entries()) {
      node.setAttribute('aria-checked', String(at === chosen));
      node.setAttribute('tabindex', at === chosen ? '0' : '-1');
    }
  }

  private radio(point: BatchPoint, at: number, y: number): SVGGElement {
    const recommended = point.batch === this.calibration.batch;
    const node = shape(
      'g',
      {
        class: 'point',
        role: 'radio',
        'aria-label': pointText(point) + (recommended ? ', recommended' : ''),
        transform: `translate(${place(at)},${y.toFixed(2)})`,
      },
      shape('circle', { r: 12, class: 'target' }),
      shape('circle', { r: 4.5, class: 'marker' }),
      shape('text', { y: -16, class: 'value', 'aria-hidden': 'true' }, rateText(point)),
    );
    node.addEventListener('click', () => this.go(at));
    return node;
  }

  /** Most memory of one GPU at each size, and the share that a recommended size may use; undefined where it was not measured. */
  private memory(): HTMLElement | undefined {
    const measured = this.calibration.points.flatMap(({ batch, memory }, at) =>
      memory ? [{ at, batch, ...memory }] : [],
    );
    if (measured.length === 0) return undefined;
    const total = Math.max(...measured.map((one) => one.total));
    const axis = new ValueAxis([0, total], 'linear', ROOM);
    const bars = measured.map(({ at, used }) =>
      shape('rect', { x: place(at) - 14, width: 28, y: axis.y(used), height: axis.y(0) - axis.y(used), class: 'bar' }),
    );
    const limit = axis.y(MEMORY_SHARE * total);
    const end = this.calibration.points.length * SLOT + AXIS;
    const bound = [
      shape('line', { x1: AXIS, x2: end, y1: limit, y2: limit, class: 'limit' }),
      shape('text', { x: end + 6, y: limit, class: 'bound' }, `${MEMORY_SHARE * 100} %`),
    ];
    const label = measured.map((one) => `${one.batch}: ${memoryText(one)}`).join(', ');
    const attributes = { role: 'img', 'aria-label': `Memory by batch size. ${label}` };
    return figure('Memory of one GPU, MiB', this.picture(attributes, axis, ...bars, ...bound));
  }

  /** What both pictures share: the axis, the sizes, and the mark of the recommended one. */
  private picture(attributes: Record<string, string>, axis: ValueAxis, ...content: SVGElement[]): SVGSVGElement {
    const { points, batch } = this.calibration;
    const width = AXIS + points.length * SLOT + RIGHT;
    const sizes = points.map((point, at) => shape('text', { x: place(at), y: HEIGHT - 9 }, String(point.batch)));
    const at = points.findIndex((point) => point.batch === batch);
    const mark = [
      shape('rect', { x: AXIS + at * SLOT, y: 1, width: SLOT, height: HEIGHT - 2, rx: 3, class: 'recommended' }),
      shape('text', { x: place(at), y: 13 }, 'recommended'),
    ];
    const hidden = (...parts: SVGElement[]): SVGGElement => shape('g', { 'aria-hidden': 'true' }, ...parts);
    return shape(
      'svg',
      { width, height: HEIGHT, ...attributes },
      hidden(...mark, axis.rules(AXIS, width - RIGHT), axis.labels(AXIS), ...sizes),
      ...content,
    );
  }

  private go(at: number): void {
    this.choose(at);
    this.nodes[at]?.focus();
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const at = this.nodes.findIndex((node) => node === document.activeElement);
    const step = event.key === ' ' ? 0 : stepByKey(event.key);
    if (at < 0 || step === undefined) return;
    event.preventDefault();
    this.go(Math.min(Math.max(at + step, 0), this.nodes.length - 1));
  }
}

function place(at: number): number {
  return AXIS + (at + 0.5) * SLOT;
}

function figure(title: string, picture: SVGSVGElement): HTMLElement {
  return element(
    'figure',
    { class: 'chart' },
    element('figcaption', {}, element('h2', {}, title)),
    element('div', { class: 'plot' }, picture),
  );
}
