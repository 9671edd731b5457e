/** Runs of configs on clusters: submit, show the scripts, fetch what came of them. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import {
  dispatchesRequest,
  dispatchRequest,
  previewRequest,
  pullRequest,
  type DirtyRefusal,
  type Dispatch,
  type DispatchEnd,
  type DispatchParams,
  type PullParams,
} from '../server/shared/protocol';
import { calibrateOnCluster } from './calibration-panel';
import { buildContainer } from './container';
import { ask, workspaceFolder } from './choices';
import type { Context } from './context';
import { errorText, isCancelled } from './errors';
import { showHistory } from './history-panel';
import { plainText } from './plain-text';
import { withProgress } from './progress';
import { prepareConfig } from './run-config';
import { showSamples } from './samples-panel';

/** Palette commands; package.json names the same ids. */
export const DISPATCH_COMMANDS = {
  'edmWorkbench.dispatch': submitRun,
  'edmWorkbench.previewDispatch': showScripts,
  'edmWorkbench.pull': pull,
  'edmWorkbench.buildContainer': buildContainer,
  'edmWorkbench.calibrateOnCluster': calibrateOnCluster,
};

/** What can be done on a cluster, above a run config; how far runs are, in the status bar. */
export function registerDispatch(context: Context): vscode.Disposable[] {
  const lens: vscode.CodeLensProvider = {
    provideCodeLenses({ uri }) {
      const top = new vscode.Range(0, 0, 0, 0);
      const made = (title: string, command: string): vscode.CodeLens =>
        new vscode.CodeLens(top, { title, command, arguments: [uri] });
      return [
        made(`$(cloud-upload) ${vscode.l10n.t('Submit to cluster')}`, 'edmWorkbench.dispatch'),
        made(`$(file-code) ${vscode.l10n.t('Show script')}`, 'edmWorkbench.previewDispatch'),
        made(`$(beaker) ${vscode.l10n.t('Calibrate')}`, 'edmWorkbench.calibrateOnCluster'),
        made(`$(cloud-download) ${vscode.l10n.t('Results')}`, 'edmWorkbench.pull'),
      ];
    },
  };
  const item = vscode.window.createStatusBarItem('edmWorkbench.runs', vscode.StatusBarAlignment.Left, 9);
  item.name = vscode.l10n.t('Runs on clusters');
  item.command = 'edmWorkbench.pull';
  const draw = (): void => {
    const [first, ...others] = context.clusters.runs();
    if (!first) return item.hide();
    const more = others.length > 0 ? ` +${others.length}` : '';
    item.text = `$(cloud) ${first.name} ${first.done}/${first.total}${more}`;
    item.tooltip = [first, ...others]
      .map(({ name, cluster, done, total, note }) =>
        [vscode.l10n.t('{0} on {1}: {2} of {3} images', name, cluster, done, total), note].filter(Boolean).join(', '),
      )
      .join('\n');
    item.show();
  };
  void comeBack(context).catch((error: unknown) => context.log?.appendLine(errorText(error)));
  return [
    item,
    context.clusters.onDidChange(draw),
    context.clusters.onDidEndRun((end) => void tellEnd(context, end)),
    vscode.languages.registerCodeLensProvider({ pattern: '**/*.edm.yaml' }, lens),
  ];
}

/**
 * Runs that were under way when the editor was closed: those on this machine are looked at now, those of other clusters
 * once the user connects, and the user is reminded of that.
 */
async function comeBack(context: Context): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  if (folder === undefined || !vscode.workspace.isTrusted) return;
  const server = await context.server();
  // Outside of a repository nothing was submitted.
  const known = await server.sendRequest(dispatchesRequest, { folder }).catch(() => undefined);
  const open = known?.dispatches.filter(({ state }) => state === 'submitted' || state === 'ended') ?? [];
  if (open.length === 0) return;
  for (const dispatch of open) context.clusters.adopt(dispatch);
  for (const { profile, connection } of await context.clusters.load()) {
    const names = open.filter(({ cluster }) => cluster === profile.name).map(({ name }) => name);
    if (names.length > 0 && !profile.local && connection === 'disconnected')
      void remind(profile.name, [...new Set(names)].join(', '));
  }
}

