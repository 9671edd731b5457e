/** Runs of configs on clusters: submit, show the scripts, fetch the results. */
import { stat } from 'node:fs/promises';
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
  type DispatchesResult,
  type DispatchParams,
  type DispatchProgress,
  type PullParams,
} from '../server/shared/protocol';
import { calibrateOnCluster } from './calibration-panel';
import { buildContainer } from './container';
import { ask } from './choices';
import type { Context } from './context';
import { errorData, errorText, isCancelled } from './errors';
import { showHistory } from './history-panel';
import { noticeText } from '../server/shared/plain-text';
import { withProgress } from './progress';
import { prepareConfig } from './run-config';
import { showSamples } from './samples-panel';
import { asWorkspaceFile, searchFolders, workspaceFolders } from './workspace-folders';

/** Palette commands; package.json names the same ids. */
export const DISPATCH_COMMANDS = {
  'edmWorkbench.dispatch': submitRun,
  'edmWorkbench.previewDispatch': showScripts,
  'edmWorkbench.pull': pullResults,
  'edmWorkbench.buildContainer': buildContainer,
  'edmWorkbench.calibrateOnCluster': calibrateOnCluster,
};

/** Shows in the status bar how far runs are, tells when they end, and looks after those of an earlier session of the editor. */
export function registerDispatches(context: Context): vscode.Disposable[] {
  const item = vscode.window.createStatusBarItem('edmWorkbench.runs', vscode.StatusBarAlignment.Left, 9);
  item.name = vscode.l10n.t('Runs on clusters');
  item.command = 'edmWorkbench.pull';
  void resumeRuns(context).catch((error: unknown) => context.log?.appendLine(errorText(error)));
  return [
    item,
    context.clusters.onDidChange(() => drawStatus(item, context.clusters.runs())),
    context.clusters.onDidEndRun((end) => void tellEnd(context, end)),
  ];
}

/** The first run and how many more there are; all of them in the tooltip. Hidden without any. */
function drawStatus(item: vscode.StatusBarItem, runs: readonly DispatchProgress[]): void {
  const [first, ...others] = runs;
  if (!first) return item.hide();
  const more = others.length > 0 ? ` +${others.length}` : '';
  item.text = `$(cloud) ${first.name} ${first.done}/${first.total}${more}`;
  item.tooltip = runs
    .map(({ name, cluster, done, total, note }) =>
      [vscode.l10n.t('{0} on {1}: {2} of {3} images', name, cluster, done, total), note].filter(Boolean).join(', '),
    )
    .join('\n');
  item.show();
}

/**
 * Runs that were under way when the editor was closed: those on this machine are looked at now, those on other clusters
 * once the user connects; the user is reminded to.
 */
async function resumeRuns(context: Context): Promise<void> {
  if (workspaceFolders().length === 0 || !vscode.workspace.isTrusted) return;
  // The server is not started for a project that has never sent a run.
  if (!(await Promise.all(workspaceFolders().map(hasDispatches))).includes(true)) return;
  // Nothing can have been submitted from outside a repository.
  const known = await allDispatches(context).catch(() => []);
  const open = known
    .flatMap(({ dispatches }) => dispatches)
    // One whose submission was interrupted has jobs there too.
    .filter(({ state, jobs }) => ['submitted', 'ended'].includes(state) || (state === 'preparing' && jobs.length > 0));
  if (open.length === 0) return;
  for (const dispatch of open) context.clusters.adopt(dispatch);
  for (const { profile, connection, notAllowed } of await context.clusters.load()) {
    const names = open.filter(({ cluster }) => cluster === profile.name).map(({ name }) => name);
    if (names.length > 0 && !profile.local && !notAllowed && connection === 'disconnected')
      void remindToConnect(profile.name, [...new Set(names)].join(', '));
  }
}

/** Whether a run was ever sent to a cluster from the repository of this folder, which may lie above it. */
async function hasDispatches(folder: string): Promise<boolean> {
  for (let at = folder; ; at = path.dirname(at)) {
    const found = await stat(path.join(at, '.edm-workbench', 'dispatches')).catch(() => undefined);
    if (found) return true;
    if (path.dirname(at) === at) return false;
  }
}

/** The runs that the repositories of all workspace folders have sent to clusters. */
async function allDispatches(context: Context): Promise<DispatchesResult[]> {
  const server = await context.server();
  const look = (folder: string): Promise<DispatchesResult> => server.sendRequest(dispatchesRequest, { folder });
  return (await searchFolders(look, ({ root }) => root)).map(({ value }) => value);
}

