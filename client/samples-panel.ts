import * as path from 'node:path';
import * as vscode from 'vscode';
import type { FromSamples, ToSamples } from '../server/shared/panel-protocol';
import { sampleDetailsRequest, samplesRequest } from '../server/shared/protocol';
import { copyText } from './clipboard';
import type { Context } from './context';
import { openPanel, type PanelKind } from './panel';

/** The images of one folder, and the run that made them. */
const SAMPLES: PanelKind<{ folder: string }, ToSamples, FromSamples> = {
  name: 'samples',
  title: ({ folder }) => path.basename(folder),
  key: ({ folder }) => folder,
  // The images, and nothing above them.
  folders: ({ folder }) => [vscode.Uri.file(folder)],
  connect(context, { panel, post }, { folder }) {
    let base = folder;
    return {
      handlers: {
        async ready() {
          const samples = await (await context.server()).sendRequest(samplesRequest, { folder });
          base = samples.folder;
          post({ type: 'samples', samples, baseUri: panel.webview.asWebviewUri(vscode.Uri.file(base)).toString() });
        },
        async details({ files }) {
          const server = await context.server();
          const details = await server.sendRequest(sampleDetailsRequest, { folder: base, files: files.map(String) });
          post({ type: 'details', details });
        },
        async open({ file }) {
          const image = path.resolve(base, file);
          if (!path.relative(base, image).startsWith('..'))
            await vscode.commands.executeCommand('vscode.open', vscode.Uri.file(image));
        },
        copy: ({ text }) => copyText(text),
      },
      fail: (message) => post({ type: 'problem', message }),
    };
  },
};

/** Shows the images of a run folder or of any other folder. */
export function showSamples(context: Context, folder: string, column?: vscode.ViewColumn): void {
  openPanel(context, SAMPLES, { folder }, column);
}