async function remind(cluster: string, names: string): Promise<void> {
  const connect = vscode.l10n.t('Connect');
  const text = vscode.l10n.t('Runs were submitted to {0}: {1}. Connect to see how they went.', cluster, names);
  if ((await vscode.window.showInformationMessage(plainText(text), connect)) === connect)
    await vscode.commands.executeCommand('edmWorkbench.connect', { cluster });
}

async function submitRun(context: Context, argument?: unknown): Promise<void> {
  const prepared = await prepareConfig(context, argument);
  if (!prepared) return;
  const dispatch = await submitDeciding(context, { ...prepared, dirty: 'refuse' });
  if (!dispatch) return;
  context.clusters.adopt(dispatch);
  const ids = dispatch.jobs.flatMap(({ id }) => id ?? []).join(', ');
  const done = vscode.l10n.t('{0} at {1} is on {2}: {3}', dispatch.name, dispatch.code.short, dispatch.cluster, ids);
  const follow = vscode.l10n.t('Follow log');
  const text = plainText([done, ...dispatch.notes].join('. '));
  void vscode.window.showInformationMessage(text, follow).then((chosen) => {
    const [job] = dispatch.jobs;
    if (chosen === follow)
      void vscode.commands.executeCommand('edmWorkbench.followLog', { cluster: dispatch.cluster, id: job.id });
  });
}

/** Submits; a tree that is not clean is the user's to decide about, once. */
async function submitDeciding(context: Context, params: DispatchParams): Promise<Dispatch | undefined> {
  const title = vscode.l10n.t('Submit {0} to {1}', path.basename(params.config, '.edm.yaml'), params.cluster ?? '');
  const server = await context.server();
  const source = new vscode.CancellationTokenSource();
  let refusal: string | undefined;
  const dispatch = await withProgress(context, title, (_server, progress, token) => {
    token.onCancellationRequested(() => source.cancel());
    return server.sendRequest(dispatchRequest, { ...params, ...progress }, source.token).catch((error: unknown) => {
      refusal = (error as { data?: DirtyRefusal }).data?.dirty;
      if (refusal === undefined) throw error;
      return undefined;
    });
  });
  if (refusal === undefined) return dispatch;
  const [commit, keep] = [vscode.l10n.t('Commit for me'), vscode.l10n.t('Run as it is, marked dirty')];
  const chosen = await vscode.window.showWarningMessage(
    vscode.l10n.t('The work tree has uncommitted changes.'),
    {
      modal: true,
      detail: vscode.l10n.t(
        '{0}. Commit it, or run the tree as it is: the folder and the record then say -dirty, and the changes are kept in the run folder.',
        plainText(refusal),
      ),
    },
    commit,
    keep,
  );
  if (chosen === undefined) return undefined;
  return submitDeciding(context, { ...params, dirty: chosen === commit ? 'commit' : 'keep' });
}

/** The scripts as they would be submitted, to read and to keep. */
async function showScripts(context: Context, argument?: unknown): Promise<void> {
  const prepared = await prepareConfig(context, argument);
  if (!prepared) return;
  const server = await context.server();
  for (const { text } of await server.sendRequest(previewRequest, prepared)) {
    const document = await vscode.workspace.openTextDocument({ language: 'shellscript', content: text });
    await vscode.window.showTextDocument(document, { preview: false });
  }
}

/** Results, and the images if they are wanted, of a run of this workspace. */
async function pull(context: Context): Promise<void> {
  const folder = workspaceFolder();
  if (folder === undefined) return;
  const server = await context.server();
  const { root, dispatches, problems } = await server.sendRequest(dispatchesRequest, { folder });
  for (const problem of problems) void vscode.window.showWarningMessage(plainText(problem));
  const items = dispatches.reverse().map((dispatch) => ({
    label: `${dispatch.code.short} ${dispatch.name}`,
    description: `${dispatch.cluster}, ${dispatch.state}`,
    detail: dispatch.local ?? `${dispatch.folder}/${dispatch.run}`,
    dispatch,
  }));
  if (items.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('No run of this repository was submitted to a cluster.'));
    return;
  }
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t('Results of which run?') });
  if (chosen) await pullRun(context, { root, dispatch: chosen.dispatch, text: '' });
}

