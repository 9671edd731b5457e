/** Jobs in a few words, for progress and messages. */
import type { Job } from '../shared/protocol';
import type { Dispatch } from '../shared/schema-types.gen';

/** `job 42 PENDING, Waiting for other jobs.` */
export function jobNote({ id, stateName, reason }: Job): string {
  return `job ${id} ${stateName}${reason ? `, ${reason.text}` : ''}`;
}

/** `job 42` or `jobs 42 and 43`. */
export function jobsText({ jobs }: Pick<Dispatch, 'jobs'>): string {
  const ids = jobs.flatMap(({ id }) => id ?? []);
  return `job${ids.length === 1 ? '' : 's'} ${ids.join(' and ')}`;
}

/** That a run goes on whose submission had been interrupted. */
export function continuedText(dispatch: Pick<Dispatch, 'name' | 'code' | 'cluster' | 'jobs'>): string {
  const { name, code, cluster } = dispatch;
  return `The submission of ${name} at ${code.short} to ${cluster} had been interrupted, and is continued: ${jobsText(dispatch)}`;
}
