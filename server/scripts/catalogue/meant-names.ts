/**
 * What people mean by names that no option has: those of other schedulers and tools, and other words for the same thing.
 * A name that is near in letters can be far in meaning: `--cores-per-task` is `--cpus-per-task`, not `--tres-per-task`.
 */
import type { SchedulerName } from '../../shared/scheduler-name';

/** Whole names, without dashes in front; PBS's, SGE's and LSF's among them. */
const slurmNames: Readonly<Record<string, string>> = {
  after: '--dependency',
  'cpus-per-node': '--ntasks-per-node',
  cpus: '--cpus-per-task',
  cwd: '--chdir',
  depend: '--dependency',
  'depends-on': '--dependency',
  dir: '--chdir',
  directory: '--chdir',
  email: '--mail-user',
  'e-mail': '--mail-user',
  feature: '--constraint',
  features: '--constraint',
  gpu: '--gpus',
  'gpu-count': '--gpus',
  'gres-per-node': '--gres',
  host: '--nodelist',
  hostlist: '--nodelist',
  hosts: '--nodelist',
  log: '--output',
  'log-file': '--output',
  logfile: '--output',
  mail: '--mail-user',
  'mail-address': '--mail-user',
  'max-time': '--time',
  maxtime: '--time',
  'mem-per-node': '--mem',
  memory: '--mem',
  name: '--job-name',
  'num-cpus': '--cpus-per-task',
  'num-gpus': '--gpus',
  'num-nodes': '--nodes',
  'num-tasks': '--ntasks',
  ncpus: '--cpus-per-task',
  ngpus: '--gpus',
  nnodes: '--nodes',
  notify: '--mail-type',
  np: '--ntasks',
  nproc: '--ntasks',
  nprocs: '--ntasks',
  nslots: '--ntasks',
  ppn: '--ntasks-per-node',
  processes: '--ntasks',
  procs: '--ntasks',
  project: '--account',
  queue: '--partition',
  ram: '--mem',
  'run-time': '--time',
  runtime: '--time',
  share: '--oversubscribe',
  shared: '--oversubscribe',
  slots: '--ntasks',
  stderr: '--error',
  stdout: '--output',
  threads: '--cpus-per-task',
  'time-limit': '--time',
  timelimit: '--time',
  'wall-time': '--time',
  walltime: '--time',
  'work-dir': '--chdir',
  workdir: '--chdir',
};

const lsfNames: Readonly<Record<string, string>> = {
  account: '-P',
  array: '-J',
  error: '-e',
  gpus: '-gpu',
  gres: '-gpu',
  'job-name': '-J',
  jobname: '-J',
  mem: '-M',
  memory: '-M',
  name: '-J',
  ncpus: '-n',
  nodelist: '-m',
  ntasks: '-n',
  output: '-o',
  partition: '-q',
  project: '-P',
  queue: '-q',
  time: '-W',
  walltime: '-W',
};

/** Words of which options' names are made, by other words for them. */
const words: Readonly<Record<string, string>> = {
  core: 'cpus',
  cores: 'cpus',
  cpu: 'cpus',
  thread: 'cpus',
  threads: 'cpus',
  gpu: 'gpus',
  memory: 'mem',
  ram: 'mem',
  proc: 'ntasks',
  procs: 'ntasks',
  process: 'ntasks',
  processes: 'ntasks',
  rank: 'ntasks',
  ranks: 'ntasks',
  task: 'ntasks',
  tasks: 'ntasks',
};
/** The same after `per`, where options name one of them. */
const singular: Readonly<Record<string, string>> = {
  core: 'cpu',
  cores: 'cpu',
  cpus: 'cpu',
  gpus: 'gpu',
  host: 'node',
  hosts: 'node',
  machine: 'node',
  nodes: 'node',
  proc: 'task',
  process: 'task',
  rank: 'task',
  tasks: 'task',
};

/** Words that are never slips of each other, however near they are. */
const things = new Set('cores core cpus cpu gpus gpu gres tres tasks task ntasks nodes node mem sockets socket threads'.split(' ')); // prettier-ignore

/**
 * The option that is meant by a name, which need not be one of the command's.
 * @param plain in lower case, with `-` for `_` and without dashes in front
 */
export function meantBy(scheduler: SchedulerName, plain: string): string | undefined {
  const names = scheduler === 'slurm' ? slurmNames : lsfNames;
  if (Object.hasOwn(names, plain)) return names[plain];
  const [what = '', per, of = '', ...more] = plain.split('-');
  if (scheduler !== 'slurm' || per !== 'per' || more.length > 0) return undefined;
  const name = `${lookUp(words, what)}-per-${lookUp(singular, of)}`;
  if (name === plain) return undefined;
  return slurmNames[name] ?? `--${name}`;
}

/** Whether two names may be slips of each other: word by word, no thing stands for another. */
export function isSlip(written: string, name: string): boolean {
  const [ours, theirs] = [written.split('-'), name.split('-')];
  if (ours.length !== theirs.length) return true;
  return ours.every((word, i) => {
    const other = theirs[i] ?? '';
    return word === other || !things.has(word) || !things.has(other) || `${word}s` === other || `${other}s` === word;
  });
}

function lookUp(table: Readonly<Record<string, string>>, word: string): string {
  return (Object.hasOwn(table, word) ? table[word] : undefined) ?? word;
}
