import { readApplications } from '../reading/lsf-applications';
import { checkArray, lsfNameOf } from '../reading/lsf-array';
import { checkGpu } from '../reading/lsf-gpu';
import { placeOf, type LsfProblem } from '../reading/lsf-problem';
import { readRequirement } from '../reading/lsf-requirement';
import { reservations } from '../reading/lsf-resources';
import { termsOf } from '../reading/lsf-sections';
import type { ValueType } from '../catalogue/option-spec';
import type { Script } from '../reading/script';
import type { Span } from '../reading/text';
import { lsfMegabytesOf } from '../reading/values';
import { addDirective, keeping, removeOption, replace } from './fixes';
import { LSF, at, hit, links, related, type Hit, type Rule } from './rule';

/** Options of which bsub takes only one, as the reference of IBM Spectrum LSF 10.1 and bsub's own usage say. */
const excluding: readonly (readonly [readonly string[], readonly string[]])[] = [
  [['-K'], ['-I', '-Ip', '-Is', '-IS', '-ISp', '-ISs', '-IX']],
  [['-r'], ['-rn']],
];

/** Options with which the output comes to the terminal. */
const interactive = ['-I', '-Ip', '-Is', '-IS', '-ISp', '-ISs', '-IX'];

/** The first release of LSF itself that sites still have; OpenLava and volclava count from 1 to 4. */
const firstLsf = 6;

