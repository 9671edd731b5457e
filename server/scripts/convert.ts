import type { Conversion, ConversionNote } from '../shared/protocol';
import type { OptionUse } from './reading/directives';
import { readScript } from './reading/read-script';
import type { SchedulerName } from '../shared/scheduler-name';
import { resourcesOf } from './reading/resources';
import type { BatchScript, ScriptContext } from './reading/script';
import { lsfMinutesOf, megabytesOf, secondsOf } from './reading/values';

/** Variables with the same meaning in both schedulers. */
const variablePairs: readonly (readonly [slurm: string, lsf: string])[] = [
  ['SLURM_JOB_ID', 'LSB_JOBID'],
  ['SLURM_ARRAY_TASK_ID', 'LSB_JOBINDEX'],
  ['SLURM_JOB_NAME', 'LSB_JOBNAME'],
  ['SLURM_JOB_PARTITION', 'LSB_QUEUE'],
  ['SLURM_SUBMIT_DIR', 'LS_SUBCWD'],
  ['SLURM_NTASKS', 'LSB_DJOB_NUMPROC'],
];

type Converter = (value: string, script: BatchScript, note: (why: string) => void) => string[];

const none = 'has no counterpart';

/** How each option of sbatch becomes options of bsub. Those about size (nodes, tasks, CPUs, GPUs, memory) go together. */
const toLsf: Readonly<Record<string, Converter>> = {
  '--account': (value) => [`-P ${value}`],
  '--partition': (value) => [`-q ${quote(value.replace(/,/g, ' '))}`],
  '--time': (value, _, note) => {
    const seconds = secondsOf(value);
    if (!seconds) note('means no limit; LSF uses the limit of the queue');
    // Rounded up: LSF counts in minutes.
    return seconds ? [`-W ${hoursMinutes(Math.ceil(seconds / 60))}`] : [];
  },
  '--time-min': (value) => {
    const seconds = secondsOf(value);
    return seconds ? [`-We ${hoursMinutes(Math.ceil(seconds / 60))}`] : [];
  },
  '--output': (value, script, note) => [`${overwrites(script) ? '-oo' : '-o'} ${quote(logName(value, script, note))}`],
  '--error': (value, script, note) => [`${overwrites(script) ? '-eo' : '-e'} ${quote(logName(value, script, note))}`],
  '--open-mode': () => [],
  '--input': (value) => [`-i ${quote(value)}`],
  '--chdir': (value) => [`-cwd ${quote(value)}`],
  '--exclusive': (value, _, note) => {
    if (value) note('becomes exclusive for this job alone');
    return ['-x'];
  },
  '--hold': () => ['-H'],
  '--requeue': () => ['-r'],
  '--no-requeue': () => ['-rn'],
  '--wait': () => ['-K'],
  '--comment': (value) => [`-Jd ${quote(value, true)}`],
  '--mail-user': (value) => [`-u ${value}`],
  '--mail-type': (value, _, note) => {
    const wanted = value.toUpperCase().split(',');
    const flags = new Set<string>();
    for (const type of wanted) {
      if (type === 'BEGIN' || type === 'ALL') flags.add('-B');
      if (type === 'END' || type === 'ALL') flags.add('-N');
      if (type === 'FAIL' && !wanted.includes('END') && !wanted.includes('ALL')) flags.add('-Ne');
      if (!['BEGIN', 'END', 'FAIL', 'ALL', 'NONE'].includes(type)) note(`${type} ${none}`);
    }
    return [...flags];
  },
  '--reservation': (value) => [`-U ${value}`],
  '--nodelist': (value, _, note) => {
    if (/[[/]/.test(value)) {
      note('write the hosts out for -m');
      return [];
    }
    note('with -m the job runs on some of these hosts, not on all');
    return [`-m ${quote(value.replace(/,/g, ' '))}`];
  },
  '--constraint': (value, _, note) => {
    if (!/^[\w-]+(?:&[\w-]+)*$/.test(value)) {
      note('write the requirement as -R "select[...]"');
      return [];
    }
    note('the names of features must exist as resources of the LSF hosts');
    return [`-R "select[${value.replace(/&/g, ' && ')}]"`];
  },
  '--dependency': (value, _, note) => {
    const terms = { afterok: 'done', afterany: 'ended', afternotok: 'exit', after: 'started' } as const;
    const conditions: string[] = [];
    for (const part of value.split(/[,?]/)) {
      const [type = '', ...ids] = part.split(':');
      const term = terms[type as keyof typeof terms];
      if (!(type in terms) || ids.some((id) => !/^\d+$/.test(id))) {
        note(`${part} ${none}`);
        return [];
      }
      conditions.push(...ids.map((id) => `${term}(${id})`));
    }
    return [`-w '${conditions.join(value.includes('?') ? ' || ' : ' && ')}'`];
  },
  '--begin': (value, _, note) => {
    const clock = /^(\d{1,2}:\d\d)(?::\d\d)?$/.exec(value);
    if (!clock) note('only a time of day is converted; write -b [[year:]month:]day:hour:minute');
    return clock ? [`-b ${clock[1]}`] : [];
  },
  '--signal': (value, _, note) => {
    const match = /^(?:[RB]+:)?(?:SIG)?([A-Z0-9]+)@(\d+)$/i.exec(value);
    if (!match) {
      note('write -wa and -wt');
      return [];
    }
    return [`-wa '${match[1]?.toUpperCase()}'`, `-wt '${Math.max(1, Math.ceil(Number(match[2]) / 60))}'`];
  },
};

/** How each option of bsub becomes options of sbatch. */
const toSlurm: Readonly<Record<string, Converter>> = {
  '-P': (value) => [`--account=${value}`],
  '-q': (value) => [`--partition=${value.trim().replace(/\s+/g, ',')}`],
  '-W': (value) => [`--time=${clock(lsfMinutesOf(value) ?? 0)}`],
  '-We': (value) => [`--time-min=${clock(lsfMinutesOf(value) ?? 0)}`],
  '-o': (value, script) => [`--output=${quote(slurmLogName(value, script))}`, '--open-mode=append'],
  '-oo': (value, script) => [`--output=${quote(slurmLogName(value, script))}`],
  '-e': (value, script) => [`--error=${quote(slurmLogName(value, script))}`],
  '-eo': (value, script) => [`--error=${quote(slurmLogName(value, script))}`],
  '-i': (value) => [`--input=${quote(value)}`],
  '-cwd': (value) => [`--chdir=${quote(value)}`],
  '-x': () => ['--exclusive'],
  '-H': () => ['--hold'],
  '-r': () => ['--requeue'],
  '-rn': () => ['--no-requeue'],
  '-K': () => ['--wait'],
  '-Jd': (value) => [`--comment=${quote(value, true)}`],
  '-u': (value) => [`--mail-user=${value}`],
  '-B': () => ['--mail-type=BEGIN'],
  '-N': () => ['--mail-type=END'],
  '-Ne': () => ['--mail-type=FAIL'],
  '-U': (value) => [`--reservation=${value}`],
  '-ti': () => ['--kill-on-invalid-dep=yes'],
  '-m': (value, _, note) => {
    note('with --nodelist the job gets all of these nodes, not one of them');
    return [`--nodelist=${value.trim().replace(/\s+/g, ',')}`];
  },
  '-b': (value, _, note) => {
    if (!/^\d{1,2}:\d\d$/.test(value)) note('only a time of day is converted; write --begin=YYYY-MM-DDTHH:MM');
    return /^\d{1,2}:\d\d$/.test(value) ? [`--begin=${value}`] : [];
  },
  '-w': (value, _, note) => {
    const types: Readonly<Record<string, string>> = {
      done: 'afterok',
      ended: 'afterany',
      exit: 'afternotok',
      started: 'after',
    };
    const parts = value
      .split(/\s*(?:&&|\|\|)\s*/)
      .map((part) => /^(done|ended|exit|started)\((\d+)\)$/.exec(part.trim()));
    if (parts.some((part) => part === null) || (value.includes('&&') && value.includes('||'))) {
      note('write --dependency by hand: only ids joined by one kind of operator are converted');
      return [];
    }
    return [
      `--dependency=${parts.map((part) => `${types[part?.[1] ?? '']}:${part?.[2]}`).join(value.includes('||') ? '?' : ',')}`,
    ];
  },
};

/** Options whose meaning is carried by the lines about size and name. */
const joined = new Set([
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

/**
 * Rewrites a script for the other scheduler. Undefined for a text without directives. Nothing is dropped in silence:
 * whatever has no counterpart is in `notes`.
 */
export function convert(text: string, context?: ScriptContext): Conversion | undefined {
  const script = readScript(text, context);
  if (!script) return undefined;
  const to = script.scheduler === 'slurm' ? 'lsf' : 'slurm';
  const notes: ConversionNote[] = [];
  const words = [...(to === 'lsf' ? sizeForLsf(script, notes) : sizeForSlurm(script, notes))];
  for (const use of script.directives.options) {
    if (use.late) continue;
    const note = (why: string): void => void notes.push({ line: use.line, what: written(script, use), why });
    if (use.component > 0) note('heterogeneous jobs have no counterpart');
    else if (!use.option) note('is no option, so it is left out');
    else if (script.option(use.option.name) !== use && use.option.name !== '-R') continue;
    else if (!joined.has(use.option.name)) {
      const converter = (to === 'lsf' ? toLsf : toSlurm)[use.option.name];
      if (converter) words.push(...converter(use.value?.text ?? '', script, note));
      else note(none);
    }
  }
  const keyword = to === 'lsf' ? '#BSUB' : '#SBATCH';
  const block = mergeMailTypes(words).map((word) => `${keyword} ${word}`);
  return {
    from: script.scheduler,
    to,
    text: rewrite(script, block, to, notes),
    notes: notes.sort((a, b) => a.line - b.line),
  };
}

/** The script with its directive lines replaced by `block`, where the first of them stood. */
function rewrite(script: BatchScript, block: string[], to: SchedulerName, notes: ConversionNote[]): string {
  const replaced = new Set(script.directives.lines.filter(({ late }) => !late).map(({ line }) => line));
  const first = Math.min(...replaced);
  const eol = script.text.lines[0]?.eol || '\n';
  const pairs = new Map(variablePairs.map(([slurm, lsf]) => (to === 'lsf' ? [slurm, lsf] : [lsf, slurm])));
  let result = replaced.size ? '' : block.map((line) => line + eol).join('');
  script.text.lines.forEach((line, number) => {
    if (number === first) result += block.map((one) => one + eol).join('');
    if (replaced.has(number)) return;
    const converted = line.text.replace(/\b(?:SLURM|LSB|LS)_[A-Z_]+\b/g, (name) => {
      const other = pairs.get(name);
      const foreign = to === 'lsf' ? name.startsWith('SLURM_') : !name.startsWith('SLURM_');
      if (!other && foreign) notes.push({ line: number, what: name, why: none });
      return other ?? name;
    });
    if (to === 'lsf' && /(?:^|[\s;&|(])srun(?=\s|$)/.test(line.text) && !/^\s*#/.test(line.text))
      notes.push({
        line: number,
        what: 'srun',
        why: 'does not exist under LSF: use mpirun or blaunch, or start the program itself',
      });
    result += converted + line.eol;
  });
  return result;
}

function sizeForLsf(script: BatchScript, notes: ConversionNote[]): string[] {
  const { nodes, tasksPerNode, cpusPerTask, gpusPerNode, gpu } = resourcesOf(script);
  const words: string[] = [];
  const name = script.option('--job-name');
  const array = script.option('--array');
  const note = (use: OptionUse, why: string): void =>
    void notes.push({ line: use.line, what: written(script, use), why });
  if (array?.value) {
    const [, indices = '', limit] = /^([^%]*)(%\d+)?/.exec(array.value.text) ?? [];
    if (/(?:^|,)0/.test(indices)) note(array, 'LSF counts from 1: an index 0 is refused, so move the indices by one');
    words.push(`-J "${name?.value?.text ?? 'job'}[${indices}]${limit ?? ''}"`);
  } else if (name?.value) words.push(`-J ${quote(name.value.text)}`);
  const perNode = tasksPerNode.count * cpusPerTask.count;
  const sized = nodes.use ?? tasksPerNode.use ?? cpusPerTask.use;
  const slots = perNode * nodes.count;
  if (sized) words.push(`-n ${slots}`);
  const sections: string[] = [];
  if (sized && slots > 1) sections.push(nodes.count === 1 ? 'span[hosts=1]' : `span[ptile=${perNode}]`);
  const mem = script.option('--mem');
  const perCpu = script.option('--mem-per-cpu');
  const memory = mem?.value
    ? megabytesOf(mem.value.text)
    : perCpu?.value
      ? (megabytesOf(perCpu.value.text) ?? 0) * perNode
      : undefined;
  const owner = mem ?? perCpu;
  if (memory) {
    sections.push(`rusage[mem=${memory % 1024 === 0 ? `${memory / 1024}GB` : `${memory}MB`}]`);
    if (owner)
      note(
        owner,
        'reserved per host; sites that reserve per slot (RESOURCE_RESERVE_PER_TASK) want it divided by the slots',
      );
  } else if (owner) note(owner, 'all memory of the node: use -x');
  if (sections.length) words.push(`-R "${sections.join(' ')}"`);
  if (gpusPerNode) {
    const type = /(?:^|:)([A-Za-z][\w-]*):\d+$/.exec((gpusPerNode.use?.value?.text ?? '').replace(/^gpu:/, ''))?.[1];
    if (type && gpusPerNode.use)
      note(gpusPerNode.use, `the model name in gmodel=${type} must be the one LSF knows (lshosts -gpu)`);
    words.push(`-gpu "num=${gpusPerNode.count}${type ? `:gmodel=${type}` : ''}"`);
  } else if (gpu) note(gpu, 'the number of GPUs per host cannot be told');
  const gres = script.option('--gres');
  if (gres && !/gpu/i.test(gres.value?.text ?? '')) note(gres, none);
  return words;
}

function sizeForSlurm(script: BatchScript, notes: ConversionNote[]): string[] {
  const { nodes, cpusPerTask, gpusPerNode, gpu } = resourcesOf(script);
  const words: string[] = [];
  const note = (use: OptionUse, why: string): void =>
    void notes.push({ line: use.line, what: written(script, use), why });
  const name = script.option('-J');
  const match = /^([^[]*)(?:\[([^\]]*)\](%\d+)?)?/.exec(name?.value?.text ?? '');
  if (match?.[1]) words.push(`--job-name=${quote(match[1])}`);
  if (match?.[2]) words.push(`--array=${match[2]}${match[3] ?? ''}`);
  const slots = script.option('-n');
  const single = script.uses('-R').some(({ value }) => /hosts\s*=\s*1\b/.test(value?.text ?? ''));
  if (slots) {
    const mpi = script.running('mpirun', 'mpiexec', 'blaunch').length > 0;
    if (single || nodes.count > 1) words.push(`--nodes=${nodes.count}`);
    // LSF slots become CPUs of one task, but ranks where MPI starts one process per slot.
    if (mpi) words.push(`--ntasks=${cpusPerTask.count * nodes.count}`);
    else words.push(`--ntasks=${nodes.count}`, `--cpus-per-task=${cpusPerTask.count}`);
    if (!mpi && cpusPerTask.count > 1) note(slots, 'is taken as CPUs of one task per node');
  }
  let memory: string | undefined;
  for (const use of script.uses('-R')) {
    const text = use.value?.text ?? '';
    const reserved = /\brusage\s*\[[^\]]*?\bmem\s*=\s*(\d+(?:\.\d+)?)\s*([KMGT]?)B?/i.exec(text);
    if (reserved) {
      memory = `${reserved[1]}${reserved[2]?.toUpperCase() ?? ''}`;
      if (!reserved[2])
        note(use, `the unit of mem=${reserved[1]} depends on the LSF site; Slurm reads it as megabytes`);
    }
    const rest = text
      .replace(/\bspan\s*\[[^\]]*\]/g, '')
      .replace(/\brusage\s*\[\s*mem\s*=[^\],:]*\]/g, '')
      .replace(/\brusage\s*\[\s*ngpus\w*\s*=\s*\d+[^\]]*\]/g, '')
      .trim();
    if (rest) note(use, `${rest} ${none}`);
  }
  const limit = script.option('-M');
  if (!memory && limit?.value) {
    memory = limit.value.text.replace(/B?!?$/i, '').toUpperCase();
    note(
      limit,
      /^\d+$/.test(memory)
        ? 'its unit depends on the LSF site; Slurm reads it as megabytes'
        : 'becomes a reservation; in Slurm it is the limit too',
    );
  } else if (limit) note(limit, 'is covered by --mem, which is reservation and limit in one');
  if (memory) words.push(`--mem=${memory}`);
  if (gpusPerNode) {
    const type = /gmodel=([\w-]+)/.exec(gpusPerNode.use?.value?.text ?? '')?.[1];
    words.push(`--gres=gpu:${gpusPerNode.count}`);
    if (type && gpusPerNode.use)
      note(
        gpusPerNode.use,
        `gmodel=${type}: name the type as in --gres=gpu:TYPE:${gpusPerNode.count}, with the cluster's own name`,
      );
    if (/mode=|mps=|gmem=/.test(gpusPerNode.use?.value?.text ?? '') && gpusPerNode.use)
      note(gpusPerNode.use, `mode, mps and gmem ${none.replace('has', 'have')}; Slurm gives GPUs to one job alone`);
  } else if (gpu) note(gpu, 'the number of GPUs cannot be told');
  return words;
}

function written(script: BatchScript, use: OptionUse): string {
  return script.text.text.slice(use.start, use.value && use.value.line === use.line ? use.value.end : use.end);
}

/** Several --mail-type lines would override each other. */
function mergeMailTypes(words: string[]): string[] {
  const types = words
    .filter((word) => word.startsWith('--mail-type='))
    .map((word) => word.slice('--mail-type='.length));
  const modes = words.filter((word) => word === '--open-mode=append').slice(1).length;
  const rest = words.filter((word) => !word.startsWith('--mail-type='));
  for (let i = 0; i < modes; i++) rest.splice(rest.lastIndexOf('--open-mode=append'), 1);
  return types.length ? [...rest, `--mail-type=${types.join(',')}`] : rest;
}

function overwrites(script: BatchScript): boolean {
  return /^t/i.test(script.option('--open-mode')?.value?.text ?? '');
}

function logName(value: string, script: BatchScript, note: (why: string) => void): string {
  const name = script.option('--job-name')?.value?.text ?? 'job';
  return value.replace(/%(\d*)([A-Za-z%])/g, (whole, _digits: string, letter: string) => {
    switch (letter) {
      case 'j':
      case 'A':
        return '%J';
      case 'a':
        return '%I';
      case 'x':
        return name;
      case '%':
        return '%';
      default:
        note(`${whole} ${none}`);
        return whole;
    }
  });
}

function slurmLogName(value: string, script: BatchScript): string {
  const array = /\[/.test(script.option('-J')?.value?.text ?? '');
  return value.replace(/%J/g, array ? '%A' : '%j').replace(/%I/g, '%a');
}

function hoursMinutes(minutes: number): string {
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`;
}

function clock(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}:00`;
}

function quote(value: string, always = false): string {
  return always || /[\s[\]*#'()&|;]/.test(value) ? `"${value.replace(/"/g, '')}"` : value;
}
