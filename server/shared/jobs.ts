/** Jobs in words: states, clocks, arrays and counts, for the tree and the queue panel alike. */
import { isOver } from './job-states';
import type { Job, JobProgress, JobState } from './protocol';

export { isOver };

/** How a state is named and drawn. */
interface StateLook {
  /** The word beside every icon: a state is never shown by colour or shape alone. */
  word: string;
  /** Name of an icon of the editor. */
  icon: string;
  /** Theme colour of the icon; undefined for that of the text. */
  colour?: string;
  /** One character, where there are no icons. */
  sign: string;
  /** Position in a list sorted by state: running jobs come first. */
  order: number;
}

/** All states that a job can be in. */
export const JOB_STATES: Readonly<Record<JobState, StateLook>> = {
  running: { word: 'running', icon: 'play-circle', colour: 'charts.green', sign: '▶', order: 0 },
  ending: { word: 'ending', icon: 'sync', colour: 'charts.green', sign: '◢', order: 1 },
  suspended: { word: 'suspended', icon: 'debug-pause', colour: 'charts.yellow', sign: '‖', order: 2 },
  queued: { word: 'queued', icon: 'clock', colour: 'charts.blue', sign: '○', order: 3 },
  held: { word: 'held', icon: 'lock', colour: 'charts.yellow', sign: '◆', order: 4 },
  failed: { word: 'failed', icon: 'error', colour: 'charts.red', sign: '✗', order: 5 },
  timeout: { word: 'out of time', icon: 'watch', colour: 'charts.red', sign: '✗', order: 6 },
  memory: { word: 'out of memory', icon: 'error', colour: 'charts.red', sign: '✗', order: 7 },
  cancelled: { word: 'cancelled', icon: 'circle-slash', sign: '∅', order: 8 },
  done: { word: 'done', icon: 'pass', colour: 'charts.green', sign: '✓', order: 9 },
  unknown: { word: 'unknown', icon: 'question', sign: '?', order: 10 },
};

/** States in which the elapsed time of a job grows. */
const TICKING: ReadonlySet<JobState> = new Set(['running', 'ending']);

/**
 * Seconds that a job has run by now: what the scheduler said and, for a running job, the time since then.
 * @param taken when the scheduler answered; like `now` in milliseconds of this machine's clock
 */
export function elapsedNow(
  { state, elapsed }: Pick<Job, 'state' | 'elapsed'>,
  taken: number,
  now: number,
): number | undefined {
  if (elapsed === undefined || !TICKING.has(state)) return elapsed;
  return elapsed + Math.max(0, Math.floor((now - taken) / 1000));
}

/** Seconds as `0:07`, `1:02:03` or `2-03:04:05`, as squeue writes them. */
export function clockText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [days, hours] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24];
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  if (days > 0) return `${days}-${two(hours)}:${rest}`;
  return hours > 0 ? `${hours}:${rest}` : rest.replace(/^0/, '');
}

const two = (value: number): string => (value < 10 ? `0${value}` : String(value));

/** `0:12:03 of 24:00:00`: elapsed of the limit; the limit alone before it starts; empty where nothing is known. */
export function timeText(job: Pick<Job, 'state' | 'elapsed' | 'limit'>, taken: number, now: number): string {
  const elapsed = elapsedNow(job, taken, now);
  const limit = job.limit === undefined ? undefined : clockText(job.limit);
  if (!elapsed) return limit ? `limit ${limit}` : '';
  return limit && !isOver(job) ? `${clockText(elapsed)} of ${limit}` : clockText(elapsed);
}

/** How many jobs a row stands for: `8-49%4` are 42 tasks; one for a job that is not an array. */
export function taskCount({ array }: Pick<Job, 'array'>): number {
  if (!array) return 1;
  const count = array.tasks
    .replace(/[[\]]|%\d+$/g, '')
    .split(',')
    .map((part) => /^(\d+)-(\d+)(?::(\d+))?$/.exec(part))
    .reduce((sum, range) => {
      if (!range) return sum + 1;
      const [from, to, step] = [Number(range[1]), Number(range[2]), Number(range[3] ?? 1)];
      return sum + (to >= from && step > 0 ? Math.floor((to - from) / step) + 1 : 1);
    }, 0);
  return count;
}

/** The tasks of one array that are in the list, folded into one entry. */
export interface JobArray {
  id: string;
  name: string;
  /** In the order of the list. */
  tasks: Job[];
}

/** Jobs in their order with arrays folded: all rows of an array become one entry in the place of its first row. */
export function foldArrays(jobs: readonly Job[]): (Job | JobArray)[] {
  const arrays = new Map<string, JobArray>();
  const folded: (Job | JobArray)[] = [];
  for (const job of jobs) {
    const known = job.array && arrays.get(job.array.id);
    if (known) known.tasks.push(job);
    else if (job.array) {
      const made = { id: job.array.id, name: job.name, tasks: [job] };
      arrays.set(made.id, made);
      folded.push(made);
    } else folded.push(job);
  }
  return folded;
}

/** Tasks of one array, running ones first, then by number. */
export function inTaskOrder(tasks: readonly Job[]): Job[] {
  const first = ({ array }: Job): number => Number(/\d+/.exec(array?.tasks ?? '')?.[0] ?? 0);
  return [...tasks].sort((a, b) => JOB_STATES[a.state].order - JOB_STATES[b.state].order || first(a) - first(b));
}

/** How many jobs are in each state, in the order of the states. Tasks of an array are counted one by one. */
export function stateCounts(jobs: readonly Job[]): [state: JobState, count: number][] {
  const counts = new Map<JobState, number>();
  for (const job of jobs) counts.set(job.state, (counts.get(job.state) ?? 0) + taskCount(job));
  return [...counts].sort(([a], [b]) => JOB_STATES[a].order - JOB_STATES[b].order);
}

/** Why a job is queued or failed, and what to do; empty where nothing is known. */
export function reasonText({ reason }: Pick<Job, 'reason'>): string {
  return reason ? [reason.text, reason.remedy].filter(Boolean).join(' ') : '';
}

/** `Images 128/2000, FD so far 12.3 (N = 400, not final)`; empty where nothing is known. */
export function jobProgressText(progress: JobProgress | undefined): string {
  if (!progress) return '';
  const { phase, done, total, note } = progress;
  return [`${phase} ${done}/${total}`, note].filter(Boolean).join(', ');
}

/** How a job ended, in addition to its state: `exit code 2`, `signal 9`. */
export function exitText({ exitCode, signal }: Pick<Job, 'exitCode' | 'signal'>): string {
  if (signal) return `signal ${signal}`;
  return exitCode ? `exit code ${exitCode}` : '';
}
