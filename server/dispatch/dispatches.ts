/** The dispatches of a workspace while an editor or a terminal is open. The results of every run that ends are fetched. */
import type { Cluster } from '../cluster/cluster';
import type { BeforeLogin } from '../cluster/clusters';
import { UserError } from '../errors';
import type { RunSource } from '../runs/source';
import type { TaskControl } from '../shared/progress';
import { isOver, type DispatchProgress, type QueueState } from '../shared/protocol';
import type { Dispatch } from '../shared/schema-types.gen';
import type { DirtyChoice } from './dirty-choice';
import { continueRun, isInterrupted } from './continue';
import { isUnderWay, syncRun, type SyncResult } from './follow';
import { Ledger } from './ledger';
import { progressOf } from './progress';
import { pullImages, type ImageChoice } from './pull';
import type { JobScript } from './script';
import type { Draft } from './draft';
import { checkPreview, dispatchRun, prepareRun, previewScripts } from './submit';

/** Opens a cluster by its name; `mayPrompt` and `before` as for `Clusters.open`. */
export type OpenByName = (cluster: string, mayPrompt: boolean, before?: BeforeLogin) => Promise<Cluster>;

export class Dispatches {
  constructor(
    private readonly open: OpenByName,
    /** Called once for each run that ends, in the process that recorded its end. */
    private readonly onEnd: (root: string, dispatch: Dispatch) => void = () => undefined,
    /** Called after a poll for each run that is under way. */
    private readonly onProgress: (progress: DispatchProgress) => void = () => undefined,
  ) {}

  /**
   * Submits a run to the given cluster, or to the one that its config names.
   * @param wanted.draft the run where it was prepared already; otherwise it is prepared before the login
   * @throws UserError
   */
  async submit(
    wanted: { source: RunSource; cluster?: string; dirty: DirtyChoice; draft?: Draft },
    control: TaskControl = {},
  ): Promise<Dispatch> {
    const { source, cluster: name, dirty } = wanted;
    let { draft } = wanted;
    const cluster = await this.clusterFor(source, name, async (profile) => {
      draft ??= await prepareRun(source, profile, dirty, control);
    });
    return dispatchRun({ source, dirty, cluster, control, draft });
  }

  /**
   * Continues the other submissions to a cluster that were interrupted: a run of an earlier commit has jobs there too.
   * @returns those that are submitted now
   */
  async continueOthers(root: string, { cluster: name }: Pick<Dispatch, 'cluster'>): Promise<Dispatch[]> {
    const ledger = new Ledger(root);
    const begun = (await ledger.all()).dispatches.filter((one) => one.cluster === name && isInterrupted(one));
    const foreign = await this.foreign(ledger, begun);
    const continued: Dispatch[] = [];
    for (const { token } of begun.filter((one) => !foreign.has(one.token)))
      continued.push(await continueRun(ledger, token, await this.open(name, false)));
    return continued.filter(({ state }) => state === 'submitted');
  }

  /** The scripts that would be submitted. */
  async preview(source: RunSource, name?: string): Promise<JobScript[]> {
    const before: BeforeLogin = (profile) => checkPreview(source, profile);
    return previewScripts(source, await this.clusterFor(source, name, before));
  }

  private clusterFor({ config, file }: RunSource, given: string | undefined, before: BeforeLogin): Promise<Cluster> {
    const name = given ?? config.cluster;
    if (!name) throw new UserError(`${file} names no cluster: add "cluster: NAME", or choose one`);
    return this.open(name, true, before);
  }

  /**
   * Fetches the results of runs that are over, on all clusters or one. What is not asked for by the user leaves out the
   * dispatches that came with the repository: those are only shown.
   * @param options.again also looks at runs that were given up while something of them could still appear
   */
  async syncRuns(
    root: string,
    {
      cluster: only,
      mayPrompt = false,
      again = false,
    }: { cluster?: string; mayPrompt?: boolean; again?: boolean } = {},
  ): Promise<SyncResult[]> {
    const ledger = new Ledger(root);
    const { dispatches } = await ledger.all();
    const results: SyncResult[] = [];
    const foreign = mayPrompt ? new Set<string>() : await this.foreign(ledger, dispatches);
    for (const dispatch of dispatches) {
      const { token, cluster: name, unsettled } = dispatch;
      const isWanted = isUnderWay(dispatch) || (again && unsettled);
      if (!isWanted || (only !== undefined && name !== only) || foreign.has(token)) continue;
      const result = await syncRun(ledger, token, await this.open(name, mayPrompt));
      if (result.ended) this.onEnd(root, result.dispatch);
      results.push(result);
    }
    return results;
  }

  /** Those that came with the repository. Git is not asked where nothing is under way. */
  private async foreign(ledger: Ledger, dispatches: readonly Dispatch[]): Promise<ReadonlySet<string>> {
    return dispatches.some((one) => isUnderWay(one) || one.unsettled) ? ledger.committed() : new Set();
  }

  /** After a poll of the queue: reports how far runs are, and fetches those that have no unfinished job any more. */
  async queueChanged(root: string, { cluster: name, jobs, problem }: QueueState): Promise<SyncResult[]> {
    if (problem !== undefined) return [];
    const alive = new Set(jobs.filter((job) => !isOver(job)).map(({ id, array }) => array?.id ?? id));
    const ledger = new Ledger(root);
    const { dispatches } = await ledger.all();
    const open = dispatches.filter((one) => one.cluster === name && isUnderWay(one));
    const foreign = await this.foreign(ledger, open);
    const here = open.filter(({ token }) => !foreign.has(token));
    const isAlive = (one: Dispatch): boolean => one.jobs.some(({ id }) => id !== undefined && alive.has(id));
    const synced = here.some((one) => !isAlive(one) || isInterrupted(one))
      ? await this.syncRuns(root, { cluster: name })
      : [];
    const running = here.filter(isAlive);
    if (running.length === 0) return synced;
    const cluster = await this.open(name, false);
    for (const progress of await progressOf(cluster, running)) this.onProgress(progress);
    return synced;
  }

  /** Results if they are ready, and images if asked for. @throws UserError where the run is not over */
  async pull(
    root: string,
    token: string,
    { images, control = {} }: { images?: ImageChoice; control?: TaskControl },
  ): Promise<SyncResult> {
    const ledger = new Ledger(root);
    const { cluster: name, token: whole } = await ledger.named(token);
    const cluster = await this.open(name, true);
    const result = await syncRun(ledger, whole, cluster, control);
    if (result.ended) this.onEnd(root, result.dispatch);
    if (!images) return result;
    const pulled = await ledger.hold(whole, async () =>
      pullImages(ledger, cluster, await ledger.named(whole), images, control),
    );
    if (!pulled) throw new UserError('Another editor or terminal is fetching this run: wait until it is done', 1);
    return { ...result, dispatch: pulled };
  }
}
