import type { PartitionLoad } from '../../server/shared/protocol';
import { element } from '../element';

/** The load of a cluster: for each partition a bar for its CPUs and one for its GPUs, with the numbers beside them. */
export function loadBars(load: readonly PartitionLoad[]): HTMLElement[] {
  return load.map(({ partition, cpus, gpus }) =>
    element(
      'li',
      {},
      element('span', { class: 'partition', title: partition }, partition),
      bar('CPUs', partition, cpus),
      ...(gpus[1] > 0 ? [bar('GPUs', partition, gpus)] : []),
    ),
  );
}

function bar(what: string, partition: string, [used, all]: PartitionLoad['cpus']): HTMLElement {
  const text = `${used.toLocaleString('en-US')} of ${all.toLocaleString('en-US')} ${what}`;
  return element(
    'span',
    { class: 'load' },
    element('meter', {
      min: 0,
      max: Math.max(all, 1),
      value: used,
      'aria-label': `${what} in use in ${partition}`,
      'aria-valuetext': text,
    }),
    text,
  );
}
