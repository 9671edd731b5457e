import type { OptionSpec, ValueType } from '../catalogue/option-spec';

/** What is wrong with a value. */
export interface ValueProblem {
  /** What was expected, as the end of a sentence that begins with the option: "`--time` expects ...". */
  expected: string;
  /** The value that was most likely meant. */
  replacement?: string;
  /** Whether that says the same as the value, in a form that the scheduler reads. */
  certain?: boolean;
}

type Check = (value: string, option: OptionSpec) => ValueProblem | undefined;

const bad = (expected: string, replacement?: string): ValueProblem =>
  replacement === undefined ? { expected } : { expected, replacement };
/** A problem with a replacement that says the same. */
const rewritten = (wrong: boolean, expected: string, replacement: string | undefined): ValueProblem | undefined =>
  wrong ? { ...bad(expected, replacement), certain: replacement !== undefined } : undefined;
const when = (wrong: boolean, expected: string, replacement?: string): ValueProblem | undefined =>
  wrong ? bad(expected, replacement) : undefined;

/** C's strtol accepts leading spaces and a plus sign. */
const integer = /^\s*[+-]?\d+$/;

const signals = 'HUP INT QUIT ABRT KILL ALRM TERM USR1 USR2 URG CONT STOP TSTP TTIN TTOU XCPU'.split(' ');
const rlimits = 'ALL NONE AS CORE CPU DATA FSIZE MEMLOCK NOFILE NPROC RSS STACK'.split(' ');

/**
 * One check for each type of value, exactly as strict as Slurm 22.05 (measured with `sbatch --test-only`, see
 * test/fixtures/scripts/verdicts.json) or as the LSF command reference.
 */
