/** What directives come to, in words that an editor shows after them. What is not known is left out, never guessed. */
import type { OptionUse } from './reading/directives';
import { lsfNameOf } from './reading/lsf-array';
import { gpusOf } from './reading/lsf-gpu';
import { slotsOf, spanOf } from './reading/lsf-resources';
import { gpuCount, resourcesOf } from './reading/resources';
import type { Script } from './reading/script';
import { arrayCount, lsfMinutesOf, secondsOf, seedCount } from './reading/values';
import type { Scopes } from './scopes';
import { countOf } from '../shared/number-text';

/** A remark after a place of the whole text. */
export interface InlayRemark {
  offset: number;
  label: string;
  tooltip: string;
  /** Whether it depends on the time, and so is right for a minute. */
  passes?: true;
}

/** A remark on an option of the script; it stands after the option's value. */
type Remark = Omit<InlayRemark, 'offset'> & { use: OptionUse };

/** All remarks on a script and the scripts within it. @param now when they are shown */
export function inlayRemarks({ scopes }: Scopes, now: Date): InlayRemark[] {
  return scopes.flatMap(({ script, outer }) => {
    const placed = [...gpuRemarks(script), ...endRemarks(script, now), ...arrayRemarks(script)].map(({ use, ...remark }) => ({ ...remark, offset: use.value?.end ?? use.end })); // prettier-ignore
    return [...placed, ...seedRemarks(script)].map(({ offset, ...remark }) => ({ ...remark, offset: outer({ start: offset, end: offset }).start })); // prettier-ignore
  });
}

function gpuRemarks(script: Script): Remark[] {
  // Of several components each has its own.
  if (script.components.length > 1) return [];
  const found = script.scheduler === 'slurm' ? slurmGpus(script) : lsfGpus(script);
  if (!found) return [];
  const { use, perNode, nodes, total } = found;
  const array = script.option('--array') ? ' Each task of the array has as many.' : '';
  if (perNode !== undefined && nodes !== undefined) {
    const all = perNode * nodes;
    // One GPU is what the directive says already.
    if (all <= 1) return [];
    return [{ use, label: `= ${countOf(all, 'GPU')} on ${countOf(nodes, 'node')}`, tooltip: `${countOf(perNode, 'GPU')} on each node.${array}` }]; // prettier-ignore
  }
  if (perNode !== undefined)
    return [{ use, label: `= ${countOf(perNode, 'GPU')} on each node`, tooltip: `How many nodes the job gets is not fixed by the directives.${array}` }]; // prettier-ignore
  if (total === undefined || total <= 1) return [];
  return [{ use, label: `= ${countOf(total, 'GPU')}`, tooltip: `On how many nodes they are is not fixed by the directives.${array}` }]; // prettier-ignore
}

interface Gpus {
  use: OptionUse;
  perNode?: number;
  /** Undefined where the scheduler decides. */
  nodes?: number;
  total?: number;
}

function slurmGpus(script: Script): Gpus | undefined {
  const { gpusPerNode, nodes, gpu } = resourcesOf(script);
  const asked = ['--gres', '--gpus', '--gpus-per-node', '--gpus-per-task'].filter((name) => script.option(name));
  // Two options that both count GPUs are a matter of the scheduler's version.
  if (!gpu || asked.length !== 1 || script.option('--gpus-per-socket')) return undefined;
  const nodesUse = script.option('--nodes');
  const tasks = Number(script.option('--ntasks')?.value?.text ?? NaN);
  const name = gpu.option?.name;
  // Without --nodes one task is on one node, and several are wherever there is room.
  const alone = !nodesUse && !script.option('--ntasks-per-node') && !(tasks > 1) && !script.option('--nodelist');
  const count = nodesUse ? (nodes.use ? nodes.count : undefined) : alone ? 1 : undefined;
  if (name === '--gres' || name === '--gpus-per-node')
    return gpusPerNode && { use: gpu, perNode: gpusPerNode.count, ...(count !== undefined && { nodes: count }) };
  if (name === '--gpus-per-task') {
    const each = gpuCount(gpu.value?.text ?? '');
    const perNodeTasks = Number(script.option('--ntasks-per-node')?.value?.text ?? NaN);
    const all = Number.isInteger(tasks) ? tasks : count === undefined ? NaN : count * perNodeTasks;
    if (!each || !Number.isInteger(all) || all < 1) return undefined;
    return count !== undefined && (each * all) % count === 0
      ? { use: gpu, perNode: (each * all) / count, nodes: count }
      : { use: gpu, total: each * all };
  }
  // --gpus itself says how many; on each node they are only fixed where they divide.
  return nodesUse && gpusPerNode && count !== undefined ? { use: gpu, perNode: gpusPerNode.count, nodes: count } : undefined; // prettier-ignore
}

