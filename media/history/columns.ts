/** The history as a table: its columns, their order and what the filter finds. No DOM. */
import type { HistoryRecord } from '../../server/shared/protocol';
import { dateText, networkText, optionsText, valueText, workTreeText } from '../facts';
import { countText } from '../../server/shared/number-text';
import type { Sorting } from '../sorting';

/** One column of the table. */
export interface Column {
  id: string;
  title: string;
  text: (record: HistoryRecord) => string;
  /** What the column sorts by, where that is not its text. */
  order?: (record: HistoryRecord) => number;
}

const TIME: Column = {
  id: 'time',
  title: 'Measured',
  text: ({ time }) => dateText(time),
  order: ({ time }) => Date.parse(time),
};

/** All columns, the most important ones first. The first opens the run, `value` can be copied. */
export const COLUMNS: readonly Column[] = [
  { id: 'commit', title: 'Commit', text: ({ code }) => code.short, order: ({ code }) => Date.parse(code.date) },
  {
    id: 'value',
    title: 'Value',
    text: ({ value, standard_error }) => valueText(value, standard_error),
    order: ({ value }) => value,
  },
  { id: 'metric', title: 'Metric', text: ({ metric }) => metric },
  { id: 'num', title: 'N', text: ({ num }) => countText(num), order: ({ num }) => num },
  { id: 'name', title: 'Config', text: ({ name }) => name },
  {
    id: 'steps',
    title: 'Steps',
    text: ({ sampler }) => String(sampler?.steps ?? ''),
    order: ({ sampler }) => sampler?.steps ?? 0,
  },
  {
    id: 'nfe',
    title: 'NFE',
    text: ({ sampler }) => String(sampler?.nfe ?? ''),
    order: ({ sampler }) => sampler?.nfe ?? 0,
  },
  { id: 'subject', title: 'Subject', text: ({ code }) => code.subject },
  { id: 'workTree', title: 'Work tree', text: ({ code }) => workTreeText(code) },
  { id: 'sampler', title: 'Sampler', text: ({ sampler }) => (sampler ? optionsText({ ...sampler }) : '') },
  { id: 'reference', title: 'Reference', text: ({ reference }) => reference.name },
  { id: 'network', title: 'Network', text: ({ network }) => (network ? networkText(network) : '') },
  { id: 'seeds', title: 'Seeds', text: ({ seeds = '' }) => seeds },
  { id: 'device', title: 'Device', text: ({ device }) => device },
  TIME,
];

/** Whether a column is read as numbers; commit and time are sorted by a number but are read as text. */
export function isNumber({ id, order }: Column): boolean {
  return order !== undefined && id !== 'commit' && id !== 'time';
}

/** What the table needs of a record again and again. */
interface Row {
  /** Texts of the columns, in their order. */
  texts: readonly string[];
  /** What the filter searches, in lower case. */
  searched: string;
  /** When it was measured, milliseconds since 1970. */
  time: number;
}

/** Rows by record: thousands are filtered at every key. */
const rows = new WeakMap<HistoryRecord, Row>();

/** The texts of a record, by column in their order. */
export function rowOf(record: HistoryRecord): Row {
  const known = rows.get(record);
  if (known) return known;
  const texts = COLUMNS.map(({ text }) => text(record));
  const { author, branch } = record.code;
  const searched = [...texts, author, branch, record.detector.name].join('\n').toLowerCase();
  const made: Row = { texts, searched, time: Date.parse(record.time) };
  rows.set(record, made);
  return made;
}

/** Newest measurement first. */
export const DEFAULT_SORTING: Sorting = { column: 'time', descending: true };

/** Numbers in texts are compared as numbers. */
const ORDER = new Intl.Collator('en', { numeric: true });

/** A sorted copy. Among equal rows the newest measurement comes first in both directions. An unknown column sorts by time. */
export function sortRecords(records: readonly HistoryRecord[], { column, descending }: Sorting): HistoryRecord[] {
  const { id, order } = COLUMNS.find((one) => one.id === column) ?? TIME;
  const nth = COLUMNS.findIndex((one) => one.id === id);
  // What decides is looked up once for each row, not once for each comparison.
  const keyed = records.map((record) => {
    const { texts, time } = rowOf(record);
    return { record, time, number: order?.(record) ?? 0, text: order ? '' : (texts[nth] ?? '') };
  });
  const sign = descending ? -1 : 1;
  keyed.sort((a, b) => sign * (a.number - b.number || ORDER.compare(a.text, b.text)) || b.time - a.time);
  return keyed.map(({ record }) => record);
}
