/** Runs on clusters over LSP, and the watch over those that are under way. Nothing is decided here. */
import { LSPErrorCodes, ResponseError, type CancellationToken, type Connection } from 'vscode-languageserver/node';
import type { Clusters } from '../cluster/clusters';
import { pollSeconds } from '../cluster/profiles';
import { messageOf } from '../errors';
import { repositoryRoot } from '../git';
import type { TaskControl } from '../shared/progress';
import * as protocol from '../shared/protocol';
import { calibrate } from '../dispatch/calibration';
import { batchEdit, calibrationsOf } from '../dispatch/calibrations';
import { DirtyTreeError } from '../dispatch/commit';
import { provideContainer } from '../dispatch/container/pipeline';
import { EDM_DOCKERFILE } from '../dispatch/container/recipe';
import { endText } from '../dispatch/follow';
import { Ledger } from '../dispatch/ledger';
import type { ClusterAccess } from '../dispatch/remote';
import { accessOf, Dispatches } from '../dispatch/session';

/** What the session tells of itself, so that runs that ended are brought home. */
export interface DispatchWatch {
  /** A workspace folder is open. */
  opened(folder: string | undefined): void;
  connected(cluster: string): void;
  queueChanged(state: protocol.QueueState): void;
}

/** Registers all of it. */
export function registerDispatchRequests(
  connection: Connection,
  clusters: Clusters,
  responseError: (error: unknown) => ResponseError<void>,
): DispatchWatch {
  const tell = (root: string, dispatch: protocol.Dispatch): void =>
    void connection.sendNotification(protocol.dispatchEndNotification, { root, dispatch, text: endText(dispatch) });
  const report = (progress: protocol.DispatchProgress): void =>
    void connection.sendNotification(protocol.dispatchProgressNotification, progress);
  const dispatches = new Dispatches((cluster, mayPrompt) => clusters.open(cluster, mayPrompt), tell, report);
  const control = ({ progressToken }: protocol.WithProgress, token: CancellationToken) => {
    const controller = new AbortController();
    token.onCancellationRequested(() => controller.abort());
    const onProgress = (progress: protocol.Progress): void => {
      if (progressToken) void connection.sendProgress(protocol.runProgress, progressToken, progress);
    };
    return { signal: controller.signal, onProgress };
  };

  connection.onRequest(protocol.dispatchRequest, async (params, token) => {
    try {
      const dispatch = await dispatches.submit(params, control(params, token));
      (await clusters.queue(dispatch.cluster)).refresh();
      return dispatch;
    } catch (error) {
      if (!(error instanceof DirtyTreeError)) return new ResponseError(responseError(error).code, messageOf(error));
      return new ResponseError<protocol.DirtyRefusal>(LSPErrorCodes.RequestFailed, error.message, {
        dirty: error.what,
      });
    }
  });
  connection.onRequest(protocol.previewRequest, ({ config, cluster }) =>
    dispatches.preview(config, cluster).catch(responseError),
  );
  connection.onRequest(protocol.dispatchesRequest, ({ folder }) =>
    repositoryRoot(folder)
      .then(async (root) => ({ root, ...(await new Ledger(root).all()) }))
      .catch(responseError),
  );
  connection.onRequest(protocol.pullRequest, async (params, token) => {
    try {
      const root = await repositoryRoot(params.folder);
      const { images } = params;
      const { dispatch } = await dispatches.pull(root, params.token, { images, control: control(params, token) });
      return { root, dispatch, text: endText(dispatch) };
    } catch (error) {
      return responseError(error);
    }
  });

  const job = async <P extends protocol.WithProgress & { cluster: string }, R>(
    params: P,
    token: CancellationToken,
    work: (access: ClusterAccess, pollSeconds: number, task: TaskControl) => Promise<R>,
  ): Promise<R | ResponseError<void>> => {
    try {
      const access = accessOf(await clusters.open(params.cluster, true));
      return await work(access, pollSeconds(access.profile), control(params, token));
    } catch (error) {
      return responseError(error);
    }
  };
  connection.onRequest(protocol.containerRequest, (params, token) =>
    job(params, token, async (access, seconds, task) => {
      const { dockerfile } = params;
      return {
        image: await provideContainer({ dockerfile, name: 'edm', access, control: task, pollSeconds: seconds }),
      };
    }),
  );
  connection.onRequest(protocol.dockerfileRequest, () => EDM_DOCKERFILE);
  connection.onRequest(protocol.calibrationRequest, (params, token) =>
    job(params, token, (access, seconds, task) =>
      calibrate({ config: params.config, access, control: task, pollSeconds: seconds }),
    ),
  );
  connection.onRequest(protocol.calibrationsRequest, ({ config }) => calibrationsOf(config));
  connection.onRequest(protocol.batchEditRequest, ({ text, batch }) => batchEdit(text, batch) ?? null);

  let root: string | undefined;
  /** Whatever cannot be brought home now (no connection, no repository) is at the next occasion. */
  const quietly = (work: (root: string) => Promise<unknown>): void => {
    if (root !== undefined) void work(root).catch((error: unknown) => connection.console.info(messageOf(error)));
  };
  return {
    opened(folder) {
      if (folder === undefined) return;
      void repositoryRoot(folder).then(
        (top) => {
          root = top;
          // Clusters that need no connection; the others follow when the user connects.
          for (const { name, local } of clusters.profiles)
            if (local) quietly((one) => dispatches.catchUp(one, { cluster: name }));
        },
        () => undefined, // Outside of a repository nothing was sent.
      );
    },
    connected: (cluster) => quietly((one) => dispatches.catchUp(one, { cluster })),
    queueChanged: (state) => quietly((one) => dispatches.queueChanged(one, state)),
  };
}
