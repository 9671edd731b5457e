/** Runs on clusters until their end: looked at, fetched, recorded, and reported once. */
import type { Cluster } from '../cluster/cluster';
import { patienceSeconds } from '../cluster/profiles';
import type { TaskControl } from '../shared/progress';
import type { Dispatch } from '../shared/schema-types.gen';
import { continueRun, isInterrupted } from './continue';
import type { Ledger } from './ledger';
import { pullResults } from './pull';
import { lookAt, type Outcome, type RunState } from './track';

/** States in which something is still to come. */
export const OPEN_STATES: readonly Dispatch['state'][] = ['submitted', 'ended'];

/** Whether something of a run is under way on its cluster. */
export function isUnderWay(dispatch: Dispatch): boolean {
  return OPEN_STATES.includes(dispatch.state) || isInterrupted(dispatch);
}

/** What one look at a run found. */
export interface SyncResult {
  dispatch: Dispatch;
  state?: RunState;
  /** True in the one process that recorded the end: it tells the user. */
  ended: boolean;
  /** Its jobs are over, and what is not there yet may only not be visible yet: what that is, and until when it is looked for. */
  waiting?: { for: string; until: Date };
}

/**
 * Looks at a run once. If it is over, its results are fetched and recorded. This also makes up for the time an editor
 * was closed. A run that failed, or whose end is not known, is looked at again: what was missing may be there now.
 * @param token of the dispatch
 */
export async function syncRun(
  ledger: Ledger,
  token: string,
  cluster: Cluster,
  control: TaskControl = {},
): Promise<SyncResult> {
  const known = await ledger.named(token);
  const dispatch = isInterrupted(known) ? await continueRun(ledger, token, cluster) : known;
  const isOpen = OPEN_STATES.includes(dispatch.state);
  if (!isOpen && !(await mayChange(ledger, dispatch))) return { dispatch, ended: false };
  const state = await lookAt(cluster, dispatch);
  const settle = async (now: Dispatch): Promise<SyncResult> => {
    // Another process may have been faster.
    if (OPEN_STATES.includes(now.state) !== isOpen) return { dispatch: now, state, ended: false };
    return isOpen ? settleOpen(now) : settleAgain(now);
  };
  const settleOpen = async (now: Dispatch): Promise<SyncResult> => {
    const { outcome } = state;
    if (!outcome) return { dispatch: await aliveAgain(ledger, now), state, ended: false };
    const until = outcome.isFinal ? undefined : await patientUntil(cluster, now, state);
    if (until)
      return { dispatch: await awaited(ledger, now), state, ended: false, waiting: waitingFor(outcome, until) };
    return finished(now, outcome);
  };
  const settleAgain = async (now: Dispatch): Promise<SyncResult> => {
    const { outcome } = state;
    if (!outcome || !saysMore(outcome, now)) return { dispatch: now, state, ended: false };
    delete now.told;
    return finished(now, outcome);
  };
  const finished = async (now: Dispatch, outcome: Outcome): Promise<SyncResult> => {
    const pulled = await pullResults(ledger, cluster, now, outcome, control);
    const ended = pulled.told !== true;
    pulled.told = true;
    await ledger.save(pulled);
    return { dispatch: pulled, state, ended };
  };
  if (isOpen && !state.outcome && dispatch.state === 'submitted') return { dispatch, state, ended: false };
  const synced = await ledger.hold(token, async () => settle(await ledger.named(token)));
  return synced ?? { dispatch, state, ended: false };
}

/** Whether another look at a run that was given up may find more: not where a later attempt has taken its folder. */
async function mayChange(ledger: Ledger, dispatch: Dispatch): Promise<boolean> {
  const { state, token, cluster, folder, run } = dispatch;
  if (state !== 'unknown' && state !== 'failed' && state !== 'cancelled') return false;
  const { dispatches } = await ledger.all();
  const later = dispatches.slice(dispatches.findIndex((one) => one.token === token) + 1);
  return !later.some((one) => one.cluster === cluster && one.folder === folder && one.run === run);
}

/** Whether a later look says more than an earlier one. The scheduler forgets, so it may also say less. */
function saysMore({ state }: Outcome, before: Dispatch): boolean {
  return state === 'complete' || (before.state === 'unknown' && state !== 'unknown');
}

/** Its jobs were taken for ended, and are not: a scheduler that was restarted may not know them for a while. */
async function aliveAgain(ledger: Ledger, dispatch: Dispatch): Promise<Dispatch> {
  if (dispatch.state !== 'ended') return dispatch;
  dispatch.state = 'submitted';
  delete dispatch.ended;
  await ledger.save(dispatch);
  return dispatch;
}

/** Notes when the end was noticed: patience begins with it. */
async function awaited(ledger: Ledger, dispatch: Dispatch): Promise<Dispatch> {
  const noticed = Date.parse(dispatch.ended ?? '');
  if (dispatch.state === 'ended' && noticed <= Date.now()) return dispatch;
  // A clock that was set back must not lengthen it.
  dispatch.state = 'ended';
  dispatch.ended = new Date().toISOString();
  await ledger.save(dispatch);
  return dispatch;
}

/** When patience with a run ends; undefined where it has ended. */
async function patientUntil(cluster: Cluster, dispatch: Dispatch, { jobs }: RunState): Promise<Date | undefined> {
  const patience = patienceSeconds(cluster.profile) * 1000;
  const noticed = dispatch.state === 'ended' ? Date.parse(dispatch.ended ?? '') : NaN;
  const since = noticed <= Date.now() ? noticed : Date.now();
  const rest = since + patience - Date.now();
  if (rest <= 0) return undefined;
  // Of jobs whose end the scheduler knows, that counts: somebody who comes back the next day does not wait.
  const ends = jobs.map((job) => Date.parse(job?.ended ?? ''));
  if (ends.length > 0 && ends.every((end) => end > 0)) {
    const now = (await cluster.scheduler.now()).getTime();
    if (now - Math.max(...ends) > patience) return undefined;
  }
  return new Date(Date.now() + rest);
}

function waitingFor({ error }: Outcome, until: Date): SyncResult['waiting'] {
  return { for: error ?? 'Its results are not there yet', until };
}

/** How a run ended, in one line. */
export function endText({ name, cluster, code, engine, state, error, log, result }: Dispatch): string {
  if (state === 'complete') return `${name} on ${cluster} is complete${result ? `: ${result}` : ''}`;
  const why = error ? `: ${error.replace(/\.$/, '')}` : '';
  const where = log ? ` (${log})` : '';
  if (state === 'unknown') return `How ${name} on ${cluster} ended is not known${why}${where}; pull looks again`;
  if (state === 'preparing') return `${name} for ${cluster} was not submitted: submit it again at commit ${code.short}`;
  if (state !== 'failed' && state !== 'cancelled') return `${name} on ${cluster} is not over yet`;
  const what = state === 'cancelled' ? 'was cancelled' : 'failed';
  // generate.py makes all images again; another commit has another folder.
  const kept = engine === 'workbench' ? ' to continue: at the same commit finished images are kept' : '';
  return `${name} on ${cluster} ${what}${why}${where}; submit it again${kept}`;
}

/** Why a run whose jobs are over has no result yet, in one line. */
export function waitingText({ name, cluster }: Dispatch, waiting: NonNullable<SyncResult['waiting']>): string {
  const { for: what, until } = waiting;
  return `${name} on ${cluster} has ended. ${what}: it may not be visible yet, and is looked for until ${until.toTimeString().slice(0, 8)}`;
}
