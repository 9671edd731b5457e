/** The run config that a command is about, and the cluster that it is for. */
import * as vscode from 'vscode';
import { pickCluster } from './choices';
import type { Context } from './context';

const CONFIG_GLOB = '**/*.edm.yaml';

/** The config that is given, else the active one, else the only one, else one that the user picks. It is saved; undefined if there is none. */
export async function openConfig(argument?: unknown): Promise<vscode.TextDocument | undefined> {
  const uri = argument instanceof vscode.Uri ? argument : await pickConfig();
  if (!uri) return undefined;
  const document = await vscode.workspace.openTextDocument(uri);
  if (document.isDirty) await document.save();
  return document;
}

async function pickConfig(): Promise<vscode.Uri | undefined> {
  const active = vscode.window.activeTextEditor?.document.uri;
  if (active?.path.endsWith('.edm.yaml')) return active;
  const found = await vscode.workspace.findFiles(CONFIG_GLOB, '**/{node_modules,runs}/**', 200);
  if (found.length === 0) {
    void vscode.window.showErrorMessage(vscode.l10n.t('There is no run config (*.edm.yaml) in this workspace.'));
    return undefined;
  }
  if (found.length === 1) return found[0];
  const items = found.map((uri) => ({ label: vscode.workspace.asRelativePath(uri), uri }));
  return (await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t('Which run config?') }))?.uri;
}

/** The config, saved, and the cluster that it names or that the user picks, connected; undefined where the user cancelled. */
export async function prepareConfig(
  context: Context,
  argument?: unknown,
): Promise<{ config: string; cluster: string } | undefined> {
  const document = await openConfig(argument);
  if (!document) return undefined;
  const cluster = /^cluster:\s*["']?([A-Za-z0-9._-]+)/m.exec(document.getText())?.[1] ?? (await pickCluster(context));
  if (cluster === undefined) return undefined;
  await context.clusters.connect(cluster);
  return { config: document.uri.fsPath, cluster };
}
