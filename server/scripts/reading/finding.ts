import type { Range, TextEdit } from './text';

/** `error`: the scheduler will refuse or ignore what is marked. `warning`: it will run, and go wrong. */
export type Severity = 'error' | 'warning' | 'info' | 'hint';

/** A change that cures a finding. */
export interface Fix {
  /** In the imperative, as a menu shows it. */
  title: string;
  edits: TextEdit[];
}

/** Another place that belongs to a finding. */
export interface Related extends Range {
  message: string;
}

/** One thing that is wrong, or could be better, with a place and a remedy. */
export interface Finding extends Range {
  /** Id of the rule, as in docs/rules.md and `# edm-workbench: disable=ID`. */
  id: string;
  severity: Severity;
  /** What is wrong, one sentence, no full stop. */
  message: string;
  /** What to do about it, one sentence. */
  remedy: string;
  /** The preferred cure, applied by "fix all". */
  fix?: Fix;
  /** Other cures to choose from. */
  alternatives?: Fix[];
  related?: Related[];
}
