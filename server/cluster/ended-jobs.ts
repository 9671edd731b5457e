/**
 * The user's jobs that have ended, newest first, as far back as they were asked for: the first page when a queue is
 * watched, older ones only on request.
 */
import type { Job, JobsPast } from '../shared/protocol';
import type { Scheduler } from './scheduler';

/** How much of the history one page is: days back, and jobs. */
export interface HistoryReach {
  days: number;
  jobs: number;
}

/** As the settings have it by default. */
export const DEFAULT_REACH: HistoryReach = { days: 1, jobs: 200 };
/** The most that the settings may ask for at a time. */
const MOST: HistoryReach = { days: 365, jobs: 10_000 };
const DAY_MS = 86_400_000;

/** What the settings `edmWorkbench.queue` say; a value that is not a whole number in range counts as the default. */
export function historyReach(settings: unknown): HistoryReach {
  const { historyDays, historyJobs } = (settings ?? {}) as Record<string, unknown>;
  const read = (value: unknown, of: keyof HistoryReach): number =>
    typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MOST[of] ? value : DEFAULT_REACH[of];
  return { days: read(historyDays, 'days'), jobs: read(historyJobs, 'jobs') };
}

export class EndedJobs {
  private list: Job[] = [];
  /** Everything that ended since then is in the list, in milliseconds of the host's clock; undefined where nobody answers. */
  private since: number | undefined;
  private note: string | undefined;
  private page: JobsPast['page'];
  /** Most jobs that are kept: one page more for each that was asked for. */
  private room = 0;
  /** Days of the next older page. Where one was empty, the next is twice as long: it is one question either way. */
  private days = 0;

  /** @param reach how much one page is, asked anew for each */
  constructor(
    private readonly scheduler: Pick<Scheduler, 'history' | 'now'>,
    private readonly reach: () => Promise<HistoryReach>,
  ) {}

  /** Newest first; those without a known end come last. */
  get jobs(): Job[] {
    return this.list;
  }

  /** What is known of the past. */
  get past(): JobsPast {
    return {
      ...(this.since !== undefined && { since: new Date(this.since).toISOString() }),
      ...(this.note !== undefined && { note: this.note }),
      ...(this.page && { page: this.page }),
    };
  }

  /** Asks for the first page. */
  async open(): Promise<void> {
    const reach = await this.reach();
    this.room = Math.max(this.room, reach.jobs);
    this.days = reach.days;
    const from = (await this.scheduler.now()).getTime() - reach.days * DAY_MS;
    const { jobs, note, unanswered } = await this.scheduler.history(new Date(from));
    this.note = note;
    if (!unanswered) this.since = from;
    this.add(jobs);
  }

  /** Asks for one page before what is known; the first one again where that was not answered. */
  async older(): Promise<void> {
    if (this.since === undefined) return this.open();
    const reach = await this.reach();
    const [from, until] = [this.since - Math.max(this.days, reach.days) * DAY_MS, this.since];
    // Times are whole seconds: one that the last page was cut in is asked for again.
    const { jobs, note, unanswered } = await this.scheduler.history(new Date(from), new Date(until + 1000));
    this.note = note;
    if (unanswered) return;
    const known = new Set(this.list.map(({ id }) => id));
    const found = jobs.filter(({ id }) => !known.has(id)).sort(byEnd);
    this.since = from;
    this.room = Math.max(this.room, this.list.length) + reach.jobs;
    this.add(found);
    const kept = Math.min(found.length, reach.jobs);
    this.page = { from: new Date(this.since).toISOString(), until: new Date(until).toISOString(), jobs: kept };
    this.days = kept > 0 ? reach.days : Math.min(2 * Math.max(this.days, reach.days), MOST.days);
  }

  /** Adds jobs, also those that are in the list with news; the oldest ones go where there is no room. */
  add(jobs: readonly Job[]): void {
    if (jobs.length === 0) return;
    const all = [...new Map([...this.list, ...jobs].map((job) => [job.id, job])).values()].sort(byEnd);
    this.list = all.slice(0, this.room);
    if (all.length === this.list.length) return;
    const oldest = this.list.findLast(({ ended }) => ended !== undefined)?.ended;
    if (this.since !== undefined && oldest !== undefined) this.since = Math.max(this.since, Date.parse(oldest));
  }
}

/** Newest first. */
function byEnd(a: Job, b: Job): number {
  return (b.ended ?? '').localeCompare(a.ended ?? '');
}
