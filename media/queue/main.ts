/** The queue panel: all jobs of a cluster with the user's own on top, and how busy the cluster is. */
import type { ClusterInfo, Job, QueueState } from '../../server/shared/protocol';
import { button, element, setAttributes, showText, updateText } from '../element';
import { DEFAULT_POLL_SECONDS } from '../../server/shared/defaults';
import { countOf, countText } from '../../server/shared/number-text';
import { connect } from '../host';
import { keepScroll } from '../kept-scroll';
import type { Sorting } from '../sorting';
import { isOver, stateCounts, JOB_STATES } from '../../server/shared/jobs';
import type { FromQueue, QueueAction, ToQueue } from '../../server/shared/panel-protocol';
import { COLUMNS, DEFAULT_SORTING, filterJobs, jobText, sortingOf, sortJobs, type Clock } from './columns';
import { QueueGrid } from './grid';
import { loadBars } from './load';
import { noneText, pastText } from './past';

interface PanelState {
  filter: string;
  whose: string;
  column: string;
  descending: boolean;
  /** Id of the active job. */
  active: string;
  scrollTop: number;
  scrollLeft: number;
}

/** What can be done with the active job. */
interface ActionButton {
  action: QueueAction;
  /** Text of the button. */
  title: string;
  /** Key that does the same. */
  key?: string;
  /** Whether it applies to a job; `mine` tells whose it is. */
  fits: (job: Job, mine: boolean) => boolean;
}

const JOB_ACTIONS: readonly ActionButton[] = [
  { action: 'follow', title: 'Follow log', fits: (job, mine) => mine && !isOver(job) },
  { action: 'output', title: 'Open output', key: 'o', fits: (_, mine) => mine },
  { action: 'script', title: 'Show script', key: 's', fits: (_, mine) => mine },
  { action: 'hold', title: 'Hold', fits: ({ state }, mine) => mine && state === 'queued' },
  { action: 'release', title: 'Release', fits: ({ state }, mine) => mine && state === 'held' },
  { action: 'cancel', title: 'Cancel', key: 'Delete', fits: (job, mine) => mine && !isOver(job) },
  { action: 'copyId', title: 'Copy id', key: 'c', fits: () => true },
];

const TICK_MS = 1000;

const host = connect<ToQueue, FromQueue, PanelState>({
  filter: '',
  whose: 'all',
  ...DEFAULT_SORTING,
  active: '',
  scrollTop: 0,
  scrollLeft: 0,
});
let clusters: readonly ClusterInfo[] | undefined;
let shown = '';
let queue: QueueState | undefined;
/** Why the queue cannot be asked for, and what to do. */
let trouble: string | undefined;

const clusterSelect = element('select', { id: 'cluster' });
const filter = element('input', {
  id: 'filter',
  type: 'search',
  placeholder: 'Name, user, state, partition, reason…',
  autocomplete: 'off',
});
const whose = element(
  'select',
  { id: 'whose' },
  element('option', { value: 'all' }, 'All jobs, mine first'),
  element('option', { value: 'mine' }, 'My jobs'),
  element('option', { value: 'finished' }, 'My ended jobs'),
);
const connectButton = button({ hidden: true }, 'Connect', () => host.post({ type: 'connect' }));
const refresh = button({ class: 'secondary' }, 'Refresh', () => host.post({ type: 'refresh' }));
const total = element('span', { class: 'total', role: 'status' });
const fresh = element('span', { class: 'fresh' });
const problem = element('p', { class: 'banner', role: 'alert', hidden: true });
const load = element('ul', { class: 'loads', 'aria-label': 'Load of the partitions' });
const empty = element('p', { class: 'empty' }, 'Waiting for the queue…');
const actions = element('div', { class: 'actions', role: 'toolbar', 'aria-label': 'Actions for the selected job' });
const status = element('div', { class: 'status', role: 'status' });
const older = button({ class: 'secondary' }, 'Show older', () => {
  if (!queue?.past?.asking) host.post({ type: 'older' });
});
const extent = element('p', { role: 'status' });
const caution = element('p', { class: 'caution' });
const past = element('div', { class: 'past', role: 'group', 'aria-label': 'Older jobs', hidden: true }, older, extent, caution); // prettier-ignore

