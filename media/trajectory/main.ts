/** The trajectory panel: what the network estimates for each seed at every noise level, and the levels as a chart. */
import { element, factList } from '../element';
import { connect } from '../host';
import { keepScroll } from '../kept-scroll';
import type { FromTrajectory, ToTrajectory } from '../../server/shared/panel-protocol';
import { noiseChart } from './chart';
import { trajectoryFacts } from './columns';
import { strips } from './strips';

const EXPLANATION =
  'Each picture is D(x; sigma), the network’s estimate of the image at that noise level. ' +
  'A deterministic Euler step goes to x_next = r x + (1 − r) D with r = sigma_next / sigma; Heun’s method corrects it with a second evaluation.';

const host = connect<ToTrajectory, FromTrajectory, { scrollTop: number; scrollLeft: number }>({
  scrollTop: 0,
  scrollLeft: 0,
});

host.listen({
  trajectory({ trajectory, network }) {
    const main = element('main', {}, strips(trajectory), noiseChart(trajectory));
    document.body.replaceChildren(
      element(
        'header',
        { class: 'head' },
        element('h1', {}, 'Denoising trajectory'),
        factList(trajectoryFacts(trajectory, network)),
        element('p', { class: 'explanation' }, EXPLANATION),
        ...(trajectory.sampler
          ? [element('p', { class: 'explanation' }, `One step: ${trajectory.sampler.formula}`)]
          : []),
        ...trajectory.notes.map((note) => element('p', { class: 'caution' }, note)),
      ),
      main,
    );
    keepScroll(main, host)();
  },
});