/** Rules about the values of bsub's options, and about what its options do together. */
export const lsfRules: readonly Rule[] = [
  {
    id: 'lsf-requirement',
    severity: 'error',
    schedulers: LSF,
    effect: 'refused',
    title: 'A resource requirement that LSF does not understand',
    why: 'bsub refuses the script ("Bad resource requirement syntax"), or takes the requirement for something else.',
    remedy: 'Write sections such as `-R "select[mem>16000] rusage[mem=16GB] span[hosts=1]"`.',
    link: links.bsubRequirement,
    fixable: true,
    check: (script) => inside(script, 'lsf-resources', (value) => readRequirement(value).problems),
  },
  {
    id: 'lsf-gpu-request',
    severity: 'error',
    schedulers: LSF,
    effect: 'refused',
    title: 'A GPU requirement that LSF does not understand',
    why: 'bsub refuses the script.',
    remedy: 'Write terms joined by colons: `-gpu "num=2:mode=exclusive_process:j_exclusive=yes"`.',
    link: links.bsubGpu,
    fixable: true,
    check: (script) => inside(script, 'lsf-gpu', checkGpu),
  },
  {
    id: 'lsf-array',
    severity: 'error',
    schedulers: LSF,
    effect: 'refused',
    title: 'Indices that LSF does not take',
    why: 'bsub refuses the script: indices are whole numbers from 1, and the limit comes after the bracket.',
    remedy: 'Write `-J "name[1-10]%4"`.',
    link: links.bsubArray,
    fixable: true,
    check: (script) => inside(script, 'lsf-name', checkArray),
  },
  {
    id: 'lsf-application',
    severity: 'error',
    schedulers: LSF,
    effect: 'refused',
    title: 'Applications that LSF does not take',
    why: 'LSF starts a program esub.NAME or epsub.NAME of the site for each name, and refuses the job where there is none.',
    remedy: 'Write the names with spaces between, arguments in parentheses: `-a "license docker(ubuntu:24.04)"`.',
    link: links.bsubApplication,
    fixable: true,
    check: (script) => inside(script, 'lsf-applications', (value) => readApplications(value).problems),
  },
  {
    id: 'lsf-limit-below-reservation',
    severity: 'warning',
    schedulers: LSF,
    effect: 'runs',
    title: 'A memory limit below what is reserved',
    why: 'The job is killed at the limit of -M and never uses what -R reserves for it.',
    remedy: 'Make -M at least as large as the mem of rusage.',
    link: links.bsubMemory,
    fixable: true,
    check: limitBelowReservation,
  },
  {
    id: 'lsf-time-in-minutes',
    severity: 'warning',
    schedulers: LSF,
    effect: 'runs',
    title: 'A run limit in minutes that looks like hours',
    why: '`-W 48` means 48 *minutes*, after which the job is killed.',
    remedy: 'Write hours:minutes: `-W 48:00`.',
    link: links.bsub,
    fixable: true,
    check: function* (script) {
      const value = script.option('-W')?.value;
      const hours = /^\d+$/.test(value?.text ?? '') ? Number(value?.text) : 0;
      // Whole days up to a week; 120 is more likely two hours than five days.
      if (!value || hours < 24 || hours > 168 || hours % 24 !== 0 || hours === 120) return;
      yield hit(value, `-W ${hours} is ${hours} minutes`, { fix: replace(value, `${hours}:00`) });
    },
  },
  {
    id: 'lsf-output-missing',
    severity: 'info',
    schedulers: LSF,
    effect: 'runs',
    title: 'No file for the output',
    why: 'Without -o, LSF sends the output with its report by mail; where the mail does not arrive, the output is lost.',
    remedy: 'Add `#BSUB -o NAME-%J.out`.',
    link: links.bsub,
    fixable: true,
    check: function* (script) {
      const [first] = script.activeLines;
      if (!first || script.option('-o', '-oo', ...interactive)) return;
      const { name, indices } = lsfNameOf(script.option('-J')?.value?.text ?? '');
      const plain = /^[\w.-]+$/.test(name) ? name : 'job';
      const directive = `#BSUB -o ${plain}-${indices === undefined ? '%J' : '%J_%I'}.out`;
      yield hit({ start: first.body - first.keyword.length - 1, end: first.body }, 'The output goes by mail: there is no -o', { fix: addDirective(script, directive) }); // prettier-ignore
    },
  },
  {
    id: 'lsf-conflict',
    severity: 'error',
    schedulers: LSF,
    effect: 'refused',
    title: 'Options of bsub that exclude each other',
    why: 'bsub takes only one of them.',
    remedy: 'Keep one of them.',
    link: links.bsub,
    fixable: true,
    check: function* (script) {
      for (const [ones, others] of excluding) {
        const one = script.option(...ones);
        const other = script.option(...others);
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
    id: 'lsf-engine',
    severity: 'error',
    schedulers: LSF,
    effect: 'refused',
    title: 'A form that only IBM LSF takes',
    why: "OpenLava and volclava read whole numbers in the site's unit and have neither -gpu nor the sections same, cu and affinity: bsub refuses the script.",
    remedy: 'Write the number without its unit, as the site counts it, and leave out what the engine does not have.',
    link: links.bsub,
    fixable: false,
    needsCluster: true,
    check: otherEngine,
  },
  {
    id: 'jsrun-size',
    severity: 'warning',
    schedulers: LSF,
    effect: 'runs',
    title: 'More resource sets than the nodes hold',
    why: 'jsrun puts at most -r resource sets on a node: the step does not start.',
    remedy: 'Make -n at most the nodes times -r.',
    link: links.bsub,
    fixable: true,
    check: function* (script) {
      const nodes = Number(/^\d+$/.exec(script.option('-nnodes')?.value?.text ?? '')?.[0] ?? 0);
      for (const { options } of nodes ? script.running('jsrun') : []) {
        const sets = options.find(({ name }) => name === 'n' || name === 'nrs');
        const perNode = options.find(({ name }) => name === 'r' || name === 'rs-per-host');
        const [count, each] = [sets?.value, perNode?.value].map((value) => (/^\d+$/.test(value ?? '') ? Number(value) : 0)); // prettier-ignore
        if (!sets || !count || !each || count <= nodes * each) continue;
        const { valueStart, valueEnd } = sets;
        if (valueStart === undefined || valueEnd === undefined) continue;
        const place = { start: valueStart, end: valueEnd };
        yield hit(place, `${count} resource sets, but ${nodes} nodes with ${each} each hold ${nodes * each}`, {
          fix: replace(place, String(nodes * each)),
        });
      }
    },
  },
];

/** What is wrong inside the values of one type, each at its own place. */
function* inside(script: Script, type: ValueType, check: (value: string) => LsfProblem[]): Generator<Hit> {
  for (const { option, value } of script.activeOptions) {
    if (option?.type !== type || !value) continue;
    for (const { message, severity, replacement, certain, ...span } of check(value.text)) {
      const place = placeOf(script.text, value, span);
      const fix = replacement === undefined ? undefined : replace(place, replacement, title(replacement, place));
      yield hit(place, message, { severity, fix: fix && certain ? keeping(fix) : fix });
    }
  }
}

function title(replacement: string, { start, end }: Span): string {
  if (replacement.trim() === '') return 'Remove the space';
  return start === end ? `Insert ${replacement.trim()}` : `Change to ${replacement}`;
}

function* limitBelowReservation(script: Script): Generator<Hit> {
  const limit = script.option('-M');
  if (!limit?.value) return;
  const written = limit.value.text.replace(/!$/, '').trimEnd();
  for (const { use, amount } of reservations(script, 'mem')) {
    const plain = amount.text.replace(/\/\w+$/, '');
    const bare = /^\d+$/.test(written) && /^\d+(?:\.\d+)?$/.test(plain);
    // Two bare numbers have the same unit where the site sets one for limits; by default they do not.
    const [most, reserved] = bare ? [undefined, undefined] : [lsfMegabytesOf(written), lsfMegabytesOf(plain)];
    if (most === undefined || reserved === undefined || most >= reserved || !use.value) continue;
    yield hit(at(limit), `-M ${written} kills the job below the ${plain} that it reserves`, {
      fix: Number.isInteger(parseFloat(plain)) && /^\d+[A-Z]/i.test(plain) ? replace(limit.value, plain) : undefined,
      related: related(placeOf(script.text, use.value, amount), 'Reserved here'),
    });
    return;
  }
}

/** What an engine that is compatible with LSF but is not LSF refuses. Source: volclava 2.2, lsb.sub.c and resreq.c. */
function* otherEngine(script: Script): Generator<Hit> {
  const version = script.cluster?.scheduler === 'lsf' ? script.cluster.version : undefined;
  if (version === undefined || !(parseInt(version, 10) < firstLsf)) return;
  const here = `this cluster's engine (${version}) is not IBM LSF`;
  for (const use of script.activeOptions) {
    const { option, value } = use;
    if (option?.name === '-gpu') yield hit(use, `bsub has no -gpu here: ${here}`);
    if (!option || !value) continue;
    if (option.type === 'lsf-memory' && /^\d+[a-z]/i.test(value.text))
      yield hit(value, `${use.spelling} takes no unit here: ${here}`);
    if (option.type !== 'lsf-resources') continue;
    for (const { name, body, start, end } of readRequirement(value.text).sections) {
      if (name === 'same' || name === 'cu' || name === 'affinity')
        yield hit(placeOf(script.text, value, { start, end }), `-R has no ${name}[...] here: ${here}`);
      if (name !== 'rusage') continue;
      for (const term of termsOf('rusage', value.text, body))
        if (/^\d+(?:\.\d+)?[KMGTPEZ]/i.test(term.value.text) && term.name.text !== 'duration')
          yield hit(placeOf(script.text, value, term.value), `rusage takes no unit here: ${here}`);
    }
  }
}
