import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import { stateCounts } from '../server/shared/jobs';
import {
  clusterNotification,
  clustersRequest,
  connectRequest,
  disconnectRequest,
  logoutRequest,
  dispatchEndNotification,
  dispatchProgressNotification,
  olderRequest,
  queueNotification,
  refreshRequest,
  watchRequest,
  type ClusterInfo,
  type Dispatch,
  type DispatchEnd,
  type DispatchProgress,
  type Job,
  type JobProgress,
  type QueueState,
  type WatchParams,
} from '../server/shared/protocol';
import { noticeText, plainValue } from '../server/shared/plain-text';
import { errorText } from './errors';

/** How closely a view watches the queues. */
interface Viewer {
  attention: WatchParams['attention'];
  whose: WatchParams['whose'];
  /** The only cluster that it watches; all when left out. */
  cluster?: string;
}

/** After so long without an answer the user is told that there is none yet; the scheduler is still waited for. */
const SLOW_MS = 10_000;
/** How long until a scheduler that could not be asked is asked again. */
const RETRY_MS = 20_000;

/** A job and the cluster it is on. */
export interface PlacedJob {
  cluster: string;
  job: Job;
}

/** What is known of the clusters and their queues, as the server tells it; the tree, the panel and the status item show it. */
export class Clusters implements vscode.Disposable {
  private readonly infos = new Map<string, ClusterInfo>();
  private readonly queues = new Map<string, QueueState>();
  private readonly running = new Map<string, DispatchProgress>();
  private readonly viewers = new Map<string, Viewer>();
  /** What the server was last told of each cluster. */
  private readonly watched = new Map<string, string>();
  /** Why the scheduler of a cluster could not even be asked for its queue. */
  private readonly failures = new Map<string, string>();
  private retry: NodeJS.Timeout | undefined;
  private readonly changed = new vscode.EventEmitter<string | undefined>();
  private readonly ended = new vscode.EventEmitter<PlacedJob>();
  private readonly runEnded = new vscode.EventEmitter<DispatchEnd>();
  /** `cluster/id` of jobs that belong to a run. */
  private readonly jobsOfRuns = new Set<string>();
  /** Name of the cluster that changed; undefined where the list of clusters did. */
  readonly onDidChange = this.changed.event;
  /** Fires once for each of the user's jobs that ended, except the jobs of runs. */
  readonly onDidEnd = this.ended.event;
  /** Fires once for each run that ended and was fetched, also for those that ended while the editor was closed. */
  readonly onDidEndRun = this.runEnded.event;

  /**
   * @param server the running server, started where it is not
   * @param report takes a line for the log
   */
  constructor(
    private readonly server: () => Promise<LanguageClient>,
    private readonly report: (line: string) => void,
  ) {}

  /** Listens to a server that is about to start. */
  attach(client: LanguageClient): void {
    // What clusters say is only shown, in trees, panels and notices: here it becomes plain text, once.
    client.onNotification(clusterNotification, (told) => {
      const info = plainInfo(told);
      this.infos.set(info.profile.name, info);
      // The server forgets who watches when a connection ends, and what was told of it is over.
      if (info.connection !== 'connected') this.forget(info.profile.name);
      this.tellWatchers();
      this.changed.fire(info.profile.name);
    });
    client.onNotification(queueNotification, (told) => {
      const queue = plainValue(told);
      this.queues.set(queue.cluster, this.withProgress(queue));
      this.failures.delete(queue.cluster);
      this.changed.fire(queue.cluster);
      for (const job of queue.ended)
        if (!this.jobsOfRuns.has(`${queue.cluster}/${job.array?.id ?? job.id}`))
          this.ended.fire({ cluster: queue.cluster, job });
    });
    client.onNotification(dispatchProgressNotification, (told) => {
      const progress = plainValue(told);
      this.running.set(progress.token, progress);
      this.redraw(progress.cluster);
    });
    client.onNotification(dispatchEndNotification, (end) => {
      const { token, cluster } = end.dispatch;
      if (this.running.delete(token)) this.redraw(cluster);
      this.runEnded.fire(end);
    });
  }

