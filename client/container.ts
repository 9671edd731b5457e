/** Containers for clusters: a Dockerfile on this machine becomes an Apptainer image on the cluster. */
import * as vscode from 'vscode';
import { containerRequest, dockerfileRequest } from '../server/shared/protocol';
import { pickCluster } from './choices';
import type { Context } from './context';
import { noticeText } from '../server/shared/plain-text';
import { withProgress } from './progress';
import { pickWorkspaceFolder, workspaceFolders } from './workspace-folders';

/** Builds an Apptainer image on the cluster; its path goes into the cluster's profile. */
export async function buildContainer(context: Context, argument?: unknown): Promise<void> {
  const file = argument instanceof vscode.Uri ? argument : await pickDockerfile(context);
  if (!file) return;
  const cluster = await pickCluster(context);
  if (cluster === undefined) return;
  await context.clusters.connect(cluster);
  const title = vscode.l10n.t('Build container for {0}', cluster);
  const built = await withProgress(context, title, (server, progress, token) =>
    server.sendRequest(containerRequest, { cluster, dockerfile: file.fsPath, ...progress }, token),
  );
  if (!built) return;
  const copy = vscode.l10n.t('Copy path');
  const text = vscode.l10n.t(
    'The image is ready: write "container: {0}" into the profile of {1}.',
    built.image,
    cluster,
  );
  if ((await vscode.window.showInformationMessage(noticeText(text), copy)) === copy)
    await vscode.env.clipboard.writeText(built.image);
}

/** The only Dockerfile, or the one that the user picks; where there is none, one for EDM is offered. */
async function pickDockerfile(context: Context): Promise<vscode.Uri | undefined> {
  const found = await vscode.workspace.findFiles('**/{Dockerfile,*.dockerfile}', '**/{node_modules,runs}/**', 50);
  if (found.length === 0) {
    void offerDockerfile(context);
    return undefined;
  }
  if (found.length === 1) return found[0];
  const items = found.map((uri) => ({ label: vscode.workspace.asRelativePath(uri), uri }));
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t('Which Dockerfile?') });
  return chosen?.uri;
}

/** Writes a Dockerfile for EDM and opens it, so that it is read before it is built. */
async function offerDockerfile(context: Context): Promise<void> {
  const isOpen = workspaceFolders().length > 0;
  const write = vscode.l10n.t('Create one for EDM');
  const text = vscode.l10n.t('There is no Dockerfile in this workspace.');
  const chosen = await vscode.window.showWarningMessage(text, ...(isOpen ? [write] : []));
  const folder = chosen === write ? await pickWorkspaceFolder(vscode.l10n.t('Dockerfile in which folder?')) : undefined;
  if (folder === undefined) return;
  const server = await context.server();
  const file = vscode.Uri.joinPath(vscode.Uri.file(folder), 'Dockerfile');
  await vscode.workspace.fs.writeFile(file, Buffer.from(await server.sendRequest(dockerfileRequest)));
  await vscode.window.showTextDocument(file);
}
