import type { SchedulerName } from '../../shared/scheduler-name';
import type { Severity } from '../reading/finding';
import type { Script } from '../reading/script';
import type { Span } from '../reading/text';
import type { OffsetFix } from './fixes';

/** What a rule's check reports: a place, and whatever differs from the rule's own words. */
export interface Hit extends Span {
  /** What is wrong here, one sentence, no full stop. */
  message: string;
  remedy?: string;
  severity?: Severity;
  fix?: OffsetFix;
  alternatives?: OffsetFix[];
  related?: (Span & { message: string })[];
}

/** A hit at a place. */
export function hit({ start, end }: Span, message: string, more: Omit<Partial<Hit>, 'message'> = {}): Hit {
  return { start, end, message, ...more };
}

/** An option together with its value. */
export function at({ start, end, value }: Span & { value?: Span }): Span {
  return { start, end: value?.end ?? end };
}

/** A list of one other place that belongs to a hit, with what is there. */
export function related({ start, end }: Span, message: string): Hit['related'] {
  return [{ start, end, message }];
}

/** A number with its noun: `1 GPU`, `2 GPUs`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

/** A value as a message shows it: on one line, at most 60 characters. */
export function shorten(value: string): string {
  const clean = value.replace(/\s+/g, ' ').trim();
  return clean.length > 60 ? `${clean.slice(0, 57)}...` : clean;
}

/** One rule: a row of the table that docs/rules.md, the editor and the command line share. */
export interface Rule {
  id: string;
  severity: Severity;
  schedulers: readonly SchedulerName[];
  /**
   * What the scheduler does with such a script: refuses it, silently ignores what is marked, or runs it. `depends`: one
   * or the other, depending on the rest of the script. Compared with the real sbatch in test/unit/scripts-corpus.test.ts.
   */
  effect: 'refused' | 'ignored' | 'runs' | 'depends';
  /** What is wrong, in general; a heading in the documentation. */
  title: string;
  /** Why it matters: what happens to the job. */
  why: string;
  /** What to do about it. */
  remedy: string;
  /** Where to read more; absent for what is the workbench's own. */
  link?: string;
  /** Whether a quick fix exists at least in some cases. */
  fixable: boolean;
  /** Looks at scripts without directives too: those that submit others. */
  anywhere?: boolean;
  /** Needs a cluster snapshot; silent without one. */
  needsCluster?: boolean;
  /** Looks for what the rule describes. */
  check: (script: Script) => Iterable<Hit>;
}

/** The schedulers a rule is for. */
export const SLURM = ['slurm'] as const;
export const LSF = ['lsf'] as const;
export const BOTH = ['slurm', 'lsf'] as const;

/** Documentation that rules point to. */
export const links = {
  sbatch: 'https://slurm.schedmd.com/sbatch.html',
  spank: 'https://slurm.schedmd.com/spank.html',
  srun: 'https://slurm.schedmd.com/srun.html',
  gres: 'https://slurm.schedmd.com/gres.html',
  cpu: 'https://slurm.schedmd.com/cpu_management.html',
  arrays: 'https://slurm.schedmd.com/job_array.html',
  limits: 'https://slurm.schedmd.com/resource_limits.html',
  bsub: 'https://www.ibm.com/docs/en/spectrum-lsf/10.1.0?topic=reference-bsub',
  bsubRequirement: 'https://www.ibm.com/docs/en/spectrum-lsf/10.1.0?topic=o-r',
  bsubGpu: 'https://www.ibm.com/docs/en/spectrum-lsf/10.1.0?topic=o-gpu',
  bsubArray: 'https://www.ibm.com/docs/en/SSWRJV_10.1.0/lsf_command_ref/bsub.__j.1.html',
  bsubApplication: 'https://www.ibm.com/docs/en/SSWRJV_10.1.0/lsf_command_ref/bsub.a.1.html',
  bsubMemory: 'https://www.ibm.com/docs/en/SSWRJV_10.1.0/lsf_command_ref/bsub.__m.1.html',
  torchrun: 'https://pytorch.org/docs/stable/elastic/run.html',
  apptainerGpu: 'https://apptainer.org/docs/user/latest/gpu.html',
  apptainerBind: 'https://apptainer.org/docs/user/latest/bind_paths_and_mounts.html',
  apptainerBuild: 'https://apptainer.org/docs/user/latest/build_env.html',
  apptainerDocker: 'https://apptainer.org/docs/user/latest/docker_and_oci.html',
  edm: 'https://github.com/NVlabs/edm',
  conda: 'https://docs.conda.io/projects/conda/en/stable/dev-guide/deep-dives/activation.html',
  bash: 'https://www.gnu.org/software/bash/manual/bash.html',
} as const;
