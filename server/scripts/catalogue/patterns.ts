import type { SchedulerName } from '../../shared/scheduler-name';

/** A `%` pattern in the names of log files. */
interface FilePattern {
  scheduler: SchedulerName;
  letter: string;
  /** What it is replaced by. */
  help: string;
  example: string;
}

/** The patterns of sbatch (22.05 and later) and bsub. In Slurm, a number between `%` and the letter pads with zeros. */
export const patterns: readonly FilePattern[] = [
  { scheduler: 'slurm', letter: 'j', help: 'Job id; each element of an array has its own.', example: '135531' },
  { scheduler: 'slurm', letter: 'J', help: 'Job and step id, `jobid.stepid`; for srun.', example: '135531.0' },
  { scheduler: 'slurm', letter: 'A', help: 'Job id of the whole array.', example: '135531' },
  { scheduler: 'slurm', letter: 'a', help: 'Index in the array.', example: '7' },
  { scheduler: 'slurm', letter: 'b', help: 'Index in the array modulo 10.', example: '7' },
  { scheduler: 'slurm', letter: 'x', help: 'Job name.', example: 'edm_generation' },
  { scheduler: 'slurm', letter: 'u', help: 'User name.', example: 'alice' },
  {
    scheduler: 'slurm',
    letter: 'N',
    help: 'Short name of the first node; with srun, one file per node.',
    example: 'g1',
  },
  { scheduler: 'slurm', letter: 'n', help: 'Number of the node in the job; one file per node.', example: '0' },
  { scheduler: 'slurm', letter: 's', help: 'Step id.', example: '0' },
  { scheduler: 'slurm', letter: 't', help: 'Task number; with srun, one file per task.', example: '0' },
  { scheduler: 'slurm', letter: 'W', help: 'Workload characterisation key.', example: 'wckey' },
  { scheduler: 'slurm', letter: '%', help: 'A percent sign.', example: '%' },
  { scheduler: 'lsf', letter: 'J', help: 'Job id.', example: '135531' },
  { scheduler: 'lsf', letter: 'I', help: 'Index in the array; 0 without an array.', example: '7' },
  { scheduler: 'lsf', letter: 'U', help: 'User name (in -cwd and -outdir).', example: 'alice' },
  { scheduler: 'lsf', letter: 'H', help: 'First execution host (in -outdir).', example: 'g1' },
  { scheduler: 'lsf', letter: 'G', help: 'Job group (in -outdir).', example: 'group' },
];
