import { NO_COUNTERPART, quote } from './option-converters';
import type { OptionUse } from './reading/directives';
import { resourcesOf, type Resources } from './reading/resources';
import type { Script } from './reading/script';
import { megabytesOf } from './reading/values';

/** Tells what is lost or changes, about an option and as the end of a sentence that begins with it. */
export type NoteOption = (use: OptionUse, why: string) => void;

/** Options whose meaning the lines about name and size carry. */
export const joinedOptions: ReadonlySet<string> = new Set([
  ...[
    '--job-name',
    '--array',
    '--nodes',
    '--ntasks',
    '--ntasks-per-node',
    '--cpus-per-task',
    '--gres',
    '--gpus',
    '--gpus-per-node',
    '--gpus-per-task',
    '--mem',
    '--mem-per-cpu',
  ],
  ...['-J', '-n', '-nnodes', '-R', '-M', '-gpu'],
]);

/** Name, array, slots, memory and GPUs of a Slurm script, as options of bsub. */
export function sizeForLsf(script: Script, note: NoteOption): string[] {
  const resources = resourcesOf(script);
  const { nodes, tasksPerNode, cpusPerTask } = resources;
  const perNode = tasksPerNode.count * cpusPerTask.count;
  const slots = perNode * nodes.count;
  const sized = nodes.use ?? tasksPerNode.use ?? cpusPerTask.use;
  const words = nameForLsf(script, note);
  const sections: string[] = [];
  const spread = script.option('--nodes');
  const total = script.option('--ntasks');
  const range = /^(\d+)-(\d+)$/.exec(spread?.value?.text ?? '');
  if (range && !(total && tasksPerNode.use === total)) {
    // A range of nodes becomes a range of slots, as many on each host.
    words.push(`-n ${Number(range[1]) * perNode},${Number(range[2]) * perNode}`);
    sections.push(`span[ptile=${perNode}]`);
  } else if (sized) {
    words.push(`-n ${slots}`);
    if (range && spread) note(spread, 'has no counterpart beside --ntasks: LSF spreads the slots as they are free');
    else if (slots > 1) sections.push(nodes.count === 1 ? 'span[hosts=1]' : `span[ptile=${perNode}]`);
    if (total && slots > 1 && !spread)
      note(total, 'lets Slurm spread the tasks over nodes; span[hosts=1] keeps them on one host');
  }
  sections.push(...memoryForLsf(script, perNode, note));
  if (sections.length) words.push(`-R "${sections.join(' ')}"`);
  return [...words, ...gpusForLsf(script, resources, note)];
}

function nameForLsf(script: Script, note: NoteOption): string[] {
  const name = script.option('--job-name')?.value?.text;
  const array = script.option('--array');
  if (!array?.value) return name === undefined ? [] : [`-J ${quote(name)}`];
  const [, indices = '', limit] = /^([^%]*)(%\d+)?/.exec(array.value.text) ?? [];
  if (/(?:^|,)0/.test(indices)) note(array, 'LSF counts from 1 and refuses an index 0: move the indices by one');
  return [`-J "${name ?? 'job'}[${indices}]${limit ?? ''}"`];
}

function memoryForLsf(script: Script, perNode: number, note: NoteOption): string[] {
  const mem = script.option('--mem');
  const perCpu = script.option('--mem-per-cpu');
  const owner = mem ?? perCpu;
  if (!owner) return [];
  const memory = mem?.value
    ? megabytesOf(mem.value.text)
    : perCpu?.value
      ? (megabytesOf(perCpu.value.text) ?? 0) * perNode
      : undefined;
  if (!memory) {
    note(owner, 'means all memory of the node: use -x');
    return [];
  }
  note(
    owner,
    'is reserved per host; where the site reserves per slot (RESOURCE_RESERVE_PER_TASK), divide it by the slots',
  );
  return [`rusage[mem=${memory % 1024 === 0 ? `${memory / 1024}GB` : `${memory}MB`}]`];
}

function gpusForLsf(script: Script, { gpusPerNode, gpu }: Resources, note: NoteOption): string[] {
  const words: string[] = [];
  if (gpusPerNode) {
    const type = /(?:^|:)([A-Za-z][\w-]*):\d+$/.exec((gpusPerNode.use?.value?.text ?? '').replace(/^gpu:/, ''))?.[1];
    if (type && gpusPerNode.use)
      note(gpusPerNode.use, `becomes gmodel=${type}: this must be the model's name in LSF (lshosts -gpu)`);
    words.push(`-gpu "num=${gpusPerNode.count}${type ? `:gmodel=${type}` : ''}"`);
  } else if (gpu) note(gpu, 'does not say how many GPUs each host needs');
  const gres = script.option('--gres');
  if (gres && !/gpu/i.test(gres.value?.text ?? '')) note(gres, NO_COUNTERPART);
  return words;
}
