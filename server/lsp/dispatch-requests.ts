/** Runs on clusters over LSP, and the watch over those that are under way. Nothing is decided here. */
import type { Connection } from 'vscode-languageserver/node';
import type { BeforeLogin, Clusters } from '../cluster/clusters';
import { pollSeconds } from '../cluster/profiles';
import { messageOf } from '../errors';
import { repositoryRoot } from '../git';
import { readSource } from '../runs/source';
import { noticeText, plainLine } from '../shared/plain-text';
import * as protocol from '../shared/protocol';
import { calibrate, prepareCalibration } from '../dispatch/calibration';
import { batchEdit, calibrationsOf } from '../dispatch/calibrations';
import { DirtyTreeError } from '../dispatch/commit';
import { continuedText } from '../dispatch/job-text';
import { provideContainer } from '../dispatch/container/pipeline';
import { EDM_DOCKERFILE, readRecipe } from '../dispatch/container/recipe';
import { Dispatches } from '../dispatch/dispatches';
import { endText, waitingText, type SyncResult } from '../dispatch/follow';
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
  const dispatches = new Dispatches((...wanted) => clusters.open(...wanted), tell, report);

  requests.on(
    protocol.dispatchRequest,
    async (params, control) => {
      const source = await readSource(params.config);
      const dispatch = await dispatches.submit({ ...params, source }, control);
      (await clusters.queue(dispatch.cluster)).refresh();
      for (const one of await dispatches.continueOthers(source.root, dispatch).catch(() => []))
        connection.window.showInformationMessage(noticeText(continuedText(one)));
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
    const { dispatch, waiting } = await dispatches.pull(root, token, { images, control });
    for (const note of dispatch.notes)
      if (!before.notes.includes(note)) connection.window.showWarningMessage(noticeText(note));
    if (waiting) connection.window.showWarningMessage(noticeText(waitingText(dispatch, waiting)));
    return { root, dispatch, text: endText(dispatch) };
  });
  requests.on(protocol.containerRequest, async ({ cluster: name, dockerfile }, control) => {
    const cluster = await clusters.open(name, true, async () => void (await readRecipe(dockerfile)));
    const options = { dockerfile, name: 'edm', cluster, control, pollSeconds: pollSeconds(cluster.profile) };
    return { image: await provideContainer(options) };
  });
  connection.onRequest(protocol.dockerfileRequest, () => EDM_DOCKERFILE);
  requests.on(protocol.calibrationRequest, async ({ cluster: name, config }, control) => {
    const source = await readSource(config);
    const before: BeforeLogin = async (profile) => void (await prepareCalibration(source, profile, control));
    const cluster = await clusters.open(name, true, before);
    return calibrate({ source, cluster, control, pollSeconds: pollSeconds(cluster.profile) });
  });
  requests.on(protocol.calibrationsRequest, ({ config }) => calibrationsOf(config));
  requests.on(protocol.batchEditRequest, ({ text, batch }) => batchEdit(text, batch) ?? null);
  return watchDispatches(connection, clusters, dispatches);
}

/** Milliseconds until a run whose results are not visible yet is looked at again. */
const LOOK_AGAIN = 20_000;

/** Brings home what has ended, whenever there is an occasion. */
function watchDispatches(connection: Connection, clusters: Clusters, dispatches: Dispatches): DispatchWatch {
  /** Tops of the repositories that are open. Outside of a repository nothing was sent. */
  let roots: readonly string[] = [];
  /** What cannot be brought home now (no connection, no repository) comes home on the next occasion. */
  const quietly = (cluster: string, work: (root: string) => Promise<SyncResult[]>): void => {
    for (const root of roots)
      void work(root).then(
        (results) => {
          if (results.some(({ waiting }) => waiting)) later(cluster);
        },
        (error: unknown) => connection.console.info(plainLine(messageOf(error))),
      );
  };
  /** Clusters with runs whose results may appear: nobody needs to look at the queue for that. */
  const awaited = new Set<string>();
  const later = (cluster: string): void => {
    if (awaited.has(cluster)) return;
    awaited.add(cluster);
    const look = (): void => {
      awaited.delete(cluster);
      quietly(cluster, (root) => dispatches.syncRuns(root, { cluster }));
    };
    setTimeout(look, LOOK_AGAIN).unref();
  };
  return {
    opened(folders) {
      void Promise.all(folders.map((folder) => repositoryRoot(folder).catch(() => undefined))).then((tops) => {
        roots = [...new Set(tops.filter((top) => top !== undefined))];
        // Clusters that need no connection; the others follow when the user connects.
        for (const profile of clusters.profiles) {
          const { name, local } = profile;
          if (local && !clusters.info(profile).notAllowed)
            quietly(name, (one) => dispatches.syncRuns(one, { cluster: name, again: true }));
        }
      });
    },
    connected: (cluster) => quietly(cluster, (one) => dispatches.syncRuns(one, { cluster, again: true })),
    queueChanged: (state) => quietly(state.cluster, (one) => dispatches.queueChanged(one, state)),
  };
}
