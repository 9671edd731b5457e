/** The clusters of this process: each with one host, one scheduler and one watch of its queue, shared by everything. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { messageOf, UserError } from '../errors';
import { partitionText } from '../jobs/job-options';
import type {
  ClusterInfo,
  ClusterProfile,
  ClusterSnapshot,
  DryRunResult,
  FollowResult,
  Job,
  LogPart,
  QueueState,
  SubmitParams,
  SubmitResult,
} from '../shared/protocol';
import { isOver } from '../shared/protocol';
import { allow, isAllowed, NotAllowedError, type AskAllowance, type WorkspaceFile } from './allowance';
import { expandHome, openCluster, placeOn, type Cluster } from './cluster';
import { historyReach } from './ended-jobs';
import type { Host } from './host';
import { LocalFolder } from './local-folder';
import { localFiles } from './local-host';
import { followLog, type LogNews } from './log-follower';
import { absentLog, missingFolderText, missingLogFolders, MissingLogFoldersError } from './log-place';
import { addProfile } from './profile-writer';
import { pollSeconds, profileNamed } from './profiles';
import { QueueWatch } from './queue';
import { lookOnce, recover, SubmissionUnknownError } from './submission';
import { ChannelGate } from './ssh/channel-gate';
import { newToken } from './token';
import { loadWorkspaceProfiles, type WorkspaceProfiles } from './workspace-profiles';

/** Where hosts come from, with one connection for each cluster. `Hosts` is the real one. */
export interface HostSource {
  /** Connects if needed. @param mayPrompt whether the user may be asked; otherwise only keys and agents are used */
  host(profile: ClusterProfile, mayPrompt: boolean): Promise<Host>;
  /** The host for file transfers, where the source knows one. */
  transferHost?(profile: ClusterProfile, mayPrompt: boolean): Promise<Host>;
  /** State of a cluster's connection, with its reason. */
  state(profile: ClusterProfile): Pick<ClusterInfo, 'connection' | 'message' | 'by'>;
  /** When the login ends if nobody uses it, in ms since 1970, where the source keeps logins for other processes. */
  keptUntil?(profile: ClusterProfile): number | undefined;
  onState(listener: (cluster: string) => void): void;
  disconnect(cluster: string): Promise<void>;
  /** Ends the logins to a cluster that are kept for other processes. @throws UserError where one does not end */
  logOut?(profile: ClusterProfile): Promise<void>;
}

export interface ClustersOptions {
  hosts: HostSource;
  /** Workspace folders: each may have a clusters.yaml; snapshots and submissions under way are kept beside it, else in the first. */
  folders?: readonly string[];
  /** Value of the setting edmWorkbench.clusters. */
  settings?: () => Promise<unknown>;
  /** Values of the settings edmWorkbench.queue. */
  historySettings?: () => Promise<unknown>;
  /** Asks the user about a workspace's file that something is wanted of. Where it is left out, nobody can be asked. */
  askAllowance?: AskAllowance;
  onQueue?: (state: QueueState) => void;
  onInfo?: (info: ClusterInfo) => void;
}

/** What is done with a profile before its cluster is connected. */
export type BeforeLogin = (profile: ClusterProfile) => Promise<void>;

/** How old a snapshot may be while connected. */
const SNAPSHOT_MS = 30 * 60_000;
/** Logs of one cluster that are read at the same time, however many are followed: other work needs channels too. */
const FOLLOWS_AT_ONCE = 3;

export class Clusters {
  private loaded: WorkspaceProfiles = {
    profiles: [],
    problems: [],
    isWhole: false,
    folderOf: new Map(),
    files: new Map(),
  };
  /** Digests of the workspace's files, as they were loaded, that the user has allowed. */
  private allowed: ReadonlySet<string> = new Set();
  /** With the profiles as they were written: those of the clusters have their places filled in. */
  private readonly opened = new Map<string, { given: ClusterProfile; opening: Promise<Cluster> }>();
  private readonly titles = new Map<string, string>();
  private readonly watches = new Map<string, QueueWatch>();
  private readonly snapshots = new Map<string, ClusterSnapshot>();
  private readonly followGates = new Map<string, ChannelGate>();

  constructor(private readonly options: ClustersOptions) {
    options.hosts.onState((cluster) => this.stateChanged(cluster));
  }

