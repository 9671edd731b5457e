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
  { id: 'subject', title: 'Subject', text: ({ code }) => code.subject },
  { id: 'workTree', title: 'Work tree', text: ({ code }) => workTreeText(code) },
  { id: 'name', title: 'Config', text: ({ name }) => name },
  { id: 'metric', title: 'Metric', text: ({ metric }) => metric },
  {
    id: 'value',
    title: 'Value',
    text: ({ value, standard_error }) => valueText(value, standard_error),
    order: ({ value }) => value,
  },
  { id: 'num', title: 'N', text: ({ num }) => countText(num), order: ({ num }) => num },
  { id: 'reference', title: 'Reference', text: ({ reference }) => reference.name },
  { id: 'network', title: 'Network', text: ({ network }) => (network ? networkText(network) : '') },
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
  { id: 'sampler', title: 'Sampler', text: ({ sampler }) => (sampler ? optionsText({ ...sampler }) : '') },
  { id: 'seeds', title: 'Seeds', text: ({ seeds = '' }) => seeds },
  { id: 'device', title: 'Device', text: ({ device }) => device },
  TIME,
];

/** Newest measurement first. */
export const DEFAULT_SORTING: Sorting = { column: 'time', descending: true };

/** A sorted copy. Among equal rows the newest measurement comes first in both directions. An unknown column sorts by time. */
export function sortRecords(records: readonly HistoryRecord[], { column, descending }: Sorting): HistoryRecord[] {
  const { text, order } = COLUMNS.find(({ id }) => id === column) ?? TIME;
  const compare = order
    ? (a: HistoryRecord, b: HistoryRecord) => order(a) - order(b)
    : (a: HistoryRecord, b: HistoryRecord) => text(a).localeCompare(text(b), 'en', { numeric: true });
  return [...records].sort(
    (a, b) => (descending ? -compare(a, b) : compare(a, b)) || Date.parse(b.time) - Date.parse(a.time),
  );
}

/** The results in which every word of the filter occurs in some column, upper or lower case. */
export function filterRecords(records: readonly HistoryRecord[], filter: string): HistoryRecord[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return records.filter((record) => {
    const row = COLUMNS.map(({ text }) => text(record))
      .concat(record.code.author, record.code.branch, record.detector.name)
      .join('\n')
      .toLowerCase();
    return words.every((word) => row.includes(word));
  });
}
