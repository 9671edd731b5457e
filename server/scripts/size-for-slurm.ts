import { NO_COUNTERPART, quote } from './option-converters';
import type { OptionUse } from './reading/directives';
import { lsfNameOf } from './reading/lsf-array';
import { gpuTermsOf } from './reading/lsf-gpu';
import { coresOf, errorsOf, reservations, sectionsOf, slotsOf, spanOf, type SectionUse } from './reading/lsf-resources';
import { resourcesOf, type Resources } from './reading/resources';
import type { Script } from './reading/script';
import { lsfMegabytesOf } from './reading/values';
import type { NoteOption } from './size-conversion';

/** Name, array, nodes, tasks, CPUs, memory and GPUs of an LSF script, as options of sbatch. */
export function sizeForSlurm(script: Script, note: NoteOption): string[] {
  const resources = resourcesOf(script);
  for (const use of script.uses('-R')) noteRequirement(script, use, note);
  return [
    ...nameForSlurm(script),
    ...slotsForSlurm(script, resources, note),
    ...memoryForSlurm(script, resources, note),
    ...gpusForSlurm(resources, note),
  ];
}

/** Whether each slot is one process: MPI starts one in each, and so do slots with cores of their own. */
export function slotsAreTasks(script: Script): boolean {
  return script.running('mpirun', 'mpiexec', 'blaunch').length > 0 || coresOf(script) !== undefined;
}

function nameForSlurm(script: Script): string[] {
  const { name, indices, limit } = lsfNameOf(script.option('-J')?.value?.text ?? '');
  return [
    ...(name ? [`--job-name=${quote(name)}`] : []),
    ...(indices ? [`--array=${indices}${limit === undefined ? '' : `%${limit}`}`] : []),
  ];
}

function slotsForSlurm(script: Script, { nodes, cpusPerTask }: Resources, note: NoteOption): string[] {
  const whole = script.option('-nnodes');
  if (whole)
    note(whole, 'gives whole nodes; add --exclusive and --gpus-per-node where the Slurm cluster shares its nodes');
  const slots = slotsOf(script);
  if (!slots) return whole ? [`--nodes=${nodes.count}`] : [];
  if (slots.most > slots.least)
    note(slots.use, `asks for ${slots.least} to ${slots.most} slots; Slurm has no such range: ${slots.least} are asked for`); // prettier-ignore
  const words = spanOf(script, 'hosts') === 1 || whole || nodes.count > 1 ? [`--nodes=${nodes.count}`] : [];
  const perHost = cpusPerTask.count;
  if (slotsAreTasks(script)) {
    words.push(`--ntasks=${slots.least}`);
    if (nodes.count > 1 && spanOf(script, 'ptile') !== undefined) words.push(`--ntasks-per-node=${perHost}`);
    const cores = coresOf(script);
    return cores === undefined ? words : [...words, `--cpus-per-task=${cores}`];
  }
  // LSF slots become the CPUs of one task on each node.
  const more = perHost * nodes.count - slots.least;
  if (perHost > 1)
    note(slots.use, `becomes the CPUs of one task per node${more > 0 ? `, ${more} more than the slots, as Slurm gives each node the same` : ''}`); // prettier-ignore
  return [...words, `--ntasks=${nodes.count}`, `--cpus-per-task=${perHost}`];
}

/** Tells what of a requirement is not carried over. */
function noteRequirement(script: Script, use: OptionUse, note: NoteOption): void {
  const [mistake] = errorsOf(use);
  if (mistake) note(use, `has a mistake, so what it asks for may be missing: ${mistake.message}`);
  for (const section of sectionsOf(script).filter((one) => one.use === use))
    for (const lost of lostOf(script, section)) note(use, `${lost} ${NO_COUNTERPART}`);
}

function lostOf(script: Script, { name, body, terms }: SectionUse): string[] {
  const written = ({ name: key, value }: (typeof terms)[number]): string =>
    value.text === '' ? key.text : `${key.text}=${value.text}`;
  switch (name) {
    case 'span':
      return terms.filter(({ name: key, value }) => !/^(?:hosts|ptile)$/.test(key.text) || !/^\d+$/.test(value.text)).map((term) => `span[${written(term)}]`); // prettier-ignore
    case 'rusage':
      return terms.filter(({ name: key }) => !/^(?:mem|ngpus(?:_\w+)?)$/.test(key.text)).map((term) => `rusage[${written(term)}]`); // prettier-ignore
    case 'affinity':
      return coresOf(script) === undefined ? [`affinity[${body.text}]`] : [];
    default:
      return [`${name}[${body.text}]`];
  }
}