const sorting = (): Sorting => ({ column: host.state.column, descending: host.state.descending });
const clock = (): Clock => ({ taken: queue ? Date.parse(queue.taken) : 0, now: Date.now() });
const isMine = (job: Job): boolean => job.user === queue?.user;
const post = (job: Job, action: QueueAction): void => host.post({ type: 'job', id: job.id, action });

const grid = new QueueGrid(sorting(), host.state.active, {
  sorted({ column, descending }) {
    host.remember({ column, descending });
    const title = COLUMNS.find(({ id }) => id === column)?.title ?? column;
    draw();
    showText(status, `Sorted by ${title}, ${descending ? 'descending' : 'ascending'}`);
  },
  activeChanged(job) {
    if (job && job.id !== host.state.active) host.remember({ active: job.id });
    describe(job);
  },
  open: (job) => {
    if (isMine(job)) post(job, isOver(job) ? 'output' : 'follow');
  },
  key(job, key) {
    const found = JOB_ACTIONS.find((one) => one.key === key && one.fits(job, isMine(job)));
    if (found) post(job, found.action);
    return found !== undefined;
  },
});

const restoreScroll = keepScroll(grid.element, host);
filter.value = host.state.filter;
whose.value = host.state.whose;
const field = (id: string, label: string, control: HTMLElement): HTMLElement =>
  element('div', { class: 'field' }, element('label', { for: id }, label), control);
document.body.append(
  element(
    'header',
    { class: 'head' },
    element('h1', {}, 'Queue'),
    element(
      'div',
      { class: 'toolbar', role: 'group', 'aria-label': 'View' },
      field('cluster', 'Cluster', clusterSelect),
      field('whose', 'Show', whose),
      field('filter', 'Filter', filter),
      connectButton,
      refresh,
      fresh,
      total,
    ),
    load,
  ),
  problem,
  empty,
  grid.element,
  past,
  actions,
  status,
);

/** Shows the jobs of the view, filtered and sorted. */
function draw(): void {
  const chosen = host.state.whose;
  const all = chosen === 'finished' ? (queue?.finished ?? []) : (queue?.jobs ?? []);
  const wanted = chosen === 'mine' ? all.filter(isMine) : all;
  const passing = filterJobs(wanted, host.state.filter);
  grid.show(sortJobs(passing, sorting(), queue?.user ?? '', clock()), queue?.user ?? '', clock());
  const counts = stateCounts(passing).map(([state, number]) => `${countText(number)} ${JOB_STATES[state].word}`);
  const rows =
    passing.length === wanted.length
      ? countOf(wanted.length, 'row')
      : `${countText(passing.length)} of ${countOf(wanted.length, 'row')}`;
  showText(total, queue ? [rows, ...counts].join(', ') : '');
  grid.element.hidden = passing.length === 0;
  actions.hidden = passing.length === 0;
  empty.hidden = passing.length > 0;
  showText(empty, emptyText(wanted.length));
  drawPast();
}

/** Shows how far back the history goes, and the button for more of it. */
function drawPast(): void {
  past.hidden = host.state.whose !== 'finished' || queue?.past === undefined;
  if (past.hidden || !queue?.past) return;
  updateText(extent, pastText(queue.past, shownInfo()?.profile.poll_seconds ?? DEFAULT_POLL_SECONDS));
  updateText(caution, queue.past.note ?? '');
  caution.hidden = queue.past.note === undefined;
  // Not disabled while it is asked: the focus would be lost.
  older.setAttribute('aria-disabled', String(queue.past.asking === true));
}

