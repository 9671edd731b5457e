/** Runs on clusters until they are over: looked at, fetched, recorded, told once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledError, UserError } from '../errors';
import type { TaskControl } from '../shared/progress';
import type { Dispatch } from '../shared/schema-types.gen';
import type { Ledger } from './ledger';
import { pullResults } from './pull';
import { Remote, type ClusterAccess } from './remote';
import { lookAt, type RunState } from './track';

/** States in which something is still to come. */
export const OPEN_STATES: readonly Dispatch['state'][] = ['submitted', 'ended'];

/** What one look brought. */
export interface Caught {
  dispatch: Dispatch;
  state?: RunState;
  /** True for the one process that brought the end home: it tells the user. */
  ended: boolean;
}

/**
 * One look at a run; if it is over, its results are fetched and recorded. Also what makes up for an editor that was
 * closed meanwhile.
 * @param token of the dispatch
 */
export async function catchUp(
  ledger: Ledger,
  token: string,
  access: ClusterAccess,
  control: TaskControl = {},
): Promise<Caught> {
  const dispatch = await ledger.named(token);
  if (!OPEN_STATES.includes(dispatch.state)) return { dispatch, ended: false };
  const remote = await Remote.open(access);
  const state = await lookAt(remote, dispatch);
  const { outcome } = state;
  if (!outcome) return { dispatch, state, ended: false };
  const caught = await ledger.hold(token, async (): Promise<Caught> => {
    // Another process may have been quicker.
    const now = await ledger.named(token);
    if (!OPEN_STATES.includes(now.state)) return { dispatch: now, state, ended: false };
    const pulled = await pullResults(ledger, remote, now, outcome, control);
    const ended = pulled.told !== true;
    pulled.told = true;
    await ledger.save(pulled);
    return { dispatch: pulled, state, ended };
  });
  return caught ?? { dispatch, state, ended: false };
}

/**
 * Waits for the end of a run.
 * @param pollSeconds between two looks
 * @throws UserError where it failed, in words and with the log's place; CancelledError
 */
export async function awaitRun(
  ledger: Ledger,
  token: string,
  access: ClusterAccess,
  pollSeconds: number,
  control: TaskControl = {},
): Promise<Dispatch> {
  for (;;) {
    if (control.signal?.aborted) throw new CancelledError();
    const { dispatch, state } = await catchUp(ledger, token, access, control);
    if (!OPEN_STATES.includes(dispatch.state)) {
      if (dispatch.state === 'complete') return dispatch;
      throw new UserError(endText(dispatch), 1);
    }
    const job = state?.jobs.find((one) => one && one.state !== 'done');
    const note = [job && `job ${job.id} ${job.stateName}`, job?.reason?.text, state?.note].filter(Boolean).join(', ');
    control.onProgress?.({
      phase: `Images on ${dispatch.cluster}`,
      done: state?.done ?? 0,
      total: dispatch.images,
      note,
    });
    await sleep(pollSeconds * 1000, undefined, { signal: control.signal }).catch(() => undefined);
  }
}

/** How a run ended, in one line. */
export function endText({ name, cluster, engine, state, error, log, result }: Dispatch): string {
  if (state === 'complete') return `${name} on ${cluster} is complete${result ? `: ${result}` : ''}`;
  const what = state === 'cancelled' ? 'was cancelled' : 'failed';
  // generate.py makes all images again; another commit has a folder of its own.
  const kept = engine === 'workbench' ? ' to continue: at the same commit finished images are kept' : '';
  const why = error ? `: ${error.replace(/\.$/, '')}` : '';
  return `${name} on ${cluster} ${what}${why}${log ? ` (${log})` : ''}; submit it again${kept}`;
}
