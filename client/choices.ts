/** Questions that several commands ask. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import { DEFAULT_STEPS } from '../server/shared/defaults';
import { EMBEDDED_NAMES } from '../server/shared/embedded';
import { isBelow } from '../server/shared/places';
import type { Context } from './context';

/** Name of the network, the reference and the detector that come with the workbench and need no file. */
export const [EMBEDDED] = EMBEDDED_NAMES;

/** A folder that the user picks. @returns undefined if the user cancelled */
export async function pickFolder(base?: string): Promise<string | undefined> {
  const [chosen] =
    (await vscode.window.showOpenDialog({
      canSelectFiles: false,
      canSelectFolders: true,
      defaultUri: base === undefined ? undefined : vscode.Uri.file(base),
    })) ?? [];
  return chosen?.fsPath;
}

/** A network by path or name. @param base folder that its path starts from. @returns undefined if the user cancelled */
export function askNetwork(base: string): Promise<string | undefined> {
  return askInput(
    vscode.l10n.t('Network: a .pkl, .pt, .safetensors or .onnx file, its https address, or {0}', EMBEDDED),
    [EMBEDDED],
    ['pkl', 'pt', 'safetensors', 'onnx'],
    base,
  );
}

/** Most files of the workspace that are listed; any other can be browsed for. */
const LISTED = 50;

/**
 * An input of a computation: one of those offered, a file, or whatever is typed (a path, an address).
 * @param offered names and paths on top of the list; Enter takes the first
 * @param kinds endings of the files that are listed, without the dot
 * @param base folder that relative paths start from: files of other folders are offered by their whole path
 * @returns as offered or typed, a path relative to `base`, or an absolute one; undefined if the user cancelled
 */
export async function askInput(
  question: string,
  offered: readonly string[],
  kinds: readonly string[],
  base: string,
): Promise<string | undefined> {
  const pattern = `**/*.{${kinds.join(',')}}`;
  const found = await vscode.workspace.findFiles(pattern, '**/{node_modules,.git,runs}/**', LISTED);
  const files = found
    .map(({ fsPath }) => (isBelow(base, fsPath, path) ? path.relative(base, fsPath) : fsPath))
    .sort((a, b) => Number(path.isAbsolute(a)) - Number(path.isAbsolute(b)) || a.localeCompare(b));
  const items: vscode.QuickPickItem[] = [...new Set([...offered, ...files])].map((label) => ({ label }));
  // The text is not in the label, so that files which match come before it.
  const typed = { label: vscode.l10n.t('As typed'), description: '', alwaysShow: true };
  const browse: vscode.QuickPickItem = { label: `$(folder-opened) ${vscode.l10n.t('Browse…')}`, alwaysShow: true };
  const pick = vscode.window.createQuickPick();
  const show = (value: string): void => {
    typed.description = value;
    pick.items = [...items, ...(value ? [typed] : []), browse];
  };
  show('');
  pick.onDidChangeValue(show);
  pick.title = question;
  pick.placeholder = vscode.l10n.t('Choose from the list, or type a path or an address');
  pick.ignoreFocusOut = true;
  const chosen = await new Promise<vscode.QuickPickItem | undefined>((resolve) => {
    pick.onDidAccept(() => resolve(pick.activeItems[0]));
    pick.onDidHide(() => resolve(undefined));
    pick.show();
  });
  pick.dispose();
  if (chosen !== browse) return chosen === typed ? typed.description : chosen?.label;
  const filters = { [vscode.l10n.t('Files')]: [...kinds] };
  return (await vscode.window.showOpenDialog({ title: question, filters }))?.[0]?.fsPath;
}

/** Number of sampling steps. @returns undefined if the user cancelled */
export async function askSteps(): Promise<number | undefined> {
  const steps = await ask(vscode.l10n.t('Sampling steps (2 or more)'), String(DEFAULT_STEPS), (text) =>
    /^\d+$/.test(text) && Number(text) >= 2 ? undefined : vscode.l10n.t('Type a whole number, 2 or more'),
  );
  return steps === undefined ? undefined : Number(steps);
}

/** A line of text. @returns undefined if the user cancelled */
export function ask(
  prompt: string,
  value: string,
  validateInput?: (text: string) => string | undefined,
): Thenable<string | undefined> {
  return vscode.window.showInputBox({ prompt, value, validateInput, ignoreFocusOut: true });
}

/** The script that a lens or a menu names, else the active document; the user is told if there is none. */
export async function openScript(argument: unknown): Promise<vscode.TextDocument | undefined> {
  if (argument instanceof vscode.Uri) return vscode.workspace.openTextDocument(argument);
  const document = vscode.window.activeTextEditor?.document;
  if (!document) void vscode.window.showErrorMessage(vscode.l10n.t('Open a batch script first.'));
  return document;
}

/** Where the cluster chosen last is remembered. */
const LAST_CLUSTER = 'edmWorkbench.lastCluster';

/** The only cluster, or the one that the user picks; the one picked last is on top. @returns undefined if there is none */
export async function pickCluster(context: Context): Promise<string | undefined> {
  const all = await context.clusters.load();
  const names = all.map(({ profile }) => profile.name);
  if (names.length === 0) {
    const add = vscode.l10n.t('Add a cluster…');
    const chosen = await vscode.window.showWarningMessage(vscode.l10n.t('No cluster is set up yet.'), add);
    if (chosen === add) await vscode.commands.executeCommand('edmWorkbench.addCluster');
    return undefined;
  }
  if (names.length === 1) return names[0];
  const { workspaceState } = context.extension;
  const last = workspaceState.get<string>(LAST_CLUSTER);
  const items = all
    .map(({ profile: { name, host, local }, scheduler, connection }) => ({
      label: name,
      description: [local ? vscode.l10n.t('this machine') : host, scheduler].filter(Boolean).join(', '),
      detail: connection === 'connected' ? vscode.l10n.t('connected') : undefined,
    }))
    .sort((a, b) => Number(b.label === last) - Number(a.label === last));
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t('Which cluster?') });
  if (chosen) await workspaceState.update(LAST_CLUSTER, chosen.label);
  return chosen?.label;
}
