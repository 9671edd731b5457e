/** Show denoising trajectory: questions, progress, and the panel with a strip for each seed. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ToTrajectory } from '../server/shared/panel-protocol';
import { trajectoryRequest } from '../server/shared/protocol';
import { ask, askNetwork, askSteps, workspaceFolder } from './choices';
import type { Context } from './context';
import { withProgress } from './progress';
import { isMessage, mediaRoot, panelHtml } from './webview';

/** Asks for network, seeds and steps, samples, and opens a panel of its own for each answer. */
export async function trajectory(context: Context): Promise<void> {
  const base = workspaceFolder();
  if (!base) return;
  const network = await askNetwork();
  const seeds = network && (await ask(vscode.l10n.t('Seeds, at most 16, e.g. 0-3 or 1,2,5'), '0-3'));
  const steps = seeds && (await askSteps());
  if (!steps) return;
  const title = vscode.l10n.t('Denoising trajectory');
  const result = await withProgress(context, title, (server, progress, token) =>
    server.sendRequest(trajectoryRequest, { network, seeds, sampler: { steps }, base, ...progress }, token),
  );
  if (!result) return;
  const name = vscode.l10n.t('Trajectory of {0}', path.basename(network));
  const panel = vscode.window.createWebviewPanel('edmWorkbench.trajectory', name, vscode.ViewColumn.Active, {
    enableScripts: true,
    localResourceRoots: [mediaRoot(context.extension)],
  });
  const message: ToTrajectory = { type: 'trajectory', trajectory: result, network };
  // The panel asks again whenever it was hidden.
  panel.webview.onDidReceiveMessage((from: unknown) => {
    if (isMessage(from) && from.type === 'ready') void panel.webview.postMessage(message);
  });
  panel.webview.html = panelHtml(panel.webview, context.extension, 'trajectory', name);
}
