/**
 * The queue of one cluster for all who look: one question per poll, never more often than the site's floor, slower when
 * nobody looks closely, and the end of each of my jobs told exactly once.
 */
import { messageOf } from '../errors';
import { isOver, type Job, type QueueState, type WatchParams } from '../shared/protocol';
import type { Scheduler } from './scheduler';

/** Time, replaceable in tests. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs something later. @returns how to call it off */
  after(milliseconds: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
};

/** What decides how long to wait until the next question. */
export interface Interest {
  attention: WatchParams['attention'];
  /** Whether any job of mine has not ended. */
  unfinished: boolean;
  /** Polls in a row that brought nothing new. */
  unchanged: number;
  /** Polls in a row that failed. */
  failures: number;
}

/** Nothing new for so many polls: things are slow, and so are we. */
const IDLE_POLLS = 20;
const LONGEST_PAUSE = 600;

/** Seconds until the next question; undefined where there is no reason to ask. @param floor the profile's */
export function pauseSeconds(
  floor: number,
  { attention, unfinished, unchanged, failures }: Interest,
): number | undefined {
  if (attention === 'none' && !unfinished) return undefined;
  const slow = attention === 'visible' ? (unchanged >= IDLE_POLLS ? 2 : 1) : 4;
  return Math.min(floor * slow * 2 ** Math.min(failures, 6), Math.max(LONGEST_PAUSE, floor * slow));
}

/** How many ended jobs are kept, and how old they may be when we begin to look. */
const KEPT = 200;
const HISTORY_HOURS = 24;
/** A job that left the queue and is nowhere to be found is given up after so many polls. */
const PATIENCE = 3;
const LOAD_EVERY_MS = 60_000;

export interface QueueOptions {
  cluster: string;
  /** My name on the cluster. */
  user: string;
  /** Never ask more often than this. */
  floorSeconds: number;
  onState: (state: QueueState) => void;
  clock?: Clock;
}

export class QueueWatch {
  private readonly clock: Clock;
  private state: QueueState;
  private watched: Pick<WatchParams, 'attention' | 'whose'> = { attention: 'none', whose: 'mine' };
  private callOff: (() => void) | undefined;
  private asking = false;
  private askAgain = false;
  private stopped = false;
  private lastAsked = -Infinity;
  private lastLoad = -Infinity;
  private unchanged = 0;
  private failures = 0;
  private fingerprint = '';
  /** My unfinished jobs as last seen with all their details. */
  private mine = new Map<string, Job>();
  /** Ids whose end is known: told, or older than this watch. Undefined before the first answer. */
  private over: Set<string> | undefined;
  /** Jobs that left the queue, and for how many polls. */
  private readonly missing = new Map<string, { job: Job; polls: number }>();

  constructor(
    private readonly scheduler: Pick<Scheduler, 'queue' | 'history' | 'load' | 'now'>,
    private readonly options: QueueOptions,
  ) {
    this.clock = options.clock ?? systemClock;
    const { cluster, user } = options;
    this.state = { cluster, taken: '', whose: 'mine', jobs: [], finished: [], user, ended: [], load: [] };
  }

  /** Says who looks, and at what. */
  watch(attention: WatchParams['attention'], whose: WatchParams['whose']): void {
    const more = whose === 'all' && this.watched.whose === 'mine';
    this.watched = { attention, whose };
    if (more) this.unchanged = 0;
    this.plan(this.state.taken === '' || more);
  }

  /** Asks as soon as the floor allows: the user wants to know, or has just done something. */
  refresh(): void {
    this.unchanged = 0;
    this.failures = 0;
    this.plan(true);
  }

  /** A job of mine as the last answer had it; undefined where that does not tell. */
  find(id: string): Job | undefined {
    return this.mine.get(id) ?? this.state.finished.find((job) => job.id === id && isOver(job));
  }

  stop(): void {
    this.stopped = true;
    this.callOff?.();
  }

  private plan(soon = false): void {
    if (this.stopped) return;
    this.callOff?.();
    this.callOff = undefined;
    if (this.asking) {
      this.askAgain ||= soon;
      return;
    }
    const floor = this.options.floorSeconds;
    const { unchanged, failures } = this;
    const unfinished = this.mine.size > 0 || this.missing.size > 0;
    const pause = soon
      ? floor
      : pauseSeconds(floor, { attention: this.watched.attention, unfinished, unchanged, failures });
    if (pause === undefined) return;
    // A clock that was set back must not make the pause longer.
    const wait = Math.min(pause * 1000, Math.max(0, this.lastAsked + pause * 1000 - this.clock.now()));
    this.callOff = this.clock.after(wait, () => void this.poll());
  }

