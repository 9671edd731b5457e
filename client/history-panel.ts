import * as path from 'node:path';
import * as vscode from 'vscode';
import type { FromHistory, ToHistory } from '../server/shared/panel-protocol';
import { historyRequest } from '../server/shared/protocol';
import type { Context } from './context';
import { errorText } from './errors';
import { showSamples } from './samples-panel';
import { isMessage, mediaRoot, panelHtml } from './webview';

/** The one history panel, its repository and how to bring it up to date. */
let current: { panel: vscode.WebviewPanel; folder: string; refresh(): void } | undefined;

/** Shows the history of the repository that contains `folder`. */
export function showHistory(context: Context, folder: string): void {
  if (current && current.folder === folder) {
    current.panel.reveal();
    return current.refresh();
  }
  current?.panel.dispose();
  const panel = vscode.window.createWebviewPanel(
    'edmWorkbench.history',
    vscode.l10n.t('History'),
    vscode.ViewColumn.Active,
    {
      enableScripts: true,
      localResourceRoots: [mediaRoot(context.extension)],
    },
  );
  const post = (message: ToHistory): void => void panel.webview.postMessage(message);
  let root = folder;
  let ready = false;
  const load = async (): Promise<void> => {
    const server = await context.server();
    const history = await server.sendRequest(historyRequest, { folder });
    root = history.root;
    const { records, problems, published } = history;
    post({ type: 'history', records, problems, published });
  };
  const attempt = (work: Promise<void>): void =>
    void work.catch((error: unknown) => post({ type: 'problem', message: errorText(error) }));
  const refresh = (): void => {
    if (ready) attempt(load());
  };
  const answer = async (message: FromHistory): Promise<void> => {
    switch (message.type) {
      case 'ready':
        ready = true;
        return load();
      case 'openRun': {
        const run = path.resolve(root, message.run);
        if (path.relative(root, run).startsWith('..'))
          throw new Error(vscode.l10n.t('{0} is outside the repository', message.run));
        return showSamples(context, run, vscode.ViewColumn.Beside);
      }
      case 'copy':
        await vscode.env.clipboard.writeText(message.text);
        return void vscode.window.setStatusBarMessage(vscode.l10n.t('Copied'), 2000);
    }
  };
  // A run in a terminal, or a git pull, adds lines to the file behind the panel.
  const watcher = vscode.workspace.createFileSystemWatcher(
    new vscode.RelativePattern(folder, '**/.edm-workbench/history.jsonl'),
  );
  watcher.onDidChange(refresh);
  watcher.onDidCreate(refresh);
  panel.webview.onDidReceiveMessage((message: unknown) => {
    if (isMessage(message)) attempt(answer(message as FromHistory));
  });
  panel.onDidDispose(() => {
    watcher.dispose();
    if (current?.panel === panel) current = undefined;
  });
  panel.webview.html = panelHtml(panel.webview, context.extension, 'history', vscode.l10n.t('History'));
  current = { panel, folder, refresh };
}
