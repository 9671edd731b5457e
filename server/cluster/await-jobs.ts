/** Waiting for the end of a job that was submitted from a script. */
import { isOver, type Job } from '../shared/protocol';
import type { Cluster } from './cluster';
import { keepLooking, type WaitOptions } from './keep-looking';

/** A job that the scheduler does not show is looked for so often before its end is called not known. */
const PATIENCE = 3;

/**
 * Waits until a job, or every task of an array, is over.
 * @param id as it was submitted
 * @param since a time of the host's clock before the submission
 * @param onLook told what each look saw
 * @returns the job or its tasks; none where the scheduler knows nothing of it any more
 * @throws UserError where it cannot be looked at any more, CancelledError; both say that the job goes on
 */
export async function awaitJobs(
  cluster: Cluster,
  id: string,
  since: Date,
  { onLook, ...options }: WaitOptions & { onLook?: (jobs: readonly Job[]) => void },
): Promise<Job[]> {
  // An ended task may leave the queue before the last one has begun.
  const ended = new Map<string, Job>();
  let looks = 0;
  const keep = (jobs: readonly Job[]): void => {
    for (const job of jobs) if (isOver(job)) ended.set(job.id, job);
  };
  const look = async ({ scheduler }: Cluster): Promise<Job[] | undefined> => {
    const shown = (await scheduler.queue('mine')).filter((job) => belongs(job, id));
    keep(shown);
    onLook?.([...new Map([...ended.values(), ...shown].map((job) => [job.id, job])).values()]);
    if (shown.some((job) => !isOver(job))) return undefined;
    keep((await scheduler.history(since)).jobs.filter((job) => belongs(job, id)));
    return ended.size > 0 || ++looks >= PATIENCE ? [...ended.values()] : undefined;
  };
  return keepLooking(cluster, look, () => `Job ${id} on ${cluster.profile.name} goes on`, options);
}

/** Whether a row is a job, one of its tasks or one of its components. */
function belongs({ id, array }: Job, whole: string): boolean {
  return id === whole || array?.id === whole || id.startsWith(`${whole}+`);
}
