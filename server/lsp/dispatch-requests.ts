/** Runs on clusters over LSP, and the watch over those that are under way. Nothing is decided here. */
import type { Connection } from 'vscode-languageserver/node';
import type { Clusters } from '../cluster/clusters';
import { pollSeconds } from '../cluster/profiles';
import { messageOf } from '../errors';
import { repositoryRoot } from '../git';
import { readSource } from '../runs/source';
import { noticeText, plainLine } from '../shared/plain-text';
import * as protocol from '../shared/protocol';
import { calibrate } from '../dispatch/calibration';
import { batchEdit, calibrationsOf } from '../dispatch/calibrations';
import { DirtyTreeError } from '../dispatch/commit';
import { provideContainer } from '../dispatch/container/pipeline';
import { EDM_DOCKERFILE } from '../dispatch/container/recipe';
import { Dispatches } from '../dispatch/dispatches';
import { endText } from '../dispatch/follow';
import { Ledger } from '../dispatch/ledger';
import type { Requests } from './requests';

/** What the session tells of itself, so that runs that ended are brought home. */
export interface DispatchWatch {
  /** These workspace folders are open. */
  opened(folders: readonly string[]): void;
  connected(cluster: string): void;
  queueChanged(state: protocol.QueueState): void;
}

/** Registers all of it. */
export function registerDispatchRequests(
  connection: Connection,
  requests: Requests,
  clusters: Clusters,
): DispatchWatch {
  const tell = (root: string, dispatch: protocol.Dispatch): void =>
    void connection.sendNotification(protocol.dispatchEndNotification, { root, dispatch, text: endText(dispatch) });
  const report = (progress: protocol.DispatchProgress): void =>
    void connection.sendNotification(protocol.dispatchProgressNotification, progress);
  const dispatches = new Dispatches((cluster, mayPrompt) => clusters.open(cluster, mayPrompt), tell, report);

  requests.on(
    protocol.dispatchRequest,
    async (params, control) => {
      const source = await readSource(params.config);
      const dispatch = await dispatches.submit({ ...params, source }, control);
      (await clusters.queue(dispatch.cluster)).refresh();
      return dispatch;
    },
    (error) => (error instanceof DirtyTreeError ? { dirty: error.what } : undefined),
  );
  requests.on(protocol.previewRequest, async ({ config, cluster }) =>
    dispatches.preview(await readSource(config), cluster),
  );
  requests.on(protocol.dispatchesRequest, async ({ folder }) => {
    const root = await repositoryRoot(folder);
    return { root, ...(await new Ledger(root).all()) };
  });
  requests.on(protocol.pullRequest, async ({ folder, token, images }, control) => {
    const root = await repositoryRoot(folder);
    const before = await new Ledger(root).named(token);
    const { dispatch } = await dispatches.pull(root, token, { images, control });
    for (const note of dispatch.notes)
      if (!before.notes.includes(note)) connection.window.showWarningMessage(noticeText(note));
    return { root, dispatch, text: endText(dispatch) };
  });
  requests.on(protocol.containerRequest, async ({ cluster: name, dockerfile }, control) => {
    const cluster = await clusters.open(name, true);
    const options = { dockerfile, name: 'edm', cluster, control, pollSeconds: pollSeconds(cluster.profile) };
    return { image: await provideContainer(options) };
  });
  connection.onRequest(protocol.dockerfileRequest, () => EDM_DOCKERFILE);
  requests.on(protocol.calibrationRequest, async ({ cluster: name, config }, control) => {
    const source = await readSource(config);
    const cluster = await clusters.open(name, true);
    return calibrate({ source, cluster, control, pollSeconds: pollSeconds(cluster.profile) });
  });
  requests.on(protocol.calibrationsRequest, ({ config }) => calibrationsOf(config));
  requests.on(protocol.batchEditRequest, ({ text, batch }) => batchEdit(text, batch) ?? null);
  return watchDispatches(connection, clusters, dispatches);
}

/** Brings home what has ended, whenever there is an occasion. */
function watchDispatches(connection: Connection, clusters: Clusters, dispatches: Dispatches): DispatchWatch {
  /** Tops of the repositories that are open. Outside of a repository nothing was sent. */
  let roots: readonly string[] = [];
  /** What cannot be brought home now (no connection, no repository) comes home on the next occasion. */
  const quietly = (work: (root: string) => Promise<unknown>): void => {
    for (const root of roots)
      void work(root).catch((error: unknown) => connection.console.info(plainLine(messageOf(error))));
  };
  return {
    opened(folders) {
      void Promise.all(folders.map((folder) => repositoryRoot(folder).catch(() => undefined))).then((tops) => {
        roots = [...new Set(tops.filter((top) => top !== undefined))];
        // Clusters that need no connection; the others follow when the user connects.
        for (const profile of clusters.profiles) {
          const { name, local } = profile;
          if (local && !clusters.info(profile).notAllowed)
            quietly((one) => dispatches.syncRuns(one, { cluster: name }));
        }
      });
    },
    connected: (cluster) => quietly((one) => dispatches.syncRuns(one, { cluster })),
    queueChanged: (state) => quietly((one) => dispatches.queueChanged(one, state)),
  };
}
