/** How a job of LSF ended: its state is only EXIT, so that is read from LSF's reason, its exit code, its times and its events. */
import type { Job, JobState } from '../../shared/protocol';
import { stateNamed } from '../states';

/** Our states by LSF's reasons for an end; a reason that is missing here leaves the job failed. */
const TERMINATIONS: readonly [RegExp, JobState][] = [
  [/TERM_(?:RUNLIMIT|DEADLINE|CPULIMIT)/, 'timeout'],
  [/TERM_(?:MEMLIMIT|SWAP)/, 'memory'],
  [/TERM_(?:OWNER|ADMIN|FORCE_OWNER|FORCE_ADMIN|REMOVE_HUNG_JOB|ORPHAN_SYSTEM|BUCKET_KILL|PREEMPT|WINDOW|LOAD|REQUEUE_OWNER|REQUEUE_ADMIN)/, 'cancelled'],
]; // prettier-ignore

/** 128 and the signals that LSF ends jobs with: SIGUSR2 at the run limit; SIGINT, SIGTERM and SIGKILL in turn then and by bkill. */
const [INTERRUPTED, KILLED, RUN_LIMIT, TERMINATED] = [130, 137, 140, 143];
const SIGNALLED: readonly (number | undefined)[] = [INTERRUPTED, KILLED, RUN_LIMIT, TERMINATED];
/** Times are in whole seconds. */
const ROUNDING = 1;

/** What is known of a job whose state is EXIT. */
export interface Exit {
  /** LSF's words: `TERM_OWNER: job killed by owner`. Empty where it gives none, as engines before IBM's do. */
  why: string;
  exitCode?: number;
  /** Whether it was ever started. */
  started: boolean;
  /** Seconds. */
  ran?: number;
  limit?: number;
}

/** State of a job that ended with EXIT, and the reason where LSF's words do not give it. */
export function endingOf({ why, exitCode, started, ran, limit }: Exit): Pick<Job, 'reason'> & { state: JobState } {
  const word = /TERM_\w+/.exec(why)?.[0];
  if (word !== undefined)
    return { state: TERMINATIONS.find(([pattern]) => pattern.test(word))?.[1] ?? 'failed', reason: reasonNamed(word) };
  if (!started) return { state: 'cancelled', reason: { name: 'EXIT', text: 'Killed before it started.' } };
  const reached = limit !== undefined && ran !== undefined && ran >= limit - ROUNDING;
  if (SIGNALLED.includes(exitCode) && (reached || (exitCode === RUN_LIMIT && limit === undefined)))
    return { state: 'timeout', reason: reasonNamed('TERM_RUNLIMIT') };
  if (exitCode === INTERRUPTED) {
    const text = 'Ended by SIGINT (exit code 130) before its run limit, as bkill ends a job.';
    return { state: 'cancelled', reason: { name: 'EXIT', text } };
  }
  return { state: 'failed' };
}

/** Whether only the events of a job (bhist) can tell what ended it. */
export function isUnclear({ stateName, exitCode, reason, state }: Job): boolean {
  return (
    stateName === 'EXIT' && !reason?.name.startsWith('TERM_') && state !== 'timeout' && SIGNALLED.includes(exitCode)
  );
}

/** A reason of LSF's own name, in words; undefined where it is not known. */
export function reasonNamed(name: string): Job['reason'] {
  const found = stateNamed('lsf', name);
  return found && { name, text: found.help, ...(found.remedy !== undefined && { remedy: found.remedy }) };
}