async function pullRun(context: Context, { root, dispatch }: DispatchEnd): Promise<void> {
  if (dispatch.local && dispatch.fetched.includes('images'))
    return showSamples(context, path.join(root, dispatch.local));
  const images = await askImages(dispatch);
  if (images === undefined) return;
  await context.clusters.connect(dispatch.cluster);
  const title = vscode.l10n.t('Fetch {0} from {1}', dispatch.name, dispatch.cluster);
  const pulled = await withProgress(context, title, (server, progress, token) =>
    server.sendRequest(pullRequest, { folder: root, token: dispatch.token, images, ...progress }, token),
  );
  if (pulled?.dispatch.local) showSamples(context, path.join(root, pulled.dispatch.local));
}

/** So many images are fetched without asking. */
const FEW_IMAGES = 1000;

/** All images, or those of some seeds; undefined where the user went away. */
async function askImages({ images, seeds }: Dispatch): Promise<PullParams['images']> {
  if (images <= FEW_IMAGES) return 'all';
  const all = { label: vscode.l10n.t('All {0} images', images.toLocaleString()) };
  const some = { label: vscode.l10n.t('Those of some seeds…') };
  const chosen = await vscode.window.showQuickPick([all, some], { placeHolder: vscode.l10n.t('Which images?') });
  if (chosen !== some) return chosen && 'all';
  const given = await ask(vscode.l10n.t('Seeds, of {0}', seeds), '0-99');
  return given === undefined ? undefined : { seeds: given };
}

/** Once for each run, also for those that ended while the editor was closed. */
async function tellEnd(context: Context, end: DispatchEnd): Promise<void> {
  const { root, dispatch, text } = end;
  try {
    if (dispatch.state === 'complete') {
      const [samples, history] = [vscode.l10n.t('Fetch samples'), vscode.l10n.t('Show history')];
      const chosen = await vscode.window.showInformationMessage(plainText(text), samples, history);
      if (chosen === samples) await pullRun(context, end);
      if (chosen === history) showHistory(context, root);
      return;
    }
    const [fix, log] = [vscode.l10n.t('Fix and resubmit'), vscode.l10n.t('Open log')];
    const hasLog = dispatch.log !== undefined && dispatch.local !== undefined;
    let chosen = await vscode.window.showErrorMessage(plainText(text), fix, ...(hasLog ? [log] : []));
    if (chosen === log) {
      await openLog(root, dispatch);
      // Read, and then put right.
      chosen = await vscode.window.showErrorMessage(plainText(text), fix);
    }
    if (chosen === fix) await fixConfig(root, dispatch);
  } catch (error) {
    if (!isCancelled(error)) void vscode.window.showErrorMessage(errorText(error));
  }
}

/** The log as it was fetched, at the line that tells why. */
async function openLog(root: string, { local = '', log = '', log_line = 1 }: Dispatch): Promise<void> {
  const file = vscode.Uri.file(path.join(root, local, path.posix.basename(log)));
  const at = new vscode.Range(log_line - 1, 0, log_line - 1, Number.MAX_SAFE_INTEGER);
  await vscode.window.showTextDocument(file, { selection: at });
}

/** The config at what may put it right, to be submitted again from there. */
async function fixConfig(root: string, { config_file, cluster, error, fix }: Dispatch): Promise<void> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.file(path.join(root, config_file)));
  const lineOf = (key: string) => new RegExp(`^${key}:[^#\\r\\n]*`, 'm').exec(document.getText());
  const found = (fix && lineOf(fix)) || lineOf('network');
  const at = found?.index ?? 0;
  const selection = new vscode.Range(
    document.positionAt(at),
    document.positionAt(at + (found?.[0].trimEnd().length ?? 0)),
  );
  await vscode.window.showTextDocument(document, { selection });
  const again = vscode.l10n.t('Submit again');
  const text = vscode.l10n.t('{0} Change the config, then submit it to {1} again.', error ?? '', cluster).trim();
  if ((await vscode.window.showInformationMessage(plainText(text), again)) === again)
    await vscode.commands.executeCommand('edmWorkbench.dispatch', document.uri);
}
