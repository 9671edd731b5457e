/** Clusters over LSP: every request and notification of protocol.ts's section Clusters. Nothing is decided here. */
import type { Connection } from 'vscode-languageserver/node';
import { clusterComment } from '../scripts/reading/cluster-comment';
import { readScript } from '../scripts/reading/read-script';
import type { Surroundings } from './documents';
import * as protocol from '../shared/protocol';
import { noticeText } from '../shared/plain-text';
import type { ClusterProfile } from '../shared/schema-types.gen';
import { registerDispatchRequests } from './dispatch-requests';
import type { Requests } from './requests';
import { hostAliases } from '../cluster/ssh/configuration';
import { effectsOf, type AskAllowance, type WorkspaceFile } from '../cluster/allowance';
import { Clusters, type HostSource } from '../cluster/clusters';
import { MissingLogFoldersError } from '../cluster/log-place';
import { defaultCluster } from '../cluster/profiles';
import { RefusedError } from '../cluster/scheduler';
import type { Prompter } from '../cluster/ssh/prompter';

/** Prompts by way of the editor. */
export function clientPrompter(connection: Connection): Prompter {
  return {
    prompt: (params) => connection.sendRequest(protocol.promptRequest, params),
    hostKey: (params) => connection.sendRequest(protocol.hostKeyRequest, params),
    secret: (params) => connection.sendRequest(protocol.secretRequest, params),
  };
}

export interface ClusterRequestsOptions {
  hosts: HostSource;
  /** Called when other snapshots count: open scripts are checked again. */
  onSnapshots?: () => void;
}

/** What is known of the clusters that documents are for. */
export interface KnownClusters {
  /** Of a script: the cluster it is for, and rules that are off there. */
  script: (text: string) => Surroundings['script'];
  cluster: Surroundings['cluster'];
  /** Names of all clusters; undefined where they are not known, or not all of them. */
  names: () => Surroundings['clusters'];
  /** Reads the lists of these folders, for an editor that does not ask for it; again when they change. */
  load: (folders?: readonly string[]) => Promise<void>;
}

/** Registers all of it. */
export function registerClusterRequests(
  connection: Connection,
  requests: Requests,
  options: ClusterRequestsOptions,
): KnownClusters {
  const ask = allowanceQuestion(connection);
  const clusters = new Clusters({
    hosts: options.hosts,
    askAllowance: ask.wanted,
    // A client without settings has none.
    settings: () => connection.workspace.getConfiguration('edmWorkbench.clusters').catch(() => undefined),
    historySettings: () => connection.workspace.getConfiguration('edmWorkbench.queue').catch(() => undefined),
    onQueue: (state) => {
      void connection.sendNotification(protocol.queueNotification, state);
      dispatches.queueChanged(state);
    },
    onInfo: (info) => void connection.sendNotification(protocol.clusterNotification, info),
  });
  const dispatches = registerDispatchRequests(connection, requests, clusters);
  requests.on(protocol.clustersRequest, async ({ folders }) => {
    const { profiles, problems } = await clusters.load(folders);
    dispatches.opened(folders);
    for (const problem of problems) connection.window.showWarningMessage(noticeText(problem));
    options.onSnapshots?.();
    // The list is answered meanwhile: nothing waits for the user.
    for (const file of clusters.notAllowed)
      void ask.opened(file).then(async (agreed) => {
        if (!agreed) return;
        await clusters.allow(file);
        dispatches.opened(folders);
      });
    return profiles.map((profile) => clusters.info(profile));
  });
  requests.on(protocol.connectRequest, async ({ cluster }) => {
    const { info, settled } = await clusters.connect(cluster);
    for (const line of settled) connection.window.showInformationMessage(noticeText(line));
    dispatches.connected(cluster);
    void clusters.takeSnapshot(cluster).then(options.onSnapshots, () => undefined);
    return info;
  });
  registerJobRequests(connection, requests, clusters);
  connection.onExit(() => clusters.stop());
  return knownClusters(clusters, () => options.onSnapshots?.());
}