const checks: Readonly<Record<ValueType, Check>> = {
  flag: () => undefined,
  text: () => undefined,
  name: () => undefined,
  path: () => undefined,
  log: () => undefined,
  list: () => undefined,
  hostlist: (value) =>
    when(
      !value.includes('/') &&
        (bracketsUnbalanced(value) ||
          [...value.matchAll(/\[([^[\]]*)\]/g)].some(([, range]) => !isNodeRange(range ?? ''))),
      'expects node names such as `g1,g[3-5]`',
    ),
  constraint: (value) =>
    when(
      bracketsUnbalanced(value) || /^[&|]|[&|]$/.test(value),
      'expects features joined by `&` or `|`, with every bracket closed',
    ),
  count: (value) => when(!integer.test(value) || Number(value) < 0, 'expects a whole number, 0 or more'),
  positive: (value) =>
    when(!integer.test(value) || Number(value) <= 0, 'expects a whole number above 0', numberIn(value)),
  integer: () => undefined,
  priority: (value) => when(/^\s*-\d/.test(value), 'expects a number that is not negative, or TOP'),
  enum: (value, { values = [] }) =>
    when(!values.some((known) => same(known, value)), `expects one of ${values.join(', ')}`, nearest(value, values)),
  'open-mode': (value) => when(!/^[at]/i.test(value), 'expects `append` or `truncate`'),
  'user-env': (value) =>
    when(
      !/^\s*[+-]?\d*[sl]?/i.test(value) || !/^\s*[+-]?\d*($|[sl])/i.test(value),
      'expects seconds, optionally followed by S or L',
    ),
  time: (value) =>
    rewritten(
      !isTime(value),
      'expects minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes or days-hours:minutes:seconds',
      timeIn(value),
    ),
  datetime: (value) =>
    when(!isDateTime(value), 'expects a time such as `16:00`, `now+2hours`, `tomorrow` or `2026-11-24T08:30`'),
  memory: (value) =>
    rewritten(
      !/^\s*\+?\d+(?:[kmgt]b?)?$/i.test(value),
      'expects a whole number followed by K, M, G or T (without one: megabytes)',
      memoryIn(value),
    ),
  nodes: (value) => nodes(value),
  array: (value) => array(value),
  dependency: (value) => dependency(value),
  gres: (value) =>
    rewritten(!isGres(value), 'expects `name[:type][:count]`, several separated by commas', gresIn(value)),
  gpus: (value) =>
    when(
      value !== '' &&
        !value
          .split(',')
          .every((part) => /^(?:(?!gpu:)[A-Za-z][^:,=\s]*(?::|$))?(?:\d+[kmgtp]?)?$/i.test(part) && !/:$/.test(part)),
      'expects a number of GPUs, or `type:number`',
      numberIn(value.replace(/^gpus?[:=]/i, '')),
    ),
  signal: (value) => signal(value),
  'mail-type': (value, { values = [] }) => {
    const known = value
      .split(',')
      .filter(Boolean)
      .some((part) => values.some((name) => same(name, part)));
    return when(!known, `expects one or more of ${values.join(', ')}`, nearest(value, values));
  },
  distribution: (value) =>
    when(
      !isDistribution(value),
      'expects block, cyclic, arbitrary or plane=n, followed by :block, :cyclic or :fcyclic for sockets and cores',
    ),
  profile: (value) =>
    when(!/none|all|energy|task|lustre|network/i.test(value), 'expects none, all, energy, task, lustre or network'),
  'acctg-freq': (value) =>
    when(
      !value.split(',').every((part) => /^(?:(?:task|energy|network|filesystem)=)?\d+/i.test(part)),
      'expects seconds, or `task=30,energy=60`',
    ),
  sct: (value) =>
    when(
      !value
        .split(':')
        .slice(0, 3)
        .every((part) => part === '' || part.startsWith('*') || /^\s*\+?\d+[km]?(?:-\d+[km]?)?$/i.test(part)),
      'expects sockets[:cores[:threads]]',
    ),
  switches: (value) =>
    when(
      !/^\s*\+?\d+(?:@.*)?$/.test(value) || parseInt(value, 10) <= 0,
      'expects a number of switches, optionally followed by `@time`',
    ),
  'cpu-freq': (value) =>
    when(
      !isCpuFrequency(value),
      'expects kilohertz, low, medium, highm1, high or a range, optionally followed by `:governor`',
    ),
  'gpu-bind': () => undefined,
  'gpu-freq': (value) =>
    when(
      !value.split(',').every((part) => /^(?:verbose|(?:memory=)?(?:low|medium|highm1|high|\d+))$/i.test(part)),
      'expects low, medium, highm1, high or megahertz, optionally with `memory=...` and `verbose`',
    ),
  'mem-bind': (value) =>
    when(
      !withoutGaps(value)
        .split(/[,;](?!(?:0x)?[\da-f]+(?:[,;]|$))/i)
        .every((part) =>
          /^(?:(?:no)?sort|prefer|p|q(?:uiet)?|v(?:erbose)?|none|local|rank|(?:map|mask)_?mem:.+)$/i.test(part),
        ),
      'expects none, local, rank, map_mem: or mask_mem:, optionally with prefer, sort, quiet or verbose',
    ),
  'cpu-bind': (value) =>
    when(
      !withoutGaps(value)
        .split(/[,;](?!(?:0x)?[\da-f]+(?:\*\d+)?(?:[,;]|$))/i)
        .every((part) =>
          /^(?:q(?:uiet)?|v(?:erbose)?|no(?:ne)?|y(?:es)?|rank(?:_ldom)?|sockets?|cores?|threads?|ldoms?|boards?|one_thread|off|(?:map|mask)_?(?:cpu|ldom)(?:[:=].+)?)$/i.test(
            part,
          ),
        ),
      'expects none, rank, sockets, cores, threads, ldoms, map_cpu: or mask_cpu:, optionally with quiet or verbose',
    ),
  hint: (value, { values = [] }) =>
    when(
      !value.split(/,(?!\d)/).every((part) => values.some((known) => same(known, part))),
      `expects one of ${values.join(', ')}`,
      nearest(value, values),
    ),
  rlimits: (value) =>
    when(
      !value.split(',').every((part) => rlimits.includes(part.toUpperCase().replace(/^RLIMIT_/, ''))),
      `expects one or more of ${rlimits.join(', ')}`,
    ),
  'lsf-time': (value) =>
    rewritten(!/^(?:\d+:)?\d+(?:\/\S+)?$/.test(value), 'expects minutes or hours:minutes', lsfTimeIn(value)),
  'lsf-datetime': (value) =>
    when(
      !/^(?:\d+:){1,4}\d+$/.test(value) && !/^\+/.test(value),
      'expects hour:minute, optionally after year:month:day:',
    ),
  // Whole and above 0: "MEMLIMT value should be a positive integer" (IBM LSF, and volclava 2.2, lsbatch/lib/lsb.sub.c).
  'lsf-memory': (value, { name }) =>
    rewritten(
      !/^\d+(?:[kmgtpez]b?)?\s*!?$/i.test(value) || (name === '-M' && parseInt(value, 10) === 0),
      'expects a whole number above 0, optionally followed by KB, MB, GB or TB',
      lsfMemoryIn(value),
    ),
  'lsf-slots': (value) => slots(value),
  // Rules of their own, with the exact place of what is wrong.
  'lsf-name': () => undefined,
  'lsf-gpu': () => undefined,
  'lsf-applications': () => undefined,
  'lsf-resources': () => undefined,
};

