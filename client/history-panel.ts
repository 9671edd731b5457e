import * as path from 'node:path';
import * as vscode from 'vscode';
import type { FromHistory, ToHistory } from '../server/shared/panel-protocol';
import { isBelow } from '../server/shared/places';
import { historyRequest } from '../server/shared/protocol';
import { copyText } from './clipboard';
import type { Context } from './context';
import { Follower } from './follower';
import { openPanel, storedFolder, type PanelKind } from './panel';
import { showSamples } from './samples-panel';

/** The results of the repository that contains a folder. One panel, whatever repository it shows. */
export const HISTORY: PanelKind<{ folder: string }, ToHistory, FromHistory> = {
  name: 'history',
  title: () => vscode.l10n.t('History'),
  key: () => '',
  restore: storedFolder,
  connect(context, { panel, post, attempt, own, become }, subject) {
    let { folder } = subject;
    let root = folder;
    const load = async (): Promise<readonly string[]> => {
      const server = await context.server();
      const history = await server.sendRequest(historyRequest, { folder });
      root = history.root;
      const { file, ...shown } = history;
      post({ type: 'history', ...shown });
      // A run in a terminal, or a git pull, adds lines to the file while the panel is open.
      return [file];
    };
    const follower = new Follower(placesOf(folder), { load, attempt, isSeen: () => panel.visible });
    own(follower);
    return {
      handlers: {
        ready: () => follower.refresh(),
        openRun({ run }) {
          const opened = path.resolve(root, run);
          if (!isBelow(root, opened, path)) throw new Error(vscode.l10n.t('{0} is outside the repository', run));
          showSamples(context, opened, vscode.ViewColumn.Beside);
        },
        copy: ({ text }) => copyText(text),
      },
      show: (other) => {
        ({ folder } = other);
        become(other);
        attempt(() => follower.turnTo(placesOf(folder)));
      },
      fail: (message) => post({ type: 'problem', message }),
    };
  },
};

/** What makes a folder that is not in a repository, or not there, one that is. */
function placesOf(folder: string): string[] {
  return [folder, path.join(folder, '.git')];
}

/** Shows the history of the repository that contains `folder`. */
export function showHistory(context: Context, folder: string): void {
  openPanel(context, HISTORY, { folder });
}
