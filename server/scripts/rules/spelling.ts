import type { OptionSpec } from '../catalogue/option-spec';
import { optionNamed } from '../catalogue/options';
import type { OptionUse, Token } from '../reading/directives';
import type { Script } from '../reading/script';
import type { Span } from '../reading/text';
import { checkValue } from '../reading/value-checks';
import { insert, keeping, remove, replace, type OffsetFix } from './fixes';
import { BOTH, SLURM, hit, links, shorten, type Hit, type Rule } from './rule';
import { continuations, spacedTypes } from './spaced-values';
import { siteHas } from './plugins';
import { completeOn, typographicCharacters, typographicDash } from './typography';

/** Rules about the words of directives: which are options, which are values, which are neither. */
export const spellingRules: readonly Rule[] = [
  {
    id: 'unknown-option',
    severity: 'error',
    schedulers: BOTH,
    effect: 'refused',
    title: 'An option that does not exist',
    why: 'The scheduler refuses the whole script.',
    remedy: 'Correct or remove the option.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const { activeOptions, text } = script;
      for (const use of activeOptions) {
        if (use.match.kind !== 'unknown' || singleDash(use, text.text) || siteHas(script, 'sbatch', use.spelling))
          continue;
        const suggestion = use.match.suggestion;
        const name = suggestion && (/^--[A-Za-z]$/.test(use.spelling) ? suggestion.short : suggestion.name);
        const { message, severity } = readAs(script, use) ?? { message: `There is no option ${use.spelling}` };
        yield hit(use, `${message}${name ? `; did you mean ${name}?` : ''}`, {
          severity,
          fix: name && fits(suggestion, use) ? corrected(script, use, suggestion, name) : undefined,
        });
      }
    },
  },
  {
    id: 'single-dash',
    severity: 'error',
    schedulers: SLURM,
    effect: 'depends',
    title: 'A long option with one dash',
    why: 'sbatch reads `-time=10` as `-t` with the value `ime=10`: it refuses the script, or silently does something else.',
    remedy: 'Write two dashes.',
    link: links.sbatch,
    fixable: true,
    check: function* ({ activeOptions, text }) {
      for (const use of activeOptions) {
        const written = singleDash(use, text.text);
        if (!written) continue;
        const fix = insert(use.start, '-', `Change to -${written}`);
        const refused =
          !use.option || (use.value !== undefined && checkValue(use.option, use.value.text) !== undefined);
        yield hit(
          { start: use.start, end: use.start + written.length },
          `sbatch reads ${written} as ${use.spelling} with the rest as its value; did you mean -${written}?`,
          { fix: refused ? keeping(fix) : fix },
        );
      }
    },
  },
  {
    id: 'ambiguous-option',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'An abbreviation that fits several options',
    why: 'sbatch accepts an abbreviation only if exactly one option begins with it.',
    remedy: 'Write the option in full.',
    link: links.sbatch,
    fixable: true,
    check: function* ({ activeOptions }) {
      for (const use of activeOptions)
        if (use.match.kind === 'ambiguous') {
          const names = use.match.candidates.map((option) => option.name).slice(0, 6);
          const meant = use.match.meant?.name;
          const message = `${use.spelling} is ambiguous: ${names.join(', ')}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
          yield hit(use, message, { fix: use.match.meant && fits(use.match.meant, use) ? replace(use, use.match.meant.name) : undefined }); // prettier-ignore
        }
    },
  },
  {
    id: 'abbreviated-option',
    severity: 'hint',
    schedulers: SLURM,
    effect: 'runs',
    title: 'An abbreviated option',
    why: 'It stops working when a newer Slurm has a second option that begins with it.',
    remedy: 'Write the option in full.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const nodes = Number(script.option('--nodes')?.value?.text);
      for (const use of script.activeOptions) {
        if (use.match.kind !== 'abbreviated') continue;
        const { name } = use.match.option;
        const full = replace(use, name);
        // Not what it looks like: 8 tasks on each node, not 8 in all.
        if (use.spelling === '--tasks' && nodes > 1)
          yield hit(use, `--tasks is short for ${name}: ${use.value?.text ?? ''} tasks on each of the ${nodes} nodes`, {
            severity: 'warning',
            remedy: 'Write --ntasks for the number of all tasks, or --ntasks-per-node in full.',
            alternatives: [replace(use, '--ntasks', 'Change to --ntasks (tasks in all)'), full],
          });
        else yield hit(use, `${use.spelling} is short for ${name}`, { fix: keeping(full) });
      }
    },
  },
  {
    id: 'missing-value',
    severity: 'error',
    schedulers: BOTH,
    effect: 'refused',
    title: 'An option without its value',
    why: 'The scheduler refuses the script.',
    remedy: 'Add the value.',
    link: links.sbatch,
    fixable: false,
    check: function* ({ directives }) {
      for (const use of directives.valueless)
        if (!use.late)
          yield hit(use, `${use.spelling} needs a value${use.option?.meta ? ` (${use.option.meta})` : ''}`);
    },
  },
  {
    id: 'value-from-next-line',
    severity: 'error',
    schedulers: SLURM,
    effect: 'depends',
    title: 'An option that takes its value from the next line',
    why: 'sbatch joins all directive lines: an option without a value takes the first word of the next line, where that word is then missing.',
    remedy: 'Add the value on the same line.',
    link: links.sbatch,
    fixable: false,
    check: function* ({ activeOptions }) {
      for (const use of activeOptions)
        if (use.value && use.value.line !== use.line)
          yield hit(
            use,
            `${use.spelling} has no value here and takes "${shorten(use.value.text)}" from line ${use.value.line + 1}`,
          );
    },
  },
  {
    id: 'unwanted-value',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'A value for an option that takes none',
    why: 'sbatch refuses the script.',
    remedy: 'Remove the value.',
    link: links.sbatch,
    fixable: true,
    check: function* ({ activeOptions }) {
      for (const { option, value, spelling, end } of activeOptions)
        if (option?.argument === 'none' && value)
          yield hit(value, `${spelling} takes no value`, {
            fix: remove({ start: end, end: value.end }, 'Remove the value'),
          });
    },
  },
  {
    id: 'equals-after-short-option',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'An equals sign after a short option',
    why: 'Short options take their value without `=`: with `-J=name` the job is called "=name".',
    remedy: 'Write `-J name` or `--job-name=name`.',
    link: links.sbatch,
    fixable: true,
    check: function* ({ activeOptions }) {
      for (const { option, value, spelling } of activeOptions)
        if (option && value?.text.startsWith('=') && /^-[A-Za-z]$/.test(spelling) && !checkValue(option, value.text))
          yield hit(value, `The value of ${spelling} is "${shorten(value.text)}", including the equals sign`, {
            fix: replace({ start: value.start, end: value.start + 1 }, ' ', 'Replace the equals sign with a space'),
          });
    },
  },
  {
    id: 'unquoted-space',
    severity: 'error',
    schedulers: BOTH,
    effect: 'refused',
    title: 'An unquoted space in a value',
    why: 'The value ends at the space. sbatch refuses the next word; bsub stops there and runs the job without every option that comes after it, also on later lines.',
    remedy: 'Quote the value, or remove the space.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      for (const { use, first, last } of strayGroups(script)) {
        if (!use?.value) continue;
        const [fix, ...others] = continuations(script, use, { start: use.value.start, end: last.end });
        yield hit(
          { start: first.start, end: last.end },
          `The value of ${use.spelling} ends at the space: "${shorten(use.value.text)}"${dropped(script, first)}`,
          { fix, alternatives: [...others, insert(first.start, '# ', 'Make the rest a comment')] },
        );
      }
    },
  },
  {
    id: 'text-after-value',
    severity: 'error',
    schedulers: BOTH,
    effect: 'refused',
    title: 'Text after the value',
    why: 'sbatch refuses the script with "Invalid directive found in batch script"; bsub stops at the text and runs the job without every option that comes after it, also on later lines.',
    remedy: 'Put a # before remarks, or remove them.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const command = script.scheduler === 'slurm' ? 'sbatch' : 'bsub';
      for (const { use, first, last } of strayGroups(script)) {
        if (use?.value) continue;
        const words = { start: first.start, end: last.end };
        const text = `"${shorten(script.text.slice(words))}" is not an option`;
        yield hit(
          words,
          command === 'bsub' ? `${text}${dropped(script, first)}` : `${text}; sbatch refuses the directive`,
          {
            // Words may belong to the value before them; an arrow cannot.
            fix:
              arrow.test(script.text.slice(words)) && command === 'sbatch'
                ? keeping(insert(first.start, '# ', 'Make it a comment'))
                : insert(first.start, '# ', 'Make it a comment'),
            alternatives: [remove(words, 'Remove it')],
          },
        );
      }
    },
  },
  {
    id: 'typographic-character',
    severity: 'error',
    schedulers: BOTH,
    effect: 'depends',
    title: 'A dash or quote from a text editor',
    why: 'Mail programs and word processors turn `--` into a long dash and straight quotes into curly ones. To the scheduler these are letters: it refuses the option, or takes the quotes as part of the value.',
    remedy: 'Write hyphens and straight quotes.',
    link: links.sbatch,
    fixable: true,
    check: typographicCharacters,
  },
  {
    id: 'unmatched-quote',
    severity: 'error',
    schedulers: BOTH,
    effect: 'refused',
    title: 'A quote that is never closed',
    why: 'sbatch refuses the script.',
    remedy: 'Close the quote on the same line.',
    link: links.sbatch,
    fixable: false,
    check: function* ({ text, activeLines }) {
      for (const { unclosedQuote, line } of activeLines)
        if (unclosedQuote !== undefined)
          yield hit(
            { start: unclosedQuote, end: text.lineSpan(line).end },
            'This quote is not closed on the same line',
          );
    },
  },
  {
    id: 'colon-word',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'A word that begins with a colon',
    why: 'On the command line `:` separates the parts of a heterogeneous job; in a script sbatch refuses it.',
    remedy: 'Put a line `#SBATCH hetjob` between the parts.',
    link: links.sbatch,
    fixable: false,
    check: function* ({ activeLines, text }) {
      for (const { tokens } of activeLines) {
        const word = tokens.find((token) => text.text[token.start] === ':');
        if (word) yield hit(word, 'No word of a directive may begin with a colon');
      }
    },
  },
];

/**
 * What bsub does at a word that is not an option, as the end of a sentence: it reads the words of all directives as one
 * list up to there, and leaves out the rest without a word (volclava 2.2, my_getopt in lsbatch/lib).
 */
function dropped(script: Script, word: Span): string {
  if (script.scheduler !== 'lsf') return '';
  const names = new Set(script.activeOptions.filter(({ start }) => start > word.start).map(({ spelling }) => spelling));
  const lost = [...names].slice(0, 6).join(', ');
  return lost ? `; bsub reads no option after it and drops ${lost}${names.size > 6 ? ', ...' : ''}` : '; bsub reads no option after it'; // prettier-ignore
}

/**
 * What bsub reads in the place of an option that it does not know, as a sentence; undefined where it knows no letter of it.
 * Where it takes the value and reads on, the job runs.
 */
function readAs(
  script: Script,
  { match, spelling, end, line }: OptionUse,
): Pick<Hit, 'message' | 'severity'> | undefined {
  if (match.kind !== 'unknown' || !match.read) return undefined;
  const [option, value] = [match.read, spelling.slice(2)];
  const message = `bsub reads ${spelling} as ${option.name} with the value "${shorten(value)}"`;
  const word = script.directives.strays.find((stray) => stray.line === line && stray.start >= end);
  if (!word) return { message, severity: checkValue(option, value) ? undefined : 'warning' };
  return {
    message: `${message} and "${shorten(word.text)}" as the command${dropped(script, word).replace('; bsub', ',')}`,
  };
}

/** What remarks in a text begin with that cannot be an option or part of a value. */
const arrow = /^(?:<[-=<]+|[-=]+>|[←→⟵⟶]|\/\/|;)/;

/** Whether what is written as a value may be one of another option. */
function fits(option: OptionSpec, { value }: OptionUse): boolean {
  if (option.argument === 'none') return value === undefined;
  return value === undefined || checkValue(option, value.text) === undefined;
}

/** The suggested name in the place of an unknown one: certain if only its spelling differs, otherwise a guess. */
function corrected(script: Script, use: OptionUse, suggestion: OptionSpec, name: string): OffsetFix {
  const fix = replace(use, name);
  const certain = sameName(use.spelling, name) && (use.value !== undefined || completeOn(script, use.line, use.end, suggestion)); // prettier-ignore
  return certain ? keeping(fix) : fix;
}

/** Whether two names of options differ only in dashes, underscores, upper and lower case. */
export function sameName(written: string, name: string): boolean {
  const plain = (text: string): string => text.toLowerCase().replace(/[-_]/g, '');
  return plain(written) === plain(name);
}

/** The long option that a word with one dash spells, such as `-time`. */
export function singleDash(use: OptionUse, text: string): string | undefined {
  if (!/^-[A-Za-z]$/.test(use.spelling)) return undefined;
  const word = /^-[a-z][a-z-]*(?==|\s|$)/.exec(text.slice(use.start, use.start + 40))?.[0];
  return word && word.length > 3 && optionNamed('slurm', `-${word}`) ? word : undefined;
}

/** Whether an option of the line, before a word, is one that bsub reads as another one. */
function isAfterMisspelt(options: readonly OptionUse[], { line, start }: Token): boolean {
  return options.some((use) => use.match.kind === 'unknown' && use.match.read && use.line === line && use.end < start);
}

interface StrayGroup {
  first: Token;
  last: Token;
  /** The option whose value the words seem to continue. */
  use?: OptionUse;
}

/** Words that are neither options nor values, with neighbours joined. */
function strayGroups({ text, directives }: Script): StrayGroup[] {
  const late = new Set(directives.lines.filter((directive) => directive.late).map(({ line }) => line));
  const groups: StrayGroup[] = [];
  let dashed: number | undefined;
  for (const token of directives.strays) {
    // Words with typographic spaces or dashes have their own rules, and so have those that begin with a colon.
    if (
      late.has(token.line) ||
      /^[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/.test(token.text) ||
      text.text[token.start] === ':'
    )
      continue;
    if (typographicDash.test(token.text)) {
      dashed = token.line;
      continue;
    }
    // What comes after an option with such a dash is its value, and what comes after a misspelt one is told with it.
    if (dashed === token.line || isAfterMisspelt(directives.options, token)) continue;
    const before = groups[groups.length - 1];
    if (before?.last.line === token.line && /^\s+$/.test(text.text.slice(before.last.end, token.start))) {
      before.last = token;
      continue;
    }
    const owner = directives.options.find(
      ({ value, line, option }) =>
        value &&
        option &&
        line === token.line &&
        value.end < token.start &&
        spacedTypes.has(option.type) &&
        /^[ \t]+$/.test(text.text.slice(value.end, token.start)),
    );
    const continues = owner && /^[\w./%@+,-]/.test(token.text);
    groups.push({ first: token, last: token, ...(continues && { use: owner }) });
  }
  return groups;
}