  /** Reads the profiles again, and the kept snapshots of new ones. */
  async load(folders = this.options.folders ?? []): Promise<WorkspaceProfiles> {
    this.options.folders = folders;
    const loaded = await loadWorkspaceProfiles(folders, await this.options.settings?.());
    const allowed = new Set<string>();
    for (const file of loaded.files.values()) if (await isAllowed(file)) allowed.add(file.digest);
    [this.loaded, this.allowed] = [loaded, allowed];
    for (const { name } of this.loaded.profiles) {
      const kept = this.snapshots.has(name) ? undefined : await this.localFor(name)?.snapshot(name);
      if (kept) this.snapshots.set(name, kept);
    }
    return this.loaded;
  }

  get profiles(): readonly ClusterProfile[] {
    return this.loaded.profiles;
  }

  /** Names of all clusters; undefined where some may be missing, as before the first load. */
  get names(): readonly string[] | undefined {
    return this.loaded.isWhole ? this.loaded.profiles.map(({ name }) => name) : undefined;
  }

  /** The workspace's files that name clusters and that the user has not allowed. */
  get notAllowed(): readonly WorkspaceFile[] {
    const files = [...this.loaded.files.values()];
    return files.filter(({ digest, profiles }) => profiles.length > 0 && !this.allowed.has(digest));
  }

  /** Remembers that the user allows a file's content, and tells of its clusters anew where that is what is loaded. */
  async allow(file: WorkspaceFile): Promise<void> {
    await allow(file);
    if (![...this.loaded.files.values()].some(({ digest }) => digest === file.digest)) return;
    this.allowed = new Set([...this.allowed, file.digest]);
    for (const profile of file.profiles)
      if (this.loaded.profiles.includes(profile)) this.options.onInfo?.(this.info(profile));
  }

  /**
   * Adds a profile to a folder's file. Where all of that was allowed, the new content is too: the user wrote the rest.
   * @returns path of the file @throws UserError
   */
  async add(folder: string, profile: ClusterProfile): Promise<string> {
    const folders = [...new Set([...(this.options.folders ?? []), folder])];
    const before = await this.load(folders);
    const known = before.files.get(folder);
    const trusted = before.problems.length === 0 && !(known && this.notAllowed.includes(known));
    const file = await addProfile(folder, profile);
    const written = (await this.load(folders)).files.get(folder);
    if (trusted && written) await this.allow(written);
    return file;
  }

  /** @throws NotAllowedError unless the profile is the user's own, or in a file that was allowed, now if need be */
  private async demandAllowed(profile: ClusterProfile, mayAsk: boolean): Promise<void> {
    const file = this.notAllowed.find(({ profiles }) => profiles.includes(profile));
    if (!file) return;
    // It may have been allowed meanwhile in another process.
    if ((await isAllowed(file)) || (mayAsk && (await this.options.askAllowance?.(file)))) await this.allow(file);
    else throw new NotAllowedError(file);
  }

  info(profile: ClusterProfile): ClusterInfo {
    const folder = this.loaded.folderOf.get(profile.name);
    const from = folder === undefined ? {} : { folder };
    if (this.notAllowed.some(({ profiles }) => profiles.includes(profile)))
      return { profile, ...from, connection: 'disconnected', notAllowed: true };
    const scheduler = this.titles.get(profile.name);
    return { profile, ...from, ...this.options.hosts.state(profile), ...(scheduler !== undefined && { scheduler }) };
  }

  /**
   * The cluster of a name, connected.
   * @param before refuses what can be refused without the cluster, before anybody is asked for a password
   * @throws UserError where it is unknown, cannot be reached or has no scheduler; what `before` throws
   */
  async open(name: string, mayPrompt = false, before?: BeforeLogin): Promise<Cluster> {
    if (this.loaded.profiles.length === 0) await this.load();
    const profile = profileNamed(this.loaded, name);
    await this.demandAllowed(profile, mayPrompt);
    await before?.(profile);
    const host = await this.options.hosts.host(profile, mayPrompt);
    const last = this.opened.get(name);
    const known = await last?.opening.catch(() => undefined);
    // A file that was changed, and allowed, since then counts.
    if (known?.host === host && isDeepStrictEqual(last?.given, profile)) return known;
    const opening = this.openOn(profile, host, mayPrompt);
    this.opened.set(name, { given: profile, opening });
    opening.catch(() => this.opened.delete(name));
    return opening;
  }

