/** Waiting for the end of a run in one process, whatever happens to the connection and to the scheduler meanwhile. */
import type { Cluster } from '../cluster/cluster';
import { keepLooking, type WaitOptions } from '../cluster/keep-looking';
import { UserError } from '../errors';
import type { TaskControl } from '../shared/progress';
import { endText, OPEN_STATES, syncRun, waitingText } from './follow';
import { jobNote, jobsText } from './job-text';
import type { Ledger } from './ledger';
import type { Dispatch } from '../shared/schema-types.gen';

/** How a run is waited for. */
export interface RunWait extends Omit<WaitOptions, 'signal'> {
  control?: TaskControl;
}

/**
 * Waits for the end of a run. A look that fails is repeated.
 * @throws UserError where it failed, with the reason and the path of the log, or where it cannot be looked at any more;
 * CancelledError; both say that the jobs go on where they do
 */
export async function awaitRun(
  ledger: Ledger,
  token: string,
  cluster: Cluster,
  { control = {}, ...options }: RunWait,
): Promise<Dispatch> {
  const dispatch = await keepLooking(
    cluster,
    (open) => look(ledger, token, open, control),
    async () => goesOn(await ledger.named(token)),
    { ...options, signal: control.signal },
  );
  if (dispatch.state === 'complete') return dispatch;
  throw new UserError(endText(dispatch), 1);
}

/** One look. @returns the run where it has ended */
async function look(
  ledger: Ledger,
  token: string,
  cluster: Cluster,
  control: TaskControl,
): Promise<Dispatch | undefined> {
  const { dispatch, state, waiting } = await syncRun(ledger, token, cluster, control);
  if (!OPEN_STATES.includes(dispatch.state)) return dispatch;
  const job = state?.jobs.find((one) => one && one.state !== 'done');
  const note = [job && jobNote(job), state?.note, waiting && waitingText(dispatch, waiting)].filter(Boolean).join(', ');
  const phase = `Images on ${dispatch.cluster}`;
  control.onProgress?.({ phase, done: state?.done ?? 0, total: dispatch.images, note });
  return undefined;
}

/** That a run does not need the one who waits for it. */
function goesOn(dispatch: Dispatch): string {
  const { name, cluster, jobs } = dispatch;
  const verb = jobs.filter(({ id }) => id !== undefined).length === 1 ? 'goes' : 'go';
  return `${name} on ${cluster} does not need this terminal: ${jobsText(dispatch)} ${verb} on, and "pull" brings the results`;
}
