/** `submit SCRIPT`: a batch script to the scheduler, and its end where that is waited for. */
import { awaitJobs } from '../cluster/await-jobs';
import type { Cluster } from '../cluster/cluster';
import { scriptText, type Clusters } from '../cluster/clusters';
import { MissingLogFoldersError } from '../cluster/log-place';
import { answer, NoTerminalError } from '../cluster/ssh/terminal-prompter';
import { jobNote } from '../dispatch/job-text';
import { CancelledError, UserError } from '../errors';
import { JOB_STATES, stateCounts } from '../shared/jobs';
import { isOver, type Job, type SubmitResult } from '../shared/protocol';
import { print, printNotes, relative, say, tell, type Call } from './command';
import { jobLine } from './job-line';
import { openSession } from './session';

/** Seconds between two looks at a job that is waited for, at least. */
const LOOK_EVERY = 15;
/** Most tasks of an array that get a line each. */
const MOST_LINES = 10;

/** @param script its absolute path @returns exit status */
export async function submitScript(script: string, call: Call<'submit'>): Promise<number> {
  const { values } = call;
  const text = await scriptText(script); // read before a password is asked for
  const { clusters, name: cluster, cluster: open } = await openSession(call, values.cluster);
  const params = { cluster, script, text, folder: values.folder, from: process.cwd() };
  if (values['dry-run']) {
    const { ok, message, line } = await clusters.dryRun(params);
    if (values.json) print({ ok, message, line });
    else say(`${line === undefined ? '' : `${relative(script)}:${line + 1}: `}${message}`);
    return ok ? 0 : 1;
  }
  // By the clock there: the job is looked for among those that ended since.
  const since = values.wait ? await open.scheduler.now() : undefined;
  const asking = clusters.submit({ ...params, logFolders: 'ask' }).catch(async (error: unknown) => {
    if (!(error instanceof MissingLogFoldersError)) throw error;
    return clusters.submit({ ...params, logFolders: await askAboutLogFolders(error) });
  });
  const submitted = await asking.catch((error: unknown) => {
    const { line } = error as { line?: unknown };
    if (error instanceof UserError && typeof line === 'number')
      throw new UserError(`${relative(script)}:${line + 1}: ${error.message}`, 1);
    throw error;
  });
  printNotes(submitted.warnings);
  if (since) return waitForScript(submitted, since, clusters, open, call);
  if (values.json) print(submitted);
  else say(submitted.id);
  return 0;
}

/** Waits for the end of what was submitted. @returns 0 where all of it succeeded */
async function waitForScript(
  submitted: SubmitResult,
  since: Date,
  clusters: Clusters,
  cluster: Cluster,
  { values, withProgress }: Call<'submit'>,
): Promise<number> {
  const { id } = submitted;
  const { name, poll_seconds = 0 } = cluster.profile;
  if (!values.json) say(id);
  const jobs = await withProgress(({ signal, onProgress }) =>
    awaitJobs(cluster, id, since, {
      pollSeconds: Math.max(LOOK_EVERY, poll_seconds),
      signal,
      reopen: () => clusters.open(name, true),
      onTrouble: tell,
      onLook: (seen) => {
        const running = seen.find((one) => !isOver(one));
        const done = seen.filter(isOver).length;
        onProgress({ phase: `Job ${id}`, done, total: Math.max(seen.length, 1), ...(running && { note: jobNote(running) }) }); // prettier-ignore
      },
    }),
  );
  if (values.json) print({ ...submitted, jobs });
  else for (const line of endLines(id, name, jobs)) tell(line);
  return jobs.length > 0 && jobs.every(({ state }) => state === 'done') ? 0 : 1;
}

/** How a job ended: its line, or of an array the numbers of its tasks and those that did not succeed. */
function endLines(id: string, cluster: string, jobs: readonly Job[]): string[] {
  const [first, another] = jobs;
  if (!first) return [`How job ${id} ended is not known: the scheduler of ${cluster} does not show it any more`];
  if (!another) return [jobLine(first)];
  const counts = stateCounts(jobs).map(([state, number]) => `${number} ${JOB_STATES[state].word}`);
  const others = jobs.filter(({ state }) => state !== 'done');
  return [
    `${jobs.length} jobs of ${id}: ${counts.join(', ')}`,
    ...others.slice(0, MOST_LINES).map(jobLine),
    ...(others.length > MOST_LINES ? [`and ${others.length - MOST_LINES} more`] : []),
  ];
}

/** What becomes of missing log folders. Without a terminal they are told, and told again with the job. @throws CancelledError */
async function askAboutLogFolders({ folders, message }: MissingLogFoldersError): Promise<'make' | 'leave'> {
  tell(message.replace(/^Nothing was submitted: /, ''));
  const what = folders.length === 1 ? 'it' : 'them';
  const question = `Make ${what} now (y), submit without ${what} (s), or submit nothing (N)? `;
  const said = await answer(question).catch((error: unknown) => {
    if (error instanceof NoTerminalError) return 's';
    throw error;
  });
  if (/^y(es)?$/i.test(said)) return 'make';
  if (/^s$/i.test(said)) return 'leave';
  throw new CancelledError('Nothing was submitted');
}
