/** What every scheduler can do. Nothing outside the folders slurm/ and lsf/ knows a scheduler's words. */
import type { SchedulerName } from '../shared/scheduler-name';
import { UserError } from '../errors';
import type { ClusterSnapshot, Job, JobAction, PartitionLoad } from '../shared/protocol';

/** A job to submit. */
export interface Submission {
  /** Text of the batch script, directives and all. */
  script: string;
  /** Folder on the host that the job starts in; relative log files lie there. */
  folder: string;
  /** Identifies this submission for ever: see `newToken`. It travels in the job's comment (Slurm) or description (LSF). */
  token: string;
  /** Used where the script names none; without a name the job has the one that the scheduler gives to a script read from a pipe. */
  defaults?: { account?: string; partition?: string; name?: string };
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

/** The scheduler said no. The message is in its own words. */
export class RefusedError extends UserError {
  /** @param line 0-based line of the script that caused it, where that can be told */
  constructor(
    message: string,
    readonly line?: number,
  ) {
    super(message, 1);
    this.name = 'RefusedError';
  }
}

export interface Scheduler {
  readonly name: SchedulerName;
  /** As its users call it: `Slurm` or `LSF`. */
  readonly title: string;
  /** E.g. `22.05.8`. */
  version(): Promise<string>;
  /**
   * Submits once. Where the connection is lost before the answer came, the job is looked for by its token when the
   * connection is back; only the caller may decide to submit again.
   * @throws RefusedError, SubmissionUnknownError, UserError
   */
  submit(submission: Submission): Promise<Submitted>;
  /** The job of a token, queued, running or finished; undefined if there is none. */
  find(token: string): Promise<Submitted | undefined>;
  dryRun(script: string, folder: string): Promise<DryRun>;
  /**
   * One query. `all`: everybody's unfinished jobs, without folders, logs and tokens. `mine`: all of that, and my jobs
   * that ended so lately that the scheduler still shows them.
   */
  queue(whose: 'mine' | 'all'): Promise<Job[]>;
  /** Everything known of one job; undefined if the scheduler has forgotten it. */
  job(id: string): Promise<Job | undefined>;
  /** All that a running job has written, for schedulers that write its log only at its end; undefined where nothing is told. */
  peek?(id: string, stream: 'stdout' | 'stderr'): Promise<string | undefined>;
  /** The batch script of a job as the scheduler keeps it. @throws UserError where it does not */
  script(id: string): Promise<string>;
  act(action: JobAction, ids: readonly string[]): Promise<ActionResult[]>;
  /** What the clock of the host says: all times of jobs are by it, and ours may be days off. */
  now(): Promise<Date>;
  /** My jobs that finished since then, by the clock of the host. */
  history(since: Date): Promise<JobHistory>;
  /** Partitions, nodes, accounts and limits: what batch scripts are checked against. */
  snapshot(): Promise<ClusterSnapshot>;
  /** CPUs and GPUs per partition, used of all. */
  load(): Promise<PartitionLoad[]>;
}
