import { shape } from './element';
import { valueScale, type Scale, type ScaleKind } from './scale';

/** Height of a plot in pixels, and the part of it above and below the values that is left for labels. */
export interface PlotRoom {
  height: number;
  top: number;
  bottom: number;
}

/** Space between a label and the end of its rule. */
const GAP = 8;

/** The vertical axis of a chart: values to pixels, a rule for each tick and its label. */
export class ValueAxis {
  private readonly scale: Scale;

  /** @param values finite, at least one: all of them lie between the ends of the axis */
  constructor(
    values: readonly number[],
    kind: ScaleKind,
    private readonly room: PlotRoom,
  ) {
    this.scale = valueScale(values, kind);
  }

  /** Pixels below the top of the picture. */
  y(value: number): number {
    const { height, top, bottom } = this.room;
    return top + (1 - this.scale.at(value)) * (height - top - bottom);
  }

  /** Horizontal lines at the ticks, from one x to another. */
  rules(from: number, to: number): SVGGElement {
    const lines = this.scale.ticks.map(({ value }) => {
      const at = Math.round(this.y(value)) + 0.5;
      return shape('line', { x1: from, x2: to, y1: at, y2: at, class: 'rule' });
    });
    return shape('g', { 'aria-hidden': 'true' }, ...lines);
  }

  /** Texts of the ticks, which end where the rules begin. @param end x at which the rules begin */
  labels(end: number): SVGGElement {
    const texts = this.scale.ticks.map(({ value, label }) =>
      shape('text', { x: end - GAP, y: this.y(value), class: 'tick' }, label),
    );
    return shape('g', { 'aria-hidden': 'true' }, ...texts);
  }
}

/** A line through corners given in pixels. */
export function polyline(
  corners: readonly (readonly [x: number, y: number])[],
  attributes: { class: string; 'stroke-dasharray'?: string },
): SVGPolylineElement {
  const points = corners.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join(' ');
  return shape('polyline', { points, ...attributes });
}
