/** Clusters over LSP: every request and notification of protocol.ts's section Clusters. Nothing is decided here. */
import {
  LSPErrorCodes,
  ResponseError,
  type CancellationToken,
  type Connection,
  type RequestType,
} from 'vscode-languageserver/node';
import { readScript } from '../scripts/reading/read-script';
import type { Surroundings } from './documents';
import * as protocol from '../shared/protocol';
import type { ClusterProfile } from '../shared/schema-types.gen';
import { registerDispatchRequests } from './dispatch-requests';
import { Clusters, type HostSource } from '../cluster/clusters';
import { addProfile } from '../cluster/profile-writer';
import { likeliest } from '../cluster/profiles';
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
  /** An error as the client shows it. */
  responseError: (error: unknown) => ResponseError<void>;
  /** Host aliases of the user's ssh configuration. */
  hostAliases: () => Promise<string[]>;
  /** Called when other snapshots count: open scripts are checked again. */
  onSnapshots?: () => void;
}

/** Registers all of it. @returns what is known of the clusters that documents are for */
export function registerClusterRequests(connection: Connection, options: ClusterRequestsOptions): Surroundings {
  const { responseError } = options;
  const clusters = new Clusters({
    hosts: options.hosts,
    // A client without settings has none.
    settings: () => connection.workspace.getConfiguration('edmWorkbench.clusters').catch(() => undefined),
    onQueue: (state) => {
      void connection.sendNotification(protocol.queueNotification, state);
      dispatches.queueChanged(state);
    },
    onInfo: (info) => void connection.sendNotification(protocol.clusterNotification, info),
  });
  const dispatches = registerDispatchRequests(connection, clusters, responseError);
  const on = <P, R>(type: RequestType<P, R, void>, work: (params: P, signal: AbortSignal) => Promise<R>): void => {
    connection.onRequest(type.method, async (params: P, token: CancellationToken) => {
      const controller = new AbortController();
      const listener = token.onCancellationRequested(() => controller.abort());
      try {
        return await work(params, controller.signal);
      } catch (error) {
        return responseError(error);
      } finally {
        listener.dispose();
      }
    });
  };
  const say = (lines: readonly string[]): void => {
    for (const line of lines) connection.window.showInformationMessage(line);
  };

  on(protocol.clustersRequest, async ({ folder }) => {
    const { profiles, problems } = await clusters.load(folder);
    dispatches.opened(folder);
    for (const problem of problems) connection.window.showWarningMessage(problem);
    options.onSnapshots?.();
    return profiles.map((profile) => clusters.info(profile));
  });
  on(protocol.connectRequest, async ({ cluster }) => {
    const { info, settled } = await clusters.connect(cluster);
    say(settled);
    dispatches.connected(cluster);
    void clusters.takeSnapshot(cluster).then(options.onSnapshots, () => undefined);
    return info;
  });
  on(protocol.disconnectRequest, ({ cluster }) => clusters.disconnect(cluster));
  on(protocol.watchRequest, async ({ cluster, attention, whose }) =>
    (await clusters.queue(cluster)).watch(attention, whose),
  );
  on(protocol.refreshRequest, async ({ cluster }) => (await clusters.queue(cluster)).refresh());
  on(protocol.dryRunRequest, (params) => clusters.dryRun(params));
  on(protocol.jobActionRequest, async ({ cluster, action, ids }) => {
    const { scheduler } = await clusters.open(cluster);
    const results = await scheduler.act(action, ids);
    (await clusters.queue(cluster)).refresh();
    return results;
  });
  on(protocol.jobRequest, async ({ cluster, id }) => (await (await clusters.open(cluster)).scheduler.job(id)) ?? null);
  on(protocol.jobScriptRequest, async ({ cluster, id }) => (await clusters.open(cluster)).scheduler.script(id));
  on(protocol.followRequest, (params, signal) =>
    clusters.follow(params, (part) => void connection.sendNotification(protocol.logNotification, part), signal),
  );
  on(protocol.addClusterRequest, ({ folder, profile }) => addProfile(folder, profile));
  connection.onRequest(protocol.hostAliasesRequest, () => options.hostAliases());
  connection.onRequest(protocol.submitRequest, (params) =>
    clusters.submit(params).catch((error: unknown) => {
      if (!(error instanceof RefusedError)) return new ResponseError(LSPErrorCodes.RequestFailed, responseError(error).message, {}); // prettier-ignore
      const { line } = error;
      return new ResponseError<protocol.SubmitRefusal>(LSPErrorCodes.RequestFailed, error.message, { ...(line !== undefined && { line }) }); // prettier-ignore
    }),
  );
  connection.onExit(() => clusters.stop());

  const profileOf = (named: string | undefined): ClusterProfile | undefined =>
    named !== undefined ? clusters.profiles.find(({ name }) => name === named) : likeliest(clusters.profiles);
  return {
    script: (text) => {
      const named = /^\s*#\s*edm-workbench:\s*cluster=([A-Za-z0-9._-]+)/m.exec(text)?.[1];
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
  };
}
