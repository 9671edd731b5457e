import type { OptionUse } from './directives';
import { gpusOf } from './lsf-gpu';
import { sectionsOf, slotsOf, spanOf } from './lsf-resources';
import type { Script } from './script';

/** A number and the option it comes from. */
export interface Amount {
  count: number;
  /** The option that gives the number; absent for a default. */
  use?: OptionUse;
}

/** What a job asks for, as far as its directives say. */
export interface Resources {
  nodes: Amount;
  /** Tasks on each node. */
  tasksPerNode: Amount;
  /** CPUs of one task (Slurm), or slots on a host (LSF). */
  cpusPerTask: Amount;
  /** GPUs on each node; undefined where none are asked for or their number is not known. */
  gpusPerNode?: Amount;
  /** The option that asks for a GPU, if any does. */
  gpu?: OptionUse;
}

/** Reads the amounts from the directives. A number whose meaning is unclear is left out, never guessed. */
export function resourcesOf(script: Script): Resources {
  return script.scheduler === 'slurm' ? slurmResources(script) : lsfResources(script);
}

function number(use: OptionUse | undefined): number | undefined {
  return /^\+?\d+$/.test(use?.value?.text ?? '') ? Number(use?.value?.text) : undefined;
}

function amount(use: OptionUse | undefined, fallback: number): Amount {
  const count = number(use);
  return count !== undefined && use ? { count, use } : { count: fallback };
}

/** GPUs in `2`, `a100:2`, `a100:2,v100:1`; undefined where that cannot be read. */
export function gpuCount(value: string): number | undefined {
  if (value === '') return undefined;
  let total = 0;
  for (const part of value.split(',')) {
    const match = /^(?:[^:]*:)?(\d+)$|^[A-Za-z][^:]*$/.exec(part);
    if (!match) return undefined;
    // A bare type means one GPU of it.
    total += Number(match[1] ?? 1);
  }
  return total;
}

/** GPUs in a --gres value; undefined where it names none or cannot be read. */
export function gresGpus(value: string): number | undefined {
  let total: number | undefined;
  for (const part of value.split(',')) {
    const match = /^(?:gres[/:])?gpu(?::(?!\d+$)[^:=]+)?(?:[:=](\d+))?$/i.exec(part);
    if (match) total = (total ?? 0) + Number(match[1] ?? 1);
  }
  return total;
}

function slurmResources(script: Script): Resources {
  const nodesUse = script.option('--nodes');
  const nodes = amount(nodesUse, 1);
  const nodesKnown = nodesUse === undefined || nodes.use !== undefined;
  const perNode = script.option('--ntasks-per-node');
  const total = script.option('--ntasks');
  const tasks = perNode ? amount(perNode, 1) : amount(total, nodes.count);
  const tasksPerNode = perNode
    ? tasks
    : { ...tasks, count: Math.max(1, Math.ceil(tasks.count / Math.max(1, nodes.count))) };
  const result: Resources = { nodes, tasksPerNode, cpusPerTask: amount(script.option('--cpus-per-task'), 1) };

  const gres = script.option('--gres');
  const inGres = gres?.value && gresGpus(gres.value.text);
  if (gres && inGres) {
    result.gpusPerNode = { count: inGres, use: gres };
    result.gpu = gres;
  }
  const gpusPerNode = script.option('--gpus-per-node');
  const onNode = gpusPerNode?.value && gpuCount(gpusPerNode.value.text);
  if (gpusPerNode && onNode) {
    result.gpusPerNode = { count: onNode, use: gpusPerNode };
    result.gpu = gpusPerNode;
  }
  const perTask = script.option('--gpus-per-task');
  const onTask = perTask?.value && gpuCount(perTask.value.text);
  if (perTask && onTask) {
    result.gpu = perTask;
    if (!result.gpusPerNode && nodesKnown) result.gpusPerNode = { count: onTask * tasksPerNode.count, use: perTask };
  }
  const gpus = script.option('--gpus');
  const inAll = gpus?.value && gpuCount(gpus.value.text);
  if (gpus && inAll) {
    result.gpu = gpus;
    // Without --nodes only the scheduler knows on how many nodes the GPUs will be.
    if (!result.gpusPerNode && nodesKnown && inAll % nodes.count === 0)
      result.gpusPerNode = { count: inAll / nodes.count, use: gpus };
  }
  const socket = script.option('--gpus-per-socket');
  if (socket) result.gpu = socket;
  return result;
}

function lsfResources(script: Script): Resources {
  const slots = slotsOf(script);
  const total = slots?.least ?? 1;
  // ptile is the most on a host, not the least.
  const perHost = Math.max(1, Math.min(total, spanOf(script, 'ptile') ?? total));
  const whole = script.option('-nnodes');
  const exact = slots && slots.least === slots.most ? { use: slots.use } : {};
  const result: Resources = {
    nodes: whole ? amount(whole, 1) : { count: Math.ceil(total / perHost) || 1 },
    tasksPerNode: { count: 1 },
    cpusPerTask: { count: perHost, ...exact },
  };
  const gpu = script.option('-gpu');
  const num = gpusOf(gpu?.value?.text ?? '');
  if (gpu) {
    result.gpu = gpu;
    if (num) result.gpusPerNode = { count: num.count * (num.per === 'task' ? perHost : 1), use: gpu };
  }
  for (const { use, terms } of sectionsOf(script).filter(({ name }) => name === 'rusage'))
    for (const { name, value } of terms) {
      const count = /^(\d+)(?:\/host)?$/.exec(value.text)?.[1];
      if (!/^ngpus(?:_\w+)?$/.test(name.text) || count === undefined) continue;
      result.gpu = use;
      result.gpusPerNode = { count: Number(count), use };
    }
  return result;
}