  private async poll(): Promise<void> {
    this.asking = true;
    this.lastAsked = this.clock.now();
    try {
      await this.ask();
      this.failures = 0;
    } catch (error) {
      this.failures++;
      this.state = { ...this.state, ended: [], problem: messageOf(error) };
    }
    this.asking = false;
    if (this.stopped) return;
    this.options.onState(this.state);
    const soon = this.askAgain;
    this.askAgain = false;
    this.plan(soon);
  }

  private async ask(): Promise<void> {
    const { whose } = this.watched;
    let jobs: Job[] = [];
    if (whose === 'all') {
      jobs = await this.scheduler.queue('all');
      // The details of mine are asked for when something has happened to them.
      const mine = jobs.filter(({ user }) => user === this.options.user);
      const same = this.over !== undefined && this.missing.size === 0 && mine.length === this.mine.size && mine.every(({ id, state }) => this.mine.get(id)?.state === state); // prettier-ignore
      await this.takeMine(same ? undefined : await this.scheduler.queue('mine'));
      jobs = jobs.map((job) => ({ ...this.mine.get(job.id), ...job }));
    } else {
      await this.takeMine(await this.scheduler.queue('mine'));
      jobs = [...this.mine.values()];
    }
    const now = this.clock.now();
    let { load } = this.state;
    if (this.watched.attention === 'visible' && now - this.lastLoad >= LOAD_EVERY_MS) {
      this.lastLoad = now;
      // The load is an ornament: a site that does not allow the question still has a queue.
      load = await this.scheduler.load().catch(() => []);
    }
    this.state = { ...this.state, problem: undefined, taken: new Date(now).toISOString(), whose, jobs, load };
    const fingerprint = jobs.map(({ id, state, reason }) => `${id} ${state} ${reason?.name ?? ''}`).join('\n');
    this.unchanged = fingerprint === this.fingerprint && this.state.ended.length === 0 ? this.unchanged + 1 : 0;
    this.fingerprint = fingerprint;
  }

  /** Sorts my jobs into those that go on and those that ended; undefined where nothing has happened to them. */
  private async takeMine(rows: readonly Job[] | undefined): Promise<void> {
    this.state = { ...this.state, ended: [] };
    if (!rows) return;
    const before = this.mine;
    this.mine = new Map(rows.filter((job) => !isOver(job)).map((job) => [job.id, job]));
    const finished = rows.filter(isOver);
    const first = this.over === undefined;
    if (first) finished.push(...(await this.past()));
    const over = (this.over ??= new Set(finished.map(({ id }) => id)));
    const present = new Set(rows.map(({ id }) => id));
    // A row that stands for many tasks gets another id whenever one of them starts: no end.
    for (const [id, job] of before)
      if (!present.has(id) && (!job.array || /^\d+$/.test(job.array.tasks))) this.missing.set(id, { job, polls: 0 });
    if (this.missing.size > 0) {
      const times = [...this.missing.values()].map(({ job }) => Date.parse(job.started ?? job.submitted ?? ''));
      const earliest = times.every((time) => time > 0) ? Math.min(...times) - 60_000 : undefined;
      finished.push(...(await this.past(earliest)).filter(({ id }) => this.missing.has(id)));
    }
    const ended = new Map<string, Job>();
    for (const job of finished)
      if (!over.has(job.id)) ended.set(job.id, { ...before.get(job.id), ...this.missing.get(job.id)?.job, ...job });
    for (const [id, entry] of this.missing) {
      if (present.has(id) || ended.has(id) || over.has(id)) this.missing.delete(id);
      else if (++entry.polls >= PATIENCE) {
        this.missing.delete(id);
        ended.set(id, { ...entry.job, state: 'unknown', stateName: 'gone' });
      }
    }
    for (const id of ended.keys()) over.add(id);
    const news = [...ended.values()];
    const known = first ? finished : this.state.finished;
    const all = new Map([...news, ...known].map((job) => [job.id, job]));
    const list = [...all.values()].sort((a, b) => (b.ended ?? '').localeCompare(a.ended ?? '')).slice(0, KEPT);
    this.state = { ...this.state, ended: news, finished: list };
  }

  /** What ended since then by the cluster's clock, or in the last hours. */
  private async past(since?: number): Promise<Job[]> {
    const from = since ?? (await this.scheduler.now()).getTime() - HISTORY_HOURS * 3600_000;
    return (await this.scheduler.history(new Date(from))).jobs;
  }
}
