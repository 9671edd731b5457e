/** A batch script to the scheduler: submitted, or only checked. */
import * as vscode from 'vscode';
import {
  dryRunRequest,
  submitRequest,
  type SubmitParams,
  type SubmitRefusal,
  type SubmitResult,
} from '../server/shared/protocol';
import { openScript, pickCluster } from './choices';
import type { Context } from './context';
import { errorData, errorText } from './errors';
import { noticeText } from '../server/shared/plain-text';
import { whileWaiting } from './progress';

/** Submits the script as it is in the editor, unsaved changes included. */
export async function submitScript(context: Context, argument?: unknown): Promise<void> {
  const script = await prepareScript(context, argument);
  if (!script) return;
  const { document, params } = script;
  try {
    const result = await submitAsking(context, { ...params, logFolders: 'ask' });
    if (!result) return;
    await context.clusters.refresh(params.cluster);
    void tellSubmitted(params.cluster, result);
  } catch (error) {
    context.refusals.set(document, errorText(error), errorData<SubmitRefusal>(error)?.line);
    void vscode.window.showErrorMessage(noticeText(errorText(error)));
  }
}

/** Submits; where a folder of a log is not there, the user decides once what becomes of it. @returns undefined where they cancelled */
async function submitAsking(context: Context, params: SubmitParams): Promise<SubmitResult | undefined> {
  const server = await context.server();
  try {
    return await whileWaiting(vscode.l10n.t('Submitting to {0}', params.cluster), () =>
      server.sendRequest(submitRequest, params),
    );
  } catch (error) {
    if (!errorData<SubmitRefusal>(error)?.logFolders) throw error;
    const [make, leave] = [vscode.l10n.t('Make the folder and submit'), vscode.l10n.t('Submit as it is')];
    const chosen = await vscode.window.showWarningMessage(
      vscode.l10n.t('The folder of the log does not exist.'),
      { modal: true, detail: noticeText(errorText(error)) },
      make,
      leave,
    );
    if (chosen === undefined) return undefined;
    return submitAsking(context, { ...params, logFolders: chosen === make ? 'make' : 'leave' });
  }
}

async function tellSubmitted(cluster: string, { id, warnings, found }: SubmitResult): Promise<void> {
  const text = [
    vscode.l10n.t('Job {0} was submitted to {1}', id, cluster),
    ...(found ? [vscode.l10n.t('The connection was lost meanwhile, and the job was found by its token')] : []),
    ...warnings,
  ];
  const [follow, copy] = [vscode.l10n.t('Follow log'), vscode.l10n.t('Copy id')];
  const chosen = await vscode.window.showInformationMessage(noticeText(text.join('. ')), follow, copy);
  if (chosen === follow) await vscode.commands.executeCommand('edmWorkbench.followLog', { cluster, id });
  if (chosen === copy) await vscode.env.clipboard.writeText(id);
}

/** Asks the scheduler what it would do with the script. */
export async function dryRunScript(context: Context, argument?: unknown): Promise<void> {
  const script = await prepareScript(context, argument);
  if (!script) return;
  const { document, params } = script;
  const server = await context.server();
  const { ok, message, line } = await whileWaiting(vscode.l10n.t('Dry run on {0}', params.cluster), () =>
    server.sendRequest(dryRunRequest, params),
  );
  if (ok) void vscode.window.showInformationMessage(noticeText(message));
  else {
    context.refusals.set(document, message, line);
    void vscode.window.showErrorMessage(noticeText(message));
  }
}

/** The script, and the cluster, which is connected; undefined where the user cancelled. */
async function prepareScript(
  context: Context,
  argument: unknown,
): Promise<{ document: vscode.TextDocument; params: SubmitParams } | undefined> {
  const document = await openScript(argument);
  const cluster = document && (await pickCluster(context));
  if (!document || !cluster) return undefined;
  context.refusals.clear(document);
  await context.clusters.connect(cluster);
  const { uri } = document;
  // As a terminal of this folder would submit it.
  const folder = vscode.workspace.getWorkspaceFolder(uri)?.uri ?? vscode.Uri.joinPath(uri, '..');
  const from = uri.scheme === 'file' ? { from: folder.fsPath } : {};
  return { document, params: { cluster, script: uri.fsPath, text: document.getText(), ...from } };
}
