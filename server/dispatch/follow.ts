/** Runs on clusters until their end: looked at, fetched, recorded, and reported once. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../cluster/cluster';
import { CancelledError, UserError } from '../errors';
import type { TaskControl } from '../shared/progress';
import type { Dispatch } from '../shared/schema-types.gen';
import { jobNote } from './job-text';
import type { Ledger } from './ledger';
import { pullResults } from './pull';
import { lookAt, type RunState } from './track';

/** States in which something is still to come. */
export const OPEN_STATES: readonly Dispatch['state'][] = ['submitted', 'ended'];

/** What one look at a run found. */
export interface SyncResult {
  dispatch: Dispatch;
  state?: RunState;
  /** True in the one process that recorded the end: it tells the user. */
  ended: boolean;
}

/**
 * Looks at a run once. If it is over, its results are fetched and recorded. This also makes up for the time an editor
 * was closed.
 * @param token of the dispatch
 */
export async function syncRun(
  ledger: Ledger,
  token: string,
  cluster: Cluster,
  control: TaskControl = {},
): Promise<SyncResult> {
  const dispatch = await ledger.named(token);
  if (!OPEN_STATES.includes(dispatch.state)) return { dispatch, ended: false };
  const state = await lookAt(cluster, dispatch);
  const { outcome } = state;
  if (!outcome) return { dispatch, state, ended: false };
  const synced = await ledger.hold(token, async (): Promise<SyncResult> => {
    // Another process may have been faster.
    const now = await ledger.named(token);
    if (!OPEN_STATES.includes(now.state)) return { dispatch: now, state, ended: false };
    const pulled = await pullResults(ledger, cluster, now, outcome, control);
    const ended = pulled.told !== true;
    pulled.told = true;
    await ledger.save(pulled);
    return { dispatch: pulled, state, ended };
  });
  return synced ?? { dispatch, state, ended: false };
}

/**
 * Waits for the end of a run.
 * @param pollSeconds between two looks
 * @throws UserError where it failed, with the reason and the path of the log; CancelledError
 */
export async function awaitRun(
  ledger: Ledger,
  token: string,
  cluster: Cluster,
  pollSeconds: number,
  control: TaskControl = {},
): Promise<Dispatch> {
  for (;;) {
    if (control.signal?.aborted) throw new CancelledError();
    const { dispatch, state } = await syncRun(ledger, token, cluster, control);
    if (!OPEN_STATES.includes(dispatch.state)) {
      if (dispatch.state === 'complete') return dispatch;
      throw new UserError(endText(dispatch), 1);
    }
    const job = state?.jobs.find((one) => one && one.state !== 'done');
    const note = [job && jobNote(job), state?.note].filter(Boolean).join(', ');
    const phase = `Images on ${dispatch.cluster}`;
    control.onProgress?.({ phase, done: state?.done ?? 0, total: dispatch.images, note });
    await sleep(pollSeconds * 1000, undefined, { signal: control.signal }).catch(() => undefined);
  }
}

/** How a run ended, in one line. */
export function endText({ name, cluster, engine, state, error, log, result }: Dispatch): string {
  if (state === 'complete') return `${name} on ${cluster} is complete${result ? `: ${result}` : ''}`;
  const what = state === 'cancelled' ? 'was cancelled' : 'failed';
  // generate.py makes all images again; another commit has another folder.
  const kept = engine === 'workbench' ? ' to continue: at the same commit finished images are kept' : '';
  const why = error ? `: ${error.replace(/\.$/, '')}` : '';
  return `${name} on ${cluster} ${what}${why}${log ? ` (${log})` : ''}; submit it again${kept}`;
}
