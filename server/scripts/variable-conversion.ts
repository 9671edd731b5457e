import type { SchedulerName } from '../shared/scheduler-name';
import { slotsOf } from './reading/lsf-resources';
import { resourcesOf } from './reading/resources';
import type { Script } from './reading/script';
import { slotsAreTasks } from './size-for-slurm';

/** What stands for a variable in the other scheduler: another variable, or a whole expression of the shell. */
export type Equivalent = { name: string } | { expression: string };

/** Variables with the same meaning in both schedulers. */
const pairs: readonly (readonly [slurm: string, lsf: string])[] = [
  ['SLURM_JOB_ID', 'LSB_JOBID'],
  ['SLURM_ARRAY_TASK_ID', 'LSB_JOBINDEX'],
  ['SLURM_JOB_NAME', 'LSB_JOBNAME'],
  ['SLURM_JOB_PARTITION', 'LSB_QUEUE'],
  ['SLURM_SUBMIT_DIR', 'LS_SUBCWD'],
];

/** The variables of a script's scheduler and what they become; those about size depend on what the script asks for. */
export function equivalents(script: Script, to: SchedulerName): ReadonlyMap<string, Equivalent> {
  const same = pairs.map(([slurm, lsf]): [string, Equivalent] =>
    to === 'lsf' ? [slurm, { name: lsf }] : [lsf, { name: slurm }],
  );
  return new Map<string, Equivalent>([...same, ...(to === 'lsf' ? sizesForLsf(script) : sizesForSlurm(script))]);
}

/** LSF counts the slots of the whole job. What they become under Slurm, `sizeForSlurm` decides. */
function sizesForSlurm(script: Script): [string, Equivalent][] {
  const { nodes } = resourcesOf(script);
  const slots = !slotsOf(script)
    ? { expression: '1' }
    : slotsAreTasks(script)
      ? { name: 'SLURM_NTASKS' }
      : nodes.count === 1
        ? { name: 'SLURM_CPUS_PER_TASK' }
        : { expression: '$((SLURM_NTASKS * SLURM_CPUS_PER_TASK))' };
  return [['LSB_DJOB_NUMPROC', slots]];
}

/** The numbers of tasks and CPUs of a Slurm job, from the slots that `sizeForLsf` asks for. */
function sizesForLsf(script: Script): [string, Equivalent][] {
  const { nodes, tasksPerNode, cpusPerTask } = resourcesOf(script);
  // A range of nodes: the number is known only in the job.
  if (script.option('--nodes') && !nodes.use) return [];
  const cpus = cpusPerTask.count;
  const one = nodes.count * tasksPerNode.count === 1;
  const tasks = cpus === 1 ? { name: 'LSB_DJOB_NUMPROC' } : { expression: `$((LSB_DJOB_NUMPROC / ${cpus}))` };
  return [
    ['SLURM_NTASKS', tasks],
    ['SLURM_CPUS_PER_TASK', one ? { name: 'LSB_DJOB_NUMPROC' } : { expression: String(cpus) }],
    ...(nodes.count === 1 ? [['SLURM_CPUS_ON_NODE', { name: 'LSB_DJOB_NUMPROC' }] as [string, Equivalent]] : []),
    ['SLURM_JOB_NUM_NODES', { expression: String(nodes.count) }],
  ];
}

/**
 * A line with its variables replaced. What cannot be is told to `note`: a variable without an equivalent, and one that
 * stands where only a name may (`${NAME:-8}`) but becomes an expression.
 */
export function convertVariables(
  line: string,
  to: SchedulerName,
  known: ReadonlyMap<string, Equivalent>,
  note: (variable: string, equivalent?: string) => void,
): string {
  return line.replace(
    /(\$\{?)?\b((?:SLURM|LSB|LS)_[A-Z_]+)\b(\})?/g,
    (whole, open: string | undefined, name: string, close: string | undefined) => {
      // prettier-ignore
      const equivalent = known.get(name);
      if (!equivalent) {
        if ((to === 'lsf') === name.startsWith('SLURM_')) note(name);
        return whole;
      }
      if ('name' in equivalent) return whole.replace(name, equivalent.name);
      const complete = open === '$' ? close === undefined : open === '${' && close === '}';
      if (complete) return equivalent.expression;
      note(name, equivalent.expression);
      return whole;
    },
  );
}
