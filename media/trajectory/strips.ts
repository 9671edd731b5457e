import type { TrajectoryResult } from '../../server/shared/protocol';
import { element } from '../element';
import { columnsOf, pictureSide, pictureText, seedText, type Column } from './columns';

/** The rows of numbers above the pictures, and what they mean. */
const NUMBERS: readonly (readonly [key: keyof Column, label: string, meaning: string])[] = [
  ['sigma', 'sigma', 'Noise level at which the network denoised'],
  ['nfe', 'NFE', 'Network evaluations per image so far'],
  ['r', 'r', 'Noise level after the step divided by the one before it'],
  ['eta', 'eta', 'Fresh noise of the step'],
];

/** One row for each seed, one column for each step and one for the final images. */
export function strips(trajectory: TrajectoryResult): HTMLElement {
  const columns = columnsOf(trajectory);
  const side = pictureSide(trajectory.resolution);
  const titles = columns.map(({ title }) => element('th', { scope: 'col' }, title));
  const numbers = NUMBERS.filter(([key]) => columns.some((column) => column[key] !== '')).map(([key, label, meaning]) =>
    element(
      'tr',
      { class: 'numbers' },
      element('th', { scope: 'row', title: meaning }, label),
      ...columns.map((column) => element('td', {}, column[key])),
    ),
  );
  const rows = trajectory.seeds.map((_, row) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, seedText(trajectory, row)),
      ...trajectory.steps.map(({ images }, at) => {
        const alt = pictureText(trajectory, row, at);
        const src = `data:image/png;base64,${images[row]}`;
        return element('td', {}, element('img', { src, alt, title: alt, width: side, height: side }));
      }),
    ),
  );
  const table = element(
    'table',
    { 'aria-label': 'Denoising trajectory' },
    element('thead', {}, element('tr', {}, element('th', { scope: 'col' }, 'Step'), ...titles)),
    element('tbody', {}, ...numbers, ...rows),
  );
  return element('div', { class: 'strips', tabindex: 0, role: 'region', 'aria-label': 'Strips by seed' }, table);
}
