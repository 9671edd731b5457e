/** The history panel: every measured value by commit or by evaluations, as charts of comparable numbers and as a table. */
import type { HistoryRecord } from '../../server/shared/protocol';
import { button, element, setAttributes, showText } from '../element';
import { countOf, countText } from '../../server/shared/number-text';
import { FIELD_NAMES, readFilter } from '../../server/shared/record-filter';
import { resultSentence, SENTENCE_STYLES } from '../../server/shared/result-sentence';
import { connect } from '../host';
import { keepScroll } from '../kept-scroll';
import type { FromHistory, ToHistory } from '../../server/shared/panel-protocol';
import { ACROSS, ACROSS_NAMES, type AcrossName } from './across';
import { Chart } from './chart';
import { COLUMNS, DEFAULT_SORTING, rowOf } from './columns';
import { groupRecords } from './groups';
import type { ScaleKind } from '../scale';
import { HistoryTable } from './table';
import { TABLE_STYLES, tableText } from './table-text';
import { Tooltip } from './tooltip';

interface PanelState {
  scale: string;
  across: string;
  /** What the Copy buttons copy. */
  copies: string;
  /** The form in which the table is copied. */
  tableStyle: string;
  filter: string;
  column: string;
  descending: boolean;
  /** Id of the result whose row is in the tab order. */
  active: string;
  scrollTop: number;
  scrollLeft: number;
}

/** Most charts in the page, those with the latest results. */
const MOST_CHARTS = 24;

const FILTER_HELP =
  'Words are looked for anywhere in a row. field<number, also with <=, >, >= and =, and field:text look in one field, ' +
  `e.g. steps<18 class:3 commit:3f2a1b0 time>=2026-11. Fields: ${FIELD_NAMES.join(', ')}`;

const host = connect<ToHistory, FromHistory, PanelState>({
  scale: 'linear',
  across: 'commit',
  copies: 'value',
  tableStyle: 'markdown',
  filter: '',
  ...DEFAULT_SORTING,
  active: '',
  scrollTop: 0,
  scrollLeft: 0,
});
let records: readonly HistoryRecord[] = [];
let published: Readonly<Record<string, string>> = {};
let loaded = false;

const open = ({ run }: HistoryRecord): void => host.post({ type: 'openRun', run });
const tooltip = new Tooltip();
const chartNeeds = {
  open,
  hover: (record: HistoryRecord, anchor: Element): void => tooltip.show(record, anchor, published[record.id]),
  leave: (): void => tooltip.hideSoon(),
};
const main = element('main');
const table = new HistoryTable(
  main,
  { column: host.state.column, descending: host.state.descending },
  host.state.active,
  {
    open,
    activeChanged: ({ id }) => host.remember({ active: id }),
    copy(record) {
      const style = SENTENCE_STYLES.find((name) => name === host.state.copies);
      const text = style ? resultSentence(record, style) : String(record.value);
      host.post({ type: 'copy', text });
      showText(status, `Copied ${text}`);
    },
    sorted({ column, descending }) {
      host.remember({ column, descending });
      const title = COLUMNS.find(({ id }) => id === column)?.title ?? column;
      showText(status, `Sorted by ${title}, ${descending ? 'descending' : 'ascending'}`);
    },
  },
);

const filter = element('input', {
  id: 'filter',
  type: 'search',
  placeholder: 'Words, steps<18, solver:heun…',
  title: FILTER_HELP,
  autocomplete: 'off',
});
const scale = element(
  'select',
  { id: 'scale' },
  element('option', { value: 'linear' }, 'Linear'),
  element('option', { value: 'log' }, 'Logarithmic'),
);
const across = element(
  'select',
  { id: 'across' },
  ...ACROSS_NAMES.map((name) => element('option', { value: name }, ACROSS[name].title)),
);
const copies = element(
  'select',
  { id: 'copies', title: 'What the Copy button of a row copies' },
  element('option', { value: 'value' }, 'Value'),
  element('option', { value: 'markdown' }, 'Sentence (Markdown)'),
  element('option', { value: 'latex' }, 'Sentence (LaTeX)'),
);
const tableStyle = element(
  'select',
  { id: 'tableStyle' },
  element('option', { value: 'markdown' }, 'Markdown'),
  element('option', { value: 'csv' }, 'CSV'),
  element('option', { value: 'latex' }, 'LaTeX'),
);
const copyTable = button(
  { class: 'secondary', title: 'Copies the results that the table shows, in its order' },
  'Copy table',
  () => {
    const style = TABLE_STYLES.find((name) => name === tableStyle.value) ?? 'markdown';
    host.post({ type: 'copy', text: tableText(table.shown, style) });
    showText(status, `Copied ${countOf(table.shown.length, 'result')}`);
  },
);
const total = element('span', { class: 'total', role: 'status' });
const toolbar = element(
  'div',
  { class: 'toolbar', role: 'group', 'aria-label': 'View' },
  element('div', { class: 'field' }, element('label', { for: 'filter' }, 'Filter'), filter),
  element('div', { class: 'field' }, element('label', { for: 'scale' }, 'Value axis'), scale),
  element('div', { class: 'field' }, element('label', { for: 'across' }, 'Across'), across),
  element('div', { class: 'field' }, element('label', { for: 'copies' }, 'Copy'), copies),
  element('div', { class: 'field' }, copyTable, element('label', { for: 'tableStyle' }, 'as'), tableStyle),
  total,
);
const problem = element('p', { class: 'banner', role: 'alert', hidden: true });
const problems = element('details', { class: 'problems', hidden: true });
const empty = element('p', { class: 'empty' }, 'Loading the history…');
const charts = element('div', { class: 'charts' });
const doubtful = element('p', { class: 'caution', role: 'status', hidden: true });
const more = element('p', { class: 'caution', hidden: true });
const left = element('p', { class: 'caution', hidden: true });
const status = element('div', { class: 'status', role: 'status', 'aria-live': 'polite' });

