/** What every scheduler can do. Nothing outside the folders slurm/ and lsf/ knows a scheduler's words. */
import type { SchedulerName } from '../shared/scheduler-name';
import { UserError } from '../errors';
import type { ClusterSnapshot, Job, JobAction, PartitionLoad } from '../shared/protocol';

/** A job to submit. */
export interface Submission {
  /** Text of the script with its directives. */
  script: string;
  /** Folder on the host that the job starts in; relative paths of logs start there. */
  folder: string;
  /** Identifies this submission, see `newToken`. It is part of the job's comment (Slurm) or description (LSF). */
  token: string;
  /** Used where the script gives none. Without a name, the scheduler names the job as it names a script from a pipe. */
  defaults?: { account?: string; partition?: string; name?: string };
  /** True for a script of the user's, whose job gets the environment of a login shell, as it does by hand. */
  asByHand?: boolean;
  /** Options that win over the script's directives, e.g. `--job-name`, `--array`, `--dependency`; in the scheduler's own words. */
  options?: readonly string[];
}

/** What became of a submission. */
export interface Submitted {
  id: string;
  /** Warnings that the scheduler printed together with the id. */
  warnings: string[];
  /** True where the answer was lost and the job was found by its token. */
  found?: boolean;
}

/** What a dry run says. */
export interface DryRun {
  ok: boolean;
  /** The scheduler's own words, or why it has none. */
  message: string;
  /** 0-based line of the script that the message is about, where that is known. */
  line?: number;
}

/** What an action did to one job. */
export interface ActionResult {
  id: string;
  ok: boolean;
  /** In words; where Slurm's scancel is silent, from the job's state afterwards. */
  message: string;
}

/** The jobs found in accounting, and why some may be missing. */
export interface JobHistory {
  jobs: Job[];
  /** E.g. that accounting is off, and only jobs that ended in the last minutes are known. */
  note?: string;
  /** True where nobody could be asked for more than the last minutes. */
  unanswered?: true;
}

/** The scheduler refused. The message is in its own words. */
export class RefusedError extends UserError {
  /** @param line 0-based line of the script that caused it, where that is known */
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
  /** Its name for the user: `Slurm` or `LSF`. */
  readonly title: string;
  /** Where the output of a job is that has no log file, or cannot write it: a sentence; absent where it is lost. */
  readonly withoutFile?: string;
  /** E.g. `22.05.8`. */
  version(): Promise<string>;
  /**
   * Submits once. If the connection is lost before the answer, the job is looked for by its token when the connection
   * is back. Only the caller may decide to submit again.
   * @throws RefusedError, SubmissionUnknownError, UserError
   */
  submit(submission: Submission): Promise<Submitted>;
  /** The job of a token, queued, running or finished; undefined if there is none. */
  find(token: string): Promise<Submitted | undefined>;
  dryRun(script: string, folder: string): Promise<DryRun>;
  /**
   * One query. `all`: everybody's unfinished jobs, without folders, logs and tokens. `mine`: my jobs with all of these,
   * including jobs that ended so recently that the scheduler still shows them.
   */
  queue(whose: 'mine' | 'all'): Promise<Job[]>;
  /** Everything known about one job; undefined if the scheduler no longer knows it. */
  job(id: string): Promise<Job | undefined>;
  /** What a running job has written so far, for schedulers that write its log only at its end; undefined where that is unknown. */
  peek?(id: string, stream: 'stdout' | 'stderr'): Promise<string | undefined>;
  /** The script of a job as the scheduler keeps it. @throws UserError where it keeps none */
  script(id: string): Promise<string>;
  act(action: JobAction, ids: readonly string[]): Promise<ActionResult[]>;
  /** The time of the host's clock, which all times of jobs refer to; ours may be days off. */
  now(): Promise<Date>;
  /**
   * My jobs that finished since then, by the clock of the host.
   * @param until jobs that finished then or later are left out; what the queue still shows is then not asked for
   */
  history(since: Date, until?: Date): Promise<JobHistory>;
  /** Partitions, nodes, accounts and limits: what scripts are checked against. */
  snapshot(): Promise<ClusterSnapshot>;
  /** CPUs and GPUs of each partition: used, and all. */
  load(): Promise<PartitionLoad[]>;
}
