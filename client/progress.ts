/** How a request looks while it is answered: progress, cancellation, failure. */
import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import { durationText, rateText, runProgress, type Progress, type WithProgress } from '../server/shared/protocol';
import type { Context } from './context';
import { errorText, isCancelled } from './errors';

/** How many progress tokens have been given out; each request gets the next. */
let tokens = 0;

/** Sends a long request. `params` belong into the request's own; `token` cancels it. */
type LongRequest<R> = (server: LanguageClient, params: WithProgress, token: vscode.CancellationToken) => Promise<R>;

/**
 * Runs a long request under a notification with rate, time left and a cancel button.
 * @param kept what a cancelled request leaves behind, in a sentence
 * @returns the answer, or undefined where it was cancelled or failed (the user has been told)
 */
export async function withProgress<R>(
  context: Context,
  title: string,
  request: LongRequest<R>,
  kept?: string,
): Promise<R | undefined> {
  try {
    return await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title, cancellable: true },
      async (notification, token) => {
        const server = await context.server();
        const progressToken = `edm-${++tokens}`;
        const listener = server.onProgress(runProgress, progressToken, reportTo(notification));
        try {
          return await request(server, { progressToken }, token);
        } finally {
          listener.dispose();
        }
      },
    );
  } catch (error) {
    if (isCancelled(error)) {
      const cancelled = vscode.l10n.t('{0}: cancelled.', title);
      void vscode.window.showInformationMessage(kept ? `${cancelled} ${kept}` : cancelled);
    } else void offerLog(context, errorText(error));
    return undefined;
  }
}

/** Runs a short request, which cannot be cancelled, under a notification. Its failure is the caller's. */
export function whileWaiting<R>(title: string, request: () => Promise<R>): Thenable<R> {
  return vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title }, request);
}

/** Shows each report in a notification, whose bar starts again with each phase. */
function reportTo(notification: vscode.Progress<{ message: string; increment: number }>): (report: Progress) => void {
  let phase = '';
  let shown = 0;
  return (report) => {
    if (report.phase !== phase) [phase, shown] = [report.phase, 0];
    const percent = report.total > 0 ? (100 * report.done) / report.total : 0;
    notification.report({ message: progressText(report), increment: percent - shown });
    shown = percent;
  };
}

async function offerLog(context: Context, message: string): Promise<void> {
  const log = vscode.l10n.t('Show log');
  if ((await vscode.window.showErrorMessage(message, log)) === log) context.log?.show();
}

/** `Generating 128/1000, 15.2/s, 58 s left`; a phase of a single step has no count. */
function progressText({ phase, done, total, rate, eta, note }: Progress): string {
  const parts = [total > 1 ? `${phase} ${done}/${total}` : phase];
  if (rate) parts.push(rateText(rate));
  if (eta !== undefined && done < total) parts.push(vscode.l10n.t('{0} left', durationText(Math.ceil(eta))));
  if (note) parts.push(note);
  return parts.join(', ');
}
