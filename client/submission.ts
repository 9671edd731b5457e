import * as vscode from 'vscode';
import { dryRunRequest, submitRequest, type SubmitParams, type SubmitRefusal } from '../server/shared/protocol';
import { openScript, pickCluster } from './choices';
import type { Context } from './context';
import { errorText } from './errors';
import { plainText } from './plain-text';

/** Submits the script as it is in the editor, unsaved changes included. */
export async function submitScript(context: Context, argument?: unknown): Promise<void> {
  const script = await prepare(context, argument);
  if (!script) return;
  const { document, params } = script;
  const server = await context.server();
  try {
    const { id, warnings, found } = await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: vscode.l10n.t('Submitting to {0}', params.cluster) },
      () => server.sendRequest(submitRequest, params),
    );
    await context.clusters.refresh(params.cluster);
    const text = [
      vscode.l10n.t('Job {0} is submitted to {1}', id, params.cluster),
      ...(found ? [vscode.l10n.t('The connection was lost meanwhile; the job was found by its token')] : []),
      ...warnings,
    ];
    const [follow, copy] = [vscode.l10n.t('Follow log'), vscode.l10n.t('Copy id')];
    void vscode.window.showInformationMessage(plainText(text.join('. ')), follow, copy).then((chosen) => {
      if (chosen === follow)
        void vscode.commands.executeCommand('edmWorkbench.followLog', { cluster: params.cluster, id });
      if (chosen === copy) void vscode.env.clipboard.writeText(id);
    });
  } catch (error) {
    const data = (error as { data?: SubmitRefusal }).data;
    context.refusals.set(document, errorText(error), data?.line);
    void vscode.window.showErrorMessage(plainText(errorText(error)));
  }
}

/** Asks the scheduler what it would do with the script. */
export async function dryRunScript(context: Context, argument?: unknown): Promise<void> {
  const script = await prepare(context, argument);
  if (!script) return;
  const { document, params } = script;
  const server = await context.server();
  const { ok, message, line } = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: vscode.l10n.t('Dry run on {0}', params.cluster) },
    () => server.sendRequest(dryRunRequest, params),
  );
  if (ok) void vscode.window.showInformationMessage(plainText(message));
  else {
    context.refusals.set(document, message, line);
    void vscode.window.showErrorMessage(plainText(message));
  }
}

/** Script and cluster, connected; undefined where the user changed their mind. */
async function prepare(
  context: Context,
  argument: unknown,
): Promise<{ document: vscode.TextDocument; params: SubmitParams } | undefined> {
  const document = await openScript(argument);
  const cluster = document && (await pickCluster(context));
  if (!document || !cluster) return undefined;
  context.refusals.clear(document);
  await context.clusters.connect(cluster);
  return { document, params: { cluster, script: document.uri.fsPath, text: document.getText() } };
}
