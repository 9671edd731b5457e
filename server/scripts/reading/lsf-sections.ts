/** What may stand in the sections of `bsub -R`; see `lsf-requirement.ts` for the sources. */
import { didYouMean } from '../../suggest';
import { checkOrder, checkSame, hostResources } from './lsf-host-lists';
import { partOf, splitParts, type LsfProblem, type Part } from './lsf-problem';
import type { Span } from './text';

/** The sections. `filter` is volclava's alone and not proposed. */
export const sectionNames = ['select', 'order', 'rusage', 'span', 'same', 'cu', 'affinity'] as const;
export type SectionName = (typeof sectionNames)[number];

/** One `name=value` of a section. */
export interface Term extends Span {
  name: Part;
  operator: Part;
  value: Part;
}

/** A word of a section with what it means, for completion. */
export interface SectionWord {
  word: string;
  help: string;
  /** Its values, where there are few or some are usual. */
  values?: readonly string[];
}

/** The words of each section: keys where they take a value, else names. Sites add resources of their own to some. */
export const sectionWords: Readonly<Record<SectionName, readonly SectionWord[]>> = {
  select: [
    { word: 'mem', help: 'Free memory.' },
    { word: 'maxmem', help: 'Memory in all.' },
    { word: 'tmp', help: 'Free space in /tmp.' },
    { word: 'swp', help: 'Free swap space.' },
    { word: 'ncpus', help: 'Number of CPUs.' },
    { word: 'ngpus', help: 'Number of GPUs.' },
    { word: 'ut', help: 'How busy the CPUs are, from 0 to 1.' },
    { word: 'hname', help: 'Name of the host.' },
    { word: 'type', help: 'Type of the host.' },
    { word: 'model', help: 'Model of the host.' },
  ],
  order: hostResources.flatMap(({ word, first }) => (first === undefined ? [] : [{ word, help: first }])),
  rusage: [
    { word: 'mem', help: 'Memory to reserve; per host, or per slot where the site has RESOURCE_RESERVE_PER_TASK.' },
    { word: 'swp', help: 'Swap space to reserve.' },
    { word: 'tmp', help: 'Space in /tmp to reserve.' },
    { word: 'ngpus_physical', help: 'GPUs to reserve; -gpu is the usual way.' },
    { word: 'duration', help: 'How long the reservation lasts: minutes, or with h or s.' },
    { word: 'decay', help: '1: the reservation shrinks steadily to nothing.', values: ['0', '1'] },
  ],
  span: [
    { word: 'hosts', help: 'All slots on one host.', values: ['1'] },
    { word: 'ptile', help: 'Slots on each host.', values: ['1', '2', '4', '8'] },
    { word: 'block', help: 'Slots are allocated in blocks of this size.' },
    { word: 'stripe', help: 'Slots are spread over as many hosts as possible.' },
  ],
  same: [
    { word: 'type', help: 'All hosts of one type.' },
    { word: 'model', help: 'All hosts of one model.' },
    { word: 'ncpus', help: 'All hosts with the same number of CPUs.' },
    { word: 'maxmem', help: 'All hosts with the same memory.' },
    { word: 'ngpus', help: 'All hosts with the same number of GPUs.' },
  ],
  cu: [
    { word: 'type', help: 'Type of the compute unit, as the site names it.' },
    { word: 'pref', help: 'Which compute units come first.', values: ['bestfit', 'maxavail', 'minavail', 'config'] },
    { word: 'maxcus', help: 'Most compute units that the job may spread over.' },
    { word: 'usablecuslots', help: 'Fewest slots in each compute unit.' },
    { word: 'balance', help: 'The same number of slots in each compute unit.' },
    { word: 'excl', help: 'No other job in the compute units.' },
  ],
  affinity: [
    { word: 'core', help: 'Cores for each slot: core(4).' },
    { word: 'thread', help: 'Hardware threads for each slot.' },
    { word: 'socket', help: 'Sockets for each slot.' },
    { word: 'numa', help: 'NUMA nodes for each slot.' },
    { word: 'cpubind', help: 'What tasks are bound to.', values: ['core', 'thread', 'socket', 'numa'] },
    { word: 'membind', help: 'Where memory comes from.', values: ['localonly', 'localprefer'] },
    { word: 'distribute', help: 'How the units are spread.', values: ['pack', 'balance', 'any'] },
  ],
};

