import * as path from 'node:path';
import * as vscode from 'vscode';
import type { FromSamples, ToSamples } from '../server/shared/panel-protocol';
import { isBelow } from '../server/shared/places';
import { sampleDetailsRequest, samplesRequest } from '../server/shared/protocol';
import { copyText } from './clipboard';
import type { Context } from './context';
import { errorText } from './errors';
import { Follower } from './follower';
import { openPanel, storedFolder, type PanelKind } from './panel';
import { asWorkspaceFile } from './workspace-folders';

/** The images of one folder, and the run that made them; the panel follows both. */
export const SAMPLES: PanelKind<{ folder: string }, ToSamples, FromSamples> = {
  name: 'samples',
  title: ({ folder }) => path.basename(folder),
  key: ({ folder }) => folder,
  restore: storedFolder,
  // The images, and nothing above them.
  folders: ({ folder }) => [vscode.Uri.file(folder)],
  connect(context, { panel, post, attempt, own }, { folder }) {
    let base = folder;
    const load = async (): Promise<readonly string[]> => {
      const server = await context.server();
      const samples = await server.sendRequest(samplesRequest, { folder }).catch((error: unknown) => errorText(error));
      if (typeof samples === 'string') {
        post({ type: 'gone', message: samples });
        return [folder];
      }
      base = samples.folder;
      post({ type: 'samples', samples, baseUri: panel.webview.asWebviewUri(vscode.Uri.file(base)).toString() });
      return samples.follow;
    };
    const follower = new Follower([folder], { load, attempt, isSeen: () => panel.visible });
    own(follower);
    return {
      handlers: {
        ready: () => follower.refresh(),
        async details({ files }) {
          const server = await context.server();
          const details = await server.sendRequest(sampleDetailsRequest, { folder: base, files: files.map(String) });
          post({ type: 'details', details });
        },
        async open({ file }) {
          const image = path.resolve(base, file);
          if (isBelow(base, image, path)) await vscode.commands.executeCommand('vscode.open', vscode.Uri.file(image));
        },
        copy: ({ text }) => copyText(text),
      },
      fail: (message) => post({ type: 'problem', message }),
    };
  },
};

/** Shows the images of a run folder or of any other folder. */
export function showSamples(context: Context, folder: string, column?: vscode.ViewColumn): void {
  openPanel(context, SAMPLES, { folder: asWorkspaceFile(folder) }, column);
}