function emptyText(unfiltered: number): string {
  const info = shownInfo();
  if (unfiltered > 0) return 'No job matches the filter.';
  if (queue && trouble !== undefined) return `No jobs when the scheduler of ${shown} answered last.`;
  const none = host.state.whose === 'finished' ? noneText(queue?.past) : 'No jobs.';
  if (queue) return host.state.filter.trim() === '' ? none : `${none} The filter has nothing to search.`;
  if (info?.notAllowed) return `${shown} is not allowed yet: this workspace names it, and you have not agreed.`;
  if (info && info.connection !== 'connected')
    return `${shown} is not connected.${info.message ? ` ${info.message}` : ''}`;
  if (clusters && !info) return `No cluster is named ${shown} any more. Choose another one.`;
  if (trouble !== undefined) return `The queue of ${shown} is not known.`;
  return 'Waiting for the first answer of the scheduler…';
}

function shownInfo(): ClusterInfo | undefined {
  return clusters?.find(({ profile }) => profile.name === shown);
}

/** Shows how old the scheduler's answer is. */
function showFreshness(): void {
  const seconds = queue ? Math.max(0, Math.round((Date.now() - Date.parse(queue.taken)) / 1000)) : undefined;
  showText(fresh, seconds === undefined ? '' : `${seconds} s ago`);
}

function describe(job: Job | undefined): void {
  const text = job ? jobText(job, clock()) : '';
  updateText(status, text);
  setAttributes(status, { title: text });
  const fitting = job ? JOB_ACTIONS.filter(({ fits }) => fits(job, isMine(job))) : [];
  const key = fitting.map(({ action }) => action).join();
  if (actions.dataset.key === key) return;
  actions.dataset.key = key;
  actions.replaceChildren(
    ...fitting.map(({ action, title, key: shortcut }) =>
      button({ class: 'secondary', title: shortcut ? `${title} (${shortcut})` : title }, title, () => {
        if (grid.active) post(grid.active, action);
      }),
    ),
  );
}

function showProblem(text: string | undefined): void {
  showText(problem, text ?? '');
  problem.hidden = text === undefined;
}

clusterSelect.addEventListener('change', () => host.post({ type: 'cluster', cluster: clusterSelect.value }));
filter.addEventListener('input', () => {
  host.remember({ filter: filter.value });
  draw();
});
whose.addEventListener('change', () => {
  host.remember({ whose: whose.value, ...sortingOf(whose.value === 'finished', sorting()) });
  grid.setSorting(sorting());
  host.post({ type: 'whose', whose: whose.value === 'all' ? 'all' : 'mine' });
  draw();
});
setInterval(() => {
  grid.tick(Date.now());
  showFreshness();
}, TICK_MS);

host.listen({
  clusters(message) {
    if (message.shown !== shown) queue = undefined;
    ({ clusters, shown, problem: trouble } = message);
    clusterSelect.replaceChildren(...clusters.map(({ profile: { name } }) => element('option', { value: name }, name)));
    clusterSelect.value = shown;
    const info = shownInfo();
    connectButton.hidden = info?.connection === 'connected' || info?.connection === 'connecting' || !info;
    showText(connectButton, info?.notAllowed ? 'Allow…' : info?.connection === 'lost' ? 'Reconnect' : 'Connect');
    refresh.hidden = info?.connection !== 'connected';
    showProblem(info?.connection === 'lost' ? (info.message ?? 'The connection was lost') : trouble);
    load.replaceChildren(...loadBars(queue?.load ?? []));
    draw();
  },
  queue(message) {
    queue = message.queue;
    load.replaceChildren(...loadBars(queue.load));
    showFreshness();
    draw();
    restoreScroll();
  },
  problem: (message) => showProblem(message.message),
});
// The page is built again whenever it was hidden: the extension must know what it shows.
if (host.state.whose !== 'all') host.post({ type: 'whose', whose: 'mine' });
