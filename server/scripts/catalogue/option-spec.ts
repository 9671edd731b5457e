/** What a value must look like; `reading/value-checks.ts` has one check for each. */
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
  | 'lsf-applications'
  | 'lsf-resources';

/** One option of a scheduler's submit command. */
export interface OptionSpec {
  /** The main spelling in the documentation, with its dashes. */
  name: string;
  short?: string;
  aliases?: readonly string[];
  /** `required` if left out. */
  argument?: 'required' | 'optional' | 'none';
  type: ValueType;
  /** The possible values, for enumerations; upper and lower case are the same. */
  values?: readonly string[];
  /** The placeholder for the value in documentation. */
  meta?: string;
  /** Unit of a number without a suffix. */
  unit?: string;
  /** First Slurm release that has it; absent if the oldest release of the catalogue has it. */
  since?: string;
  /** First Slurm release that no longer has it. */
  until?: string;
  /** First Slurm release in which it may have a value; absent if it always could. */
  valueSince?: string;
  /** First Slurm release in which it may no longer have a value. */
  valueUntil?: string;
  /** Works, but is not in the documentation. */
  hidden?: boolean;
  /** The plug-in that adds it: only sites with the plug-in have it. */
  plugin?: string;
  /** The nearest option of LSF (for Slurm's). */
  lsf?: string;
  /** The nearest option of Slurm (for LSF's). */
  slurm?: string;
  /** One paragraph for hover and documentation, in Markdown. */
  help: string;
}