/**
 * The question whether a workspace's file of clusters may be used: once in this session for each content when the
 * workspace is opened, and whenever the user asks for something that needs it. A client that cannot ask agrees to nothing.
 */
function allowanceQuestion(connection: Connection): { opened: AskAllowance; wanted: AskAllowance } {
  const asked = new Set<string>();
  const ask = ({ file, profiles }: WorkspaceFile, wanted: boolean): Promise<boolean> =>
    connection.sendRequest(protocol.allowClustersRequest, { file, effects: profiles.flatMap(effectsOf), wanted }).then(
      (answer) => answer === true,
      () => false,
    );
  return {
    opened(file) {
      if (asked.has(file.digest)) return Promise.resolve(false);
      asked.add(file.digest);
      return ask(file, false);
    },
    wanted: (file) => ask(file, true),
  };
}

/** Queue, jobs, their logs, and submissions. */
function registerJobRequests(connection: Connection, requests: Requests, clusters: Clusters): void {
  requests.on(protocol.disconnectRequest, ({ cluster }) => clusters.disconnect(cluster));
  requests.on(protocol.logoutRequest, ({ cluster }) => clusters.logOut(cluster));
  requests.on(protocol.watchRequest, async ({ cluster, attention, whose }) =>
    (await clusters.queue(cluster)).watch(attention, whose),
  );
  requests.on(protocol.refreshRequest, async ({ cluster }) => (await clusters.queue(cluster)).refresh());
  requests.on(protocol.olderRequest, async ({ cluster }) => (await clusters.queue(cluster)).older());
  requests.on(protocol.dryRunRequest, (params) => clusters.dryRun(params));
  requests.on(protocol.jobActionRequest, async ({ cluster, action, ids }) => {
    const { scheduler } = await clusters.open(cluster);
    const results = await scheduler.act(action, ids);
    (await clusters.queue(cluster)).refresh();
    return results;
  });
  requests.on(
    protocol.jobRequest,
    async ({ cluster, id }) => (await (await clusters.open(cluster)).scheduler.job(id)) ?? null,
  );
  requests.on(protocol.jobScriptRequest, async ({ cluster, id }) =>
    (await clusters.open(cluster)).scheduler.script(id),
  );
  requests.on(protocol.followRequest, (params, { signal }) =>
    clusters.follow(params, (part) => void connection.sendNotification(protocol.logNotification, part), signal),
  );
  requests.on(protocol.addClusterRequest, ({ folder, profile }) => clusters.add(folder, profile));
  connection.onRequest(protocol.hostAliasesRequest, () => hostAliases());
  requests.on(
    protocol.submitRequest,
    (params) => clusters.submit(params),
    (error) => {
      if (error instanceof MissingLogFoldersError) return { logFolders: [...error.folders] };
      return error instanceof RefusedError && error.line !== undefined ? { line: error.line } : {};
    },
  );
}

function knownClusters(clusters: Clusters, onChange: () => void): KnownClusters {
  const profileOf = (named: string | undefined): ClusterProfile | undefined =>
    named !== undefined ? clusters.profiles.find(({ name }) => name === named) : defaultCluster(clusters.profiles);
  return {
    script: (text) => {
      const named = clusterComment(text)?.name;
      const profile = profileOf(named);
      if (!profile) return {};
      const cluster = clusters.snapshot(profile.name);
      // A script of the other scheduler is not for this cluster.
      const fits = cluster && (named !== undefined || readScript(text)?.scheduler === cluster.scheduler);
      return { ...(fits && { cluster }), disabled: profile.disabled_rules ?? [] };
    },
    cluster: (named) => {
      const profile = profileOf(named);
      return profile && clusters.snapshot(profile.name);
    },
    names: () => clusters.names,
    load: async (folders) => {
      await clusters.load(folders);
      onChange();
    },
  };
}
