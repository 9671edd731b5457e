/** The states of a job. */

/** One state for all schedulers; a job's `stateName` is the scheduler's own word. */
export type JobState =
  | 'queued'
  | 'held'
  | 'running'
  | 'suspended'
  | 'ending'
  | 'done'
  | 'failed'
  | 'cancelled'
  | 'timeout'
  | 'memory'
  | 'unknown';

/** States in which nothing more will happen to a job. */
export const FINISHED_STATES: readonly JobState[] = ['done', 'failed', 'cancelled', 'timeout', 'memory'];

/** True once a job has ended, well or badly. */
export function isOver({ state }: { state: JobState }): boolean {
  return FINISHED_STATES.includes(state);
}