function lsfGpus(script: Script): Gpus | undefined {
  const gpu = script.option('-gpu');
  const num = gpusOf(gpu?.value?.text ?? '');
  if (!gpu || !num) return undefined;
  const slots = slotsOf(script);
  const total = slots ? (slots.least === slots.most ? slots.least : undefined) : script.option('-n') ? undefined : 1;
  if (num.per === 'task') return total === undefined ? undefined : { use: gpu, total: num.count * total };
  const perHost = spanOf(script, 'ptile');
  const whole = Number(script.option('-nnodes')?.value?.text ?? NaN);
  const nodes = Number.isInteger(whole)
    ? whole
    : total === 1 || spanOf(script, 'hosts') === 1
      ? 1
      : total !== undefined && perHost !== undefined && total % perHost === 0
        ? total / perHost
        : undefined;
  return { use: gpu, perNode: num.count, ...(nodes !== undefined && { nodes }) };
}

function endRemarks(script: Script, now: Date): Remark[] {
  if (script.option('--begin', '-b')) return [];
  const use = script.option('--time', '-W');
  const text = use?.value?.text ?? '';
  const slurm = script.scheduler === 'slurm';
  // `-W 4:00/host` counts the time of another host's speed.
  const seconds = slurm ? secondsOf(text) : /^\d+(?::\d+)?$/.test(text) ? (lsfMinutesOf(text) ?? 0) * 60 : undefined;
  if (!use || !seconds || !Number.isFinite(seconds)) return [];
  // Slurm counts in whole minutes, and up.
  const end = new Date(now.getTime() + Math.ceil(seconds / 60) * 60_000);
  if (Number.isNaN(end.getTime())) return [];
  const tooltip = slurm
    ? 'If it starts now; sites may grant some minutes more (OverTimeLimit).'
    : 'If it starts now; sites may count the time by the speed of the host.';
  return [{ use, label: `ends at most ${moment(end, now)} if it starts now`, tooltip, passes: true }];
}

/** `Tue 14:00`, with the date where the day of the week alone may be another one. */
function moment(end: Date, now: Date): string {
  const far = end.getTime() - now.getTime() > 6 * 86_400_000;
  const year = end.getFullYear() !== now.getFullYear();
  const day = end.toLocaleDateString('en-GB', { weekday: 'short', ...(far && { day: 'numeric', month: 'short' }), ...(far && year && { year: 'numeric' }) }); // prettier-ignore
  const time = end.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  return `${day.replace(',', '')} ${time}`;
}

function arrayRemarks(script: Script): Remark[] {
  const use = script.option('--array', '-J');
  const text = use?.value?.text ?? '';
  const slurm = /^([^%]*)(?:%(\d+))?$/.exec(text);
  const lsf = lsfNameOf(text);
  const [indices, limit] = script.scheduler === 'slurm' ? [slurm?.[1], Number(slurm?.[2] ?? 0)] : [lsf.indices, lsf.limit ?? 0]; // prettier-ignore
  const count = indices === undefined ? undefined : arrayCount(indices);
  if (!use || !count) return [];
  const atOnce = limit > 0 && limit < count ? `, ${limit} at a time` : '';
  return [{ use, label: `= ${countOf(count, 'task')}${atOnce}`, tooltip: 'Each task is a job with these directives.' }];
}

function seedRemarks(script: Script): InlayRemark[] {
  return script.running('generate.py', 'generate_images.py').flatMap(({ options }) =>
    options.flatMap(({ name, value, valueEnd }) => {
      const count = name === 'seeds' && value !== undefined ? seedCount(value) : undefined;
      if (!count || count === 1 || valueEnd === undefined) return [];
      return [
        { offset: valueEnd, label: `= ${countOf(count, 'image')}`, tooltip: 'One image for each different seed.' },
      ];
    }),
  );
}
