/**
 * The queue of one cluster, shared by everyone who looks at it: one question per poll, never more often than the site
 * allows, less often when nobody is watching, and the end of each of my jobs reported exactly once.
 */
import { messageOf } from '../errors';
import { isOver, type Job, type QueueState, type WatchParams } from '../shared/protocol';
import { DEFAULT_REACH, EndedJobs, type HistoryReach } from './ended-jobs';
import type { Scheduler } from './scheduler';

/** Time, replaceable in tests. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs something later. @returns cancels it */
  after(milliseconds: number, run: () => void): () => void;
}

const systemClock: Clock = {
  now: () => Date.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
};

/** What decides the pause until the next question. */
export interface Interest {
  attention: WatchParams['attention'];
  /** Whether I have an unfinished job. */
  unfinished: boolean;
  /** Polls in a row without a change. */
  unchanged: number;
  /** Polls in a row that failed. */
  failures: number;
}

/** After so many polls without a change, we ask half as often. */
const IDLE_POLLS = 20;
const LONGEST_PAUSE = 600;
/** After so many failures in a row the pause is doubled no more: less often for a watcher, who wants to see it recover. */
const DOUBLINGS = { visible: 2, hidden: 6, none: 6 } as const;
/** A scheduler that has not answered for so long is told of, and still waited for. */
const SLOW_MS = 10_000;

/** Seconds until the next question; undefined where there is no reason to ask. @param floor shortest pause, from the profile */
export function pauseSeconds(
  floor: number,
  { attention, unfinished, unchanged, failures }: Interest,
): number | undefined {
  if (attention === 'none' && !unfinished) return undefined;
  const slow = attention === 'visible' ? (unchanged >= IDLE_POLLS ? 2 : 1) : 4;
  return Math.min(floor * slow * 2 ** Math.min(failures, DOUBLINGS[attention]), Math.max(LONGEST_PAUSE, floor * slow));
}

/** A job that left the queue and is not found is given up after so many polls. */
const PATIENCE = 3;
const LOAD_EVERY_MS = 60_000;
const DAY_MS = 86_400_000;

export interface QueueOptions {
  cluster: string;
  /** My name on the cluster. */
  user: string;
  /** Shortest pause between two questions. */
  floorSeconds: number;
  /** How much of the history one page is. Default: that of the settings' defaults. */
  reach?: () => Promise<HistoryReach>;
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
  private readonly ended: EndedJobs;
  /** Whether older jobs are to be asked for with the next question. */
  private wantsOlder = false;
  /** Ids of jobs whose end was reported, or is older than this watch. Undefined before the first answer. */
  private over: Set<string> | undefined;
  /** Jobs that left the queue, and how many polls ago. */
  private readonly missing = new Map<string, { job: Job; polls: number }>();

  constructor(
    private readonly scheduler: Pick<Scheduler, 'queue' | 'history' | 'load' | 'now'>,
    private readonly options: QueueOptions,
  ) {
    this.clock = options.clock ?? systemClock;
    this.ended = new EndedJobs(scheduler, options.reach ?? (() => Promise.resolve(DEFAULT_REACH)));
    const { cluster, user } = options;
    this.state = { cluster, taken: '', whose: 'mine', jobs: [], finished: [], user, ended: [], load: [] };
  }

  /** Sets how closely the user is watching, and whose jobs. */
  watch(attention: WatchParams['attention'], whose: WatchParams['whose']): void {
    const more = whose === 'all' && this.watched.whose === 'mine';
    this.watched = { attention, whose };
    if (more) this.unchanged = 0;
    this.plan(this.state.taken === '' || more);
  }

  /** Asks as soon as the shortest pause allows: the user asked, or has just changed something. */
  refresh(): void {
    this.unchanged = 0;
    this.failures = 0;
    this.plan(true);
  }

  /** Asks for jobs that ended before those that are known: one page, as soon as the shortest pause allows. */
  older(): void {
    this.wantsOlder = true;
    const { past } = this.state;
    if (past) this.state = { ...this.state, ended: [], past: { ...past, asking: true } };
    this.options.onState(this.state);
    this.plan(true);
  }