/** A size as sbatch reads it: whole; without a unit as it is. */
function sizeOf(written: string): string {
  const megabytes = lsfMegabytesOf(written);
  if (megabytes === undefined) return String(Math.ceil(parseFloat(written)));
  const whole = Math.ceil(megabytes);
  return whole % 1024 === 0 ? `${whole / 1024}G` : `${whole}M`;
}

function memoryForSlurm(script: Script, resources: Resources, note: NoteOption): string[] {
  const reserved = reservations(script, 'mem').findLast(({ amount }) => /^\d/.test(amount.text));
  const limit = script.option('-M');
  const most = limit?.value?.text.replace(/!$/, '') ?? '';
  if (!reserved) {
    if (!/^\d/.test(most) || !limit) return [];
    const unit = lsfMegabytesOf(most) !== undefined;
    note(
      limit,
      unit
        ? 'becomes a reservation, which in Slurm is also the limit'
        : 'has a unit that depends on the LSF site; Slurm reads it as megabytes',
    );
    return [`--mem=${sizeOf(most)}`];
  }
  const { use, amount } = reserved;
  const size = sizeOf(amount.text);
  if (lsfMegabytesOf(amount.text) === undefined)
    note(use, `has mem=${amount.text}, whose unit depends on the LSF site; Slurm reads it as megabytes`);
  if (limit) note(limit, `is covered by the ${size} of rusage, which in Slurm is both the reservation and the limit`);
  return [memoryOption(script, resources, { use, size, per: /\/(\w+)$/.exec(amount.text)?.[1] }, note)];
}

/** The option for a size that is reserved per task, per job or per host; where it does not say, the site decides. */
function memoryOption(
  script: Script,
  { nodes }: Resources,
  { use, size, per }: { use: OptionUse; size: string; per: string | undefined },
  note: NoteOption,
): string {
  const slots = slotsOf(script)?.least ?? 1;
  const [, count = '0', unit = ''] = /^(\d+)(\w?)$/.exec(size) ?? [];
  if (per === 'task') {
    const cores = coresOf(script) ?? 1;
    if (cores === 1) return `--mem-per-cpu=${size}`;
    const megabytes = Math.ceil((Number(count) * (unit === 'G' ? 1024 : 1)) / cores);
    return `--mem-per-cpu=${megabytes}M`;
  }
  if (per === 'job' && nodes.count > 1) {
    note(use, `reserves ${size} for the whole job; Slurm counts per node, and each of ${nodes.count} gets its part`);
    return `--mem=${Math.ceil((Number(count) * (unit === 'G' ? 1024 : 1)) / nodes.count)}M`;
  }
  if (per === undefined && slots > 1)
    note(use, `reserves ${size} per host; where the LSF site reserves per slot (RESOURCE_RESERVE_PER_TASK), write --mem-per-cpu=${size} instead`); // prettier-ignore
  return `--mem=${size}`;
}

function gpusForSlurm({ gpusPerNode, gpu }: Resources, note: NoteOption): string[] {
  if (!gpusPerNode) {
    if (gpu) note(gpu, 'does not say how many GPUs are needed');
    return [];
  }
  const { use, count } = gpusPerNode;
  const terms = use?.option?.name === '-gpu' ? gpuTermsOf(use.value?.text ?? '') : [];
  const model = terms.findLast(({ key }) => key.text === 'gmodel')?.value.text;
  if (model && use)
    note(use, `has gmodel=${model}: give the type as in --gres=gpu:TYPE:${count}, with the cluster's own name for it`);
  const lost = terms.map(({ key }) => key.text).filter((key) => key !== 'num' && key !== 'gmodel');
  if (lost.length && use)
    note(use, `${lost.join(', ')} ${lost.length > 1 ? 'have' : 'has'} no counterpart; Slurm gives each GPU to one job only`); // prettier-ignore
  return [`--gres=gpu:${count}`];
}