/** What the scheduler would reject about an option's value; undefined where it would accept the value. */
export function checkValue(option: OptionSpec, value: string): ValueProblem | undefined {
  // No meaningful value is longer. The limit keeps the time of the checks within bounds.
  if (value.length > 4096) return undefined;
  return checks[option.type](value, option);
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function nearest(value: string, values: readonly string[]): string | undefined {
  const wanted = value.toLowerCase().replace(/[^a-z0-9]/g, '');
  if (wanted.length < 2) return undefined;
  return values.find((known) =>
    known
      .toLowerCase()
      .replace(/[^a-z0-9]/g, '')
      .startsWith(wanted.slice(0, 4)),
  );
}

/** `1-3,7`, with each range in ascending order. */
function isNodeRange(range: string): boolean {
  return range.split(',').every((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    return match !== null && Number(match[2] ?? match[1]) >= Number(match[1]);
  });
}

function bracketsUnbalanced(value: string): boolean {
  let level = 0;
  for (const c of value) {
    if (c === '[') level++;
    if (c === ']' && --level < 0) return true;
  }
  return level !== 0;
}

function numberIn(value: string): string | undefined {
  return /^\D{0,3}?([1-9]\d*)\D*$/.exec(value)?.[1];
}

/** Minutes, m:s, h:m:s, d-h, d-h:m, d-h:m:s, or a word that means no limit. */
function isTime(value: string): boolean {
  if (/^(?:-1|infinite|unlimited)$/i.test(value)) return true;
  // Slurm accepts more than its manual says, such as `1-`, `-5` and `5-`.
  const match = /^(\d*)(?:(-)(\d*))?((?::\d*)*)$/.exec(value);
  if (!match) return false;
  const groups = value.match(/\d+/g)?.length ?? 0;
  const colons = value.split(':').length - 1;
  if (!groups || colons > 2) return false;
  return colons === 0 || groups >= colons + (match[2] ? 2 : 1);
}

function timeIn(value: string): string | undefined {
  const match = /^(\d+)\s*(h|hours?|hrs?|d|days?|m|min|minutes?|s|sec|seconds?)$/i.exec(value);
  const [, count, unit] = match ?? [];
  switch (unit?.[0]?.toLowerCase()) {
    case 'd':
      return `${count}-00:00:00`;
    case 'h':
      return `${count?.padStart(2, '0')}:00:00`;
    case 'm':
      return `00:${count?.padStart(2, '0')}:00`;
    default:
      return undefined;
  }
}

function lsfTimeIn(value: string): string | undefined {
  const clock = /^(\d+):(\d\d):(\d\d)$/.exec(value);
  if (clock) return `${clock[1]}:${clock[3] === '00' ? clock[2] : String(Number(clock[2]) + 1).padStart(2, '0')}`;
  const hours = /^(\d+)\s*h/i.exec(value);
  return hours ? `${hours[1]}:00` : undefined;
}

function memoryIn(value: string): string | undefined {
  const match = /^(\d+)(\.\d+)?\s*([kmgt])i?b?$/i.exec(value);
  if (!match) return undefined;
  if (!match[2]) return `${match[1]}${match[3]?.toUpperCase()}`;
  const smaller = { k: '', m: 'K', g: 'M', t: 'G' }[match[3]?.toLowerCase() ?? ''];
  return smaller ? `${Math.round(Number(`${match[1]}${match[2]}`) * 1024)}${smaller}` : undefined;
}

/** A size that LSF reads and that is the same: whole, in a smaller unit where it has to be. */
function lsfMemoryIn(value: string): string | undefined {
  const smaller = memoryIn(value.replace(/!$/, '').trimEnd());
  return smaller === undefined || !/[KMGT]$/.test(smaller) || smaller.startsWith('0')
    ? undefined
    : `${smaller}B${value.endsWith('!') ? '!' : ''}`;
}

/** `min[,max]`; volclava 2.2 says "Bad argument for option -n" where the minimum is the larger one. */
function slots(value: string): ValueProblem | undefined {
  const [, least, most] = /^(\d+)(?:,(\d+))?$/.exec(value) ?? [];
  if (least === undefined || Number(least) < 1) return bad('expects a number of slots, or `min,max`', numberIn(value));
  return when(Number(most) < Number(least), 'has a maximum number of slots below its minimum', `${most},${least}`);
}

function nodes(value: string): ValueProblem | undefined {
  const expected = 'expects a number of nodes or a range such as `2-4`';
  // `-4` is a range without a minimum.
  const match = /^\+?(\d+)([km]*)\s*(?:-\s*\+?(\d+)?([km]*))?$/i.exec(value.replace(/^-(?=[1-9])/, '1-').trim());
  if (!match) {
    // A list with steps is allowed since 23.02; 22.05 refuses it.
    if (/^\d+(?:-\d+(?::\d+)?)?(?:,\d+(?:-\d+(?::\d+)?)?)*$/.test(value)) return undefined;
    return bad(expected, numberIn(value));
  }
  const size = (count: string, suffix: string | undefined): number =>
    Number(count) * (/k/i.test(suffix ?? '') ? 1024 : 1);
  const low = size(match[1] ?? '', match[2]);
  if (match[3] === undefined) return value.includes('-') ? bad(expected) : undefined;
  const high = size(match[3], match[4]);
  return when(high !== 0 && high < low, 'has a maximum number of nodes below its minimum', `${high}-${low}`);
}

/** What is wrong with the indices of an array specification. */
function array(value: string): ValueProblem | undefined {
  const expected = 'expects indices such as `0-15`, `1,3,5` or `1-7:2`, optionally followed by `%4`';
  if (!value) return undefined;
  for (const part of value.split(',').filter(Boolean)) {
    const match = /^\[?(\d+)\]?(?:-(\d+)\]?(?::(\d+)\]?)?)?(?:%.*)?$/.exec(part);
    if (!match) return bad(expected);
    if (match[2] !== undefined && Number(match[2]) < Number(match[1]))
      return bad('has a range whose end is below its start', `${match[2]}-${match[1]}`);
    if (match[3] !== undefined && Number(match[3]) <= 0) return bad('has a step of 0');
  }
  return undefined;
}

