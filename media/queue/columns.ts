/** The queue as a table: its columns, their order, what the filter finds, and whose jobs come first. No DOM. */
import type { Job } from '../../server/shared/protocol';
import { dateText } from '../facts';
import type { Sorting } from '../sorting';
import {
  clockText,
  elapsedNow,
  exitText,
  isOver,
  JOB_STATES,
  jobProgressText,
  timeText,
} from '../../server/shared/jobs';

/** When the scheduler answered and what time it is now, in milliseconds of this machine's clock. Jobs run on in between. */
export interface Clock {
  taken: number;
  now: number;
}

/** One column of the table. */
export interface Column {
  id: string;
  title: string;
  text: (job: Job, clock: Clock) => string;
  /** What the column sorts by, where that is not its text; undefined comes last. */
  order?: (job: Job, clock: Clock) => number | undefined;
  /** Right-aligned. */
  number?: boolean;
  /** True where its text changes every second. */
  ticks?: boolean;
}

const count = (value: number | undefined): string => (value === undefined ? '' : String(value));
const time = (iso: string | undefined): number | undefined => (iso === undefined ? undefined : Date.parse(iso));

const STATE: Column = {
  id: 'state',
  title: 'State',
  text: ({ state }) => `${JOB_STATES[state].sign} ${JOB_STATES[state].word}`,
  order: ({ state }) => JOB_STATES[state].order,
};

/** All columns, the most important ones first. */
export const COLUMNS: readonly Column[] = [
  { id: 'id', title: 'Job', text: ({ id }) => id, order: ({ id }) => Number(/^\d+/.exec(id)?.[0]) },
  { id: 'name', title: 'Name', text: ({ name }) => name },
  { id: 'user', title: 'User', text: ({ user }) => user },
  STATE,
  {
    id: 'ended',
    title: 'Ended',
    text: ({ ended }) => dateText(ended ?? ''),
    order: ({ ended }) => time(ended),
  },
  {
    id: 'elapsed',
    title: 'Elapsed',
    text: (job, { taken, now }) => {
      const elapsed = elapsedNow(job, taken, now);
      return elapsed === undefined ? '' : clockText(elapsed);
    },
    order: (job, { taken, now }) => elapsedNow(job, taken, now),
    number: true,
    ticks: true,
  },
  {
    id: 'limit',
    title: 'Limit',
    text: ({ limit }) => (limit === undefined ? '' : clockText(limit)),
    order: ({ limit }) => limit,
    number: true,
  },
  {
    id: 'where',
    title: 'Node or reason',
    text: (job) => (isOver(job) ? exitText(job) : job.nodeList || job.reason?.text || ''),
  },
  {
    id: 'progress',
    title: 'Progress',
    text: ({ progress }) => jobProgressText(progress),
    order: ({ progress }) => progress && progress.done / progress.total,
  },
  { id: 'partition', title: 'Partition', text: ({ partition }) => partition },
  { id: 'gpus', title: 'GPUs', text: ({ gpus }) => count(gpus), order: ({ gpus }) => gpus, number: true },
  { id: 'cpus', title: 'CPUs', text: ({ cpus }) => count(cpus), order: ({ cpus }) => cpus, number: true },
  { id: 'nodes', title: 'Nodes', text: ({ nodes }) => count(nodes), order: ({ nodes }) => nodes, number: true },
  {
    id: 'submitted',
    title: 'Submitted',
    text: ({ submitted }) => dateText(submitted ?? ''),
    order: ({ submitted }) => time(submitted),
  },
];

/** Running jobs come first. */
export const DEFAULT_SORTING: Sorting = { column: STATE.id, descending: false };
/** The history is read from its end. */
const ENDED_SORTING: Sorting = { column: 'ended', descending: true };

/** The order for a view that is opened: one that the user chose stays where the view has its column. */
export function sortingOf(isHistory: boolean, current: Sorting): Sorting {
  if (isHistory) return current.column === DEFAULT_SORTING.column ? ENDED_SORTING : current;
  return current.column === ENDED_SORTING.column ? DEFAULT_SORTING : current;
}

const collator = new Intl.Collator('en', { numeric: true });

/**
 * A sorted copy: the user's jobs on top, then by the column, then by id, newest first. Sort keys are made once for each
 * job, so that 10,000 jobs take milliseconds. An unknown column sorts by state.
 */
export function sortJobs(jobs: readonly Job[], { column, descending }: Sorting, user: string, clock: Clock): Job[] {
  const chosen = COLUMNS.find(({ id }) => id === column) ?? STATE;
  const sign = descending ? -1 : 1;
  const keyed = jobs.map((job) => ({
    job,
    mine: job.user === user ? 0 : 1,
    number: chosen.order?.(job, clock),
    text: chosen.order ? '' : chosen.text(job, clock),
    id: Number(/^\d+/.exec(job.id)?.[0] ?? 0),
  }));
  keyed.sort((a, b) => {
    const own = a.mine - b.mine;
    if (own) return own;
    if (!chosen.order) return sign * collator.compare(a.text, b.text) || b.id - a.id;
    if (a.number === undefined || b.number === undefined)
      return Number(a.number === undefined) - Number(b.number === undefined) || b.id - a.id;
    return sign * (a.number - b.number) || b.id - a.id || collator.compare(a.job.id, b.job.id);
  });
  return keyed.map(({ job }) => job);
}

/** The text that the filter searches, made once for each job. */
const searchable = new WeakMap<Job, string>();
/** For texts that no clock changes. */
const STILL: Clock = { taken: 0, now: 0 };
/** Numbers are not searched: who types 16 looks for a name, not for 16 CPUs. */
const SEARCHED = COLUMNS.filter(({ number }) => !number);

/** The jobs in which every word of the filter occurs, in a column of text, the account or the reason; case is ignored. */
export function filterJobs(jobs: readonly Job[], filter: string): readonly Job[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return jobs;
  return jobs.filter((job) => {
    let text = searchable.get(job);
    if (text === undefined) {
      text = `${job.stateName}\n${job.account ?? ''}\n${job.reason?.name ?? ''}\n${job.reason?.text ?? ''}`;
      for (const column of SEARCHED) text += `\n${column.text(job, STILL)}`;
      text = text.toLowerCase();
      searchable.set(job, text);
    }
    return words.every((word) => text.includes(word));
  });
}

/** A job in one sentence for a screen reader and the status line. */
export function jobText(job: Job, clock: Clock): string {
  const parts = [
    `Job ${job.id} ${job.name} of ${job.user}: ${JOB_STATES[job.state].word}`,
    jobProgressText(job.progress),
    timeText(job, clock.taken, clock.now),
    job.nodeList,
    exitText(job),
    job.reason && [job.reason.text, job.reason.remedy].filter(Boolean).join(' '),
  ];
  return parts.filter(Boolean).join(', ');
}
