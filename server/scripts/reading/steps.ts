import { matchLongOption, shortOption, type OptionMatch } from '../catalogue/options';
import type { OptionSpec } from '../catalogue/option-spec';
import type { Word } from './shell';
import type { SlurmCommand } from '../catalogue/step-options';

/** An option of srun, salloc or sbatch as it stands in the body of a script. Offsets count UTF-16 units. */
export interface StepOption {
  match: OptionMatch;
  /** The option, where `match` found one. */
  option: OptionSpec | undefined;
  /** As written, without the value: `--gres`, `-G`. */
  spelling: string;
  /** The word it stands in. */
  word: Word;
  start: number;
  end: number;
  /** Where its value stands; `text` is undefined where it depends on what the script cannot tell. */
  value: { text: string | undefined; start: number; end: number } | undefined;
}

/** The options of a command, and the index of the word behind them: of the program it starts. */
export interface StepArguments {
  options: readonly StepOption[];
  end: number;
}

export function isSlurmCommand(program: string): program is SlurmCommand {
  return program === 'srun' || program === 'salloc' || program === 'sbatch';
}

/**
 * Reads options as GNU getopt does for these commands: up to the first word that is none. A word that a variable may
 * turn into anything (`$OPTIONS`) ends what can be known of the options, not the reading.
 */
export function readStepOptions(command: SlurmCommand, words: readonly Word[], from: number): StepArguments {
  const options: StepOption[] = [];
  let at = from;
  for (; at < words.length; at++) {
    const word = words[at];
    const { raw } = word;
    if (raw === '--') return { options, end: at + 1 };
    if (/^"?\$\{?\w*(?:OPT|ARG|FLAG)/i.test(raw) && word.text === undefined) continue;
    if (!raw.startsWith('-') || raw === '-') break;
    const next = words[at + 1] as Word | undefined;
    if (raw.startsWith('--')) {
      const equals = raw.indexOf('=');
      const spelling = equals < 0 ? raw : raw.slice(0, equals);
      // A name that is put together from variables or quotes is not ours to judge.
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
        made.value = next;
        at++;
      }
      continue;
    }
    for (let letter = 1; letter < raw.length && /[A-Za-z]/.test(raw[letter]); letter++) {
      const option = shortOption(raw[letter], command);
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
        made.value = next;
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
