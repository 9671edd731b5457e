import { checkValue, megabytesOf, secondsOf } from '../values';
import { optionNamed } from '../options';
import type { DirectiveLine, OptionUse, Token } from '../directives';
import type { BatchScript } from '../script';
import { BOTH, LSF, SLURM, links, type OffsetEdit, type Rule } from './rule';

const bodyTypes = new Set(['text', 'name', 'path', 'log', 'list', 'mail-type', 'constraint', 'hostlist']);

/** Options that sbatch refuses to take together. */
const exclusive: readonly (readonly [readonly string[], readonly string[]])[] = [
  [['--mem'], ['--mem-per-cpu', '--mem-per-gpu']],
  [['--mem-per-cpu'], ['--mem-per-gpu']],
  [
    ['--ntasks-per-gpu', '--ntasks-per-tres'],
    ['--gpus-per-task', '--gpus-per-socket', '--ntasks-per-node'],
  ],
  [['--core-spec'], ['--thread-spec']],
  [['--bb'], ['--bbf']],
  [['--cpus-per-gpu'], ['--cpus-per-task']],
];

/** Options that sbatch refuses without another one. */
const needed: readonly { option: string; value?: RegExp; one: readonly string[] }[] = [
  { option: '--gpus-per-socket', one: ['--sockets-per-node', '--extra-node-info'] },
  { option: '--distribution', value: /^(?:arbitrary|hostfile)/i, one: ['--nodelist', '--nodefile'] },
  { option: '--batch', one: ['--constraint'] },
];

/** Options that end sbatch before it submits anything. */
const ending = ['--help', '--usage', '--version', '--test-only', '-h', '-V'];