  /** From now on these jobs are told of together, at the end of their run. */
  adopt({ cluster, jobs }: Dispatch): void {
    for (const { id } of jobs) if (id !== undefined) this.jobsOfRuns.add(`${cluster}/${id}`);
  }

  private redraw(cluster: string): void {
    const queue = this.queues.get(cluster);
    if (queue) this.queues.set(cluster, this.withProgress(queue));
    this.changed.fire(cluster);
  }

  /** The queue with the progress of those jobs that belong to runs from here. */
  private withProgress(queue: QueueState): QueueState {
    const own = this.runs().some(({ cluster }) => cluster === queue.cluster);
    const place = (job: Job): Job => {
      const progress = this.progressOf(queue.cluster, job.array?.id ?? job.id, job.array?.tasks);
      return progress ? { ...job, progress } : job;
    };
    return own ? { ...queue, jobs: queue.jobs.map(place) } : queue;
  }

  /** Runs that were submitted from this workspace and have not ended. */
  runs(): DispatchProgress[] {
    return [...this.running.values()];
  }

  /** How far a job of such a run is: a whole array by its id, one of its tasks by both. */
  progressOf(cluster: string, id: string, task?: string): JobProgress | undefined {
    const jobs = this.runs().flatMap((run) => (run.cluster === cluster ? run.jobs : []));
    return jobs.find((job) => job.id === id && job.task === task)?.progress;
  }

  /** Asks which clusters there are: those of the files of all workspace folders, those of the settings, and this machine. */
  async load(): Promise<ClusterInfo[]> {
    const server = await this.server();
    const folders = vscode.workspace.workspaceFolders?.map(({ uri }) => uri.fsPath) ?? [];
    const found = (await server.sendRequest(clustersRequest, { folders })).map(plainInfo);
    this.infos.clear();
    for (const info of found) this.infos.set(info.profile.name, info);
    for (const name of this.queues.keys()) if (!this.infos.has(name)) this.queues.delete(name);
    this.tellWatchers();
    this.changed.fire(undefined);
    return found;
  }

  /** In the order of the user's list. */
  all(): ClusterInfo[] {
    return [...this.infos.values()];
  }

  info(name: string): ClusterInfo | undefined {
    return this.infos.get(name);
  }

  /** The last answer of the scheduler; undefined before the first one, when nothing is known. */
  queue(name: string): QueueState | undefined {
    const queue = this.queues.get(name);
    return queue?.taken ? queue : undefined;
  }

  /** Why the queue of a connected cluster cannot be asked for, in the scheduler's words; undefined where it can. */
  failure(name: string): string | undefined {
    if (this.infos.get(name)?.connection !== 'connected') return undefined;
    const said = this.failures.get(name) ?? this.queues.get(name)?.problem;
    return said === undefined ? undefined : noticeText(said);
  }

  /** The same with what to do. */
  problem(name: string): string | undefined {
    const failure = this.failure(name);
    return failure === undefined
      ? undefined
      : vscode.l10n.t(
          "{0}. It is asked again by itself; Refresh asks now. If this stays, try the scheduler's own queue command in a terminal on {1}.",
          failure.replace(/(?<![.\s])[.\s]+$/, ''),
          this.infos.get(name)?.profile.local ? vscode.l10n.t('this machine') : name,
        );
  }

  /** The user's jobs on a cluster that have not ended. */
  ownJobs(name: string): Job[] {
    const queue = this.queue(name);
    return queue ? queue.jobs.filter(({ user }) => user === queue.user) : [];
  }

  /** The user's jobs on all clusters, those that have not ended first. */
  allOwnJobs(): PlacedJob[] {
    const place = (cluster: string, jobs: readonly Job[]): PlacedJob[] => jobs.map((job) => ({ cluster, job }));
    return [
      ...this.all().flatMap(({ profile: { name } }) => place(name, this.ownJobs(name))),
      ...[...this.queues].flatMap(([name, { finished }]) => place(name, finished)),
    ];
  }

  /** How many of the user's jobs run and wait on all clusters, as far as their queues are known. */
  counts(): { running: number; queued: number } {
    const all = stateCounts(this.all().flatMap(({ profile: { name } }) => this.ownJobs(name)));
    const sum = (...states: string[]): number =>
      all.filter(([state]) => states.includes(state)).reduce((total, [, count]) => total + count, 0);
    return { running: sum('running', 'ending', 'suspended'), queued: sum('queued', 'held') };
  }

