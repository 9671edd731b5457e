/** Filling in what is known about a job. */
import type { Job } from '../shared/protocol';

/** Sets a field that is known; an unknown one stays absent. */
export function set<K extends keyof Job>(job: Job, key: K, value: Job[K] | undefined): void {
  if (value !== undefined) job[key] = value;
}
