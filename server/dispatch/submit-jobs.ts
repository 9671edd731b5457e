/** The jobs of a run, each submitted once: also by a process that goes on where another was killed. */
import type { Cluster } from '../cluster/cluster';
import { RefusedError } from '../cluster/scheduler';
import { lookOnce, recover, SubmissionUnknownError } from '../cluster/submission';
import { newToken } from '../cluster/token';
import { UserError } from '../errors';
import { partitionText } from '../jobs/job-options';
import { isOver } from '../shared/protocol';
import type { Dispatch, DispatchedJob } from '../shared/schema-types.gen';
import { jobsText } from './job-text';
import type { Ledger } from './ledger';
import { waitingFor, type JobScript } from './script';

/**
 * Submits the jobs of a run that have not been submitted, in their order. What the caller must hold is written down before
 * and after each.
 * @throws RefusedError, SubmissionUnknownError, UserError; the same call continues
 */
export async function submitJobs(
  ledger: Ledger,
  dispatch: Dispatch,
  scripts: readonly JobScript[],
  cluster: Cluster,
): Promise<void> {
  let before: string | undefined;
  // A job that was submitted just now cannot have ended and been forgotten.
  let isFresh = false;
  for (const { role, text, tasks } of scripts) {
    const known = dispatch.jobs.find((job) => job.role === role);
    const id = known && (known.id ?? (await foundJob(cluster, known)));
    if (known && id) known.id = id;
    else {
      const options = before ? await dependency(cluster, role, before, isFresh) : [];
      if (!options) break;
      // Written down first, so that a later call can look for this token.
      const job: DispatchedJob = { role, token: newToken(), ...(tasks && { tasks }) };
      dispatch.jobs = [...dispatch.jobs.filter((one) => one.role !== role), job];
      await ledger.save(dispatch);
      const { scheduler, profile } = cluster;
      const submission = {
        script: text,
        folder: dispatch.folder,
        token: job.token,
        defaults: { account: profile.account, partition: partitionText(profile) },
        options,
      };
      const submitted = await scheduler.submit(submission).catch(async (error: unknown) => {
        if (error instanceof RefusedError) throw await refused(ledger, dispatch, job, error, scheduler);
        throw error;
      });
      job.id = submitted.id;
      isFresh = true;
      dispatch.notes = [...new Set([...dispatch.notes, ...submitted.warnings])];
    }
    await ledger.save(dispatch);
    before = dispatch.jobs.find((job) => job.role === role)?.id;
  }
  dispatch.state = 'submitted';
  delete dispatch.error;
  await ledger.save(dispatch);
}

/**
 * Writes down that the scheduler refused a job: the run is not under way any more, and says why. Jobs of it that were
 * accepted before are cancelled, as the run cannot be completed without this one.
 * @returns what is to be thrown
 */
async function refused(
  ledger: Ledger,
  dispatch: Dispatch,
  job: DispatchedJob,
  error: RefusedError,
  scheduler: Cluster['scheduler'],
): Promise<RefusedError> {
  dispatch.jobs = dispatch.jobs.filter((one) => one !== job);
  const ids = dispatch.jobs.flatMap(({ id }) => id ?? []);
  const results = await scheduler.act('cancel', ids).catch(() => undefined);
  const alive = ids.filter((id) => !results?.some((one) => one.id === id && one.ok));
  const words = [
    ids.length > alive.length ? `; what was accepted before of this run (${jobsText(dispatch)}) was cancelled` : '',
    // It stays as it is: the next submission continues it, and makes nothing twice.
    alive.length > 0 ? `; still there: ${alive.join(', ')}, submit again to continue or cancel it` : '',
  ];
  dispatch.error = `${error.message}${words.join('')}`;
  if (alive.length === 0) {
    dispatch.state = 'failed';
    dispatch.ended = new Date().toISOString();
    dispatch.told = true;
  }
  await ledger.save(dispatch);
  return new RefusedError(dispatch.error, error.line);
}

/**
 * The options that make a job wait for the one before it. A scheduler refuses to wait for a job that it no longer knows,
 * as after a submission that was interrupted.
 * @returns undefined where the job is not to be submitted: the one before has failed, and it needs its success
 */
async function dependency(
  { scheduler }: Cluster,
  role: JobScript['role'],
  before: string,
  isFresh: boolean,
): Promise<readonly string[] | undefined> {
  const job = isFresh ? undefined : await scheduler.job(before);
  if (!isFresh && !job) return [];
  // Of an array, one task is known here: the scheduler knows when all have ended.
  if (!job || role === 'finish' || !isOver(job)) return waitingFor(scheduler.name, role, before);
  return job.state === 'done' ? [] : undefined;
}

/**
 * The job of a submission whose answer was lost. A submission that has not begun is withdrawn, so that another may be
 * made.
 * @returns its id; undefined where there is no job
 * @throws SubmissionUnknownError where that cannot be known now
 */
export async function foundJob({ scheduler, host }: Cluster, { token }: DispatchedJob): Promise<string | undefined> {
  await recover(host, token).catch((error: unknown) => {
    if (error instanceof SubmissionUnknownError || !(error instanceof UserError)) throw error;
  });
  const { found, isOpen } = await lookOnce(host, token, (one) => scheduler.find(one));
  if (!found && isOpen)
    throw new SubmissionUnknownError(
      `The scheduler has not answered submission ${token} yet, and there may be a job soon: try again in a minute`,
      token,
    );
  return found?.id;
}
