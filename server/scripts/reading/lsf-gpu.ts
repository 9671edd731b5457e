/** The GPU requirement of `bsub -gpu`, as the reference of IBM Spectrum LSF 10.1 has it ("bsub -gpu"). */
import { didYouMean } from '../../suggest';
import { partOf, splitParts, type LsfProblem, type Part } from './lsf-problem';
import type { Span } from './text';

/** One key of a GPU requirement. */
export interface GpuKey {
  key: string;
  help: string;
  /** The only values, where there are few. */
  values?: readonly string[];
  /** What the value looks like, where it is not one of `values`. */
  form?: RegExp;
  /** That form in words. */
  expected?: string;
}

const yesNo = ['yes', 'no'] as const;

/** The keys, those that most jobs have first. */
export const gpuKeys: readonly GpuKey[] = [
  {
    key: 'num',
    help: 'GPUs on each host; `2/task` counts for each task.',
    form: /^\d+(?:\/(?:task|host))?$/,
    expected: 'a number of GPUs, with /task or /host where it is not for each host',
  },
  {
    key: 'mode',
    help: 'Whether several processes may share a GPU.',
    values: ['shared', 'exclusive_process'],
  },
  { key: 'j_exclusive', help: 'Whether no other job may use the GPUs.', values: yesNo },
  {
    key: 'mps',
    help: "NVIDIA's Multi-Process Service for the job.",
    values: ['yes', 'no', 'per_socket', 'per_gpu'],
    form: /^(?:no|(?:yes|per_socket|per_gpu)(?:,(?:shared|nocvd|share))*)$/,
  },
  {
    key: 'gmem',
    help: 'Memory that is reserved on each GPU.',
    form: /^\d+(?:\.\d+)?(?:[MGT]B?|KB?)?$/i,
    expected: 'an amount such as 16G',
  },
  { key: 'gmodel', help: 'Model of the GPUs, as `lshosts -gpu` shows it.', form: /\S/, expected: 'a model' },
  { key: 'gvendor', help: 'Vendor of the GPUs.', values: ['nvidia', 'amd'] },
  { key: 'gtile', help: 'GPUs on each socket.', form: /^(?:'?!'?|[1-9]\d*)$/, expected: "a number, or '!'" },
  { key: 'glink', help: 'Only GPUs that are linked with each other.', values: yesNo },
  { key: 'nvlink', help: 'Old name of glink.', values: yesNo },
  { key: 'aff', help: 'Whether GPUs and CPUs must be near each other.', values: yesNo },
  { key: 'block', help: 'Whether GPUs are spread in blocks over the hosts.', values: yesNo },
  { key: 'gpack', help: 'Whether jobs are packed on as few GPUs as possible.', values: yesNo },
  {
    key: 'mig',
    help: 'Parts of a GPU: `3/2`.',
    form: /^\d+(?:\/\d+)?$/,
    expected: 'a number of GPU instances, with /compute instances',
  },
];

/** Names that people write for the keys. */
const misnamed: Readonly<Record<string, string>> = {
  gpus: 'num',
  ngpus: 'num',
  n: 'num',
  count: 'num',
  exclusive: 'j_exclusive',
  jexclusive: 'j_exclusive',
  model: 'gmodel',
  type: 'gmodel',
  memory: 'gmem',
  mem: 'gmem',
};
/** Values that people write for `yes`, `no` and the modes. */
const misvalued: Readonly<Record<string, string>> = {
  true: 'yes',
  y: 'yes',
  on: 'yes',
  '1': 'yes',
  false: 'no',
  n: 'no',
  off: 'no',
  '0': 'no',
  exclusive: 'exclusive_process',
  excl: 'exclusive_process',
  exclusive_p: 'exclusive_process',
  exclusive_thread: 'exclusive_process',
};

/** One term of a GPU requirement as written. */
export interface GpuTerm extends Span {
  key: Part;
  value: Part;
}

