import { checkValue } from '../reading/values';
import type { DirectiveLine, OptionUse, Token } from '../reading/directives';
import type { BatchScript } from '../reading/script';
import { BOTH, SLURM, links, type Rule } from './rule';
import { shorten, singleDash } from './words';

/** Types of value that people write with blanks. */
const bodyTypes = new Set(['text', 'name', 'path', 'log', 'list', 'mail-type', 'constraint', 'hostlist']);

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
    check: function* ({ directives, text }) {
      for (const use of directives.options) {
        if (use.late || use.match.kind !== 'unknown' || singleDash(use, text.text)) continue;
        const suggestion = use.match.suggestion;
        const name = suggestion && (/^--[A-Za-z]$/.test(use.spelling) ? suggestion.short : suggestion.name);
        yield {
          start: use.start,
          end: use.end,
          message: `There is no option ${use.spelling}${name ? `; did you mean ${name}?` : ''}`,
          ...(name && {
            fix: { title: `Change to ${name}`, edits: [{ start: use.start, end: use.end, newText: name }] },
          }),
        };
      }
    },
  },
  {
    id: 'single-dash',
    severity: 'error',
    schedulers: SLURM,
    effect: 'depends',
    title: 'A long option with one dash',
    why: 'sbatch reads `-time=10` as `-t` with the value `ime=10`: refused, or taken for something else without a word.',
    remedy: 'Write two dashes.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      for (const use of script.directives.options) {
        const wanted = use.late ? undefined : singleDash(use, script.text.text);
        if (wanted)
          yield {
            start: use.start,
            end: use.start + wanted.length,
            message: `${wanted} is read as ${use.spelling} with the rest as its value; -${wanted} is meant`,
            fix: { title: `Change to -${wanted}`, edits: [{ start: use.start, end: use.start, newText: '-' }] },
          };
      }
    },
  },
  {
    id: 'ambiguous-option',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'An abbreviation that fits several options',
    why: 'sbatch takes a shortened option only while just one begins so.',
    remedy: 'Write the option in full.',
    link: links.sbatch,
    fixable: false,
    check: function* ({ directives }) {
      for (const use of directives.options)
        if (!use.late && use.match.kind === 'ambiguous')
          yield {
            start: use.start,
            end: use.end,
            message: `${use.spelling} is ambiguous: ${use.match.candidates
              .map((option) => option.name)
              .slice(0, 6)
              .join(', ')}`,
          };
    },
  },
  {
    id: 'abbreviated-option',
    severity: 'hint',
    schedulers: SLURM,
    effect: 'runs',
    title: 'An abbreviated option',
    why: 'It works until a newer Slurm knows a second option that begins so.',
    remedy: 'Write the option in full.',
    link: links.sbatch,
    fixable: true,
    check: function* ({ directives }) {
      for (const use of directives.options)
        if (!use.late && use.match.kind === 'abbreviated')
          yield {
            start: use.start,
            end: use.end,
            message: `${use.spelling} is short for ${use.match.option.name}`,
            fix: {
              title: `Change to ${use.match.option.name}`,
              edits: [{ start: use.start, end: use.end, newText: use.match.option.name }],
            },
          };
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
          yield {
            start: use.start,
            end: use.end,
            message: `${use.spelling} needs a value${use.option?.meta ? ` (${use.option.meta})` : ''}`,
          };
    },
  },
  {
    id: 'value-from-next-line',
    severity: 'error',
    schedulers: SLURM,
    effect: 'depends',
    title: 'An option that swallows the next line',
    why: 'sbatch joins all directive lines: an option without a value takes the first word of the next line, which is then lost.',
    remedy: 'Add the value on the same line.',
    link: links.sbatch,
    fixable: false,
    check: function* ({ directives }) {
      for (const use of directives.options)
        if (!use.late && use.value && use.value.line !== use.line)
          yield {
            start: use.start,
            end: use.end,
            message: `${use.spelling} has no value here and takes "${shorten(use.value.text)}" from line ${use.value.line + 1}`,
          };
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
    check: function* ({ directives }) {
      for (const { option, value, spelling, end, late } of directives.options)
        if (!late && option?.argument === 'none' && value)
          yield {
            start: value.start,
            end: value.end,
            message: `${spelling} takes no value`,
            fix: { title: 'Remove the value', edits: [{ start: end, end: value.end, newText: '' }] },
          };
    },
  },
  {
    id: 'equals-after-short-option',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'An equals sign after a short option',
    why: 'With `-J=name` the job is called "=name": short options take their value without `=`.',
    remedy: 'Write `-J name` or `--job-name=name`.',
    link: links.sbatch,
    fixable: true,
    check: function* ({ directives }) {
      for (const { option, value, spelling, late } of directives.options)
        if (
          !late &&
          option &&
          value?.text.startsWith('=') &&
          /^-[A-Za-z]$/.test(spelling) &&
          !checkValue(option, value.text)
        )
          yield {
            start: value.start,
            end: value.end,
            message: `The value of ${spelling} is "${shorten(value.text)}", with the equals sign`,
            fix: {
              title: 'Put a blank for the equals sign',
              edits: [{ start: value.start, end: value.start + 1, newText: ' ' }],
            },
          };
    },
  },
  {
    id: 'unquoted-space',
    severity: 'error',
    schedulers: BOTH,
    effect: 'refused',
    title: 'A value with an unquoted blank',
    why: 'The value ends at the blank; the rest is a word the scheduler does not know what to do with.',
    remedy: 'Quote the value, or remove the blank.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      for (const group of strayGroups(script)) {
        const { use, first, last } = group;
        if (!use?.value) continue;
        const raw = script.text.text.slice(use.value.start, last.end);
        const joined = /,$/.test(use.value.text);
        const value = joined ? raw.replace(/,\s+/g, ',') : `"${raw.replace(/["']/g, '')}"`;
        yield {
          start: first.start,
          end: last.end,
          message: `The value of ${use.spelling} ends at the blank: "${shorten(use.value.text)}"`,
          fix: {
            title: joined ? 'Remove the blank' : 'Quote the value',
            edits: [{ start: use.value.start, end: last.end, newText: value }],
          },
          alternatives: [
            { title: 'Make the rest a comment', edits: [{ start: first.start, end: first.start, newText: '# ' }] },
          ],
        };
      }
    },
  },
  {
    id: 'text-after-value',
    severity: 'error',
    schedulers: BOTH,
    effect: 'refused',
    title: 'Text after the value',
    why: 'sbatch refuses the script with "Invalid directive found in batch script".',
    remedy: 'Put a # before remarks, or remove them.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      for (const { use, first, last } of strayGroups(script)) {
        if (use?.value) continue;
        yield {
          start: first.start,
          end: last.end,
          message:
            `"${shorten(script.text.text.slice(first.start, last.end))}" is no option; Slurm refuses the directive`.replace(
              'Slurm',
              script.scheduler === 'slurm' ? 'sbatch' : 'bsub',
            ),
          fix: { title: 'Make it a comment', edits: [{ start: first.start, end: first.start, newText: '# ' }] },
          alternatives: [{ title: 'Remove it', edits: [{ start: first.start, end: last.end, newText: '' }] }],
        };
      }
    },
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
    check: function* ({ text, directives }) {
      for (const { unclosedQuote, line, late } of directives.lines)
        if (unclosedQuote !== undefined && !late)
          yield {
            start: unclosedQuote,
            end: text.offsetAt(text.lineRange(line).end),
            message: 'This quote is not closed on its line',
          };
    },
  },
  {
    id: 'colon-word',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'A word that begins with a colon',
    why: 'On the command line `:` separates the parts of a heterogeneous job; in a script sbatch refuses it.',
    remedy: 'Use a line `#SBATCH hetjob` between the parts.',
    link: links.sbatch,
    fixable: false,
    check: function* ({ directives, text }) {
      for (const directive of directives.lines) {
        const word = directive.late ? undefined : directive.tokens.find((token) => text.text[token.start] === ':');
        if (word)
          yield {
            start: word.start,
            end: word.end,
            message: 'A directive must not have a word that begins with a colon',
          };
      }
    },
  },
];

interface StrayGroup {
  first: Token;
  last: Token;
  /** The option whose value the words seem to continue. */
  use?: OptionUse;
}

/** Words that are neither options nor values, neighbours joined. */
function strayGroups({ text, directives }: BatchScript): StrayGroup[] {
  const late = new Set(directives.lines.filter((directive: DirectiveLine) => directive.late).map(({ line }) => line));
  const groups: StrayGroup[] = [];
  for (const token of directives.strays) {
    // Words with typographic spaces have a rule of their own; so have those that begin with a colon.
    if (
      late.has(token.line) ||
      /^[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/.test(token.text) ||
      text.text[token.start] === ':'
    )
      continue;
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
        bodyTypes.has(option.type) &&
        /^[ \t]+$/.test(text.text.slice(value.end, token.start)),
    );
    const continues = owner && /^[\w./%@+-]/.test(token.text);
    groups.push({ first: token, last: token, ...(continues && { use: owner }) });
  }
  return groups;
}
