/** Which results a filter finds: by words anywhere in what is known of one, and by conditions on fields. Pure. */
import { SAMPLER_DEFAULTS } from './defaults';
import { NUMBER_OPTIONS, optionText, SAMPLER_OPTIONS } from './sampler-options';
import type { HistoryRecord } from './schema-types.gen';

type Value = number | string | boolean | undefined;

/** Options of the sampler; what was not given had its default. Nothing where the record does not tell. */
const sampler = ({ sampler: made }: HistoryRecord): Readonly<Record<string, unknown>> =>
  made ? { ...SAMPLER_DEFAULTS, ...made } : {};

/** Fields by their names in lower case: those of the record, and every option of the sampler. */
const FIELDS = new Map<string, (record: HistoryRecord) => Value>([
  ...SAMPLER_OPTIONS.map((name) => [name.toLowerCase(), (record: HistoryRecord) => optionValue(sampler(record)[name])] as const),
  ['nfe', (record) => record.sampler?.nfe],
  ['commit', ({ code }) => code.commit],
  ['subject', ({ code }) => code.subject],
  ['author', ({ code }) => code.author],
  ['branch', ({ code }) => code.branch],
  ['dirty', ({ code }) => code.dirty],
  ['date', ({ code }) => code.date],
  ['time', ({ time }) => time],
  ['config', ({ name }) => name],
  ['metric', ({ metric }) => metric],
  ['value', ({ value }) => value],
  ['error', ({ standard_error }) => standard_error],
  ['n', ({ num }) => num],
  ['class', (record) => record.class],
  ['seeds', ({ seeds }) => seeds],
  ['network', ({ network }) => network?.name],
  ['detector', ({ detector }) => detector.name],
  ['reference', ({ reference }) => reference.name],
  ['device', ({ device }) => device],
  ['cluster', ({ cluster }) => cluster],
  ['rng', (record) => record.sampler?.rng],
]); // prettier-ignore

/** Fields that hold numbers. */
const NUMBERS = new Set(
  [...NUMBER_OPTIONS, 'nfe', 'order', 'alpha', 'value', 'error', 'n', 'class'].map((name) => name.toLowerCase()),
);

/** Names of the fields, in the order of the alphabet. */
export const FIELD_NAMES: readonly string[] = [...FIELDS.keys()].sort();

function optionValue(value: unknown): Value {
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') return value;
  return value === undefined ? undefined : optionText(value);
}

/** A filter that was read. */
export interface Filter {
  passes: (record: HistoryRecord) => boolean;
  /** What of it cannot be meant, in one sentence. */
  problem?: string;
}

type Searched = (record: HistoryRecord) => string;
type Test = (record: HistoryRecord) => boolean;

/** How two values compare: numbers as numbers, texts by their beginning, as a date or a commit is written short. */
const COMPARISONS: Readonly<Record<string, (value: number | string, wanted: number | string) => boolean>> = {
  '<': (value, wanted) => value < wanted,
  '<=': (value, wanted) => value <= wanted || startsWith(value, wanted),
  '>': (value, wanted) => value > wanted && !startsWith(value, wanted),
  '>=': (value, wanted) => value >= wanted,
  '=': (value, wanted) => value === wanted,
};

const startsWith = (value: number | string, wanted: number | string): boolean =>
  typeof value === 'string' && value.startsWith(String(wanted));

/**
 * Reads a filter: parts divided by blanks, quoted where they hold some, all of which must be true. A part is a condition
 * `field<number`, also with <=, >, >= and =; `field:text`, for text in the field (a commit's beginning, or a number); or a word
 * anywhere in what is searched. Upper and lower case are one.
 * @param searched what of a record words are looked for in, in lower case
 */
export function readFilter(text: string, searched: Searched = fieldsText): Filter {
  const problems: string[] = [];
  const tests = (text.toLowerCase().match(/(?:"[^"]*"?|[^\s"])+/g) ?? []).map((part) =>
    readPart(part, searched, problems),
  );
  const [problem] = problems;
  return { passes: (record) => tests.every((test) => test(record)), ...(problem !== undefined && { problem }) };
}

/** All fields, in lower case. */
function fieldsText(record: HistoryRecord): string {
  return [...FIELDS.values()].map((field) => String(lower(field(record)) ?? '')).join('\n');
}

function readPart(part: string, searched: Searched, problems: string[]): Test {
  const word: Test = (record) => searched(record).includes(part.replaceAll('"', ''));
  const [, name = '', sign = '', rest = ''] = /^([a-z_]+)(<=|>=|[<>=:])(.+)$/.exec(part) ?? [];
  if (sign === '') return word;
  const field = FIELDS.get(name);
  if (!field) {
    problems.push(
      `There is no field ${name} (in quotes it is searched as a word). Fields are ${FIELD_NAMES.join(', ')}`,
    );
    return word;
  }
  const wanted = rest.replaceAll('"', '');
  if (sign === ':') return (record) => matches(name, lower(field(record)), wanted);
  const number = wanted === 'inf' ? Infinity : Number(wanted);
  if (Number.isNaN(number) && NUMBERS.has(name)) problems.push(`${wanted} is no number: nothing has such a ${name}`);
  const compare = COMPARISONS[sign];
  return (record) => {
    const value = lower(field(record));
    if (value === undefined) return false;
    return compare?.(value, typeof value === 'number' ? number : wanted) ?? false;
  };
}

/** A commit is meant by its beginning, a number as a whole, text by any part. */
function matches(name: string, value: number | string | undefined, wanted: string): boolean {
  if (typeof value === 'number') return value === Number(wanted);
  return name === 'commit' ? startsWith(value ?? '', wanted) : (value?.includes(wanted) ?? false);
}

function lower(value: Value): number | string | undefined {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'string' ? value.toLowerCase() : value;
}