  /**
   * Logs in to a cluster and its transfer host, and asks nothing of its scheduler.
   * @returns when the login ends if nobody uses it, in ms since 1970; undefined where it ends with this process
   * @throws UserError where the cluster is unknown or the login fails; CancelledError
   */
  async logIn(name: string): Promise<number | undefined> {
    if (this.loaded.profiles.length === 0) await this.load();
    const profile = profileNamed(this.loaded, name);
    if (profile.local) throw new UserError(`${name} is this machine: there is nothing to log in to`);
    await this.demandAllowed(profile, true);
    const { hosts } = this.options;
    await hosts.host(profile, true);
    if (profile.transfer_host !== undefined) await hosts.transferHost?.(profile, true);
    return hosts.keptUntil?.(profile);
  }

  private async openOn(profile: ClusterProfile, host: Host, mayPrompt: boolean): Promise<Cluster> {
    const { hosts } = this.options;
    const transfer = profile.transfer_host === undefined ? host : await hosts.transferHost?.(profile, mayPrompt);
    const reconnect = async (): Promise<void> => void (await this.options.hosts.host(profile, false));
    const cluster = await openCluster(profile, host, { files: transfer?.files, reconnect });
    this.titles.set(profile.name, `${cluster.scheduler.title} ${await cluster.scheduler.version()}`);
    return cluster;
  }

  /** Connects, settles submissions that were under way, and takes a snapshot in the background. */
  async connect(name: string): Promise<{ info: ClusterInfo; settled: string[] }> {
    const { profile } = await this.open(name, true);
    const settled = await this.settle(name);
    void this.takeSnapshot(name).catch(() => undefined); // scripts are then checked against the last one
    const info = this.info(profile);
    this.options.onInfo?.(info);
    return { info, settled };
  }

  async disconnect(name: string): Promise<void> {
    this.watches.get(name)?.stop();
    this.watches.delete(name);
    this.opened.delete(name);
    await this.options.hosts.disconnect(name);
  }

  /** Ends the login to a cluster for all windows and commands. @throws UserError where it does not end */
  async logOut(name: string): Promise<void> {
    await this.disconnect(name);
    await this.options.hosts.logOut?.(profileNamed(this.loaded, name));
  }

  private stateChanged(cluster: string): void {
    const profile = this.loaded.profiles.find(({ name }) => name === cluster);
    if (!profile) return;
    const info = this.info(profile);
    if (info.connection === 'connected') this.watches.get(cluster)?.refresh();
    this.options.onInfo?.(info);
  }

  /**
   * Finds out what became of submissions whose process has ended before it knew; one line each. Those of live processes,
   * here or in other editors and terminals, are left to them.
   */
  async settle(name: string): Promise<string[]> {
    const cluster = await this.open(name);
    const local = this.localFor(name);
    const lines: string[] = [];
    for (const { token, script } of (await local?.pending(name)) ?? []) {
      const claim = await local?.takeOver(token);
      if (!claim) continue;
      try {
        const { line, isSettled } = await outcomeOf(cluster, token, script);
        lines.push(line);
        if (isSettled) await local?.settled(token);
      } finally {
        await claim.release();
      }
    }
    return lines;
  }

  /** @throws MissingLogFoldersError where that is to be asked; RefusedError, SubmissionUnknownError, UserError */
  async submit(params: SubmitParams, options: readonly string[] = []): Promise<SubmitResult> {
    const { cluster, script, folder } = await this.toSubmit(params);
    const { scheduler, profile } = cluster;
    const missing = await settleLogFolders(
      cluster,
      await missingLogFolders(cluster, script, folder),
      params.logFolders,
    );
    const token = newToken();
    const begun = new Date().toISOString();
    const local = this.localFor(profile.name);
    const claim = await local?.begin({ token, cluster: profile.name, script: path.basename(params.script), begun });
    try {
      const { account } = profile;
      const defaults = { account, partition: partitionText(profile), name: path.basename(params.script) };
      // On this machine the job gets what sbatch would give it from this very terminal: its PATH, its modules, its environment.
      const asByHand = profile.local !== true;
      const submitted = await scheduler.submit({ script, folder, token, asByHand, options, defaults });
      await local?.settled(token);
      this.watches.get(profile.name)?.refresh();
      return { ...submitted, warnings: [...missing, ...submitted.warnings] };
    } catch (error) {
      // An unknown outcome stays on file until it is known.
      if (!(error instanceof SubmissionUnknownError)) await local?.settled(token);
      throw error;
    } finally {
      await claim?.release();
    }
  }

