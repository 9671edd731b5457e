/** The dispatches of a workspace while an editor or a terminal is open: whatever ends is brought home. */
import { readConfigFile } from '../runs/source';
import type { OpenCluster } from '../cluster/clusters';
import { UserError } from '../errors';
import type { TaskControl } from '../shared/progress';
import type { DispatchProgress, QueueState } from '../shared/protocol';
import { FINISHED_STATES } from '../shared/protocol';
import type { Dispatch } from '../shared/schema-types.gen';
import type { DirtyChoice } from './commit';
import { catchUp, OPEN_STATES, type Caught } from './follow';
import { Ledger } from './ledger';
import { pullImages, type ImageChoice } from './pull';
import { Remote, type ClusterAccess } from './remote';
import type { JobScript } from './script';
import { dispatchRun, previewScripts } from './submit';
import { progressOf } from './progress';

/** How a cluster is reached; `mayPrompt` as for `Clusters.open`. */
export type OpenByName = (cluster: string, mayPrompt: boolean) => Promise<OpenCluster>;

/** What leads to an open cluster. */
export function accessOf({ profile, host, files, scheduler }: OpenCluster): ClusterAccess {
  return { profile, host, files, scheduler };
}

export class Dispatches {
  constructor(
    private readonly open: OpenByName,
    /** Called once for each run that ends, by the process that brought it home. */
    private readonly onEnd: (root: string, dispatch: Dispatch) => void = () => undefined,
    /** Called after a poll for each run that is under way. */
    private readonly onProgress: (progress: DispatchProgress) => void = () => undefined,
  ) {}

  /** Submits a config to the cluster that is given or that it names. @throws UserError */
  async submit(
    { config, cluster, dirty }: { config: string; cluster?: string; dirty: DirtyChoice },
    control: TaskControl = {},
  ): Promise<Dispatch> {
    return dispatchRun({ config, dirty, access: await this.access(config, cluster), control });
  }

  /** The scripts that would be submitted. */
  async preview(config: string, cluster?: string): Promise<JobScript[]> {
    return previewScripts(config, await this.access(config, cluster));
  }

  private async access(config: string, given: string | undefined): Promise<ClusterAccess> {
    const cluster = given ?? (await readConfigFile(config)).config.cluster;
    if (!cluster) throw new UserError(`${config} names no cluster: add "cluster: NAME", or choose one`);
    return accessOf(await this.open(cluster, true));
  }

  /** Brings home what is over, on all clusters or one; those that cannot be reached now wait. */
  async catchUp(
    root: string,
    { cluster, mayPrompt = false }: { cluster?: string; mayPrompt?: boolean } = {},
  ): Promise<Caught[]> {
    const ledger = new Ledger(root);
    const { dispatches } = await ledger.all();
    const caught: Caught[] = [];
    for (const { token, cluster: name, state } of dispatches) {
      if (!OPEN_STATES.includes(state) || (cluster !== undefined && name !== cluster)) continue;
      const one = await catchUp(ledger, token, accessOf(await this.open(name, mayPrompt)));
      if (one.ended) this.onEnd(root, one.dispatch);
      caught.push(one);
    }
    return caught;
  }

  /** After a poll of the queue: how far runs are, and the end of those none of whose jobs is alive any more. */
  async queueChanged(root: string, { cluster, jobs, problem }: QueueState): Promise<void> {
    if (problem !== undefined) return;
    const alive = new Set(
      jobs.filter(({ state }) => !FINISHED_STATES.includes(state)).map(({ id, array }) => array?.id ?? id),
    );
    const { dispatches } = await new Ledger(root).all();
    const here = dispatches.filter((one) => one.cluster === cluster && OPEN_STATES.includes(one.state));
    const isAlive = (one: Dispatch): boolean => one.jobs.some(({ id }) => id !== undefined && alive.has(id));
    if (here.some((one) => !isAlive(one))) await this.catchUp(root, { cluster });
    const running = here.filter(isAlive);
    if (running.length === 0) return;
    const remote = await Remote.open(accessOf(await this.open(cluster, false)));
    for (const progress of await progressOf(remote, running)) this.onProgress(progress);
  }

  /** Results if they are ready, and the images if asked for. @throws UserError where the run is not over */
  async pull(
    root: string,
    token: string,
    { images, control = {} }: { images?: ImageChoice; control?: TaskControl },
  ): Promise<Caught> {
    const ledger = new Ledger(root);
    const { cluster, token: whole } = await ledger.named(token);
    const access = accessOf(await this.open(cluster, true));
    const caught = await catchUp(ledger, whole, access, control);
    if (caught.ended) this.onEnd(root, caught.dispatch);
    if (!images) return caught;
    const pulled = await ledger.hold(whole, async () =>
      pullImages(ledger, await Remote.open(access), await ledger.named(whole), images, control),
    );
    if (!pulled) throw new UserError('Another editor or terminal is fetching this run: wait until it is done', 1);
    return { ...caught, dispatch: pulled };
  }
}
