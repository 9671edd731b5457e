import type { OptionSpec } from './option-spec';
import { slurmOptions } from './slurm-options';

/** Commands of Slurm that may be in the body of a script and take options like those of sbatch. */
export type SlurmCommand = 'sbatch' | 'srun' | 'salloc';

/** The options of sbatch without some of them. */
const without = (list: string): readonly OptionSpec[] => {
  const left = new Set(list.split(' '));
  return slurmOptions.filter(({ name }) => !left.has(name));
};

/** Options that only srun has, and those with another meaning than for sbatch. */
const ownOfSrun: readonly OptionSpec[] = [
  {
    name: '--accel-bind',
    type: 'text',
    meta: 'g|n|v',
    hidden: true,
    help: 'Binds tasks to nearby generic resources: g (GPUs), n (network), v (verbose). Use --gpu-bind instead.',
  },
  {
    name: '--bcast',
    argument: 'optional',
    type: 'path',
    meta: 'destination',
    help: 'Copies the program to the nodes before it starts, by default to a file in the working directory. Otherwise thousands of tasks might read it from a shared file system at once.',
  },
  {
    name: '--bcast-exclude',
    type: 'list',
    meta: 'paths|NONE',
    help: 'With --bcast and --send-libs: folders whose shared libraries are not copied.',
  },
  {
    name: '--compress',
    argument: 'optional',
    type: 'text',
    meta: 'lz4|none',
    help: 'With --bcast: compresses the program while it is copied.',
  },
  {
    name: '--cpu-bind',
    aliases: ['--cpu_bind'],
    type: 'cpu-bind',
    meta: '[verbose,]type',
    help: 'Binds tasks to CPUs: none, rank, sockets, cores, threads, ldoms, or explicitly with map_cpu:, mask_cpu:, map_ldom: or mask_ldom:; with verbose the binding is printed. A program with threads needs none, or enough --cpus-per-task.',
  },
  {
    name: '--debugger-test',
    argument: 'none',
    type: 'flag',
    hidden: true,
    help: 'For developers of parallel debuggers.',
  },
  {
    name: '--disable-status',
    short: '-X',
    argument: 'none',
    type: 'flag',
    help: 'Ctrl-C ends the step at once instead of showing the state of its tasks.',
  },
  {
    name: '--epilog',
    type: 'path',
    meta: 'program',
    help: 'srun runs this program after the step ends; `none` switches the configured one off.',
  },
  {
    name: '--exact',
    argument: 'none',
    type: 'flag',
    help: 'The step gets only the CPUs it asks for, so that others can run at the same time. Since 21.08 this is the default with --cpus-per-task; before that, a step took every CPU of its nodes.',
  },
  {
    name: '--external-launcher',
    argument: 'none',
    type: 'flag',
    since: '23.11',
    help: 'Starts the daemons of another launcher (mpirun): the step sees all resources of the job, but uses none of them in the accounting.',
  },
  {
    name: '--het-group',
    aliases: ['--pack-group'],
    type: 'text',
    meta: '0,1',
    help: 'Which components of a heterogeneous job run this program, counted from 0; by default the first.',
  },
  {
    name: '--immediate',
    short: '-I',
    argument: 'optional',
    type: 'count',
    meta: 'seconds',
    help: 'Gives up unless the resources are free within so many seconds (at once without a number).',
  },
  {
    name: '--interactive',
    argument: 'none',
    type: 'flag',
    hidden: true,
    help: 'The step that salloc starts for an interactive shell.',
  },
  {
    name: '--jobid',
    type: 'count',
    meta: 'id',
    help: 'Starts the step in a job that is already running, for example to look at its GPUs: `srun --jobid=123 --overlap nvidia-smi`.',
  },
  {
    name: '--kill-on-bad-exit',
    short: '-K',
    argument: 'optional',
    type: 'count',
    meta: '0|1',
    help: 'Ends the whole step as soon as one task fails, so that the others do not wait for it until the time limit.',
  },
  {
    name: '--label',
    short: '-l',
    argument: 'none',
    type: 'flag',
    help: 'Begins each line of output with the number of its task.',
  },
  {
    name: '--mpi',
    type: 'text',
    meta: 'pmix|pmi2|none|list',
    help: 'How tasks find each other under MPI: pmix, pmi2 or none; `srun --mpi=list` lists what the site has.',
  },
  {
    name: '--msg-timeout',
    type: 'count',
    meta: 'seconds',
    hidden: true,
    help: "Overrules the site's limit for messages between srun and the nodes.",
  },
  {
    name: '--multi-prog',
    argument: 'none',
    type: 'flag',
    help: 'The program is a file that says which task runs which command: `0 ./server`, `1-3 ./worker %t`.',
  },
  {
    name: '--no-allocate',
    short: '-Z',
    argument: 'none',
    type: 'flag',
    help: 'Starts tasks without a job. Only for root and SlurmUser.',
  },
  {
    name: '--overlap',
    argument: 'optional',
    type: 'text',
    meta: 'force',
    help: 'The step may use CPUs, memory and GPUs that belong to other steps of the job; this is needed to look into a running step.',
  },
  {
    name: '--preserve-env',
    short: '-E',
    argument: 'none',
    type: 'flag',
    help: 'The environment variables for the number of nodes and tasks take precedence over the command line.',
  },
  {
    name: '--prolog',
    type: 'path',
    meta: 'program',
    help: 'srun runs this program before the step; `none` switches the configured one off.',
  },
  {
    name: '--pty',
    argument: 'none',
    type: 'flag',
    lsf: '-Is',
    help: 'Gives task 0 a terminal, for an interactive shell. In a batch job there is no terminal.',
  },
  {
    name: '--quit-on-interrupt',
    argument: 'none',
    type: 'flag',
    help: 'A single Ctrl-C ends the step.',
  },
  {
    name: '--relative',
    short: '-r',
    type: 'count',
    meta: 'n',
    help: "Starts on the job's node number n, counted from 0. Excludes --nodelist and --exclude.",
  },
  {
    name: '--resv-ports',
    argument: 'optional',
    type: 'count',
    meta: 'n',
    help: 'Reserves ports on the nodes for the step, for Open MPI.',
  },
  {
    name: '--send-libs',
    argument: 'optional',
    type: 'enum',
    values: ['yes', 'no'],
    help: "With --bcast: copies the program's shared libraries as well.",
  },
  {
    name: '--slurmd-debug',
    type: 'text',
    meta: 'level',
    help: "Log level of the step's daemon: quiet, fatal, error, info, verbose. Only for root.",
  },
  {
    name: '--task-epilog',
    type: 'path',
    meta: 'program',
    help: 'The nodes run this program after each task, in its environment.',
  },
  {
    name: '--task-prolog',
    type: 'path',
    meta: 'program',
    help: 'The nodes run this program before each task; if it prints lines `export NAME=value`, they change the environment of the task.',
  },
  {
    name: '--threads',
    short: '-T',
    type: 'positive',
    meta: 'n',
    help: 'Threads that srun itself uses to start the tasks. For the threads of the program see --threads-per-core and --cpus-per-task.',
  },
  {
    name: '--treewidth',
    type: 'text',
    meta: 'n|off',
    since: '23.11',
    help: 'To how many nodes each node forwards the start; `off` for nodes with dynamic addresses.',
  },
  {
    name: '--unbuffered',
    short: '-u',
    argument: 'none',
    type: 'flag',
    help: 'Output appears at once, not line by line. For Python also set PYTHONUNBUFFERED.',
  },
  {
    name: '--wait',
    short: '-W',
    type: 'count',
    meta: 'seconds',
    unit: 'seconds',
    help: 'How long the other tasks may continue after the first one ends; 0 means without a limit. For sbatch, --wait has another meaning.',
  },
  {
    name: '--wait-for-children',
    argument: 'none',
    type: 'flag',
    since: '24.11',
    help: 'A task counts as ended only when all processes that it started have ended.',
  },
  {
    name: '--whole',
    argument: 'none',
    type: 'flag',
    hidden: true,
    help: 'The step takes every CPU of its nodes, as before 21.08.',
  },
  {
    name: '--x11',
    argument: 'optional',
    type: 'enum',
    values: ['all', 'first', 'last'],
    help: 'Forwards X11 windows from all nodes, the first (default) or the last one.',
  },
];

