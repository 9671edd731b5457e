/** Filling in what is known of a job. */
import type { Job } from '../shared/protocol';

/** Sets what is known: absent stays absent. */
export function set<K extends keyof Job>(job: Job, key: K, value: Job[K] | undefined): void {
  if (value !== undefined) job[key] = value;
}
