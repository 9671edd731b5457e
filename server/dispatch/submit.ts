/**
 * From a config to jobs on a cluster. Every step can be interrupted and is done once: what has arrived is not sent again,
 * and a job's token is written down before it is submitted, so that it can be looked for before it is submitted again.
 */
import type { Cluster } from '../cluster/cluster';
import { recover, SubmissionUnknownError } from '../cluster/submission';
import { newToken } from '../cluster/token';
import { UserError } from '../errors';
import type { RunSource } from '../runs/source';
import type { TaskControl } from '../shared/progress';
import type { Dispatch, DispatchedJob } from '../shared/schema-types.gen';
import { shipCommit } from './code';
import type { DirtyChoice } from './dirty-choice';
import { draftRun, runFolderOf, scriptsOf, type Draft } from './draft';
import { jobsText } from './job-text';
import { Ledger } from './ledger';
import { fillRunFolder, stagePlan } from './run-folder';
import { waitingFor, type JobScript } from './script';

/** What is submitted where. */
export interface DispatchOptions {
  source: RunSource;
  dirty: DirtyChoice;
  cluster: Cluster;
  control?: TaskControl;
}

/** The steps in their order, as the user sees them. */
const STEPS = ['Code', 'Inputs', 'Run folder', 'Jobs'] as const;

/**
 * Submits a run, or continues a submission that was interrupted.
 * @throws UserError for anything that stops it, saying what; the same call continues
 */
export async function dispatchRun({ source, dirty, cluster, control = {} }: DispatchOptions): Promise<Dispatch> {
  const draft = await draftRun(source, cluster.profile, dirty, control);
  const ledger = new Ledger(draft.root);
  // One submission of a workspace at a time: a second editor must see what the first has written down.
  const dispatch = await ledger.hold('submitting', async () => {
    const begun = await beginOrContinue(ledger, draft, cluster);
    const submit = () => submitHeld(ledger, draft, begun, cluster, control);
    return ledger.hold(begun.token, submit);
  });
  if (dispatch) return dispatch;
  throw new UserError(
    'Another editor or terminal is submitting a run of this workspace: wait until it is done, then try again',
    1,
  );
}

/** The scripts of a run as they would be submitted now; nothing is sent. */
export async function previewScripts(
  source: RunSource,
  { profile, scheduler }: Pick<Cluster, 'profile' | 'scheduler'>,
): Promise<JobScript[]> {
  const draft = await draftRun(source, profile, 'keep');
  return scriptsOf(draft, profile, scheduler.name, runFolderOf(draft, newToken()));
}

async function beginOrContinue(ledger: Ledger, draft: Draft, { profile }: Cluster): Promise<Dispatch> {
  const { dispatches } = await ledger.all();
  const same = dispatches.filter(
    ({ cluster, checkout, fingerprint, config_file }) =>
      cluster === profile.name &&
      checkout === draft.commit.checkout &&
      fingerprint === draft.fingerprint &&
      config_file === draft.configFile,
  );
  // By state and not by time: clocks are set back, and a run that is alive must not be submitted twice.
  const latest = (wanted: Dispatch['state']): Dispatch | undefined => same.findLast(({ state }) => state === wanted);
  const begun = latest('preparing');
  if (begun) return begun;
  if (latest('ended')) throw new UserError(`This run has ended on ${profile.name}: pull its results first`, 1);
  const alive = latest('submitted');
  if (alive) {
    throw new UserError(
      `This run is already on ${profile.name}, ${jobsText(alive)}: wait for it, cancel it, or change the config`,
      1,
    );
  }
  const token = newToken();
  // After a failure the same run continues in its folder, which keeps finished images.
  const complete = same.filter(({ state }) => state === 'complete').map(({ run }) => run);
  const failed = same.findLast(({ state, run }) => /^(failed|cancelled)$/.test(state) && !complete.includes(run));
  const dispatch: Dispatch = {
    version: 1,
    token,
    cluster: profile.name,
    engine: draft.engine,
    name: draft.name,
    config_file: draft.configFile,
    state: 'preparing',
    created: new Date().toISOString(),
    code: draft.commit.code,
    checkout: draft.commit.checkout,
    fingerprint: draft.fingerprint,
    seeds: draft.seeds,
    images: draft.images,
    run: failed?.run ?? runFolderOf(draft, token),
    ...(failed?.local !== undefined && { local: failed.local }),
    folder: '',
    jobs: [],
    fetched: [],
    notes: draft.commit.notes,
  };
  await ledger.save(dispatch);
  return dispatch;
}

async function submitHeld(
  ledger: Ledger,
  draft: Draft,
  dispatch: Dispatch,
  cluster: Cluster,
  control: TaskControl,
): Promise<Dispatch> {
  const step = (index: number): TaskControl => ({
    signal: control.signal,
    onProgress: (progress) => control.onProgress?.({ ...progress, phase: `${STEPS[index]}: ${progress.phase}` }),
  });
  const begin = (index: number): void =>
    control.onProgress?.({ phase: `${STEPS[index]} (step ${index + 1} of ${STEPS.length})`, done: 0, total: 1 });
  begin(0);
  const { folder } = await shipCommit(cluster, draft.root, draft.commit.checkout, step(0));
  dispatch.folder = folder;
  await ledger.save(dispatch);
  begin(1);
  const plan = draft.plan && (await stagePlan(cluster, draft.plan, folder, dispatch.run, step(1)));
  begin(2);
  const scripts = await scriptsOf(draft, cluster.profile, cluster.scheduler.name, dispatch.run);
  await fillRunFolder(cluster, draft, dispatch, plan, scripts, step(2));
  begin(3);
  await submitJobs(ledger, dispatch, scripts, cluster);
  return dispatch;
}

async function submitJobs(
  ledger: Ledger,
  dispatch: Dispatch,
  scripts: readonly JobScript[],
  cluster: Cluster,
): Promise<void> {
  let before: string | undefined;
  for (const { role, text, tasks } of scripts) {
    const known = dispatch.jobs.find((job) => job.role === role);
    const id = known && (known.id ?? (await foundJob(cluster, known)));
    if (known && id) known.id = id;
    else {
      // Written down first, so that a later call can look for this token.
      const job: DispatchedJob = { role, token: newToken(), ...(tasks && { tasks }) };
      dispatch.jobs = [...dispatch.jobs.filter((one) => one.role !== role), job];
      await ledger.save(dispatch);
      const { scheduler, profile } = cluster;
      const submitted = await scheduler.submit({
        script: text,
        folder: dispatch.folder,
        token: job.token,
        defaults: { account: profile.account, partition: profile.partition },
        options: before ? waitingFor(scheduler.name, role, before) : [],
      });
      job.id = submitted.id;
      dispatch.notes = [...new Set([...dispatch.notes, ...submitted.warnings])];
    }
    await ledger.save(dispatch);
    before = dispatch.jobs.find((job) => job.role === role)?.id;
  }
  dispatch.state = 'submitted';
  await ledger.save(dispatch);
}

/**
 * The job of a submission whose answer was lost. A submission that has not begun is withdrawn, so that another may be
 * made.
 * @returns its id; undefined where there is no job
 * @throws SubmissionUnknownError where that cannot be known now
 */
async function foundJob({ scheduler, host }: Cluster, { token }: DispatchedJob): Promise<string | undefined> {
  await recover(host, token).catch((error: unknown) => {
    if (error instanceof SubmissionUnknownError || !(error instanceof UserError)) throw error;
  });
  return (await scheduler.find(token))?.id;
}
