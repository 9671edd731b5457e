import type { Range, TextEdit } from 'vscode-languageserver-textdocument';

/** `error`: the scheduler refuses or ignores what is marked. `warning`: the job runs and goes wrong. */
export type Severity = 'error' | 'warning' | 'info' | 'hint';

/** A change after which the finding is gone. */
export interface Fix {
  /** In the imperative, as a menu shows it. */
  title: string;
  edits: TextEdit[];
  /** Edits of other scripts of the folder: all of them belong to the fix, or none may be made. */
  elsewhere?: { path: string; edits: TextEdit[] }[];
  /**
   * Whether the job stays the same: the scheduler reads the same options from the script as before, or it refused the
   * script and the change says what is written there already. Only such fixes are part of "fix all".
   */
  keepsMeaning: boolean;
}

/** Another place that belongs to a finding. */
interface Related extends Range {
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
  /** The preferred fix. */
  fix?: Fix;
  /** Other fixes to choose from. */
  alternatives?: Fix[];
  related?: Related[];
}