  /** A job of mine as of the last answer; undefined where that does not include it. */
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
    // A clock that was set back must not lengthen the pause.
    const wait = Math.min(pause * 1000, Math.max(0, this.lastAsked + pause * 1000 - this.clock.now()));
    this.callOff = this.clock.after(wait, () => void this.poll());
  }

  private async poll(): Promise<void> {
    this.asking = true;
    this.lastAsked = this.clock.now();
    const tellSlow = this.clock.after(SLOW_MS, () => {
      const problem = `The scheduler has not answered for ${SLOW_MS / 1000} s`;
      this.options.onState({ ...this.state, ended: [], problem });
    });
    try {
      await this.ask();
      this.failures = 0;
    } catch (error) {
      this.failures++;
      this.state = { ...this.state, ended: [], problem: messageOf(error) };
    }
    tellSlow();
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
      // The details of my jobs are only asked for when one of them has changed.
      const mine = jobs.filter(({ user }) => user === this.options.user);
      const same = this.over !== undefined && this.missing.size === 0 && mine.length === this.mine.size && mine.every(({ id, state }) => this.mine.get(id)?.state === state); // prettier-ignore
      await this.takeMine(same ? undefined : await this.scheduler.queue('mine'));
      jobs = jobs.map((job) => ({ ...this.mine.get(job.id), ...job }));
    } else {
      await this.takeMine(await this.scheduler.queue('mine'));
      jobs = [...this.mine.values()];
    }
    if (this.wantsOlder) {
      await this.ended.older();
      this.wantsOlder = false;
      for (const { id } of this.ended.jobs) this.over?.add(id);
      this.state = { ...this.state, finished: this.ended.jobs, past: this.ended.past };
    }
    const now = this.clock.now();
    let { load } = this.state;
    if (this.watched.attention === 'visible' && now - this.lastLoad >= LOAD_EVERY_MS) {
      this.lastLoad = now;
      // The load is optional: where the site does not allow the question, the queue is still shown.
      load = await this.scheduler.load().catch(() => []);
    }
    this.state = { ...this.state, problem: undefined, taken: new Date(now).toISOString(), whose, jobs, load };
    const fingerprint = jobs.map(({ id, state, reason }) => `${id} ${state} ${reason?.name ?? ''}`).join('\n');
    this.unchanged = fingerprint === this.fingerprint && this.state.ended.length === 0 ? this.unchanged + 1 : 0;
    this.fingerprint = fingerprint;
  }

  /** Sorts my jobs into unfinished and ended ones. @param rows undefined where none of them has changed */
  private async takeMine(rows: readonly Job[] | undefined): Promise<void> {
    this.state = { ...this.state, ended: [] };
    if (!rows) return;
    const before = this.mine;
    this.mine = new Map(rows.filter((job) => !isOver(job)).map((job) => [job.id, job]));
    const finished = rows.filter(isOver);
    const first = this.over === undefined;
    if (first) {
      await this.ended.open();
      finished.push(...this.ended.jobs);
    }
    const over = (this.over ??= new Set(finished.map(({ id }) => id)));
    const present = new Set(rows.map(({ id }) => id));
    // A row for many tasks gets another id whenever one of them starts, which is not an end.
    for (const [id, job] of before)
      if (!present.has(id) && (!job.array || /^\d+$/.test(job.array.tasks))) this.missing.set(id, { job, polls: 0 });
    if (this.missing.size > 0) {
      const times = [...this.missing.values()].map(({ job }) => Date.parse(job.started ?? job.submitted ?? ''));
      const earliest = times.every((time) => time > 0) ? Math.min(...times) - 60_000 : undefined;
      finished.push(...(await this.endedSince(earliest)).filter(({ id }) => this.missing.has(id)));
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
    this.ended.add(first ? [...news, ...finished] : news);
    const { asking } = this.state.past ?? {};
    const past = { ...this.ended.past, ...(asking && { asking }) };
    this.state = { ...this.state, ended: news, finished: this.ended.jobs, past };
  }

  /** Jobs that ended since then by the cluster's clock, or on the last day. */
  private async endedSince(since?: number): Promise<Job[]> {
    const from = since ?? (await this.scheduler.now()).getTime() - DAY_MS;
    return (await this.scheduler.history(new Date(from))).jobs;
  }
}
