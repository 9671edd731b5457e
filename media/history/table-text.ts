/** The table of the history as text: to paste into a README, a paper or a spreadsheet. No DOM. */
import type { HistoryRecord } from '../../server/shared/protocol';
import { plainLine } from '../../server/shared/plain-text';
import { optionsText } from '../facts';
import { latexText } from '../../server/shared/result-sentence';
import { COLUMNS, isNumber, rowOf } from './columns';

/** Forms of a table. */
export const TABLE_STYLES = ['markdown', 'csv', 'latex'] as const;
/** One of `TABLE_STYLES`. */
export type TableStyle = (typeof TABLE_STYLES)[number];

interface Style {
  cell: (text: string) => string;
  /** @param numbers for each column whether it holds numbers */
  table: (head: readonly string[], rows: readonly (readonly string[])[], numbers: readonly boolean[]) => string[];
}

const STYLES: Readonly<Record<TableStyle, Style>> = {
  markdown: {
    cell: (text) => text.replace(/[\\|`*_<>[\]]/g, '\\$&').replace(' +- ', ' ± '),
    table: (head, rows, numbers) =>
      [head, numbers.map((is) => (is ? '--:' : '---')), ...rows].map((cells) => `| ${cells.join(' | ')} |`),
  },
  csv: {
    // A spreadsheet would compute what begins like a formula.
    cell: (text) => quoted(/^[=+\-@\t]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text),
    table: (head, rows) => [head, ...rows].map((cells) => cells.join(',')),
  },
  latex: {
    cell: (text) => latexText(text).replace(' +- ', ' $\\pm$ '),
    table: (head, rows, numbers) => [
      `\\begin{tabular}{${numbers.map((is) => (is ? 'r' : 'l')).join('')}}`,
      ...['\\hline', `${head.join(' & ')} \\\\`, '\\hline'],
      ...rows.map((cells) => `${cells.join(' & ')} \\\\`),
      ...['\\hline', '\\end{tabular}'],
    ],
  },
};

/** A column of the text. */
interface TextColumn {
  title: string;
  number: boolean;
  text: (record: HistoryRecord) => string;
}

/** Columns of CSV: names and values as in the records. */
const RAW: readonly TextColumn[] = [
  { title: 'commit', number: false, text: ({ code }) => code.commit },
  { title: 'subject', number: false, text: ({ code }) => code.subject },
  { title: 'dirty', number: false, text: ({ code }) => String(code.dirty) },
  { title: 'config', number: false, text: ({ name }) => name },
  { title: 'metric', number: false, text: ({ metric }) => metric },
  { title: 'value', number: true, text: ({ value }) => String(value) },
  { title: 'standard_error', number: true, text: ({ standard_error }) => String(standard_error ?? '') },
  { title: 'N', number: true, text: ({ num }) => String(num) },
  { title: 'detector', number: false, text: ({ detector }) => detector.name },
  { title: 'reference', number: false, text: ({ reference }) => reference.name },
  { title: 'network', number: false, text: ({ network }) => network?.name ?? '' },
  { title: 'steps', number: true, text: ({ sampler }) => String(sampler?.steps ?? '') },
  { title: 'nfe', number: true, text: ({ sampler }) => String(sampler?.nfe ?? '') },
  { title: 'sampler', number: false, text: ({ sampler }) => (sampler ? optionsText({ ...sampler }) : '') },
  { title: 'seeds', number: false, text: ({ seeds = '' }) => seeds },
  { title: 'device', number: false, text: ({ device }) => device },
  { title: 'time', number: false, text: ({ time }) => time },
];

/** Columns as the panel shows them. */
const SHOWN: readonly TextColumn[] = COLUMNS.map((column, at) => ({
  title: column.title,
  number: isNumber(column),
  text: (record) => rowOf(record).texts[at] ?? '',
}));

/**
 * These results in this order, with the columns that say anything of them. CSV (RFC 4180) has values and standard errors as they
 * are recorded, and commits whole; the others have what the table shows.
 */
export function tableText(records: readonly HistoryRecord[], style: TableStyle): string {
  const columns = style === 'csv' ? RAW : SHOWN;
  const filled = columns.filter(({ text }) => records.some((record) => text(record) !== ''));
  const { cell, table } = STYLES[style];
  const lines = table(
    filled.map(({ title }) => cell(title)),
    records.map((record) => filled.map(({ text }) => cell(plainLine(text(record))))),
    filled.map(({ number }) => number),
  );
  return lines.map((line) => line + (style === 'csv' ? '\r\n' : '\n')).join('');
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
