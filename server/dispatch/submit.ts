/**
 * From a config to jobs on a cluster. Every step can be interrupted and is done once: what has arrived is not sent again,
 * and a job's token is written down before it is submitted, so that it can be looked for before it is submitted again.
 */
import type { Cluster } from '../cluster/cluster';
import { newToken } from '../cluster/token';
import { UserError } from '../errors';
import type { RunSource } from '../runs/source';
import type { TaskControl } from '../shared/progress';
import type { SchedulerName } from '../shared/scheduler-name';
import type { ClusterProfile, Dispatch } from '../shared/schema-types.gen';
import { folderOf, shipCommit } from './code';
import { containerOn } from './container/identity';
import type { DirtyChoice } from './dirty-choice';
import { checkPrepared, draftRun, runFolderOf, scriptsOf, type Draft } from './draft';
import { jobsText } from './job-text';
import { Ledger } from './ledger';
import { fillRunFolder, stagePlan } from './run-folder';
import type { JobScript } from './script';
import { nearlyFull, spaceOn, spaceText } from './space';
import { submitJobs } from './submit-jobs';

/** What is submitted where. */
export interface DispatchOptions {
  source: RunSource;
  dirty: DirtyChoice;
  cluster: Cluster;
  control?: TaskControl;
  /** The run as `prepareRun` has made it before the login. */
  draft?: Draft;
}

/** The steps in their order, as the user sees them. */
const STEPS = ['Code', 'Inputs', 'Run folder', 'Jobs'] as const;

/**
 * Prepares a run before its cluster is connected: what can be refused here is refused before a password is asked for.
 * @throws UserError for anything wrong with the repository, the choice, the inputs or the scripts, and where the run is on
 *   the cluster already
 */
export async function prepareRun(
  source: RunSource,
  profile: ClusterProfile,
  dirty: DirtyChoice,
  control: TaskControl = {},
): Promise<Draft> {
  const draft = await draftRun(source, profile, dirty, control);
  await tryScripts(draft, profile);
  await beginning(new Ledger(draft.root), draft, profile);
  return draft;
}

/**
 * Submits a run, or continues a submission that was interrupted.
 * @throws UserError for anything that stops it, saying what; the same call continues
 */
export async function dispatchRun(options: DispatchOptions): Promise<Dispatch> {
  const { source, dirty, cluster, control = {} } = options;
  const draft = options.draft ?? (await draftRun(source, cluster.profile, dirty, control));
  // A login may have come in between, with a user who takes their time.
  if (options.draft) await checkPrepared(source, draft);
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

/** Refuses what can be refused of a run's scripts before its cluster is connected. @throws UserError */
export async function checkPreview(source: RunSource, profile: ClusterProfile): Promise<void> {
  await tryScripts(await draftRun(source, profile, 'keep'), profile);
}

/** Writes the scripts in vain. Where the scheduler is not known yet, what only one refuses is left to the login. @throws UserError */
async function tryScripts(draft: Draft, profile: ClusterProfile): Promise<void> {
  const { scheduler = 'auto' } = profile;
  const folders = { folder: '/', run: runFolderOf(draft, newToken()) };
  const tried = (name: SchedulerName): Promise<unknown> => scriptsOf(draft, profile, name, folders);
  if (scheduler !== 'auto') return void (await tried(scheduler));
  await tried('slurm').catch((error: unknown) =>
    tried('lsf').catch(() => {
      throw error;
    }),
  );
}

/** The scripts of a run as they would be submitted now; nothing is sent. */
export async function previewScripts(
  source: RunSource,
  cluster: Pick<Cluster, 'profile' | 'scheduler' | 'home'>,
): Promise<JobScript[]> {
  const { profile, scheduler } = cluster;
  const draft = await draftRun(source, profile, 'keep');
  const folder = await folderOf(cluster, draft.root, draft.commit.checkout);
  return scriptsOf(draft, profile, scheduler.name, { folder, run: runFolderOf(draft, newToken()) });
}

/** What there is of a run on a cluster. */
interface Beginning {
  /** A submission that was interrupted: it is continued. */
  begun?: Dispatch;
  /** All that was sent of this run. */
  same: Dispatch[];
}

/** @throws UserError where the run is there already */
async function beginning(ledger: Ledger, draft: Draft, profile: ClusterProfile): Promise<Beginning> {
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
  if (begun) return { begun, same };
  if (latest('ended')) throw new UserError(`This run has ended on ${profile.name}: pull its results first`, 1);
  const alive = latest('submitted');
  if (alive) {
    throw new UserError(
      `This run is already on ${profile.name}, ${jobsText(alive)}: wait for it, cancel it, or change the config`,
      1,
    );
  }
  return { same };
}

async function beginOrContinue(ledger: Ledger, draft: Draft, { profile }: Cluster): Promise<Dispatch> {
  const { begun, same } = await beginning(ledger, draft, profile);
  if (begun) return begun;
  const token = newToken();
  // After a failure the same run continues in its folder, which keeps finished images.
  const complete = same.filter(({ state }) => state === 'complete').map(({ run }) => run);
  const failed = same.findLast(
    ({ state, run }) => /^(failed|cancelled|unknown)$/.test(state) && !complete.includes(run),
  );
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
  const spaces = await spaceOn(cluster);
  const [quota] = [...spaces.filter(({ kind }) => kind === 'quota'), ...spaces];
  if (quota) control.onProgress?.({ phase: 'Space', done: 0, total: 1, note: spaceText(quota) });
  dispatch.notes = [...new Set([...dispatch.notes, ...nearlyFull(spaces, dispatch.cluster)])];
  begin(0);
  const { folder } = await shipCommit(cluster, draft.root, draft.commit.checkout, step(0));
  dispatch.folder = folder;
  await ledger.save(dispatch);
  begin(1);
  const plan = draft.plan && (await stagePlan(cluster, draft.plan, folder, dispatch.run, step(1)));
  const container = draft.engine === 'edm' ? await containerOn(cluster, folder) : undefined;
  begin(2);
  const scripts = await scriptsOf(draft, cluster.profile, cluster.scheduler.name, dispatch);
  await fillRunFolder(cluster, draft, dispatch, plan, scripts, step(2), container);
  begin(3);
  await submitJobs(ledger, dispatch, scripts, cluster);
  return dispatch;
}
