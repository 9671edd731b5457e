/**
 * Runs whose submission was interrupted after their first job: they go on with what lies on the cluster, whatever was
 * committed here since then.
 */
import type { Cluster } from '../cluster/cluster';
import type { Dispatch } from '../shared/schema-types.gen';
import type { Ledger } from './ledger';
import type { JobScript } from './script';
import { foundJob, submitJobs } from './submit-jobs';

/** All jobs that a run can have, in the order of their submission. */
const ROLES: readonly JobScript['role'][] = ['generate', 'fid', 'finish'];

/** Whether a submission ended in the middle of its jobs, if no live process holds it. */
export function isInterrupted({ state, folder, jobs }: Dispatch): boolean {
  return state === 'preparing' && folder !== '' && jobs.length > 0;
}

/**
 * Submits the jobs that are missing, where the first one was submitted. Nothing happens where another process is
 * submitting it, or where no job of it exists: then there is nothing to bring home.
 * @returns the dispatch as it is now @throws SubmissionUnknownError, UserError; the same call continues
 */
export async function continueRun(ledger: Ledger, token: string, cluster: Cluster): Promise<Dispatch> {
  const continued = await ledger.hold(token, async () => {
    const dispatch = await ledger.named(token);
    const [first] = dispatch.jobs;
    if (!first || !isInterrupted(dispatch)) return dispatch;
    const id = first.id ?? (await foundJob(cluster, first));
    if (id === undefined) return dispatch;
    first.id = id;
    dispatch.notes = [...new Set([...dispatch.notes, 'Its submission was interrupted, and was continued later'])];
    // They were written before the first job was submitted.
    await submitJobs(ledger, dispatch, await writtenScripts(cluster, dispatch), cluster);
    return dispatch;
  });
  return continued ?? ledger.named(token);
}

async function writtenScripts({ files }: Cluster, { folder, run, jobs }: Dispatch): Promise<JobScript[]> {
  const scripts: JobScript[] = [];
  for (const role of ROLES) {
    const file = `${folder}/${run}/${role}.sh`;
    if (!(await files.stat(file))) continue;
    const tasks = jobs.find((job) => job.role === role)?.tasks;
    scripts.push({ role, text: (await files.read(file)).toString(), ...(tasks && { tasks }) });
  }
  return scripts;
}
