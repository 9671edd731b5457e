/** The calibration panel: images per second and memory over batch sizes, and the size to write into the config. */
import type { Calibration } from '../../server/shared/protocol';
import { button, element, factList, showText } from '../element';
import { connect } from '../host';
import { keepScroll } from '../kept-scroll';
import type { FromCalibration, ToCalibration } from '../../server/shared/panel-protocol';
import { BatchChart } from './chart';
import { calibrationFacts, memoryText, pointText, rateText } from './facts';

/** What the panel remembers. */
interface PanelState {
  /** The batch size that was chosen; 0 for the recommended one. */
  chosen: number;
  scrollTop: number;
  scrollLeft: number;
}

const host = connect<ToCalibration, FromCalibration, PanelState>({ chosen: 0, scrollTop: 0, scrollLeft: 0 });
const problem = element('p', { class: 'banner', role: 'alert' });

host.listen({
  calibration({ calibration }) {
    const [head, main] = page(calibration);
    document.body.replaceChildren(head, main);
    keepScroll(main, host)();
  },
  problem({ message }) {
    showText(problem, message);
    document.body.prepend(problem);
  },
});

function page(calibration: Calibration): [head: HTMLElement, main: HTMLElement] {
  const { points, batch, reason, config_file } = calibration;
  let chosen = batch;
  const write = button({}, '', () => host.post({ type: 'write', batch: chosen }));
  const status = element('p', { class: 'chosen', role: 'status' });
  const rows = points.map((point) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, String(point.batch)),
      element('td', {}, rateText(point)),
      element('td', {}, point.memory ? memoryText(point.memory) : 'not measured'),
      element('td', {}, point.batch === batch ? `recommended: ${reason}` : ''),
    ),
  );
  const choose = (at: number): void => {
    const point = points[at];
    if (!point) return;
    chosen = point.batch;
    host.remember({ chosen });
    chart.check(at);
    showText(write, `Write batch: ${chosen} into ${config_file}`);
    showText(status, pointText(point) + (chosen === batch ? `. Recommended: ${reason}` : ''));
    for (const [nth, row] of rows.entries()) row.classList.toggle('active', nth === at);
  };
  const chart = new BatchChart(calibration, choose);
  const remembered = points.findIndex((point) => point.batch === host.state.chosen);
  choose(remembered >= 0 ? remembered : points.findIndex((point) => point.batch === batch));
  const rates = calibration.nfe === undefined ? 'Images/s' : `Images/s at NFE ${calibration.nfe}`;
  const titles = ['Batch', rates, 'Memory of one GPU', ''].map((title) => element('th', { scope: 'col' }, title));
  return [
    element(
      'header',
      { class: 'head' },
      element('h1', {}, 'Batch size'),
      factList(calibrationFacts(calibration)),
      status,
      element('div', {}, write),
    ),
    element(
      'main',
      {},
      chart.element,
      element(
        'table',
        { 'aria-label': 'Measurements' },
        element('thead', {}, element('tr', {}, ...titles)),
        element('tbody', {}, ...rows),
      ),
    ),
  ];
}