/** Rules about the words of directives: options, values, and how they go together. */
export const optionRules: readonly Rule[] = [
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
    check: function* ({ directives }) {
      for (const use of directives.options) {
        if (use.late || use.match.kind !== 'unknown' || singleDash(use)) continue;
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
    id: 'invalid-value',
    severity: 'error',
    schedulers: BOTH,
    effect: 'refused',
    title: 'A value the scheduler does not understand',
    why: 'The scheduler refuses the script.',
    remedy: 'Write the value in the form the option wants.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      for (const use of script.directives.options) {
        const { option, value, late } = use;
        if (
          late ||
          !option ||
          !value ||
          option.argument === 'none' ||
          value.line !== use.line ||
          singleDash(use, script.text.text)
        )
          continue;
        const equals = /^-[A-Za-z]$/.test(use.spelling) && value.text.startsWith('=');
        const text = equals ? value.text.slice(1) : value.text;
        const problem =
          equals && checkValue(option, value.text)
            ? { expected: 'takes its value without `=`', replacement: text }
            : checkValue(option, value.text);
        if (!problem) continue;
        yield {
          start: value.start,
          end: Math.max(value.end, value.start),
          message: `${use.spelling} ${problem.expected}, not "${shorten(value.text)}"`,
          ...(problem.replacement !== undefined && {
            fix: {
              title: `Change to ${problem.replacement}`,
              edits: [{ start: value.start, end: value.end, newText: problem.replacement }],
            },
          }),
        };
      }
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
  {
    id: 'conflicting-options',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'Options that exclude each other',
    why: 'sbatch refuses the script ("mutually exclusive").',
    remedy: 'Keep one of them.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const pairs = script.components.flatMap((component) =>
        exclusive.map(([ones, others]) => [
          script.usesIn(component, ...ones).pop(),
          script.usesIn(component, ...others).pop(),
        ]),
      );
      for (const [one, other] of pairs) {
        if (!one || !other) continue;
        const [first, second] = one.start < other.start ? [one, other] : [other, one];
        const removal = lineOf(script, second);
        yield {
          start: second.start,
          end: second.value?.end ?? second.end,
          message: `${second.spelling} excludes ${first.spelling} on line ${first.line + 1}`,
          fix: { title: `Remove ${second.spelling}`, edits: [removal] },
          related: [{ start: first.start, end: first.end, message: 'The other one' }],
        };
      }
    },
  },
  {
    id: 'needs-option',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'An option that needs another one',
    why: 'sbatch refuses the script.',
    remedy: 'Add the other option.',
    link: links.sbatch,
    fixable: false,
    check: function* (script) {
      for (const { option, value, one } of needed)
        for (const component of script.components) {
          const use = script.usesIn(component, option).pop();
          if (use && (!value || value.test(use.value?.text ?? '')) && !script.usesIn(component, ...one).length)
            yield {
              start: use.start,
              end: use.value?.end ?? use.end,
              message: `${use.spelling}${value ? `=${use.value?.text ?? ''}` : ''} needs ${one.join(' or ')}`,
            };
        }
    },
  },
  {
    id: 'root-only',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'An option for root',
    why: 'sbatch refuses --uid and --gid from anyone but root; --reboot and a negative --nice are for operators.',
    remedy: 'Remove the option.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      for (const use of script.directives.options) {
        const name = use.late ? undefined : use.option?.name;
        const root = name === '--uid' || name === '--gid';
        if (!root && name !== '--reboot' && !(name === '--nice' && /^\s*-[1-9]/.test(use.value?.text ?? ''))) continue;
        yield {
          start: use.start,
          end: use.value?.end ?? use.end,
          message: root
            ? `Only root may use ${use.spelling}`
            : `Only operators may use ${use.spelling}${use.value ? `=${use.value.text}` : ''}`,
          ...(!root && { severity: 'warning' as const }),
          fix: { title: `Remove ${use.spelling}`, edits: [lineOf(script, use)] },
        };
      }
    },
  },
  {
    id: 'repeated-option',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'An option given twice with different values',
    why: 'The last one wins; the first has no effect.',
    remedy: 'Keep the one that is meant.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const last = new Map<string, OptionUse>();
      for (const use of script.directives.options) {
        if (use.late || !use.option || ['-R', '--mail-type', '--verbose', '--export'].includes(use.option.name))
          continue;
        const key = `${use.component} ${use.option.name}`;
        const before = last.get(key);
        last.set(key, use);
        if (!before || before.value?.text === use.value?.text) continue;
        const removal = lineOf(script, before);
        yield {
          start: before.start,
          end: before.value?.end ?? before.end,
          message: `${before.spelling} is overridden on line ${use.line + 1}: the last one wins`,
          fix: { title: 'Remove the overridden one', edits: [removal] },
          related: [{ start: use.start, end: use.value?.end ?? use.end, message: 'This one counts' }],
        };
      }
    },
  },
  {
    id: 'memory-without-unit',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'Memory of a few megabytes',
    why: 'A number without a suffix is megabytes: with `--mem=16` the job is killed as soon as it starts.',
    remedy: 'Add the unit: `--mem=16G`.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      for (const { option, value, late } of script.directives.options) {
        if (late || option?.type !== 'memory' || !value || option.name === '--tmp') continue;
        const size = megabytesOf(value.text);
        if (size && size <= 512 && /^\d+$/.test(value.text))
          yield {
            start: value.start,
            end: value.end,
            message: `${option.name}=${value.text} asks for ${value.text} megabytes`,
            fix: {
              title: `Change to ${value.text}G`,
              edits: [{ start: value.start, end: value.end, newText: `${value.text}G` }],
            },
          };
      }
    },
  },
  {
    id: 'time-in-minutes',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A time limit in minutes that looks like hours',
    why: '`--time=48` and `--time=48:00` are 48 *minutes*; the job is killed then.',
    remedy: 'Write hours with two colons: `--time=48:00:00`.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      for (const { option, value, late } of script.directives.options) {
        const hours = !late && option?.name === '--time' ? /^(\d+)(?::00)?$/.exec(value?.text ?? '')?.[1] : undefined;
        if (
          !hours ||
          !value ||
          Number(hours) % 24 !== 0 ||
          Number(hours) < 24 ||
          Number(hours) > 168 ||
          (Number(hours) === 120 && !value.text.includes(':'))
        )
          continue;
        yield {
          start: value.start,
          end: value.end,
          message: `--time=${value.text} is ${hours} minutes`,
          fix: {
            title: `Change to ${hours}:00:00`,
            edits: [{ start: value.start, end: value.end, newText: `${hours}:00:00` }],
          },
        };
      }
    },
  },
  {
    id: 'time-min-above-time',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'The least time is longer than the time limit',
    why: '--time-min says how far --time may be shortened, so it cannot be longer.',
    remedy: 'Make --time-min shorter than --time.',
    link: links.sbatch,
    fixable: false,
    check: function* (script) {
      const least = script.option('--time-min');
      const most = script.option('--time');
      const low = secondsOf(least?.value?.text ?? '');
      const high = secondsOf(most?.value?.text ?? '');
      if (least?.value && low !== undefined && high && Math.ceil(low / 60) > Math.ceil(high / 60))
        yield {
          start: least.value.start,
          end: least.value.end,
          message: `--time-min=${least.value.text} is longer than --time=${most?.value?.text}`,
        };
    },
  },
  {
    id: 'tasks-mismatch',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'More or fewer tasks than nodes times tasks per node',
    why: 'With --ntasks, --ntasks-per-node is only an upper bound: the numbers should agree, or the job gets other tasks than it looks.',
    remedy: 'Give --nodes and --ntasks-per-node, and leave --ntasks out.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const total = script.option('--ntasks');
      const perNode = script.option('--ntasks-per-node');
      const nodes = script.option('--nodes');
      const [n, p, k] = [total, perNode, nodes].map((use) =>
        /^\d+$/.test(use?.value?.text ?? '') ? Number(use?.value?.text) : undefined,
      );
      if (!total?.value || !perNode || !nodes || !n || !p || !k || n === p * k) return;
      yield {
        start: total.value.start,
        end: total.value.end,
        message: `--ntasks=${n}, but ${k} nodes with ${p} tasks each are ${p * k}`,
        fix: {
          title: `Change to ${p * k}`,
          edits: [{ start: total.value.start, end: total.value.end, newText: String(p * k) }],
        },
        related: [{ start: perNode.start, end: perNode.value?.end ?? perNode.end, message: 'Tasks per node' }],
      };
    },
  },
  {
    id: 'submits-nothing',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'An option with which nothing is submitted',
    why: 'With `--test-only`, `--help` or `--version` in the script sbatch answers and ends; no job is made.',
    remedy: 'Remove it from the script and give it on the command line.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      for (const use of script.directives.options) {
        if (use.late || !use.option || !ending.includes(use.option.name)) continue;
        const removal = lineOf(script, use);
        yield {
          start: use.start,
          end: use.end,
          message: `With ${use.spelling} in the script, no job is submitted`,
          fix: { title: `Remove ${use.spelling}`, edits: [removal] },
        };
      }
    },
  },
  {
    id: 'deprecated',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'An outdated spelling',
    why: 'It still works in some releases and is gone or ignored in newer ones.',
    remedy: 'Use the current spelling.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      for (const directive of script.directives.lines) {
        if (directive.late) continue;
        const start = directive.body - directive.keyword.length;
        if (directive.keyword === 'SLURM')
          yield {
            start: start - 1,
            end: directive.body,
            message: '#SLURM is outdated',
            fix: { title: 'Change to #SBATCH', edits: [{ start, end: directive.body, newText: 'SBATCH' }] },
          };
        const { separator } = directive;
        if (separator && /^packjob$/i.test(separator.text))
          yield {
            start: separator.start,
            end: separator.end,
            message: 'packjob is outdated',
            fix: { title: 'Change to hetjob', edits: [{ ...separator, newText: 'hetjob' }] },
          };
      }
      for (const use of script.directives.options) {
        if (use.late || !use.option) continue;
        if (use.option.until)
          yield {
            start: use.start,
            end: use.end,
            message: `${use.option.name} was removed in Slurm ${use.option.until}`,
          };
        if (use.option.name === '--get-user-env' && use.value)
          yield {
            start: use.value.start,
            end: use.value.end,
            message: '--get-user-env takes no value since Slurm 25.05',
          };
      }
    },
  },
  {
    id: 'variable-in-directive',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A shell variable in a directive',
    why: 'Directives are read by the scheduler, not by a shell: `$USER` or `~` stays as it is, and the log goes to a folder of that name.',
    remedy: "Use the scheduler's own patterns (%u, %j, %x), or write the value out.",
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const patterns: Readonly<Record<string, string>> =
        script.scheduler === 'slurm'
          ? {
              USER: '%u',
              LOGNAME: '%u',
              SLURM_JOB_ID: '%j',
              SLURM_JOBID: '%j',
              SLURM_JOB_NAME: '%x',
              SLURM_ARRAY_JOB_ID: '%A',
              SLURM_ARRAY_TASK_ID: '%a',
              HOSTNAME: '%N',
            }
          : { USER: '%U', LSB_JOBID: '%J', LSB_JOBINDEX: '%I' };
      for (const { option, value, late } of script.directives.options) {
        if (
          late ||
          !option ||
          !value ||
          !['path', 'log', 'text', 'name', 'list'].includes(option.type) ||
          ['--wrap', '--export', '-env', '-E', '-Ep', '--comment', '-Jd', '-w'].includes(option.name)
        )
          continue;
        const raw = script.text.text.slice(value.start, value.end);
        const variable = /\$\{?([A-Za-z_]\w*)\}?/.exec(raw);
        // LSF itself expands variables in the names of its output files.
        const found = variable && script.scheduler === 'slurm' ? variable : /^~/.exec(value.text);
        if (!found) continue;
        const pattern = option.type === 'log' ? patterns[found[1] ?? ''] : undefined;
        const start = value.start + raw.indexOf(found[0]);
        yield {
          start,
          end: start + found[0].length,
          message: `${found[0]} is not expanded in a directive`,
          ...(pattern && {
            fix: { title: `Change to ${pattern}`, edits: [{ start, end: start + found[0].length, newText: pattern }] },
          }),
        };
      }
    },
  },
  {
    id: 'log-pattern',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A pattern that the scheduler does not know',
    why: 'It stays in the file name as it is.',
    remedy: 'Use %j (job), %A and %a (array), %x (name), %N (node), %u (user), %t (task).',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      for (const { option, value, late } of script.directives.options) {
        if (late || option?.type !== 'log' || !value) continue;
        const raw = script.text.text.slice(value.start, value.end);
        for (const found of raw.matchAll(/%(\d*)([A-Za-z%]?)/g)) {
          const letter = found[2] ?? '';
          if (letter && '%AabJjNnstuxW'.includes(letter)) continue;
          const meant = { J: 'j', I: 'a', i: 'a', U: 'u', X: 'x', D: 'j' }[letter];
          const start = value.start + found.index;
          const end = start + found[0].length;
          yield {
            start,
            end,
            message: `Slurm knows no pattern ${found[0] || '%'}`,
            ...(meant && {
              fix: { title: `Change to %${meant}`, edits: [{ start, end, newText: `%${found[1] ?? ''}${meant}` }] },
            }),
          };
        }
      }
    },
  },
  {
    id: 'array-log',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'All elements of an array write one log',
    why: "Elements that run at the same time overwrite each other's output.",
    remedy: 'Use %A_%a (or %j) in the file name; with LSF %J_%I.',
    link: links.arrays,
    fixable: true,
    check: function* (script) {
      const slurm = script.scheduler === 'slurm';
      const array = slurm ? script.option('--array') : script.option('-J');
      if (!array || (!slurm && !/\[/.test(array.value?.text ?? ''))) return;
      for (const name of slurm ? ['--output', '--error'] : ['-o', '-oo', '-e', '-eo']) {
        const log = script.option(name);
        if (!log?.value || /^\/dev\/null$/.test(log.value.text)) continue;
        if (slurm ? /%\d*[aj]/.test(log.value.text) : /%I/.test(log.value.text)) continue;
        const raw = script.text.text.slice(log.value.start, log.value.end);
        const dot = raw.lastIndexOf('.');
        const at = log.value.start + (dot > raw.lastIndexOf('/') && dot > 0 ? dot : raw.length);
        const suffix = slurm ? (/%A/.test(raw) ? '_%a' : '-%A_%a') : /%J/.test(raw) ? '_%I' : '-%J_%I';
        yield {
          start: log.value.start,
          end: log.value.end,
          message: `All elements of the array write to ${shorten(log.value.text)}`,
          fix: { title: `Insert ${suffix}`, edits: [{ start: at, end: at, newText: suffix }] },
          related: [{ start: array.start, end: array.value?.end ?? array.end, message: 'The array' }],
        };
      }
    },
  },
  {
    id: 'log-folder',
    severity: 'info',
    schedulers: BOTH,
    effect: 'runs',
    title: 'A log folder that must exist first',
    why: 'The scheduler opens the log before the script runs. If the folder is missing, the job dies at once and leaves no log; a `mkdir` in the script comes too late.',
    remedy: 'Create the folder before submitting.',
    link: links.sbatch,
    fixable: false,
    check: function* (script) {
      for (const { option, value, late } of script.directives.options) {
        if (late || option?.type !== 'log' || !value) continue;
        const folder = value.text.replace(/\/[^/]*$/, '');
        if (
          !value.text.includes('/') ||
          folder === '' ||
          folder === '.' ||
          folder.startsWith('/dev') ||
          /^\/tmp\/?$/.test(folder)
        )
          continue;
        const exists = script.context.folderExists?.(folder);
        if (exists === true) continue;
        const made = script.invocations.find(
          ({ program, operands }) =>
            program === 'mkdir' &&
            operands.some((word) => word.text?.replace(/^\.\//, '').replace(/\/$/, '') === folder.replace(/^\.\//, '')),
        );
        const certain = exists === false || made !== undefined;
        yield {
          start: value.start,
          end: value.end,
          message:
            exists === false
              ? `The folder ${shorten(folder)} does not exist, so the job dies without a log`
              : made
                ? `mkdir in the script comes too late for the log: ${shorten(folder)} must exist before the job starts`
                : `${shorten(folder)} must exist before the job starts`,
          ...(certain && { severity: 'warning' as const }),
          ...(made && {
            related: [{ start: made.name.start, end: made.command.end, message: 'Runs after the log was opened' }],
          }),
        };
        if (!certain) return;
      }
    },
  },
  {
    id: 'account-missing',
    severity: 'info',
    schedulers: SLURM,
    effect: 'runs',
    title: 'No account',
    why: 'Many sites refuse jobs without one, or charge them to a default account.',
    remedy: 'Add `#SBATCH --account=NAME`; `sacctmgr show assoc user=$USER` lists yours.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const { directives, cluster } = script;
      const first = directives.lines.find((directive) => !directive.late);
      if (!first || script.option('--account') || cluster?.defaultAccount !== undefined) return;
      const { offset, before, after } = script.directiveInsertion;
      const [only, ...more] = cluster?.accounts ?? [];
      yield {
        start: first.body - first.keyword.length - 1,
        end: first.body,
        message: 'The job names no account',
        ...(only !== undefined && {
          ...(more.length
            ? {}
            : {
                fix: {
                  title: `Add --account=${only}`,
                  edits: [{ start: offset, end: offset, newText: `${before}#SBATCH --account=${only}${after}` }],
                },
              }),
          alternatives: more.map((name) => ({
            title: `Add --account=${name}`,
            edits: [{ start: offset, end: offset, newText: `${before}#SBATCH --account=${name}${after}` }],
          })),
        }),
      };
    },
  },
  {
    id: 'signal-to-steps-only',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A signal that the script never gets',
    why: 'Without `B:` only the steps (srun) get the signal of --signal; a `trap` in the script waits in vain.',
    remedy: 'Write `--signal=B:...`.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const use = script.option('--signal');
      if (!use?.value || /^R?B/i.test(use.value.text)) return;
      const name = /^R?:?(?:SIG)?([A-Z0-9]+)/i.exec(use.value.text)?.[1]?.toUpperCase();
      const trap = script.invocations.find(
        ({ program, operands }) =>
          program === 'trap' && operands.some((word) => word.text?.toUpperCase().replace(/^SIG/, '') === name),
      );
      if (trap)
        yield {
          start: use.value.start,
          end: use.value.end,
          message: `The script traps ${name}, but without B: only steps get the signal`,
          fix: { title: 'Insert B:', edits: [{ start: use.value.start, end: use.value.start, newText: 'B:' }] },
          related: [{ start: trap.name.start, end: trap.command.end, message: 'The trap' }],
        };
    },
  },
  {
    id: 'lsf-memory-unit',
    severity: 'info',
    schedulers: LSF,
    effect: 'runs',
    title: 'Memory without a unit',
    why: "A bare number means KB, MB or GB by the site's LSF_UNIT_FOR_LIMITS, so the same script asks for other amounts elsewhere.",
    remedy: 'Write the unit: `16GB`.',
    link: links.bsub,
    fixable: false,
    check: function* (script) {
      for (const { option, value } of script.directives.options) {
        if (!option || !value) continue;
        if (option.name === '-M' && /^\d+$/.test(value.text))
          yield { start: value.start, end: value.end, message: `The unit of -M ${value.text} depends on the site` };
        const mem = option.name === '-R' ? /\bmem\s*[=>]=?\s*(\d+)(?![\d.]*[A-Za-z])/.exec(value.text) : null;
        if (mem) yield { start: value.start, end: value.end, message: `The unit of mem=${mem[1]} depends on the site` };
      }
    },
  },
  {
    id: 'lsf-group-for-gpu',
    severity: 'warning',
    schedulers: LSF,
    effect: 'refused',
    title: '-G with a number',
    why: 'In LSF -G is the user group, not a number of GPUs.',
    remedy: 'Write `-gpu "num=N"`.',
    link: links.bsub,
    fixable: true,
    check: function* (script) {
      for (const { option, value, start } of script.directives.options)
        if (option?.name === '-G' && value && /^\d+$/.test(value.text))
          yield {
            start,
            end: value.end,
            message: '-G is the user group; for GPUs write -gpu',
            fix: {
              title: `Change to -gpu "num=${value.text}"`,
              edits: [{ start, end: value.end, newText: `-gpu "num=${value.text}"` }],
            },
          };
    },
  },
];

/** The long option that a word with one dash spells, such as `-time`. */
function singleDash(use: OptionUse, text?: string): string | undefined {
  if (!/^-[A-Za-z]$/.test(use.spelling)) return undefined;
  const word =
    text === undefined ? undefined : /^-[a-z][a-z-]*(?==|\s|$)/.exec(text.slice(use.start, use.start + 40))?.[0];
  return word && word.length > 3 && optionNamed('slurm', `-${word}`) ? word : undefined;
}

/** A message shows at most this much of a value. */
function shorten(value: string): string {
  const clean = value.replace(/\s+/g, ' ').trim();
  return clean.length > 60 ? `${clean.slice(0, 57)}...` : clean;
}

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

/** Removes an option: its whole line where it stands alone, else the words. */
function lineOf({ text, directives }: BatchScript, use: OptionUse): OffsetEdit {
  const alone = directives.options.filter(({ line }) => line === use.line).length === 1;
  if (!alone) return { start: use.start, end: use.value?.end ?? use.end, newText: '' };
  const removal = text.lineRemoval(use.line);
  return { start: text.offsetAt(removal.start), end: text.offsetAt(removal.end), newText: '' };
}
