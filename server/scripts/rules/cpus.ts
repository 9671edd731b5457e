import { older } from '../catalogue/releases';
import { optionOf, optionSpan, runsUnder, type Invocation } from '../reading/invocations';
import { resourcesOf, type Amount } from '../reading/resources';
import type { Script } from '../reading/script';
import type { Span } from '../reading/text';
import { addDirective, replace } from './fixes';
import { BOTH, LSF, SLURM, at, counted, hit, links, related, type Hit, type Rule } from './rule';

/** `--workers` of NVlabs/edm fid.py where it is not given: 3 data-loading processes. */
const fidWorkers = 3;

/** Options with which the number of CPUs is not known here: whole nodes, or CPUs counted another way. */
const otherCpus = ['--exclusive', '-x', '--cpus-per-gpu', '--mincpus', '--tres-per-task', '--overcommit', '--array'];

/** Rules about the CPUs that are asked for and those that are used. */
export const cpuRules: readonly Rule[] = [
  {
    id: 'cpus-workers',
    severity: 'info',
    schedulers: BOTH,
    effect: 'runs',
    title: 'More worker processes or threads than CPUs',
    why: 'A job without --cpus-per-task has one CPU. Data-loading workers that share it slow each other down while the GPU waits; PyTorch warns about it in the log.',
    remedy: 'Ask for one CPU per worker and one for the program itself.',
    link: links.cpu,
    fixable: true,
    check: function* (script) {
      const { cpusPerTask, tasksPerNode } = resourcesOf(script);
      if (script.option(...otherCpus) && !cpusPerTask.use) return;
      // A number that is filled in later is not known here.
      if (!cpusPerTask.use && script.option('--cpus-per-task', '--ntasks', '--ntasks-per-node', '-n')?.value?.text.match(/[^\d,+ ]/)) return; // prettier-ignore
      const cpus = cpusPerTask.count * (cpusPerTask.use ? 1 : tasksPerNode.count);
      for (const invocation of script.inInvocations(startingWorkers)) {
        const demand = workersOf(invocation);
        if (!demand) continue;
        const torchrun = runsUnder(invocation, 'torchrun');
        const processes = Number(torchrun && optionOf(torchrun, 'nproc-per-node')?.value) || 1;
        const workers = demand.count * processes;
        if (workers > cpus) yield tooManyWorkers(script, demand, workers, cpus, workers + processes);
      }
      yield* tooManyThreads(script, cpusPerTask);
    },
  },
  {
    id: 'srun-cpus-per-task',
    severity: 'info',
    schedulers: SLURM,
    effect: 'runs',
    title: 'srun does not inherit --cpus-per-task',
    why: "In Slurm 22.05 and 23.02, srun does not read the job's --cpus-per-task: each task is given one CPU, and bound to it where the site binds tasks. Older and newer releases do read it.",
    remedy: 'Write `srun --cpus-per-task=$SLURM_CPUS_PER_TASK`, or `export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK`.',
    link: links.srun,
    fixable: true,
    check: function* (script) {
      const cpus = script.option('--cpus-per-task');
      const { version, taskPlugin } = script.cluster ?? {};
      if (!cpus?.value || !/^\d+$/.test(cpus.value.text) || Number(cpus.value.text) < 2) return;
      if (version !== undefined && (older(version, '22.05') || !older(version, '23.11'))) return;
      // Without a plug-in that binds tasks, each may use whatever CPUs the job has.
      if (taskPlugin !== undefined && /^(?:task\/)?none$/.test(taskPlugin)) return;
      if (script.shell.variables.has('SRUN_CPUS_PER_TASK')) return;
      const steps = script.running('srun').filter(takesCpus);
      const [first, ...others] = steps;
      if (!first) return;
      const option = '--cpus-per-task=$SLURM_CPUS_PER_TASK';
      const release = version === undefined ? 'of Slurm 22.05 and 23.02' : `of Slurm ${version}`;
      yield hit(first.name, `srun ${release} gives each task one CPU, not the ${cpus.value.text} of --cpus-per-task`, {
        fix: {
          title: steps.length > 1 ? `Add ${option} to each srun` : `Add ${option}`,
          edits: steps.map(({ name }) => ({ start: name.end, end: name.end, newText: ` ${option}` })),
        },
        related: [
          ...(related(at(cpus), 'CPUs are asked for here') ?? []),
          ...others.flatMap(({ name }) => related(name, 'Another step') ?? []),
        ],
      });
    },
  },
  {
    id: 'lsf-span',
    severity: 'warning',
    schedulers: LSF,
    effect: 'runs',
    title: 'Slots that may be spread over several hosts',
    why: 'LSF may spread the `-n` slots over any hosts. A program that runs on one host then has fewer CPUs than it seems, and `torchrun --standalone` fewer GPUs.',
    remedy: 'Add `#BSUB -R "span[hosts=1]"`.',
    link: links.bsub,
    fixable: true,
    check: function* (script) {
      const slots = script.option('-n');
      if (!slots?.value || !/^\d+$/.test(slots.value.text) || Number(slots.value.text) < 2) return;
      const placed = script.uses('-R').some(({ value }) => /span\s*\[|affinity\s*\[/.test(value?.text ?? ''));
      if (placed || script.option('-x', '-m', '-hostfile')) return;
      if (script.running('mpirun', 'mpiexec', 'jsrun', 'blaunch').length) return;
      yield hit(at(slots), `The ${slots.value.text} slots may end up on several hosts`, {
        fix: addDirective(script, '#BSUB -R "span[hosts=1]"', 'Add -R "span[hosts=1]"'),
      });
    },
  },
];

/** Whether a step has only the CPUs that srun gives it by default, as far as can be known. */
function takesCpus({ command, stepOptions, name }: Invocation): boolean {
  if (stepOptions.some(({ option }) => option && /^--cpus-per-(?:task|gpu)$/.test(option.name))) return false;
  // A variable may hold any options.
  const words = command.words.slice(command.words.findIndex(({ start }) => start === name.start) + 1);
  const first = words.find(({ raw }) => !raw.startsWith('-'));
  if (first?.text === undefined && first?.raw.match(/^"?\$/)) return false;
  return !command.assignments.some((one) => one.name === 'SRUN_CPUS_PER_TASK');
}

/** @param wanted CPUs that would be enough */
function tooManyWorkers(script: Script, demand: Demand, workers: number, cpus: number, wanted: number): Hit {
  const { use } = resourcesOf(script).cpusPerTask;
  const directive = script.scheduler === 'slurm' ? `#SBATCH --cpus-per-task=${wanted}` : `#BSUB -n ${wanted}`;
  return hit(demand, `${workers} ${demand.what} for ${counted(cpus, 'CPU')}`, {
    fix: use?.value ? replace(use.value, String(wanted), `Ask for ${wanted} CPUs`) : addDirective(script, directive),
    related: use && related(at(use), 'CPUs are asked for here'),
  });
}

function* tooManyThreads(script: Script, { count: cpus, use }: Amount): Generator<Hit> {
  const threads = script.shell.assignments.find(
    ({ name, value }) => name === 'OMP_NUM_THREADS' && /^\d+$/.test(value.text ?? ''),
  );
  const count = Number(threads?.value.text);
  if (threads && use && count > cpus)
    yield hit(threads, `${count} threads for ${counted(cpus, 'CPU')}`, {
      fix: replace(threads.value, String(cpus)),
    });
}

/** Processes that a program starts, and the place that says so. */
interface Demand extends Span {
  count: number;
  what: string;
}

/** A program that starts workers, and is no task of several. */
function startingWorkers(invocation: Invocation): Invocation | undefined {
  return workersOf(invocation) && !runsUnder(invocation, /^(?:srun|mpirun|mpiexec)$/) ? invocation : undefined;
}

/** Worker processes that a Python program starts, as far as its command line or its known defaults tell. */
function workersOf(invocation: Invocation): Demand | undefined {
  if (!invocation.program.endsWith('.py')) return undefined;
  const option = optionOf(invocation, 'workers', 'num-workers', 'n-workers', 'data-workers');
  if (option?.value !== undefined && /^\d+$/.test(option.value))
    return { count: Number(option.value), what: 'workers', ...optionSpan(option) };
  if (option || invocation.program !== 'fid.py') return undefined;
  const { start, end } = invocation.name;
  return { count: fidWorkers, what: 'workers, which fid.py starts to load images,', start, end };
}
