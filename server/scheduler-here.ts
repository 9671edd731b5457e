/** The scheduler of this machine: what the list of clusters shows, and what "Check my setup" tells. */
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import type { SchedulerName } from './shared/scheduler-name';

/** A scheduler, and the absolute path of its submit command. */
export interface SchedulerHere {
  name: SchedulerName;
  program: string;
}

/** The scheduler whose submit command is a program on PATH of this machine; Slurm's first. */
export function schedulerHere(environment: NodeJS.ProcessEnv = process.env): SchedulerHere | undefined {
  const folders = (environment.PATH ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  for (const [name, command] of [['slurm', 'sbatch'], ['lsf', 'bsub']] as const) {
    const program = folders.map((folder) => path.join(folder, command)).find(isProgram);
    if (program !== undefined) return { name, program };
  }
  return undefined;
} // prettier-ignore

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