/** Options that only salloc has, and those with another meaning than for sbatch. */
const ownOfSalloc: readonly OptionSpec[] = [
  { name: '--bell', argument: 'none', type: 'flag', help: 'Rings the terminal bell when the resources are allocated.' },
  {
    name: '--immediate',
    short: '-I',
    argument: 'optional',
    type: 'count',
    meta: 'seconds',
    help: 'Gives up unless the resources are free within so many seconds (at once without a number).',
  },
  {
    name: '--kill-command',
    short: '-K',
    argument: 'optional',
    type: 'text',
    meta: 'signal',
    help: 'The signal (by default TERM) that the command and its child processes get when the allocation ends.',
  },
  { name: '--no-bell', argument: 'none', type: 'flag', help: 'Never rings the terminal bell.' },
  {
    name: '--no-shell',
    argument: 'none',
    type: 'flag',
    help: 'Starts nothing in the allocation, which lasts until its time limit or scancel.',
  },
  {
    name: '--x11',
    argument: 'optional',
    type: 'enum',
    values: ['all', 'first', 'last', 'batch'],
    help: 'Forwards X11 windows from the nodes of the allocation.',
  },
];

/** Shared options and own ones, which take precedence, in alphabetical order. */
const merged = (shared: readonly OptionSpec[], own: readonly OptionSpec[]): readonly OptionSpec[] => {
  const overruled = new Set(own.map(({ name }) => name));
  // By code units: the first comparison by a language's rules takes 15 ms.
  const order = (a: OptionSpec, b: OptionSpec): number => (a.name < b.name ? -1 : 1);
  return [...shared.filter(({ name }) => !overruled.has(name)), ...own].sort(order);
};

/** Every option of the commands, in alphabetical order; for srun and salloc 22.05 to 25.11, compared with `--help` and the parsers of 22.05. */
export const commandOptions: Readonly<Record<SlurmCommand, readonly OptionSpec[]>> = {
  sbatch: slurmOptions,
  srun: merged(
    without(
      '--array --autocomplete --batch --export-file --get-user-env --ignore-pbs --kill-on-invalid-dep --no-requeue --parsable --requeue --wait-all-nodes --wrap',
    ),
    ownOfSrun,
  ),
  salloc: merged(
    without(
      '--array --autocomplete --batch --error --export --export-file --ignore-pbs --input --kill-on-invalid-dep --no-requeue --open-mode --output --parsable --propagate --requeue --test-only --wait --wrap --hint',
    ),
    ownOfSalloc,
  ),
};