const dependencyTypes = ['after', 'afterany', 'afternotok', 'afterok', 'aftercorr', 'afterburstbuffer', 'expand'];

function dependency(value: string): ValueProblem | undefined {
  const expected = `expects \`afterok:jobid\` or another of ${dependencyTypes.join(', ')} or singleton, joined by \`,\` or \`?\``;
  if (!value) return undefined;
  if (/\$/.test(value)) return bad('is read by sbatch, not by a shell: variables in it are not expanded');
  for (const part of value.split(/[,?]/)) {
    // A bare job id is the old spelling of afterany:id.
    if (/^singleton$/i.test(part) || /^\d+$/.test(part)) continue;
    const match = /^([a-z]+)((?::\d+(?:_(?:\d+|\*|\[[^\]]*\]))?(?:\+\d+)?)+)$/i.exec(part);
    if (match && dependencyTypes.includes((match[1] ?? '').toLowerCase())) continue;
    const slip = /^([a-z]+)=(\d+)$/i.test(part) ? part.replace('=', ':') : undefined;
    return bad(expected, slip && value === part ? slip : undefined);
  }
  return undefined;
}

/**
 * A binding without the empty entries of its list: srun reads `mask_cpu:7e,,7e00,` as `mask_cpu:7e,7e00`
 * (`slurm_verify_cpu_bind` and `slurm_verify_mem_bind` of 22.05, called).
 */
function withoutGaps(value: string): string {
  return value.replace(/((?:map|mask)_?(?:cpu|ldom|mem)[:=])([^;]*)/i, (_, kind: string, list: string) => kind + list.split(',').filter(Boolean).join(',')); // prettier-ignore
}

