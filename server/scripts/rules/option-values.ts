import { enginePrograms } from '../catalogue/engines';
import { gresForms, refuses } from '../catalogue/releases';
import { checkValue, type ValueProblem } from '../reading/value-checks';
import { megabytesOf } from '../reading/values';
import { keeping, replace, type OffsetFix } from './fixes';
import { BOTH, LSF, SLURM, hit, links, shorten, type Rule } from './rule';
import { singleDash } from './spelling';
import type { Span } from '../reading/text';
import { typographic } from './typography';

/** Megabytes with which not even Python starts, and those with which no framework does. */
const [tiny, small] = [64, 512];
/** Programs that need more than `small` megabytes. */
const heavy = /^(?:torchrun|accelerate launch|deepspeed|(?:train|generate|fid|finetune)\w*\.py)$/;

/** Rules about the values of options, each on its own. */
export const optionValueRules: readonly Rule[] = [
  {
    id: 'invalid-value',
    severity: 'error',
    schedulers: BOTH,
    effect: 'refused',
    title: 'A value the scheduler does not understand',
    why: 'The scheduler refuses the script.',
    remedy: 'Write the value in the form that the option expects.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      for (const use of script.activeOptions) {
        const { option, value, spelling } = use;
        if (!option || !value || option.argument === 'none' || value.line !== use.line) continue;
        // Those have rules of their own.
        if (singleDash(use, script.text.text) || typographic.test(value.text)) continue;
        const found = checkValue(option, value.text);
        if (!found) continue;
        const equals = /^-[A-Za-z]$/.test(spelling) && value.text.startsWith('=');
        const problem = equals
          ? {
              expected: 'expects its value without `=`',
              replacement: value.text.slice(1),
              certain: !checkValue(option, value.text.slice(1)),
            }
          : found;
        yield hit(value, problemText(spelling, problem, value.text), { fix: replacement(value, problem) });
      }
    },
  },
  {
    id: 'gres-form',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'depends',
    title: 'A form of --gres that not every Slurm accepts',
    why: 'Some releases refuse the script ("Invalid generic resource (gres) specification").',
    remedy: 'Write `name[:type][:count]`, which all releases accept.',
    link: links.gres,
    fixable: true,
    check: function* ({ activeOptions, cluster }) {
      for (const { option, value, spelling } of activeOptions) {
        if (option?.type !== 'gres' || !value || checkValue(option, value.text)) continue;
        for (const { refusedBy, portable } of gresForms.filter(({ form }) => form.test(value.text))) {
          const refused = refuses(refusedBy, cluster?.version);
          if (refused === false) continue;
          const here = refused ? `this cluster has ${cluster?.version}` : 'other releases accept it';
          yield hit(value, `Slurm ${refusedBy.join(', ')} refuses ${spelling} ${value.text}; ${here}`, {
            severity: refused ? 'error' : undefined,
            fix: keeping(replace(value, portable(value.text))),
          });
        }
      }
    },
  },
  {
    id: 'memory-without-unit',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'Memory of a few megabytes',
    why: 'A number without a suffix means megabytes: with `--mem=16` the job is killed as soon as it starts.',
    remedy: 'Add the unit: `--mem=16G`.',
    link: links.sbatch,
    fixable: true,
    check: function* (script) {
      for (const { option, value, line } of script.activeOptions) {
        if (option?.type !== 'memory' || !value || option.name === '--tmp' || !/^\d+$/.test(value.text)) continue;
        const size = megabytesOf(value.text);
        // The remark says that megabytes are meant.
        if (!size || /\bMi?B\b|megabyte/i.test(script.text.lines[line]?.text ?? '')) continue;
        if (
          size <= tiny ||
          (size <= small &&
            script.invocations.some(({ program }) => heavy.test(program) || enginePrograms.has(program)))
        )
          yield hit(value, `${option.name}=${value.text} asks for ${value.text} megabytes`, {
            fix: replace(value, `${value.text}G`),
          });
      }
    },
  },
  {
    id: 'time-in-minutes',
    severity: 'warning',
    schedulers: SLURM,
    effect: 'runs',
    title: 'A time limit in minutes that looks like hours',
    why: '`--time=48` and `--time=48:00` both mean 48 *minutes*, after which the job is killed.',
    remedy: 'Write hours with two colons: `--time=48:00:00`.',
    link: links.sbatch,
    fixable: true,
    check: function* ({ activeOptions }) {
      for (const { option, value } of activeOptions) {
        const written = option?.name === '--time' ? /^(\d+)(?::00)?$/.exec(value?.text ?? '')?.[1] : undefined;
        const hours = Number(written);
        // Whole days up to a week; 120 without a colon is more likely two hours than five days.
        if (!value || !written || hours < 24 || hours > 168 || hours % 24 !== 0) continue;
        if (hours === 120 && !value.text.includes(':')) continue;
        yield hit(value, `--time=${value.text} is ${written} minutes`, { fix: replace(value, `${written}:00:00`) });
      }
    },
  },
  {
    id: 'lsf-memory-unit',
    severity: 'info',
    schedulers: LSF,
    effect: 'runs',
    title: 'Memory without a unit',
    why: "Whether a bare number means KB, MB or GB depends on the site's LSF_UNIT_FOR_LIMITS: elsewhere the same script asks for a different amount.",
    remedy:
      'Write the unit: `16GB`. IBM LSF 10.1 takes it; OpenLava and volclava refuse units and read whole numbers only.',
    link: links.bsub,
    fixable: false,
    check: function* ({ directives }) {
      for (const { option, value } of directives.options) {
        if (!option || !value) continue;
        if (option.name === '-M' && /^\d+$/.test(value.text))
          yield hit(value, `The unit of -M ${value.text} depends on the site`);
        const mem = option.name === '-R' ? /\bmem\s*[=>]=?\s*(\d+)(?!\d|(?:\.[\d.]*)?[A-Za-z])/.exec(value.text) : null;
        if (mem) yield hit(value, `The unit of mem=${mem[1]} depends on the site`);
      }
    },
  },
  {
    id: 'lsf-group-for-gpu',
    severity: 'warning',
    schedulers: LSF,
    effect: 'refused',
    title: '-G with a number',
    why: 'In LSF, -G is the user group, not a number of GPUs.',
    remedy: 'Write `-gpu "num=N"`.',
    link: links.bsub,
    fixable: true,
    check: function* ({ directives }) {
      for (const { option, value, start } of directives.options) {
        if (option?.name !== '-G' || !value || !/^\d+$/.test(value.text)) continue;
        const place = { start, end: value.end };
        yield hit(place, '-G is the user group; for GPUs write -gpu', {
          fix: replace(place, `-gpu "num=${value.text}"`),
        });
      }
    },
  },
];

/** What is wrong with the value of an option. */
export function problemText(option: string, { expected }: ValueProblem, value: string): string {
  return `${option} ${expected}${expected.startsWith('expects') ? ', not' : ':'} "${shorten(value)}"`;
}

/** The fix of a value, where there is one that was probably meant. */
export function replacement(value: Span, { replacement: meant, certain }: ValueProblem): OffsetFix | undefined {
  if (meant === undefined) return undefined;
  return certain ? keeping(replace(value, meant)) : replace(value, meant);
}
