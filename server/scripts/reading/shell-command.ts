/** Shell code as its reader sees it. */

import type { Word } from './words';

/** `NAME=value` before a command, on its own, or after `export`. */
export interface Assignment {
  name: string;
  value: Word;
  start: number;
  end: number;
}

/** A simple command. */
export interface ShellCommand {
  assignments: readonly Assignment[];
  /** The command's name and its arguments; empty for bare assignments. */
  words: readonly Word[];
  start: number;
  end: number;
  /** Ends with `&`. */
  background: boolean;
  /** Reads a pipe, or writes into one. */
  piped: boolean;
  /** How many compound commands (loops, conditions, functions, groups) it is inside of. */
  depth: number;
  /** Targets of `>` and `>>`. */
  outputs: readonly Word[];
}

/** A backslash at the end of a line, followed by spaces or a comment, so that it does not continue the line. */
export interface BrokenContinuation {
  /** Offset of the backslash. */
  start: number;
  /** Offset of the line's end. */
  end: number;
}

/**
 * A stretch that is text to the shell, not code: the body of a here-document, or what stands between quotes over several
 * lines. Whatever it holds belongs to another program, or to a script that is written by this one.
 */
export interface EmbeddedText {
  start: number;
  end: number;
  /** What the shell does with it: `plain` leaves it as it is; the others expand variables and take backslashes away. */
  kind: 'plain' | 'document' | 'string';
  /** `<<-`: tabs at the beginning of its lines are taken away. */
  stripTabs: boolean;
  /** The command that gets it. */
  command: ShellCommand;
}

/** The shell code of a script. */
export interface Shell {
  commands: ShellCommand[];
  /** Every assignment in order, `export` ones too. */
  assignments: Assignment[];
  brokenContinuations: BrokenContinuation[];
  /** In no particular order; one may lie within another. */
  texts: EmbeddedText[];
  /** Names that the script sets by any means (assignment, export, read, for). */
  variables: ReadonlySet<string>;
}