/** The keys of sections that have no others, with those that need no value. */
const closed: Partial<Record<SectionName, { bare: readonly string[] }>> = {
  span: { bare: ['stripe'] },
  cu: { bare: ['balance', 'excl'] },
};
const amounts = ['mem', 'swp', 'swap', 'tmp'];
/** An amount of memory or disk: a number, its unit, and what it is counted for (LSF 10.1 Fix Pack 9). */
const amount = /^(\d+(?:\.\d+)?)([KMGTPEZ]B?)?(?:\/(task|job|host))?$/i;
/** Names that people write for resources that every LSF has. */
const misnamed: Readonly<Record<string, string>> = { memory: 'mem', ram: 'mem', men: 'mem', mems: 'mem', meme: 'mem' };

/** The `name=value` terms of a section's body. */
export function termsOf(name: SectionName, text: string, body: Span): Term[] {
  const separators = name === 'span' ? [',', ' '] : name === 'rusage' ? ['||', ',', ':'] : [':'];
  if (name === 'span') {
    // The values of ptile may be a list: `ptile='!',LINUX:4`; spaces around `=` are part of a term.
    const whole = partOf(text, body.start, body.end);
    if (/^\w+\s*[=><]/.test(whole.text) && !/[\s,]\w+\s*=/.test(whole.text)) return [termOf(text, whole)];
  }
  return splitParts(text, body, separators).map((part) => termOf(text, part));
}

function termOf(text: string, part: Part): Term {
  const found = /^([^\s=<>!]*)(\s*)([=<>!]*)/.exec(part.text) ?? ['', '', '', ''];
  const [, word = '', space = '', sign = ''] = found;
  const at = part.start + word.length;
  const operator = { start: at + space.length, end: at + space.length + sign.length, text: sign };
  return {
    start: part.start,
    end: part.end,
    name: { start: part.start, end: at, text: word },
    operator,
    value: partOf(text, operator.end, part.end),
  };
}

/** Everything that is wrong in the body of a section. */
export function checkBody(name: SectionName, text: string, body: Part): LsfProblem[] {
  if (body.text === '') return [{ ...body, start: body.start, message: `${name}[] is empty` }];
  switch (name) {
    case 'select':
      return checkSelection(body);
    case 'rusage':
      return termsOf(name, text, body).flatMap((term) => checkUsage(term));
    case 'span':
    case 'cu':
      return termsOf(name, text, body).flatMap((term) => checkKey(name, term));
    case 'affinity':
      return checkAffinity(text, body);
    case 'order':
      return checkOrder(text, body);
    case 'same':
      return checkSame(text, body);
  }
}

const problem = (span: Span, message: string, more: Partial<LsfProblem> = {}): LsfProblem => ({
  start: span.start,
  end: span.end,
  message,
  ...more,
});

function checkUsage(term: Term): LsfProblem[] {
  const { name, operator, value } = term;
  const found: LsfProblem[] = [];
  if (name.text === 'hosts' || name.text === 'ptile')
    return [problem(term, `${name.text} belongs in span[...], not in rusage[...]`)];
  const meant = misnamed[name.text.toLowerCase()];
  if (meant !== undefined)
    found.push(problem(name, `${name.text} is not a resource that LSF has; did you mean ${meant}?`, { replacement: meant, severity: 'warning' })); // prettier-ignore
  if (operator.text === '' && value.text !== '' && amounts.includes(meant ?? name.text))
    return [...found, problem(term, `${name.text} needs an equals sign before its amount`, { replacement: `${name.text}=${value.text}`, certain: true })]; // prettier-ignore
  if (operator.text !== '' && operator.text !== '=')
    return [...found, problem(operator, `rusage reserves with =; ${operator.text} is for select[...]`, { replacement: '=' })]; // prettier-ignore
  if (operator.text === '=' && value.text === '') return [...found, problem(term, `${name.text} has no value`)];
  if (value.text.startsWith('(') || /\$/.test(value.text)) return found;
  const key = (meant ?? name.text).toLowerCase();
  if (amounts.includes(key) && value.text !== '') found.push(...checkAmount(value));
  if (key === 'duration' && !/^\d+[hms]?$/.test(value.text))
    found.push(problem(value, 'duration is a number of minutes, or one with h or s'));
  if (key === 'decay' && !/^\d+(?:\.\d+)?$/.test(value.text)) found.push(problem(value, 'decay is 0 or 1'));
  return found;
}

