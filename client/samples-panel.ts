import * as path from 'node:path';
import * as vscode from 'vscode';
import type { FromSamples, ToSamples } from '../server/shared/panel-protocol';
import { sampleDetailsRequest, samplesRequest } from '../server/shared/protocol';
import type { Context } from './context';
import { errorText } from './errors';
import { isMessage, mediaRoot, panelHtml } from './webview';

/** One panel a folder: opening a folder that is open already shows its panel. */
const panels = new Map<string, vscode.WebviewPanel>();

/** Shows the images of a run folder or of any folder. */
export function showSamples(context: Context, folder: string, column = vscode.ViewColumn.Active): void {
  const open = panels.get(folder);
  if (open) return open.reveal();
  const panel = vscode.window.createWebviewPanel('edmWorkbench.samples', path.basename(folder), column, {
    enableScripts: true,
    // The images, and nothing above them.
    localResourceRoots: [mediaRoot(context.extension), vscode.Uri.file(folder)],
  });
  panels.set(folder, panel);
  panel.onDidDispose(() => panels.delete(folder));
  const post = (message: ToSamples): void => void panel.webview.postMessage(message);

  let base = folder;
  const answer = async (message: FromSamples): Promise<void> => {
    const server = await context.server();
    switch (message.type) {
      case 'ready': {
        const samples = await server.sendRequest(samplesRequest, { folder });
        base = samples.folder;
        post({ type: 'samples', samples, baseUri: panel.webview.asWebviewUri(vscode.Uri.file(base)).toString() });
        return;
      }
      case 'details':
        return post({
          type: 'details',
          details: await server.sendRequest(sampleDetailsRequest, { folder: base, files: message.files.map(String) }),
        });
      case 'open': {
        const file = path.resolve(base, message.file);
        if (!path.relative(base, file).startsWith('..'))
          await vscode.commands.executeCommand('vscode.open', vscode.Uri.file(file));
        return;
      }
      case 'copy':
        await vscode.env.clipboard.writeText(message.text);
        return void vscode.window.setStatusBarMessage(vscode.l10n.t('Copied'), 2000);
    }
  };
  panel.webview.onDidReceiveMessage((message: unknown) => {
    if (!isMessage(message)) return;
    answer(message as FromSamples).catch((error: unknown) => post({ type: 'problem', message: errorText(error) }));
  });
  panel.webview.html = panelHtml(panel.webview, context.extension, 'samples', path.basename(folder));
}
