/** What every scheduler can do. Nothing outside the folders slurm/ and lsf/ knows a scheduler's words. */
import type { ClusterSnapshot, Job, JobAction } from '../protocol';
import type { SchedulerName } from '../batch';

/** A job to submit. */
export interface Submission {
  /** Text of the batch script, directives and all. */
  script: string;
  /** Folder on the host that the job starts in; relative log files lie there. */
  folder: string;
  /** Identifies this submission for ever: see `newToken`. It travels in the job's comment (Slurm) or description (LSF). */
  token: string;
  /** Options that win over the script's directives, e.g. `--job-name`, `--array`, `--dependency`; scheduler's own words. */
  options?: readonly string[];
}

/** What became of a submission. */
export interface Submitted {
  id: string;
  /** Warnings that the scheduler printed beside the id. */
  warnings: string[];
  /** True where the answer was lost and the job was found by its token. */
  found?: boolean;
}

/** What a dry run says. */
export interface DryRun {
  ok: boolean;
  /** The scheduler's own words, or why it has none. */
  message: string;
  /** 0-based line of the script that the message is about, where that can be told. */
  line?: number;
}

/** What an action did to one job. */
export interface ActionResult {
  id: string;
  ok: boolean;
  /** In words; where Slurm's scancel is silent we say what is true. */
  message: string;
}

/** All that was found in accounting, and why there may be less than asked for. */
export interface JobHistory {
  jobs: Job[];
  /** E.g. that accounting is off and only what this session saw is known. */
  note?: string;
}

export interface Scheduler {
  readonly name: SchedulerName;
  /** E.g. `22.05.8`. */
  version(): Promise<string>;
  /**
   * Submits once. Where the connection is lost before the answer came, the job is looked for by its token when the
   * connection is back; only the caller may decide to submit again.
   * @throws UserError with the scheduler's own words and, in `line`, the directive that caused them where known
   */
  submit(submission: Submission): Promise<Submitted>;
  /** The job of a token, queued, running or finished; undefined if there is none. */
  find(token: string): Promise<Submitted | undefined>;
  dryRun(script: string, folder: string): Promise<DryRun>;
  /** Unfinished jobs. One query. */
  queue(whose: 'mine' | 'all'): Promise<Job[]>;
  /** Everything known of one job; undefined if the scheduler has forgotten it. */
  job(id: string): Promise<Job | undefined>;
  act(action: JobAction, ids: readonly string[]): Promise<ActionResult[]>;
  /** My finished jobs since then. */
  history(since: Date): Promise<JobHistory>;
  /** Partitions, nodes, accounts and limits: what batch scripts are checked against. */
  snapshot(): Promise<ClusterSnapshot>;
}
