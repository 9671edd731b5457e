import * as vscode from 'vscode';
import { durationText, rateText, runProgress, type Progress, type WithProgress } from '../server/shared/protocol';
import type { Context } from './context';
import type { LanguageClient } from 'vscode-languageclient/node';
import { errorText, isCancelled } from './errors';

let tokens = 0;

/**
 * Runs a long request under a notification with rate, ETA and cancel. Cancelling ends it cleanly.
 * @param kept what a cancelled one leaves behind, in a sentence
 * @returns the answer, or undefined where it was cancelled or failed (the user has been told)
 */
export async function withProgress<R>(
  context: Context,
  title: string,
  request: (server: LanguageClient, params: WithProgress, token: vscode.CancellationToken) => Promise<R>,
  kept?: string,
): Promise<R | undefined> {
  try {
    return await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title, cancellable: true },
      async (notification, token) => {
        const server = await context.server();
        const progressToken = `edm-${++tokens}`;
        let phase = '';
        let shown = 0;
        const listener = server.onProgress(runProgress, progressToken, (progress) => {
          if (progress.phase !== phase) [phase, shown] = [progress.phase, 0];
          const share = progress.total > 0 ? (100 * progress.done) / progress.total : 0;
          notification.report({ message: progressText(progress), increment: share - shown });
          shown = share;
        });
        try {
          return await request(server, { progressToken }, token);
        } finally {
          listener.dispose();
        }
      },
    );
  } catch (error) {
    if (!isCancelled(error)) {
      const log = vscode.l10n.t('Show log');
      void vscode.window.showErrorMessage(errorText(error), log).then((chosen) => {
        if (chosen === log) context.log?.show();
      });
      return undefined;
    }
    void vscode.window.showInformationMessage(
      [vscode.l10n.t('{0}: cancelled.', title), ...(kept ? [kept] : [])].join(' '),
    );
    return undefined;
  }
}

/** What generation leaves behind when it is cancelled. */
export function keptImages(): string {
  return vscode.l10n.t('Finished images are kept; run again to continue.');
}

/** `Generating 128/1000, 15.2/s, 58 s left`; what is one step has no count. */
function progressText({ phase, done, total, rate, eta, note }: Progress): string {
  const parts = [total > 1 ? `${phase} ${done}/${total}` : phase];
  if (rate) parts.push(rateText(rate));
  if (eta !== undefined && done < total) parts.push(vscode.l10n.t('{0} left', durationText(eta)));
  if (note) parts.push(note);
  return parts.join(', ');
}
