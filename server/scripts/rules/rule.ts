import type { SchedulerName } from '../../shared/scheduler-name';
import type { BatchScript } from '../reading/script';
import type { Severity } from '../reading/finding';

/** A change by offsets; turned into lines and characters when the finding is made. */
export interface OffsetEdit {
  start: number;
  end: number;
  newText: string;
}

export interface OffsetFix {
  title: string;
  edits: OffsetEdit[];
}

/** What a rule's check reports: a place, and whatever differs from the rule's own words. */
export interface Hit {
  start: number;
  end: number;
  message: string;
  remedy?: string;
  severity?: Severity;
  fix?: OffsetFix;
  alternatives?: OffsetFix[];
  related?: { start: number; end: number; message: string }[];
}

/** One rule: a row of the table that docs/rules.md, the editor and the command line share. */
export interface Rule {
  id: string;
  severity: Severity;
  schedulers: readonly SchedulerName[];
  /**
   * What the scheduler does with such a script: refuses it, silently ignores what is marked, or runs it. `depends`:
   * one or the other by the rest of the script. Held against the real sbatch in test/unit/scripts-corpus.test.ts.
   */
  effect: 'refused' | 'ignored' | 'runs' | 'depends';
  /** What is wrong, in general; a heading in the documentation. */
  title: string;
  /** Why it matters: what happens to the job. */
  why: string;
  /** What to do about it. */
  remedy: string;
  /** Where to read on. */
  link: string;
  /** Whether a quick fix exists at least in some cases. */
  fixable: boolean;
  /** Needs a cluster snapshot; silent without one. */
  needsCluster?: boolean;
  check: (script: BatchScript) => Iterable<Hit>;
}

export const SLURM = ['slurm'] as const;
export const LSF = ['lsf'] as const;
export const BOTH = ['slurm', 'lsf'] as const;

/** Documentation that rules point to. */
export const links = {
  sbatch: 'https://slurm.schedmd.com/sbatch.html',
  srun: 'https://slurm.schedmd.com/srun.html',
  gres: 'https://slurm.schedmd.com/gres.html',
  cpu: 'https://slurm.schedmd.com/cpu_management.html',
  arrays: 'https://slurm.schedmd.com/job_array.html',
  limits: 'https://slurm.schedmd.com/resource_limits.html',
  bsub: 'https://www.ibm.com/docs/en/spectrum-lsf/10.1.0?topic=reference-bsub',
  torchrun: 'https://pytorch.org/docs/stable/elastic/run.html',
  apptainerGpu: 'https://apptainer.org/docs/user/latest/gpu.html',
  apptainerBind: 'https://apptainer.org/docs/user/latest/bind_paths_and_mounts.html',
  apptainerBuild: 'https://apptainer.org/docs/user/latest/build_env.html',
  apptainerDocker: 'https://apptainer.org/docs/user/latest/docker_and_oci.html',
  edm: 'https://github.com/NVlabs/edm',
  bash: 'https://www.gnu.org/software/bash/manual/bash.html',
} as const;
