/**
 * The two sections of `bsub -R` that are lists of resources, `order[-slots:maxmem]` and `same[type:model]`, as IBM
 * Spectrum LSF 10.1 has them ("Order string", "Same string") and volclava 2.2 reads them (lsf/intlib/resreq.c, parseOrder:
 * a name that is unknown or has no order is refused). Sites add resources of their own, so an unknown name is no finding.
 */
import { didYouMean } from '../../suggest';
import { splitParts, type LsfProblem, type Part } from './lsf-problem';
import type { Span } from './text';

/** A resource that every LSF has. */
interface HostResource {
  word: string;
  help: string;
  /** Which hosts come first in `order[]`; absent for a name, which has no order. */
  first?: string;
  /** It changes while hosts work, so that `same[]` cannot compare it. */
  changes?: boolean;
}

/** The load indices and static resources that LSF itself has, those that people order by first. */
export const hostResources: readonly HostResource[] = [
  { word: 'mem', help: 'Free memory.', first: 'Most free memory first.', changes: true },
  { word: 'ut', help: 'How busy the CPUs are.', first: 'Least busy first.', changes: true },
  { word: 'slots', help: 'Free slots.', first: 'Most free slots first; -slots fills hosts up.', changes: true },
  { word: 'r1m', help: 'Run queue over a minute.', first: 'Shortest run queue over a minute first.', changes: true },
  { word: 'r15s', help: 'Run queue over 15 s.', first: 'Shortest run queue over 15 seconds first.', changes: true },
  { word: 'r15m', help: 'Run queue over 15 min.', first: 'Shortest run queue over 15 minutes first.', changes: true },
  { word: 'tmp', help: 'Free space in /tmp.', first: 'Most space in /tmp first.', changes: true },
  { word: 'swp', help: 'Free swap space.', first: 'Most free swap space first.', changes: true },
  { word: 'pg', help: 'Paging rate.', first: 'Least paging first.', changes: true },
  { word: 'io', help: 'Disk I/O rate.', first: 'Least disk I/O first.', changes: true },
  { word: 'ls', help: 'Users that are logged in.', first: 'Fewest users first.', changes: true },
  { word: 'it', help: 'Idle time.', first: 'Longest idle first.', changes: true },
  { word: 'maxslots', help: 'Slots in all.', first: 'Most slots in all first.' },
  { word: 'maxmem', help: 'Memory in all.', first: 'Most memory in all first.' },
  { word: 'maxswp', help: 'Swap space in all.', first: 'Most swap space in all first.' },
  { word: 'maxtmp', help: 'Space in /tmp in all.', first: 'Most space in /tmp in all first.' },
  { word: 'ncpus', help: 'Number of CPUs.', first: 'Most CPUs first.' },
  { word: 'cpuf', help: 'Speed of the CPUs.', first: 'Fastest CPUs first.' },
  { word: 'ngpus', help: 'Number of GPUs.', first: 'Most GPUs first.' },
  { word: 'type', help: 'Type of the host.' },
  { word: 'model', help: 'Model of the host.' },
  { word: 'hname', help: 'Name of the host.' },
];

/** Names by which LSF takes a resource too. */
const aliases: Readonly<Record<string, string>> = { swap: 'swp', idle: 'it', login: 'ls', cpu: 'r1m' };
const builtIn = new Map(hostResources.map((one) => [one.word, one]));

/** The resource of LSF itself that a name stands for. */
const resourceOf = (name: string): HostResource | undefined => builtIn.get(aliases[name] ?? name);

/** Everything that is wrong in the body of `order[...]`. */
export function checkOrder(text: string, body: Part): LsfProblem[] {
  return listed(text, body, ', reversed with -', (part, isFirst) => {
    const signs = /^[-!+]*/.exec(part.text)?.[0] ?? '';
    const name: Part = { start: part.start + signs.length, end: part.end, text: part.text.slice(signs.length) };
    const mark = { start: part.start, end: name.start };
    if (signs === '-!') return [{ ...mark, message: 'The ! comes before the -', replacement: '!-', certain: true }];
    if (signs.includes('+'))
      return [{ ...mark, message: 'The better hosts come first already; only - reverses that', replacement: '' }];
    if (signs.length > 2 || signs === '--') return [{ ...mark, message: 'A name is reversed by one -' }];
    if (signs.startsWith('!') && !isFirst)
      return [{ ...mark, message: 'A ! counts for the whole order and comes first in it', severity: 'warning' }];
    const known = resourceOf(name.text);
    if (known && known.first === undefined)
      return [{ start: name.start, end: name.end, message: `${name.text} is a name, by which hosts have no order`, severity: 'warning' }]; // prettier-ignore
    return misspelt(name);
  });
}

/** Everything that is wrong in the body of `same[...]`. */
export function checkSame(text: string, body: Part): LsfProblem[] {
  return listed(text, body, '', (part) => {
    const sign = /^[-!+]+/.exec(part.text)?.[0];
    if (sign !== undefined)
      return [{ start: part.start, end: part.start + sign.length, message: `same[...] has no order, and no ${sign}`, replacement: '', certain: true }]; // prettier-ignore
    if (resourceOf(part.text)?.changes)
      return [{ start: part.start, end: part.end, message: `${part.text} changes all the time; same[...] compares what a host has for good`, severity: 'warning' }]; // prettier-ignore
    return misspelt(part);
  });
}

/** Checks each name of a list, and that it is a list of names. */
function listed(
  text: string,
  body: Part,
  also: string,
  check: (part: Part, isFirst: boolean) => LsfProblem[],
): LsfProblem[] {
  return splitParts(text, body, [':']).flatMap((part, i): LsfProblem[] => {
    if (/[${(]/.test(part.text)) return [];
    const valued = part.text.search(/[=<>]/);
    if (valued >= 0)
      return [problem({ start: part.start + valued, end: part.end }, `Here stand names alone${also}: a condition belongs in select[...]`)]; // prettier-ignore
    const gap = /[,;\s]/.exec(part.text);
    if (gap) {
      const joined = part.text.split(/[\s,;]+/).filter(Boolean).join(':'); // prettier-ignore
      return [{ ...problem(part, 'Names are separated by colons'), replacement: joined, certain: true }];
    }
    return check(part, i === 0);
  });
}

function problem({ start, end }: Span, message: string): LsfProblem {
  return { start, end, message };
}

/** People's names for what every LSF has, and slips in long ones: a short name may be a site's own. */
const misnamed: Readonly<Record<string, string>> = {
  memory: 'mem',
  ram: 'mem',
  freemem: 'mem',
  load: 'r1m',
  util: 'ut',
  utilization: 'ut',
  cpus: 'ncpus',
  gpus: 'ngpus',
  hosttype: 'type',
  hostmodel: 'model',
  host: 'hname',
  hostname: 'hname',
};

function misspelt(name: Part): LsfProblem[] {
  const lower = name.text.toLowerCase();
  if (resourceOf(name.text)) return [];
  const long = hostResources.map(({ word }) => word).filter((word) => word.length > 4);
  const meant =
    misnamed[lower] ?? (builtIn.has(lower) ? lower : lower.length > 4 ? didYouMean(lower, long) : undefined);
  // `model2` is a resource of the site's own.
  if (meant === undefined || (lower.startsWith(meant) && /^[\d_]/.test(lower.slice(meant.length)))) return [];
  return [
    {
      ...problem(name, `${name.text} is not a resource that LSF has; did you mean ${meant}?`),
      replacement: meant,
      severity: 'warning',
    },
  ];
}
