import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import { allowClustersRequest, type AllowClustersParams } from '../server/shared/protocol';
import { noticeText, plainText } from '../server/shared/plain-text';

/** Longest list of effects in a notification, in characters. */
const LONGEST = 300;

/** Answers the server's question whether a workspace's file of clusters may be used. */
export function answerAllowance(client: LanguageClient): void {
  client.onRequest(allowClustersRequest, askAllowance);
}

/**
 * Asks the user: in the way where something was wanted, as a notification where a folder was opened. After the file was
 * shown, a notification stays beside it.
 */
async function askAllowance({ file, effects, wanted }: AllowClustersParams): Promise<boolean> {
  const [allow, show] = [vscode.l10n.t('Allow'), vscode.l10n.t('Show the file')];
  const notNow = vscode.l10n.t('Not now');
  const text = vscode.l10n.t(
    'This workspace names clusters in .edm-workbench/clusters.yaml. May they be used? You are asked again when the file changes.',
  );
  const detail = plainText(effects.join('\n'));
  const line = effects.join('; ');
  // Nobody agrees to what a notification had no room for.
  const short = line.length <= LONGEST ? noticeText(line) : '';
  let chosen = wanted
    ? (
        await vscode.window.showWarningMessage(
          text,
          { modal: true, detail },
          { title: allow },
          { title: show },
          { title: notNow, isCloseAffordance: true },
        )
      )?.title
    : await vscode.window.showWarningMessage(`${text} ${short}`, ...(short ? [allow] : []), show, notNow);
  while (chosen === show) {
    await vscode.window.showTextDocument(vscode.Uri.file(file));
    chosen = await vscode.window.showWarningMessage(text, allow, show, notNow);
  }
  return chosen === allow;
}