/** `gpu`, `gpu:2`, `gpu:a100:2`, `vram:48GB` (units as `suffix_mult` of 22.05 has them), `none`, or several with commas; forms that only some releases take are in `gresForms`. */
function isGres(value: string): boolean {
  if (!value || /^(?:none|help|list)$/i.test(value)) return true;
  if (/^gpus(?::|$)/.test(value)) return false;
  return value
    .replace(/,$/, '')
    .split(',')
    .every((part) =>
      /^(?:gres[:/])?[A-Za-z][\w.-]*(?::[A-Za-z_][^:=,\s]*)?(?:[:=]\d+(?:[kmgtp](?:i?b)?)?)?$/i.test(part),
    );
}

function gresIn(value: string): string | undefined {
  if (/^\d+$/.test(value)) return `gpu:${value}`;
  const swapped = /^([A-Za-z]\w*):(\d+):([A-Za-z]\w*)$/.exec(value);
  if (swapped) return `${swapped[1]}:${swapped[3]}:${swapped[2]}`;
  return /^gpus:/.test(value) ? value.replace(/^gpus/, 'gpu') : undefined;
}

function signal(value: string): ValueProblem | undefined {
  const match = /^[RB]{0,3}:?([^@]*)(?:@(.*))?$/i.exec(value);
  const name = (match?.[1] ?? '').trim().toUpperCase().replace(/^SIG/, '');
  const known = /^\d+$/.test(name) ? Number(name) >= 1 && Number(name) <= 65535 : signals.includes(name);
  const seconds = match?.[2];
  if (known && (seconds === undefined || (/^\s*\+?\d*$/.test(seconds) && Number(seconds) <= 65535))) return undefined;
  return bad('expects [B:]signal[@seconds] with at most 65535 seconds, for example `B:USR1@300`');
}

function isDistribution(value: string): boolean {
  if (/^plane/i.test(value)) return /^plane[^=]*=\s*\+?[1-9]\d*$/i.test(value);
  const [base = '', flag] = value.split(',', 2);
  if (flag !== undefined && flag !== '' && !/^(?:no)?pack$/i.test(flag)) return false;
  if (/^(?:arbitrary|hostfile)$/i.test(base)) return true;
  return /^(?:block|cyclic|\*)(?::(?:block|cyclic|fcyclic|\*)){0,2}$/i.test(base);
}

function isCpuFrequency(value: string): boolean {
  const governor = /^(?:co|perf|pow|user|onde|sche)/i;
  const frequency = /^(?:lo|hi|med|[1-9]|0*[1-9])/i;
  const [range = '', gov] = value.split(':', 2);
  const [first = '', second] = range.split('-', 2);
  if (governor.test(first)) return gov === undefined && second === undefined;
  if (!frequency.test(first) || (second !== undefined && !frequency.test(second))) return false;
  const rank = (name: string): number =>
    ['lo', 'me', 'highm1', 'hi'].findIndex((known) => name.toLowerCase().startsWith(known));
  if (second !== undefined && rank(second) >= 0 && rank(second) < rank(first)) return false;
  return gov === undefined || (second !== undefined && governor.test(gov));
}

const datePieces = [
  /(?:today|tomorrow|midnight|noon|fika|teatime)/iy,
  /now(?:[ \t]*[+-][ \t]*\d+[ \t]*(?:seconds?|minutes?|hours?|days?|weeks?)?)?/iy,
  /\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]|[1-9](?!\d))/y,
  /(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?:[ \t]*[ap]m)?/iy,
  /(?:0[1-9]|1[0-2]|[1-9](?!\d))[./]?(?:0[1-9]|[12]\d|3[01]|[1-9](?!\d))(?:[./]?\d\d)?/y,
];

/** The forms of --begin and --deadline: dates, times of day, words and `now+2hours`, in any order. */
function isDateTime(value: string): boolean {
  if (/^uts\d{7,}$/i.test(value)) return true;
  let at = 0;
  let pieces = 0;
  while (at < value.length) {
    const separator = /[ \t\-T]/.test(value[at] ?? '') && !/^t(?:oday|omorrow|eatime)/i.test(value.slice(at, at + 8));
    if (separator) {
      at++;
      continue;
    }
    const piece = datePieces.find((pattern) => {
      pattern.lastIndex = at;
      return pattern.test(value);
    });
    if (!piece) return false;
    at = piece.lastIndex;
    pieces++;
  }
  return pieces > 0;
}
