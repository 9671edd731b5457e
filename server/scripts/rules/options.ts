import { checkValue, megabytesOf, secondsOf } from '../reading/values';
import { gresForms, refuses } from '../catalogue/releases';
import type { OptionUse } from '../reading/directives';
import { BOTH, LSF, SLURM, links, type Rule } from './rule';
import { removalOf, shorten, singleDash } from './words';

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

/** Rules about values, and about how options go together. */
export const optionRules: readonly Rule[] = [
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
    id: 'gres-form',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'depends',
    title: 'A form of --gres that not every Slurm takes',
    why: 'Some releases refuse the script ("Invalid generic resource (gres) specification").',
    remedy: 'Write `name[:type][:count]`, which all releases take.',
    link: links.gres,
    fixable: true,
    check: function* (script) {
      for (const { option, value, spelling, late } of script.directives.options) {
        if (late || option?.type !== 'gres' || !value || checkValue(option, value.text)) continue;
        for (const { refusedBy, portable } of gresForms.filter(({ form }) => form.test(value.text))) {
          const refused = refuses(refusedBy, script.cluster?.version);
          if (refused === false) continue;
          const newText = portable(value.text);
          const here = refused ? `this cluster has ${script.cluster?.version}` : 'others take it';
          yield {
            start: value.start,
            end: value.end,
            message: `Slurm ${refusedBy.join(', ')} refuses ${spelling} ${value.text}; ${here}`,
            ...(refused && { severity: 'error' as const }),
            fix: { title: `Change to ${newText}`, edits: [{ start: value.start, end: value.end, newText }] },
          };
        }
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
        const removal = removalOf(script, second);
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
          fix: { title: `Remove ${use.spelling}`, edits: [removalOf(script, use)] },
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
        const removal = removalOf(script, before);
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
        const removal = removalOf(script, use);
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
        if (use.option.valueUntil && use.value)
          yield {
            start: use.value.start,
            end: use.value.end,
            message: `${use.option.name} takes no value since Slurm ${use.option.valueUntil}`,
          };
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
      const trap = script
        .running('trap')
        .find(({ operands }) => operands.some((word) => word.text?.toUpperCase().replace(/^SIG/, '') === name));
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
