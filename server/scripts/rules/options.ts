import type { OptionUse } from '../reading/directives';
import { secondsOf } from '../reading/values';
import { exclusions } from './exclusions';
import { addDirective, insert, keeping, removeOption, replace } from './fixes';
import { BOTH, SLURM, at, hit, links, related, type Rule } from './rule';

/** Options that sbatch refuses without another one. */
const needed: readonly { option: string; value?: RegExp; one: readonly string[] }[] = [
  { option: '--gpus-per-socket', one: ['--sockets-per-node', '--extra-node-info'] },
  { option: '--distribution', value: /^(?:arbitrary|hostfile)/i, one: ['--nodelist', '--nodefile'] },
  { option: '--batch', one: ['--constraint'] },
];

/** Options that end sbatch before it submits anything. */
const ending = ['--help', '--usage', '--version', '--test-only', '-h', '-V'];

/** Options that may be given several times, or for which the last one is meant to win. */
const repeatable = ['-R', '--mail-type', '--verbose', '--export'];

/** Rules about how options go together, and about options that do not belong in a script. */
export const optionRules: readonly Rule[] = [
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
        exclusions.map(([ones, others]) => [
          script.usesIn(component, ...ones).pop(),
          script.usesIn(component, ...others).pop(),
        ]),
      );
      for (const [one, other] of pairs) {
        if (!one || !other) continue;
        const [first, second] = one.start < other.start ? [one, other] : [other, one];
        yield hit(at(second), `${second.spelling} excludes ${first.spelling} on line ${first.line + 1}`, {
          fix: removeOption(script, second),
          related: related(first, 'The other option'),
        });
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
          if (!use || (value && !value.test(use.value?.text ?? '')) || script.usesIn(component, ...one).length)
            continue;
          yield hit(at(use), `${use.spelling}${value ? `=${use.value?.text ?? ''}` : ''} needs ${one.join(' or ')}`);
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
      for (const use of script.activeOptions) {
        const name = use.option?.name;
        const root = name === '--uid' || name === '--gid';
        if (!root && name !== '--reboot' && !(name === '--nice' && /^\s*-[1-9]/.test(use.value?.text ?? ''))) continue;
        const message = root
          ? `Only root may use ${use.spelling}`
          : `Only operators may use ${use.spelling}${use.value ? `=${use.value.text}` : ''}`;
        yield hit(at(use), message, { severity: root ? undefined : 'warning', fix: removeOption(script, use) });
      }
    },
  },
  {
    id: 'repeated-option',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'An option given twice with different values',
    why: 'The last one wins; the first one has no effect.',
    remedy: 'Keep the one you want.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const last = new Map<string, OptionUse>();
      for (const use of script.activeOptions) {
        if (!use.option || repeatable.includes(use.option.name)) continue;
        const key = `${use.component} ${use.option.name}`;
        const before = last.get(key);
        last.set(key, use);
        if (!before || before.value?.text === use.value?.text) continue;
        const fix = removeOption(script, before, 'Remove the overridden one');
        const again = `${before.spelling} is overridden on line ${use.line + 1}; the last one wins`;
        const either = `${before.spelling} is there again on line ${use.line + 1}; which one counts depends on the engine`; // prettier-ignore
        yield hit(at(before), script.scheduler === 'slurm' ? again : either, {
          // The same option twice: without the first, sbatch reads the same. Of -n, -W and -M, volclava 2.2 takes the first.
          fix: script.scheduler === 'slurm' ? keeping(fix) : fix,
          related: related(at(use), 'This one counts'),
        });
      }
    },
  },
  {
    id: 'time-min-above-time',
    severity: 'error',
    schedulers: SLURM,
    effect: 'refused',
    title: 'The minimum time is longer than the time limit',
    why: '--time-min says how far --time may be shortened, so it cannot be longer.',
    remedy: 'Make --time-min shorter than --time.',
    link: links.sbatch,
    fixable: false,
    check: function* (script) {
      const least = script.option('--time-min')?.value;
      const most = script.option('--time')?.value;
      const low = secondsOf(least?.text ?? '');
      const high = secondsOf(most?.text ?? '');
      if (least && most && low !== undefined && high && Math.ceil(low / 60) > Math.ceil(high / 60))
        yield hit(least, `--time-min=${least.text} is longer than --time=${most.text}`);
    },
  },
  {
    id: 'tasks-mismatch',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'The number of tasks is not nodes times tasks per node',
    why: 'With --ntasks, --ntasks-per-node is only an upper bound. If the numbers do not agree, the job gets a different number of tasks than it seems.',
    remedy: 'Give --nodes and --ntasks-per-node, and leave --ntasks out.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const perNode = script.option('--ntasks-per-node');
      const total = script.option('--ntasks')?.value;
      const [n, p, k] = [total, perNode?.value, script.option('--nodes')?.value].map((value) =>
        /^\d+$/.test(value?.text ?? '') ? Number(value?.text) : undefined,
      );
      if (!total || !perNode || !n || !p || !k || n === p * k) return;
      yield hit(total, `--ntasks=${n}, but ${k} nodes with ${p} tasks each make ${p * k}`, {
        fix: replace(total, String(p * k)),
        related: related(at(perNode), 'Tasks per node'),
      });
    },
  },
  {
    id: 'submits-nothing',
    severity: 'warning',
    schedulers: BOTH,
    effect: 'runs',
    title: 'An option with which nothing is submitted',
    why: 'With `--test-only`, `--help` or `--version` in the script, sbatch answers and ends without submitting a job.',
    remedy: 'Remove it from the script and give it on the command line.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      for (const use of script.activeOptions)
        if (use.option && ending.includes(use.option.name))
          yield hit(use, `With ${use.spelling} in the script, no job is submitted`, { fix: removeOption(script, use) });
    },
  },
  {
    id: 'deprecated',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'An outdated spelling',
    why: 'It still works in some releases; newer ones ignore it or no longer have it.',
    remedy: 'Use the current spelling.',
    link: links.sbatch,
    fixable: true,
    check: function* ({ activeLines, activeOptions }) {
      for (const { body, keyword, separator } of activeLines) {
        const start = body - keyword.length;
        if (keyword === 'SLURM')
          yield hit({ start: start - 1, end: body }, '#SLURM is outdated', {
            fix: keeping(replace({ start, end: body }, 'SBATCH', 'Change to #SBATCH')),
          });
        if (separator && /^packjob$/i.test(separator.text))
          yield hit(separator, 'packjob is outdated', { fix: keeping(replace(separator, 'hetjob')) });
      }
      for (const use of activeOptions) {
        if (!use.option) continue;
        const { name, until, valueUntil } = use.option;
        if (until) yield hit(use, `${name} was removed in Slurm ${until}`);
        if (valueUntil && use.value) yield hit(use.value, `${name} takes no value since Slurm ${valueUntil}`);
      }
    },
  },
  {
    id: 'account-missing',
    severity: 'hint',
    schedulers: SLURM,
    effect: 'runs',
    title: 'No account',
    why: 'Many sites refuse a job without an account, or charge it to a default one.',
    remedy: 'Add `#SBATCH --account=NAME`; `sacctmgr show assoc user=$USER` lists yours.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const [first] = script.activeLines;
      const { accounts = [], defaultAccount, accountNeeded } = script.cluster ?? {};
      if (!first || script.option('--account') || defaultAccount !== undefined || accountNeeded === false) return;
      const fixes = accounts.map((name) => addDirective(script, `#SBATCH --account=${name}`, `Add --account=${name}`));
      yield hit({ start: first.body - first.keyword.length - 1, end: first.body }, 'The job names no account', {
        severity: accountNeeded ? 'warning' : undefined,
        // Which of several accounts pays is for the user to choose.
        ...(fixes.length > 1 ? { alternatives: fixes } : { fix: fixes[0] }),
      });
    },
  },
  {
    id: 'signal-to-steps-only',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A signal that never reaches the script',
    why: 'Without `B:` only the steps (srun) get the signal of --signal; a `trap` in the script is never called.',
    remedy: 'Write `--signal=B:...`.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      const value = script.option('--signal')?.value;
      if (!value || /^R?B/i.test(value.text)) return;
      const name = /^R?:?(?:SIG)?([A-Z0-9]+)/i.exec(value.text)?.[1]?.toUpperCase();
      const trap = script
        .running('trap')
        .find(({ operands }) => operands.some((word) => word.text?.toUpperCase().replace(/^SIG/, '') === name));
      if (trap)
        yield hit(value, `The script traps ${name}, but without B: only the steps get the signal`, {
          fix: insert(value.start, 'B:', 'Insert B:'),
          related: related({ start: trap.name.start, end: trap.command.end }, 'The trap'),
        });
    },
  },
];