async function remindToConnect(cluster: string, names: string): Promise<void> {
  const connect = vscode.l10n.t('Connect');
  const text = vscode.l10n.t('Runs were submitted to {0}: {1}. Connect to see how they went.', cluster, names);
  if ((await vscode.window.showInformationMessage(noticeText(text), connect)) === connect)
    await vscode.commands.executeCommand('edmWorkbench.connect', { cluster });
}

async function submitRun(context: Context, argument?: unknown): Promise<void> {
  const prepared = await prepareConfig(context, argument);
  if (!prepared) return;
  const dispatch = await submitCommitted(context, { ...prepared, dirty: 'refuse' });
  if (!dispatch) return;
  const { name, code, cluster, jobs, notes } = dispatch;
  context.clusters.adopt(dispatch);
  const ids = jobs.flatMap(({ id }) => id ?? []);
  const done = vscode.l10n.t('{0} at {1} was submitted to {2}: {3}', name, code.short, cluster, ids.join(', '));
  const follow = vscode.l10n.t('Follow log');
  const text = noticeText([done, ...notes].join('. '));
  void vscode.window.showInformationMessage(text, follow).then((chosen) => {
    if (chosen === follow) void vscode.commands.executeCommand('edmWorkbench.followLog', { cluster, id: jobs[0]?.id });
  });
}

/** Submits; where the work tree is not clean, the user decides once what becomes of the changes. */
async function submitCommitted(context: Context, params: DispatchParams): Promise<Dispatch | undefined> {
  const title = vscode.l10n.t('Submit {0} to {1}', path.basename(params.config, '.edm.yaml'), params.cluster ?? '');
  const answer = await withProgress(context, title, (server, progress, token) =>
    server.sendRequest(dispatchRequest, { ...params, ...progress }, token).catch(dirtyRefusalOf),
  );
  if (!answer || !('dirty' in answer)) return answer;
  const dirty = await askAboutChanges(answer);
  return dirty && submitCommitted(context, { ...params, dirty });
}

/** @throws the error itself where it is any other */
function dirtyRefusalOf(error: unknown): DirtyRefusal {
  const data = errorData<Partial<DirtyRefusal>>(error);
  if (data?.dirty === undefined) throw error;
  return { dirty: data.dirty };
}

/** What to do with uncommitted changes; undefined where the user cancelled. */
async function askAboutChanges({ dirty }: DirtyRefusal): Promise<'commit' | 'keep' | undefined> {
  const [commit, keep] = [vscode.l10n.t('Commit for me'), vscode.l10n.t('Run as it is, marked dirty')];
  const chosen = await vscode.window.showWarningMessage(
    vscode.l10n.t('The work tree has uncommitted changes.'),
    {
      modal: true,
      detail: vscode.l10n.t(
        '{0}. Commit the changes, or run the tree as it is: the run folder and the record are then marked -dirty, and the changes are kept in the run folder.',
        noticeText(dirty),
      ),
    },
    commit,
    keep,
  );
  if (chosen === commit) return 'commit';
  return chosen === keep ? 'keep' : undefined;
}

/** Opens the scripts as they would be submitted, to read or to keep. */
async function showScripts(context: Context, argument?: unknown): Promise<void> {
  const prepared = await prepareConfig(context, argument);
  if (!prepared) return;
  const server = await context.server();
  for (const { text } of await server.sendRequest(previewRequest, prepared)) {
    const document = await vscode.workspace.openTextDocument({ language: 'shellscript', content: text });
    await vscode.window.showTextDocument(document, { preview: false });
  }
}

/** Fetches the results of a run of the open repositories, and its images if they are wanted. */
async function pullResults(context: Context): Promise<void> {
  const repositories = await allDispatches(context);
  const several = repositories.filter(({ dispatches }) => dispatches.length > 0).length > 1;
  for (const problem of repositories.flatMap(({ problems }) => problems))
    void vscode.window.showWarningMessage(noticeText(problem));
  const items = repositories
    .flatMap(({ root, dispatches }) => dispatches.map((dispatch) => ({ root, dispatch })))
    .sort((a, b) => b.dispatch.created.localeCompare(a.dispatch.created))
    .map(({ root, dispatch }) => ({
      label: noticeText(`${dispatch.code.short} ${dispatch.name}`),
      description: [dispatch.cluster, dispatch.state, ...(several ? [path.basename(root)] : [])].join(', '),
      detail: noticeText(dispatch.local ?? `${dispatch.folder}/${dispatch.run}`),
      root,
      dispatch,
    }));
  if (items.length === 0) {
    void vscode.window.showInformationMessage(
      vscode.l10n.t('No run of this workspace has been submitted to a cluster.'),
    );
    return;
  }
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t('Results of which run?') });
  if (chosen) await pullRun(context, { root: chosen.root, dispatch: chosen.dispatch, text: '' });
}