filter.value = host.state.filter;
scale.value = host.state.scale === 'log' ? 'log' : 'linear';
across.value = acrossName();
copies.value = SENTENCE_STYLES.find((name) => name === host.state.copies) ?? 'value';
const heading = element('h1', {}, 'History');
main.append(problem, problems, doubtful, empty, charts, more, left, table.element);
const restoreScroll = keepScroll(main, host);
toolbar.hidden = true;
table.element.hidden = true;
// Charts are drawn when they come into sight, which moves the table.
new ResizeObserver(() => table.render()).observe(charts);
document.body.append(element('header', { class: 'head' }, heading, toolbar), main, status, tooltip.element);

function acrossName(): AcrossName {
  return ACROSS_NAMES.find((name) => name === host.state.across) ?? 'commit';
}

/** Draws what passes the filter, as charts and as a table. */
function draw(): void {
  // The point it belongs to is about to be drawn again.
  tooltip.hide();
  const { passes, problem: doubt } = readFilter(host.state.filter, (record) => rowOf(record).searched);
  const passing = records.filter(passes);
  doubtful.hidden = doubt === undefined;
  showText(doubtful, doubt ?? '');
  const wanted: ScaleKind = host.state.scale === 'log' ? 'log' : 'linear';
  const focused = charts.contains(document.activeElement) ? document.activeElement?.getAttribute('data-id') : undefined;
  const way = ACROSS[acrossName()];
  const groups = groupRecords(passing, way);
  const drawn = groups.slice(0, MOST_CHARTS).map((group) => new Chart(group, wanted, chartNeeds, focused ?? undefined));
  charts.replaceChildren(...drawn.map((chart) => chart.element));
  const others = groups.length - drawn.length;
  more.hidden = others === 0;
  showText(more, `${countOf(others, 'older chart')} not shown: filter to see them. The table has all results`);
  const placeless = passing.filter((record) => way.keyOf(record) === undefined).length;
  left.hidden = placeless === 0;
  showText(left, `${countOf(placeless, 'result')} without a known number of evaluations: in the table only`);
  table.show(passing);
  table.element.hidden = passing.length === 0;
  toolbar.hidden = records.length === 0;
  showText(
    total,
    passing.length === records.length
      ? countOf(records.length, 'result')
      : `${countText(passing.length)} of ${countOf(records.length, 'result')}`,
  );
  empty.hidden = !loaded || passing.length > 0;
  showText(
    empty,
    records.length === 0
      ? 'No results yet. Run a config to get the first point: open an .edm.yaml file with fd or fid in it and choose Run.'
      : 'No result matches the filter.',
  );
}

function showProblems(lines: readonly string[]): void {
  problems.hidden = lines.length === 0;
  problems.replaceChildren(
    element('summary', {}, `${countOf(lines.length, 'line')} of the history could not be read`),
    element('ul', {}, ...lines.map((line) => element('li', {}, line))),
  );
}

let frame = 0;
filter.addEventListener('input', () => {
  host.remember({ filter: filter.value });
  // Keys that come faster than frames are drawn once.
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(draw);
});
scale.addEventListener('change', () => {
  host.remember({ scale: scale.value });
  draw();
});

tableStyle.value = TABLE_STYLES.find((name) => name === host.state.tableStyle) ?? 'markdown';
tableStyle.addEventListener('change', () => host.remember({ tableStyle: tableStyle.value }));
copies.addEventListener('change', () => host.remember({ copies: copies.value }));
across.addEventListener('change', () => {
  host.remember({ across: across.value });
  draw();
});

host.listen({
  history(message) {
    records = message.records;
    published = message.published;
    loaded = true;
    problem.hidden = true;
    showText(heading, `History of ${message.root.replace(/^.*[\\/]/, '')}`);
    setAttributes(heading, { title: message.root });
    showProblems(message.problems);
    draw();
    restoreScroll();
  },
  problem(message) {
    showText(problem, message.message);
    problem.hidden = false;
    if (!loaded) empty.hidden = true;
  },
});