  /** Connects, which may lead to prompts. Does nothing where the cluster is connected. */
  async connect(name: string): Promise<void> {
    // A config may name its cluster before the list was asked for.
    if (!this.infos.has(name)) await this.load();
    if (this.infos.get(name)?.connection === 'connected') return;
    await vscode.window.withProgress(
      { location: { viewId: 'edmWorkbench.clusters' }, title: vscode.l10n.t('Connecting to {0}', name) },
      async () => {
        const server = await this.server();
        this.infos.set(name, plainInfo(await server.sendRequest(connectRequest, { cluster: name })));
      },
    );
    this.tellWatchers();
    this.changed.fire(name);
  }

  async disconnect(name: string): Promise<void> {
    await (await this.server()).sendRequest(disconnectRequest, { cluster: name });
  }

  /** Ends the login for all windows and commands. */
  async logOut(name: string): Promise<void> {
    await (await this.server()).sendRequest(logoutRequest, { cluster: name });
  }

  async refresh(name: string): Promise<void> {
    if (this.failures.has(name)) this.watched.delete(name);
    this.tellWatchers();
    await (await this.server()).sendRequest(refreshRequest, { cluster: name });
  }

  /** Asks for jobs that ended before those that are known; they come with the queue. */
  async older(name: string): Promise<void> {
    await (await this.server()).sendRequest(olderRequest, { cluster: name });
  }

  /** Sets how a view watches; `undefined` when it is gone. The closest watcher of a cluster decides how often it is asked. */
  watch(view: string, viewer: Viewer | undefined): void {
    if (viewer) this.viewers.set(view, viewer);
    else this.viewers.delete(view);
    this.tellWatchers();
  }

  private tellWatchers(): void {
    for (const { profile, connection } of this.infos.values()) {
      if (connection !== 'connected') continue;
      const watchers = [...this.viewers.values()].filter(({ cluster }) => !cluster || cluster === profile.name);
      const attentions = watchers.map(({ attention }) => attention);
      const attention = (['visible', 'hidden', 'none'] as const).find((level) => attentions.includes(level)) ?? 'none';
      const whose = watchers.some((viewer) => viewer.whose === 'all' && viewer.attention !== 'none') ? 'all' : 'mine';
      const told = `${attention} ${whose}`;
      if (this.watched.get(profile.name) === told) continue;
      this.watched.set(profile.name, told);
      void this.tellAttention({ cluster: profile.name, attention, whose });
    }
  }

  /** Where the scheduler cannot even be reached, the user is told why, and it is tried again while somebody looks. */
  private async tellAttention(params: WatchParams): Promise<void> {
    const { cluster, attention } = params;
    const slow = setTimeout(
      () => this.fail(cluster, vscode.l10n.t('The scheduler has not answered for {0} s', SLOW_MS / 1000)),
      SLOW_MS,
    );
    try {
      await (await this.server()).sendRequest(watchRequest, params);
      if (this.failures.delete(cluster)) this.changed.fire(cluster);
    } catch (error) {
      this.watched.delete(cluster);
      this.report(`${cluster}: ${errorText(error)}`);
      this.fail(cluster, errorText(error));
      if (attention === 'none') return;
      clearTimeout(this.retry);
      this.retry = setTimeout(() => this.tellWatchers(), RETRY_MS);
    } finally {
      clearTimeout(slow);
    }
  }

  private fail(cluster: string, why: string): void {
    this.failures.set(cluster, why);
    this.changed.fire(cluster);
  }

  private forget(cluster: string): void {
    this.watched.delete(cluster);
    this.failures.delete(cluster);
  }

  dispose(): void {
    clearTimeout(this.retry);
    this.changed.dispose();
    this.ended.dispose();
    this.runEnded.dispose();
  }
}

/** A cluster as it is shown; its profile stays as it was written. */
function plainInfo({ profile, ...told }: ClusterInfo): ClusterInfo {
  return { ...plainValue(told), profile };
}
