/** What the code of a command gets, and how it prints. */
import path from 'node:path';
import { isBelow } from '../containment';
import { plainJson, plainText } from '../shared/plain-text';
import type { TaskControl } from '../shared/progress';
import type { CommandName, CommandTable } from './tables/commands';
import type { PositionalsOf, ValuesOf } from './spec';

/** One call of a command. */
export interface Call<Name extends CommandName> {
  values: ValuesOf<CommandTable[Name]['options']>;
  /** Names of the options on the command line; `values` has those with a default as well. */
  given: ReadonlySet<string>;
  /** As many as the command's table says. */
  positionals: PositionalsOf<CommandTable[Name]>;
  /** Aborted by the first interrupt. */
  signal: AbortSignal;
  /** Does work whose progress is shown on stderr; the line is gone when the work has ended, however it ended. */
  withProgress: WithProgress;
  /** Registers what has to be closed when the command has ended, however it ended. */
  atEnd: (close: () => void) => void;
}
export type WithProgress = <T>(work: (control: Required<TaskControl>) => Promise<T>) => Promise<T>;

/** The code of a command. @returns exit status */
export type Run<Name extends CommandName> = (call: Call<Name>) => Promise<number>;

/** Result for programs: JSON on stdout. */
export function print(value: unknown): void {
  console.log(plainJson(value, 2));
}

/** One of several results for programs: JSON on a line of its own. */
export function printLine(value: unknown): void {
  console.log(plainJson(value));
}

/** Result for people: text on stdout, in which nothing acts on the terminal. */
export function say(text: string): void {
  console.log(plainText(text));
}

/** What is said beside the result, on stderr. */
export function tell(text: string): void {
  console.error(plainText(text));
}

/** What a person should know beside the result: a line each, on stderr. */
export function printNotes(notes: readonly string[]): void {
  notes.forEach(tell);
}

/** A file as the user would name it: relative to the current folder where it lies below. */
export function relative(file: string): string {
  const here = process.cwd();
  return isBelow(here, file) ? path.relative(here, file) || '.' : file;
}
