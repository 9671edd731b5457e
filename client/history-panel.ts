import * as path from 'node:path';
import * as vscode from 'vscode';
import type { FromHistory, ToHistory } from '../server/shared/panel-protocol';
import { historyRequest } from '../server/shared/protocol';
import { copyText } from './clipboard';
import type { Context } from './context';
import { openPanel, type PanelKind } from './panel';
import { showSamples } from './samples-panel';

/** The results of the repository that contains a folder. */
const HISTORY: PanelKind<{ folder: string }, ToHistory, FromHistory> = {
  name: 'history',
  title: () => vscode.l10n.t('History'),
  key: ({ folder }) => folder,
  single: true,
  connect(context, page, { folder }) {
    let root = folder;
    let ready = false;
    const load = async (): Promise<void> => {
      const server = await context.server();
      const history = await server.sendRequest(historyRequest, { folder });
      root = history.root;
      const { records, problems, published } = history;
      page.post({ type: 'history', records, problems, published });
    };
    const refresh = (): void => {
      if (ready) page.attempt(load);
    };
    // A run in a terminal, or a git pull, adds lines to the file while the panel is open.
    const watcher = vscode.workspace.createFileSystemWatcher(
      new vscode.RelativePattern(folder, '**/.edm-workbench/history.jsonl'),
    );
    watcher.onDidChange(refresh);
    watcher.onDidCreate(refresh);
    page.own(watcher);
    return {
      handlers: {
        ready() {
          ready = true;
          return load();
        },
        openRun({ run }) {
          const opened = path.resolve(root, run);
          if (path.relative(root, opened).startsWith('..'))
            throw new Error(vscode.l10n.t('{0} is outside the repository', run));
          showSamples(context, opened, vscode.ViewColumn.Beside);
        },
        copy: ({ text }) => copyText(text),
      },
      show: refresh,
      fail: (message) => page.post({ type: 'problem', message }),
    };
  },
};

/** Shows the history of the repository that contains `folder`. */
export function showHistory(context: Context, folder: string): void {
  openPanel(context, HISTORY, { folder });
}