function checkAmount(value: Part): LsfProblem[] {
  if (amount.test(value.text)) return [];
  const spaced = /^(\d+(?:\.\d+)?)\s*(?:([KMGTPEZ])i?B?(?:ytes?)?)?(\/\w+)?$/i.exec(value.text);
  const [, count = '', unit = '', method = ''] = spaced ?? [];
  const of = method && didYouMean(method.slice(1), ['task', 'job', 'host']);
  const slot = /^\/(?:slot|core|cpu|proc)$/.test(method) ? 'task' : of;
  const replacement = spaced ? `${count}${unit && `${unit.toUpperCase()}B`}${slot ? `/${slot}` : ''}` : undefined;
  const why = method && !/^\/(?:task|job|host)$/.test(method) ? 'is counted per /task, /job or /host' : 'is a number, with KB, MB, GB or TB straight after it'; // prettier-ignore
  return [problem(value, `An amount ${why}, not "${value.text}"`, replacement === undefined ? {} : { replacement, certain: method === '' })]; // prettier-ignore
}

function checkKey(section: 'span' | 'cu', { name, operator, value, start, end }: Term): LsfProblem[] {
  const words = sectionWords[section];
  const colon = /^(\w+):(\d+)$/.exec(name.text);
  if (colon && section === 'span' && words.some(({ word }) => word === colon[1]))
    return [
      problem(name, `${colon[1]} is written ${colon[1]}=value`, {
        replacement: `${colon[1]}=${colon[2]}`,
        certain: true,
      }),
    ];
  const known = words.find(({ word }) => word === name.text);
  if (!known) {
    if (amounts.includes(name.text)) return [problem({ start, end }, `${name.text} belongs in rusage[...], not in ${section}[...]`)]; // prettier-ignore
    const meant = didYouMean(name.text, words.map(({ word }) => word)); // prettier-ignore
    return [problem(name, `${section}[...] does not know ${name.text}${meant ? `; did you mean ${meant}?` : ''}`, meant ? { replacement: meant, certain: meant === `${name.text}s` || meant === name.text.toLowerCase() } : {})]; // prettier-ignore
  }
  if (closed[section]?.bare.includes(name.text) && operator.text === '') return [];
  if (operator.text !== '=')
    return [problem(operator.text ? operator : { start, end }, `${name.text} is written ${name.text}=value`, operator.text ? { replacement: '=' } : {})]; // prettier-ignore
  if (value.text === '') return [problem({ start, end }, `${name.text} has no value`)];
  if (section === 'cu') return checkUnit(name.text, value, known.values ?? []);
  return checkSpan(name.text, value);
}

function checkSpan(name: string, value: Part): LsfProblem[] {
  const listed = name === 'ptile' && /^(?:'?!'?|[\w.-]+:\d+)(?:\s*,\s*[\w.-]+:\d+)*$/.test(value.text);
  if (listed || value.text.includes('$')) return [];
  const number = Number(value.text);
  if (name === 'hosts' && value.text === '-1') return [];
  if (!/^\d+$/.test(value.text) || number < 1)
    return [problem(value, `${name} is a whole number above 0, not "${value.text}"`)];
  if (name === 'hosts' && number > 1)
    return [
      problem(value, 'IBM LSF knows only hosts=1; for slots on several hosts write ptile=n', { severity: 'warning' }),
    ];
  return [];
}

function checkUnit(name: string, value: Part, values: readonly string[]): LsfProblem[] {
  if (values.length === 0 || values.includes(value.text)) return [];
  const meant = didYouMean(value.text, values);
  return [problem(value, `${name} is one of ${values.join(', ')}`, meant ? { replacement: meant } : {})];
}

const unitKinds = ['core', 'thread', 'socket', 'numa', 'cpu', 'mcm'];

