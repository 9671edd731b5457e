/** Where a call of bsub names the command that the job runs. */
import { matchLsfOption } from '../catalogue/options';

const shells = /^(?:ba|da|k|z|c|tc)?sh$/;

/** What a call of bsub runs. */
export interface BsubCommand {
  /** Index of the word with the program, or with the script where a shell is named before it. */
  at: number;
  /** Index of the first word of the command: that of the shell, where there is one. */
  first: number;
  /** Whether bsub has options of its own. */
  hasOptions: boolean;
}

/**
 * Finds the command among the words after `bsub`, as bsub reads them: its options with their values, then the command.
 * @param words as the shell passes them; undefined for one that only the shell knows
 * @returns undefined where there is none, or where a variable may hold further options
 */
export function bsubCommandOf(words: readonly (string | undefined)[]): BsubCommand | undefined {
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at];
    if (word === undefined || !word.startsWith('-')) break;
    const { match, nameLength } = matchLsfOption(word);
    if (match.kind === 'exact' && match.option.argument !== 'none' && nameLength === word.length) at++;
  }
  if (at >= words.length) return undefined;
  const isShell = shells.test(words[at]?.split('/').pop() ?? '');
  if (isShell && (at + 1 >= words.length || words[at + 1]?.startsWith('-'))) return undefined;
  return { at: at + Number(isShell), first: at, hasOptions: at > 0 };
}
