import { matchLongOption, shortOption, type OptionMatch } from '../catalogue/options';
import type { OptionSpec } from '../catalogue/option-spec';
import type { Word } from './words';
import type { SlurmCommand } from '../catalogue/step-options';

/** An option of srun, salloc or sbatch in the body of a script. Offsets count UTF-16 units. */
export interface StepOption {
  match: OptionMatch;
  /** The option, where `match` found one. */
  option: OptionSpec | undefined;
  /** As written, without the value: `--gres`, `-G`. */
  spelling: string;
  /** The word that contains it. */
  word: Word;
  start: number;
  end: number;
  /** The value and its place; `text` is undefined where the value is known only when the script runs. */
  value: { text: string | undefined; start: number; end: number } | undefined;
}

/** The options of a command, and the index of the word after them: the program that the command starts. */
interface StepArguments {
  options: readonly StepOption[];
  end: number;
}

/** Whether a program is one of Slurm's commands that start something and take options like those of sbatch. */
export function isSlurmCommand(program: string): program is SlurmCommand {
  return program === 'srun' || program === 'salloc' || program === 'sbatch';
}

/**
 * Reads options as GNU getopt does for these commands: up to the first word that is not an option. A word that a
 * variable may turn into anything (`$OPTIONS`) is skipped; reading goes on after it.
 */
export function readStepOptions(command: SlurmCommand, words: readonly Word[], from: number): StepArguments {
  const options: StepOption[] = [];
  let at = from;
  for (; at < words.length; at++) {
    const word = words[at];
    if (!word) break;
    const { raw } = word;
    if (raw === '--') return { options, end: at + 1 };
    if (/^"?\$\{?\w*(?:OPT|ARG|FLAG)/i.test(raw) && word.text === undefined) continue;
    if (!raw.startsWith('-') || raw === '-') break;
    const next = words[at + 1];
    if (raw.startsWith('--')) {
      const equals = raw.indexOf('=');
      const spelling = equals < 0 ? raw : raw.slice(0, equals);
      // A name built from variables or quotes cannot be judged.
      if (!/^--[\w-]+$/.test(spelling)) continue;
      const match = matchLongOption(spelling, command);
      const option = optionOf(match);
      const made: StepOption = {
        match,
        option,
        spelling,
        word,
        start: word.start,
        end: word.start + spelling.length,
        value: undefined,
      };
      options.push(made);
      if (equals >= 0)
        made.value = { text: word.text?.slice(equals + 1), start: word.start + equals + 1, end: word.end };
      else if (option && (option.argument ?? 'required') === 'required' && next) {
        made.value = { text: next.text, start: next.start, end: next.end };
        at++;
      }
      continue;
    }
    for (let letter = 1; letter < raw.length && /[A-Za-z]/.test(raw.charAt(letter)); letter++) {
      const option = shortOption(raw.charAt(letter), command);
      const spelling = `-${raw[letter]}`;
      const start = letter === 1 ? word.start : word.start + letter;
      const match: OptionMatch = option ? { kind: 'exact', option } : { kind: 'unknown' };
      const made: StepOption = { match, option, spelling, word, start, end: word.start + letter + 1, value: undefined };
      options.push(made);
      if (!option) break;
      if (option.argument === 'none') continue;
      if (letter + 1 < raw.length)
        made.value = { text: word.text?.slice(letter + 1), start: word.start + letter + 1, end: word.end };
      else if ((option.argument ?? 'required') === 'required' && next) {
        made.value = { text: next.text, start: next.start, end: next.end };
        at++;
      }
      break;
    }
  }
  return { options, end: at };
}

function optionOf(match: OptionMatch): OptionSpec | undefined {
  return match.kind === 'exact' || match.kind === 'abbreviated' ? match.option : undefined;
}
