import type { TrajectoryResult } from '../../server/shared/protocol';
import { element, shape } from '../element';
import { polyline, ValueAxis, type PlotRoom } from '../plot';
import { shortNumber } from './columns';

const HEIGHT = 190;
/** The space below is for two lines of labels: step and NFE. */
const ROOM: PlotRoom = { height: HEIGHT, top: 10, bottom: 40 };
const AXIS = 56;
const RIGHT = 16;
const SLOT = 30;

/**
 * Noise levels over steps, logarithmic, with the network evaluations so far below. The final images have no noise, so they
 * are not in it. The table has the same numbers, so for a screen reader it is one picture.
 */
export function noiseChart({ steps }: TrajectoryResult): HTMLElement {
  const levels = steps.slice(0, -1);
  const width = AXIS + levels.length * SLOT + RIGHT;
  const axis = new ValueAxis(
    levels.map(({ sigma }) => sigma),
    'log',
    ROOM,
  );
  const x = (at: number): number => AXIS + (at + 0.5) * SLOT;
  const corners = levels.map(({ sigma }, at) => [x(at), axis.y(sigma)] as const);
  const points = levels.map(({ sigma, nfe }, at) => {
    const text = `Step ${at + 1}: sigma ${shortNumber(sigma)}, NFE ${nfe}`;
    return shape(
      'circle',
      { cx: x(at), cy: axis.y(sigma).toFixed(2), r: 3.5, class: 'point' },
      shape('title', {}, text),
    );
  });
  const labels = levels.flatMap(({ nfe }, at) => [
    shape('text', { x: x(at), y: HEIGHT - 24 }, String(at + 1)),
    shape('text', { x: x(at), y: HEIGHT - 8 }, String(nfe)),
  ]);
  const [first, last] = [levels.at(0), levels.at(-1)];
  const label =
    first && last
      ? `Noise levels from ${shortNumber(first.sigma)} to ${shortNumber(last.sigma)} in ${levels.length} steps with ${last.nfe} network evaluations`
      : 'No noise levels';
  const svg = shape(
    'svg',
    {
      width,
      height: HEIGHT,
      role: 'img',
      'aria-label': label,
    },
    axis.rules(AXIS, width),
    axis.labels(AXIS),
    polyline(corners, { class: 'line' }),
    ...points,
    shape('text', { x: AXIS - 8, y: HEIGHT - 24, class: 'name' }, 'step'),
    shape('text', { x: AXIS - 8, y: HEIGHT - 8, class: 'name' }, 'NFE'),
    ...labels,
  );
  return element(
    'figure',
    { class: 'chart' },
    element('figcaption', {}, element('h2', {}, 'Noise level sigma at each step')),
    element('div', { class: 'plot', tabindex: 0, role: 'region', 'aria-label': 'Noise levels' }, svg),
  );
}
