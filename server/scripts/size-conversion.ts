import { NO_COUNTERPART, quote } from './option-converters';
import type { OptionUse } from './reading/directives';
import { resourcesOf, type Resources } from './reading/resources';
import type { Script } from './reading/script';
import { megabytesOf } from './reading/values';

/** Tells what is lost or changes, about an option and as the end of a sentence that begins with it. */
type NoteOption = (use: OptionUse, why: string) => void;

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
  ...['-J', '-n', '-R', '-M', '-gpu'],
]);

/** Name, array, slots, memory and GPUs of a Slurm script, as options of bsub. */
export function sizeForLsf(script: Script, note: NoteOption): string[] {
  const resources = resourcesOf(script);
  const { nodes, tasksPerNode, cpusPerTask } = resources;
  const perNode = tasksPerNode.count * cpusPerTask.count;
  const slots = perNode * nodes.count;
  const sized = nodes.use ?? tasksPerNode.use ?? cpusPerTask.use;
  const words = nameForLsf(script, note);
  if (sized) words.push(`-n ${slots}`);
  const sections: string[] = [];
  if (sized && slots > 1) sections.push(nodes.count === 1 ? 'span[hosts=1]' : `span[ptile=${perNode}]`);
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

/** Name, array, nodes, tasks, CPUs, memory and GPUs of an LSF script, as options of sbatch. */
export function sizeForSlurm(script: Script, note: NoteOption): string[] {
  const resources = resourcesOf(script);
  const words = [...nameForSlurm(script), ...slotsForSlurm(script, resources, note)];
  const memory = memoryForSlurm(script, note);
  if (memory) words.push(`--mem=${memory}`);
  return [...words, ...gpusForSlurm(resources, note)];
}

function nameForSlurm(script: Script): string[] {
  const [, name, indices, limit = ''] =
    /^([^[]*)(?:\[([^\]]*)\](%\d+)?)?/.exec(script.option('-J')?.value?.text ?? '') ?? [];
  return [...(name ? [`--job-name=${quote(name)}`] : []), ...(indices ? [`--array=${indices}${limit}`] : [])];
}

function slotsForSlurm(script: Script, { nodes, cpusPerTask }: Resources, note: NoteOption): string[] {
  const slots = script.option('-n');
  if (!slots) return [];
  const single = script.uses('-R').some(({ value }) => /hosts\s*=\s*1\b/.test(value?.text ?? ''));
  const words = single || nodes.count > 1 ? [`--nodes=${nodes.count}`] : [];
  // LSF slots become CPUs of one task, but tasks where MPI starts one process per slot.
  if (script.running('mpirun', 'mpiexec', 'blaunch').length > 0)
    return [...words, `--ntasks=${cpusPerTask.count * nodes.count}`];
  if (cpusPerTask.count > 1) note(slots, 'becomes the CPUs of one task per node');
  return [...words, `--ntasks=${nodes.count}`, `--cpus-per-task=${cpusPerTask.count}`];
}

function memoryForSlurm(script: Script, note: NoteOption): string | undefined {
  let memory: string | undefined;
  for (const use of script.uses('-R')) {
    const text = use.value?.text ?? '';
    const reserved = /\brusage\s*\[[^\]]*?\bmem\s*=\s*(\d+(?:\.\d+)?)\s*([KMGT]?)B?/i.exec(text);
    if (reserved) {
      memory = `${reserved[1]}${reserved[2]?.toUpperCase() ?? ''}`;
      if (!reserved[2])
        note(use, `has mem=${reserved[1]}, whose unit depends on the LSF site; Slurm reads it as megabytes`);
    }
    const rest = text
      .replace(/\bspan\s*\[[^\]]*\]/g, '')
      .replace(/\brusage\s*\[\s*mem\s*=[^\],:]*\]/g, '')
      .replace(/\brusage\s*\[\s*ngpus\w*\s*=\s*\d[^\]]*\]/g, '')
      .trim();
    if (rest) note(use, `${rest} ${NO_COUNTERPART}`);
  }
  const limit = script.option('-M');
  if (!memory && limit?.value) {
    memory = limit.value.text.replace(/B?!?$/i, '').toUpperCase();
    note(
      limit,
      /^\d+$/.test(memory)
        ? 'has a unit that depends on the LSF site; Slurm reads it as megabytes'
        : 'becomes a reservation, which in Slurm is also the limit',
    );
  } else if (limit) note(limit, 'is covered by --mem, which is both the reservation and the limit');
  return memory;
}

function gpusForSlurm({ gpusPerNode, gpu }: Resources, note: NoteOption): string[] {
  if (!gpusPerNode) {
    if (gpu) note(gpu, 'does not say how many GPUs are needed');
    return [];
  }
  const { use, count } = gpusPerNode;
  const text = use?.value?.text ?? '';
  const type = /gmodel=([\w-]+)/.exec(text)?.[1];
  if (type && use)
    note(use, `has gmodel=${type}: give the type as in --gres=gpu:TYPE:${count}, with the cluster's own name for it`);
  if (/mode=|mps=|gmem=/.test(text) && use)
    note(use, 'mode, mps and gmem have no counterpart; Slurm gives each GPU to one job only');
  return [`--gres=gpu:${count}`];
}