function checkAffinity(text: string, body: Part): LsfProblem[] {
  return splitParts(text, body, [':']).flatMap((part, i) => {
    const { name, operator, value } = termOf(text, part);
    const keys = sectionWords.affinity.filter(({ values }) => values);
    if (i > 0 || keys.some(({ word }) => word === name.text)) {
      const key = keys.find(({ word }) => word === name.text);
      if (!key) return [unknown(name, keys.map(({ word }) => word))]; // prettier-ignore
      if (operator.text !== '=' || value.text === '') return [problem(part, `${name.text} has no value`)];
      const kind = { ...value, text: value.text.split('(', 1)[0] ?? '' };
      return checkUnit(name.text, kind, key.values ?? []);
    }
    const kind = /^[A-Za-z]\w*/.exec(part.text)?.[0] ?? '';
    const rest = part.text.slice(kind.length).replace(/\s/g, '');
    const word = { start: part.start, end: part.start + kind.length };
    if (!unitKinds.includes(kind)) return [unknown({ ...word, text: kind }, unitKinds)];
    if (/^(?:\(\d+(?:,.*)?\))?(?:\*\d+)?$/.test(rest)) return [];
    const count = /^=?(\d+)$/.exec(rest)?.[1];
    return [problem(part, `${kind} is written ${kind}(n)`, count === undefined ? {} : { replacement: `${kind}(${count})`, certain: true })]; // prettier-ignore
  });
}

function unknown(word: Part, known: readonly string[]): LsfProblem {
  const meant = didYouMean(word.text, known);
  return problem(word, `affinity[...] does not know ${word.text}${meant ? `; did you mean ${meant}?` : ''}`, meant ? { replacement: meant } : {}); // prettier-ignore
}

/** Conditions as the strict syntax of LSF has them: names and numbers joined by operators, `&&` and `||`. */
function checkSelection(body: Part): LsfProblem[] {
  const found: LsfProblem[] = [];
  const token = /'[^']*'|"[^"]*"|[A-Za-z_][\w.@]*|\d[\w.]*|&&|\|\||[=!<>]=|=[<>]|[-+*/!<>&|=(),:$]|\S/g;
  let level = 0;
  /** Whether an operand stands before the current place. */
  let operand = false;
  let last: Part = { start: body.start, end: body.start, text: '' };
  for (const { 0: written, index } of body.text.matchAll(token)) {
    const span: Part = { start: body.start + index, end: body.start + index + written.length, text: written };
    const joins = joints[written.toLowerCase()];
    if (joins !== undefined && (written.length > 1 || operand)) {
      found.push(problem(span, joins.message, { replacement: joins.meant, ...joins.more }));
      operand = false;
    } else if (written === '(') level++;
    else if (written === ')') {
      if (--level < 0) found.push(problem(span, 'This ) closes nothing'));
      operand = true;
    } else if (/^['"\w]/.test(written)) {
      if (operand && !/^['"]?\d/.test(last.text))
        found.push(problem(span, `Between "${last.text}" and "${written}" there is no && or ||`));
      else if (operand)
        found.push(problem({ start: last.end, end: last.end }, `There is no && or || before "${written}"`, { replacement: ' &&' })); // prettier-ignore
      operand = true;
    } else operand = false;
    last = span;
    if (written === '(' && found.length === 0) operand = false;
  }
  if (level > 0) found.push(problem(body, 'A ( is never closed'));
  if (!operand && /[<>=&|]$/.test(last.text)) found.push(problem(last, `Nothing comes after ${last.text}`));
  return found;
}

const strict = { severity: 'warning' as const };
/** What people write for the operators of a selection. */
const joints: Readonly<Record<string, { message: string; meant: string; more?: Partial<LsfProblem> }>> = {
  and: { message: 'Conditions are joined with &&', meant: '&&', more: { certain: true } },
  or: { message: 'Conditions are joined with ||', meant: '||', more: { certain: true } },
  '&': { message: 'IBM LSF joins conditions with &&; only older engines read &', meant: '&&', more: strict },
  '|': { message: 'IBM LSF joins conditions with ||; only older engines read |', meant: '||', more: strict },
  '=': { message: 'IBM LSF compares with ==; only the older syntax (LSF_STRICT_RESREQ=N) reads =', meant: '==', more: strict }, // prettier-ignore
  '=>': { message: 'At least is written >=', meant: '>=', more: { certain: true } },
  '=<': { message: 'At most is written <=', meant: '<=', more: { certain: true } },
};