  async dryRun(params: SubmitParams): Promise<DryRunResult> {
    const { cluster, script, folder } = await this.toSubmit(params);
    const [answer, missing] = await Promise.all([
      cluster.scheduler.dryRun(script, folder),
      missingLogFolders(cluster, script, folder),
    ]);
    const told = missing.map((one) => missingFolderText(cluster, one));
    return { ...answer, message: [answer.message, ...told].filter(Boolean).join('\n') };
  }

  /** The cluster, the text of the script and the folder it starts in. */
  private async toSubmit(params: SubmitParams): Promise<{ cluster: Cluster; script: string; folder: string }> {
    const cluster = await this.open(params.cluster);
    const script = params.text ?? (await scriptText(params.script));
    // On this machine a job starts where it was submitted, as those of sbatch and bsub do.
    const here = cluster.profile.local ? params.from : undefined;
    return { cluster, script, folder: await this.remoteFolder(cluster, params.folder ?? here) };
  }

  /** Absolute path of the folder, which must be there, or of the work folder, which is made. @throws UserError */
  private async remoteFolder(cluster: Cluster, given?: string): Promise<string> {
    const folder = given === undefined ? placeOn(cluster) : expandHome(given, cluster.home);
    if (!folder.startsWith('/')) throw new UserError(`${folder}: a folder on the cluster begins with / or ~`);
    if (folder.includes('\0')) throw new UserError(`${JSON.stringify(folder)}: a path cannot contain a NUL character`);
    if (given === undefined) await cluster.host.files.makeFolder(folder);
    else if ((await cluster.host.files.stat(folder))?.kind !== 'folder')
      throw new UserError(
        `There is no folder ${folder} on ${cluster.profile.name}: make it first, or leave the folder out for ${placeOn(cluster)}`,
      );
    return folder;
  }

  /** The watch of a cluster's queue. */
  async queue(name: string): Promise<QueueWatch> {
    const { profile, scheduler, user } = await this.open(name);
    const known = this.watches.get(name);
    if (known) return known;
    const watch = new QueueWatch(scheduler, {
      cluster: name,
      user,
      floorSeconds: pollSeconds(profile),
      reach: async () => historyReach(await this.options.historySettings?.()),
      onState: (state) => this.options.onQueue?.(state),
    });
    this.watches.set(name, watch);
    return watch;
  }

  /**
   * Follows a log of a job until it has ended or the signal fires.
   * @param onWaiting called where the job has not started yet
   * @throws UserError where the scheduler does not know the job or its log
   */
  async follow(
    { cluster: name, id, stream, follow }: { cluster: string; id: string; stream: 'stdout' | 'stderr'; follow: string },
    onPart: (part: LogPart) => void,
    signal: AbortSignal,
    onWaiting?: (job: Job) => void,
  ): Promise<FollowResult> {
    const cluster = await this.open(name);
    const { scheduler, host, profile } = cluster;
    let job = await scheduler.job(id);
    if (!job) throw new UserError(`${scheduler.title} on ${name} no longer knows job ${id}`, 1);
    if (job.state === 'queued' || job.state === 'held') onWaiting?.(job);
    let asked = performance.now(); // not affected by changes of the clock
    const look = async (): Promise<void> => {
      if (!job || isOver(job)) return;
      // Answered by the shared poll of the queue; a job that it does not know is asked for, at the same pace.
      const watch = this.watches.get(name);
      const known = watch?.find(id);
      if (known) job = { ...job, ...known };
      if (performance.now() - asked < pollSeconds(profile) * 1000) return;
      asked = performance.now();
      if (known) watch?.refresh();
      // A job that is gone is over; one without an answer is not.
      else job = await scheduler.job(id).catch(() => job);
    };
    const ended = async (): Promise<boolean> => {
      await look();
      return !job || isOver(job);
    };
    // Before the job starts, its node may be unknown, and so the name of its log.
    while (!scheduler.peek && job[stream] === undefined && !(await ended()) && !signal.aborted) await sleep(1000);
    const file = job?.[stream];
    if (file === undefined && !scheduler.peek && !signal.aborted)
      throw new UserError(`The ${stream} file of job ${id} is no longer known: open it by its path`, 1);
    if (file === undefined && signal.aborted) return { explained: [], job: job ?? null };
    const gate = this.followGates.get(name) ?? new ChannelGate(FOLLOWS_AT_ONCE);
    this.followGates.set(name, gate);
    const onNews = (news: LogNews): void => onPart({ follow, ...news });
    let peeked = -Infinity;
    const peek = async (): Promise<string | undefined> => {
      if (performance.now() - peeked < pollSeconds(profile) * 1000) return undefined;
      peeked = performance.now();
      return scheduler.peek?.(id, stream);
    };
    const explained = await followLog(host, { path: file, signal, gate, peek, isOver: ended, onNews });
    const note = job && isOver(job) ? await absentLog(cluster, job, stream) : undefined;
    return { explained, job: job ?? null, ...(note !== undefined && { note }) };
  }