async function pullRun(context: Context, { root, dispatch }: DispatchEnd): Promise<void> {
  if (dispatch.local && dispatch.fetched.includes('images'))
    return showSamples(context, path.resolve(root, dispatch.local));
  const images = await askImages(dispatch);
  if (images === undefined) return;
  await context.clusters.connect(dispatch.cluster);
  const title = vscode.l10n.t('Fetch {0} from {1}', dispatch.name, dispatch.cluster);
  const pulled = await withProgress(context, title, (server, progress, token) =>
    server.sendRequest(pullRequest, { folder: root, token: dispatch.token, images, ...progress }, token),
  );
  if (pulled?.dispatch.local) showSamples(context, path.resolve(root, pulled.dispatch.local));
}

/** Up to this many images are fetched without asking. */
const FEW_IMAGES = 1000;

/** All images, or those of some seeds; undefined where the user cancelled. */
async function askImages({ images, seeds }: Dispatch): Promise<PullParams['images']> {
  if (images <= FEW_IMAGES) return 'all';
  const all = { label: vscode.l10n.t('All {0} images', images.toLocaleString()) };
  const some = { label: vscode.l10n.t('Only some seeds…') };
  const chosen = await vscode.window.showQuickPick([all, some], { placeHolder: vscode.l10n.t('Which images?') });
  if (chosen !== some) return chosen && 'all';
  const given = await ask(vscode.l10n.t('Seeds, out of {0}', seeds), '0-99');
  return given === undefined ? undefined : { seeds: given };
}

/** Tells how a run ended: once for each, also for those that ended while the editor was closed. */
async function tellEnd(context: Context, end: DispatchEnd): Promise<void> {
  const { root, dispatch, text } = end;
  try {
    if (dispatch.state === 'complete') {
      const [samples, history] = [vscode.l10n.t('Fetch samples'), vscode.l10n.t('Show history')];
      const chosen = await vscode.window.showInformationMessage(noticeText(text), samples, history);
      if (chosen === samples) await pullRun(context, end);
      if (chosen === history) showHistory(context, root);
      return;
    }
    const [fix, log] = [vscode.l10n.t('Fix and resubmit'), vscode.l10n.t('Open log')];
    const hasLog = dispatch.log !== undefined && dispatch.local !== undefined;
    let chosen = await vscode.window.showErrorMessage(noticeText(text), fix, ...(hasLog ? [log] : []));
    if (chosen === log) {
      await openLog(root, dispatch);
      // After the log has been read, the fix is offered again.
      chosen = await vscode.window.showErrorMessage(noticeText(text), fix);
    }
    if (chosen === fix) await fixConfig(root, dispatch);
  } catch (error) {
    if (!isCancelled(error)) void vscode.window.showErrorMessage(errorText(error));
  }
}

/** Opens the log as it was fetched, at the line that explains the failure. */
async function openLog(root: string, { local = '', log = '', log_line = 1 }: Dispatch): Promise<void> {
  const file = vscode.Uri.file(asWorkspaceFile(path.resolve(root, local, path.posix.basename(log))));
  const at = new vscode.Range(log_line - 1, 0, log_line - 1, Number.MAX_SAFE_INTEGER);
  await vscode.window.showTextDocument(file, { selection: at });
}

/** Opens the config at the key that may fix the failure, and offers to submit it again. */
async function fixConfig(root: string, { config_file, cluster, error, fix }: Dispatch): Promise<void> {
  const document = await vscode.workspace.openTextDocument(
    vscode.Uri.file(asWorkspaceFile(path.resolve(root, config_file))),
  );
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
  if ((await vscode.window.showInformationMessage(noticeText(text), again)) === again)
    await vscode.commands.executeCommand('edmWorkbench.dispatch', document.uri);
}
