/** What a value must look like; `server/scripts/reading/values.ts` has one check for each. */
export type ValueType =
  | 'flag'
  | 'text'
  | 'name'
  | 'path'
  | 'log'
  | 'list'
  | 'count'
  | 'positive'
  | 'integer'
  | 'priority'
  | 'enum'
  | 'time'
  | 'datetime'
  | 'memory'
  | 'nodes'
  | 'array'
  | 'dependency'
  | 'gres'
  | 'gpus'
  | 'hostlist'
  | 'constraint'
  | 'signal'
  | 'mail-type'
  | 'distribution'
  | 'profile'
  | 'acctg-freq'
  | 'sct'
  | 'switches'
  | 'cpu-freq'
  | 'gpu-bind'
  | 'gpu-freq'
  | 'mem-bind'
  | 'cpu-bind'
  | 'hint'
  | 'open-mode'
  | 'rlimits'
  | 'user-env'
  | 'lsf-time'
  | 'lsf-datetime'
  | 'lsf-memory'
  | 'lsf-slots'
  | 'lsf-name'
  | 'lsf-gpu'
  | 'lsf-resources';

/** One option of a scheduler's submit command. */
export interface OptionSpec {
  /** The spelling the documentation leads with, dashes included. */
  name: string;
  short?: string;
  aliases?: readonly string[];
  /** `required` if left out. */
  argument?: 'required' | 'optional' | 'none';
  type: ValueType;
  /** The values there are, for enumerations (compared without regard to case). */
  values?: readonly string[];
  /** What stands for the value in documentation. */
  meta?: string;
  /** Unit of a number without a suffix. */
  unit?: string;
  /** First Slurm release that has it; absent where the oldest of the catalogue does. */
  since?: string;
  /** First Slurm release that no longer has it. */
  until?: string;
  /** First Slurm release in which it may have a value, if not always. */
  valueSince?: string;
  /** First Slurm release in which it may have no value any more. */
  valueUntil?: string;
  /** Works, but documentation does not list it. */
  hidden?: boolean;
  /** The nearest option of LSF (for Slurm's). */
  lsf?: string;
  /** The nearest option of Slurm (for LSF's). */
  slurm?: string;
  /** One paragraph for hover and documentation, in Markdown. */
  help: string;
}