/** The terms of a requirement; none for `-`, which means the queue's own. */
export function gpuTermsOf(text: string): GpuTerm[] {
  if (text.trim() === '-') return [];
  return splitParts(text, { start: 0, end: text.length }, [':']).map((part) => {
    const equals = part.text.indexOf('=');
    const end = equals < 0 ? part.end : part.start + equals;
    return { ...part, key: partOf(text, part.start, end), value: partOf(text, equals < 0 ? end : end + 1, part.end) };
  });
}

/** GPUs that a requirement asks for: how many, and for what; undefined where it does not say. */
export function gpusOf(text: string): { count: number; per: 'host' | 'task' } | undefined {
  const num = gpuTermsOf(text).findLast(({ key }) => key.text === 'num');
  const found = /^(\d+)(?:\/(task|host))?$/.exec(num?.value.text ?? '');
  return found ? { count: Number(found[1]), per: found[2] === 'task' ? 'task' : 'host' } : undefined;
}

/** Everything that is wrong with a GPU requirement. */
export function checkGpu(text: string): LsfProblem[] {
  const whole = partOf(text, 0, text.length);
  if (/^\d+$/.test(whole.text))
    return [{ start: whole.start, end: whole.end, message: 'The number of GPUs is written num=n', replacement: `num=${whole.text}`, certain: true }]; // prettier-ignore
  const seen = new Set<string>();
  return gpuTermsOf(text).flatMap((term) => {
    const found = checkTerm(text, term, seen.has(term.key.text));
    seen.add(term.key.text);
    return found;
  });
}

function checkTerm(text: string, { key, value, start, end }: GpuTerm, repeated: boolean): LsfProblem[] {
  const known = gpuKeys.find((one) => one.key === key.text);
  if (!known) {
    const meant = misnamed[key.text.toLowerCase()] ?? didYouMean(key.text, gpuKeys.map((one) => one.key)); // prettier-ignore
    return [{ start: key.start, end: key.end, message: `-gpu does not know ${key.text}${meant ? `; did you mean ${meant}?` : ''}`, ...(meant !== undefined && { replacement: meant }) }]; // prettier-ignore
  }
  if (repeated) return [{ start, end, message: `${key.text} is there twice`, severity: 'warning' }];
  if (value.text === '') return [{ start, end, message: `${key.text} has no value` }];
  // `num=1,mode=shared`: a comma where terms are joined with colons.
  const comma = /,\s*(\w+)\s*=/.exec(value.text);
  if (comma && (gpuKeys.some((one) => one.key === comma[1]) || misnamed[comma[1] ?? ''] !== undefined)) {
    const at = value.start + comma.index;
    return [{ start: at, end: at + 1, message: 'The parts of -gpu are joined with colons', replacement: ':', certain: true }]; // prettier-ignore
  }
  const right = known.form ? known.form.test(value.text) : known.values?.includes(value.text);
  if (right || value.text.includes('$')) return [];
  const expected = known.expected ?? `one of ${(known.values ?? []).join(', ')}`;
  const meant = replacementOf(known, value.text);
  return [{ start: value.start, end: value.end, message: `${key.text} is ${expected}, not "${text.slice(value.start, value.end)}"`, ...(meant !== undefined && { replacement: meant }) }]; // prettier-ignore
}

function replacementOf({ key, values = [] }: GpuKey, value: string): string | undefined {
  const plain = value.toLowerCase();
  if (values.includes(plain)) return plain;
  if (key === 'gmem') {
    const [, count, unit] = /^(\d+(?:\.\d+)?)\s*([KMGT])i?B?$/i.exec(value) ?? [];
    return count && unit ? `${count}${unit.toUpperCase()}` : undefined;
  }
  if (key === 'num') {
    const count = /^([1-9]\d*)\b/.exec(value)?.[1];
    return count === undefined ? undefined : `${count}${/task|slot|proc|rank/.test(plain) ? '/task' : ''}`;
  }
  const meant = misvalued[plain];
  return meant !== undefined && values.includes(meant) ? meant : didYouMean(value, values);
}