  /** What scripts are checked against; undefined where the cluster was never asked. */
  snapshot(name: string): ClusterSnapshot | undefined {
    return this.snapshots.get(name);
  }

  /** Asks the cluster, and keeps the answer for times without a connection. @param goodFor milliseconds for which a known one is reused */
  async takeSnapshot(name: string, goodFor = SNAPSHOT_MS): Promise<ClusterSnapshot> {
    const known = this.snapshots.get(name);
    if (known && Math.abs(Date.now() - Date.parse(known.taken ?? '')) < goodFor) return known;
    const { scheduler, profile } = await this.open(name);
    const snapshot: ClusterSnapshot = { ...(await scheduler.snapshot()), name };
    if (profile.nodes_online !== undefined) snapshot.nodesOnline = profile.nodes_online;
    this.snapshots.set(name, snapshot);
    await this.localFor(name)?.keepSnapshot(name, snapshot);
    return snapshot;
  }

  /** What is kept of a cluster on this machine, beside its profile; undefined where no folder is open. */
  private localFor(name: string): LocalFolder | undefined {
    const folder = this.loaded.folderOf.get(name) ?? this.options.folders?.[0];
    return folder === undefined ? undefined : new LocalFolder(folder);
  }

  stop(): void {
    for (const watch of this.watches.values()) watch.stop();
  }
}

/**
 * Does what the user wants of log folders that are not there.
 * @returns sentences about those that are still not there
 * @throws MissingLogFoldersError where the user is to be asked
 */
async function settleLogFolders(
  cluster: Cluster,
  missing: readonly string[],
  wanted: SubmitParams['logFolders'],
): Promise<string[]> {
  const sentences = missing.map((folder) => missingFolderText(cluster, folder));
  if (missing.length > 0 && wanted === 'ask') throw new MissingLogFoldersError(missing, sentences);
  if (wanted !== 'make') return sentences;
  for (const folder of missing) await cluster.host.files.makeFolder(folder);
  return [];
}

/**
 * What became of a submission whose process has ended; one that has not begun is withdrawn.
 * @returns in words, and whether that is the last of it @throws SubmissionUnknownError where the connection is lost
 */
async function outcomeOf(
  { host, scheduler }: Cluster,
  token: string,
  script: string,
): Promise<{ line: string; isSettled: boolean }> {
  try {
    await recover(host, token, undefined, { seconds: 3, pause: 0.5 });
  } catch (error) {
    if (error instanceof SubmissionUnknownError) throw error;
    return { line: `${script}: ${messageOf(error)}`, isSettled: true };
  }
  try {
    const { found, isOpen } = await lookOnce(host, token, (one) => scheduler.find(one));
    if (found) return { line: `${script} was submitted: job ${found.id}`, isSettled: true };
    if (isOpen)
      return { line: `${script} is still being submitted: the scheduler has not answered yet`, isSettled: false };
    return { line: `${script} was not submitted: the scheduler has no such job`, isSettled: true };
  } catch (error) {
    return { line: `${script}: not known yet whether it was submitted. ${messageOf(error)}`, isSettled: false };
  }
}

/** The text of a script on this machine. @throws UserError */
export async function scriptText(script: string): Promise<string> {
  return String(await localFiles.read(path.resolve(script)));
}
