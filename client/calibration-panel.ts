/** Batch sizes measured on a cluster: the job, and the panel with what came of it. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { FromCalibration, ToCalibration } from '../server/shared/panel-protocol';
import { batchEditRequest, calibrationRequest, calibrationsRequest, type Calibration } from '../server/shared/protocol';
import type { Context } from './context';
import { errorText } from './errors';
import { withProgress } from './progress';
import { openConfig, prepareConfig } from './run-config';
import { isMessage, mediaRoot, panelHtml } from './webview';

/** Measures batch sizes on the cluster, or shows what was measured before. */
export async function calibrateOnCluster(context: Context, argument?: unknown): Promise<void> {
  const document = await openConfig(argument);
  if (!document) return;
  const config = document.uri.fsPath;
  const server = await context.server();
  const known = await server.sendRequest(calibrationsRequest, { config });
  const chosen = known.length > 0 ? await choose(known) : 'measure';
  if (chosen === undefined) return;
  if (chosen !== 'measure') return showCalibration(context, config, chosen);
  const prepared = await prepareConfig(context, document.uri);
  if (!prepared) return;
  const title = vscode.l10n.t('Calibrate batch size on {0}', prepared.cluster);
  const calibration = await withProgress(context, title, (running, progress, token) =>
    running.sendRequest(calibrationRequest, { ...prepared, ...progress }, token),
  );
  if (calibration) showCalibration(context, config, calibration);
}

async function choose(known: readonly Calibration[]): Promise<Calibration | 'measure' | undefined> {
  const items = [
    { label: `$(beaker) ${vscode.l10n.t('Measure on a cluster')}`, chosen: 'measure' as const },
    ...known.map((chosen) => ({
      label: `$(graph-line) ${vscode.l10n.t('Show batch {0}, measured on {1}', chosen.batch, chosen.cluster)}`,
      description: new Date(chosen.time).toLocaleString(),
      detail: chosen.reason,
      chosen,
    })),
  ];
  const picked = await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t('Batch size of this config') });
  return picked?.chosen;
}

function showCalibration(context: Context, config: string, calibration: Calibration): void {
  const title = vscode.l10n.t('Batch size of {0}', path.basename(config, '.edm.yaml'));
  const panel = vscode.window.createWebviewPanel('edmWorkbench.calibration', title, vscode.ViewColumn.Active, {
    enableScripts: true,
    localResourceRoots: [mediaRoot(context.extension)],
  });
  const message: ToCalibration = { type: 'calibration', calibration };
  panel.webview.onDidReceiveMessage((from: unknown) => {
    if (!isMessage(from)) return;
    const { type, ...rest } = from as FromCalibration;
    // The panel asks again whenever it was hidden.
    if (type === 'ready') void panel.webview.postMessage(message);
    if (type !== 'write') return;
    const { batch } = rest as { batch?: unknown };
    if (!calibration.points.some((point) => point.batch === batch)) return;
    writeBatch(context, config, batch as number).catch((error: unknown) =>
      vscode.window.showErrorMessage(errorText(error)),
    );
  });
  panel.webview.html = panelHtml(panel.webview, context.extension, 'calibration', title);
}

/** Into the text as it stands now, unsaved: the user sees it, and can undo it. */
async function writeBatch(context: Context, config: string, batch: number): Promise<void> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.file(config));
  const server = await context.server();
  const change = await server.sendRequest(batchEditRequest, { text: document.getText(), batch });
  const editor = await vscode.window.showTextDocument(document);
  if (!change) {
    void vscode.window.showWarningMessage(vscode.l10n.t('Write "batch: {0}" into this config yourself.', batch));
    return;
  }
  const place = new vscode.Range(document.positionAt(change.from), document.positionAt(change.to));
  await editor.edit((builder) => builder.replace(place, change.text));
  const end = document.positionAt(change.from + change.text.length);
  editor.selection = new vscode.Selection(end, end);
  editor.revealRange(new vscode.Range(end, end));
}
