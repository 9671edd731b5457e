/** The scheduler of this machine: what the list of clusters shows, and what "Check my setup" tells. */
import { programNamed } from './programs';
import type { SchedulerName } from './shared/scheduler-name';

/** A scheduler, and the absolute path of its submit command. */
export interface SchedulerHere {
  name: SchedulerName;
  program: string;
}

/** The scheduler whose submit command is a program on PATH of this machine, outside the workspace; Slurm's first. */
export function schedulerHere(
  environment: NodeJS.ProcessEnv = process.env,
  workspace: string = process.cwd(),
): SchedulerHere | undefined {
  for (const [name, command] of [['slurm', 'sbatch'], ['lsf', 'bsub']] as const) {
    const program = programNamed(command, workspace, environment);
    if (program !== undefined) return { name, program };
  }
  return undefined;
} // prettier-ignore
