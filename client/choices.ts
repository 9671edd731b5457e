/** Questions that several commands ask. */
import * as vscode from 'vscode';

/** What comes with the workbench and needs no file. */
export const EMBEDDED = 'embedded:fashion-mnist';

/** Folder of the active document, else the first folder of the workspace; the user is told if there is none. */
export function workspaceFolder(): string | undefined {
  const active = vscode.window.activeTextEditor?.document.uri;
  const folder = (active && vscode.workspace.getWorkspaceFolder(active)) ?? vscode.workspace.workspaceFolders?.[0];
  if (!folder) void vscode.window.showErrorMessage(vscode.l10n.t('Open a folder first.'));
  return folder?.uri.fsPath;
}

/** A folder of the user's choice. @returns undefined if none was chosen */
export async function pickFolder(base: string): Promise<string | undefined> {
  const [chosen] =
    (await vscode.window.showOpenDialog({
      canSelectFiles: false,
      canSelectFolders: true,
      defaultUri: vscode.Uri.file(base),
    })) ?? [];
  return chosen?.fsPath;
}

/** A network by path or name. @returns undefined if the user went away */
export function askNetwork(): Thenable<string | undefined> {
  return ask(
    vscode.l10n.t('Network: a .pkl, .pt, .safetensors or .onnx file, its https address, or {0}', EMBEDDED),
    EMBEDDED,
  );
}

/** Number of sampling steps. @returns undefined if the user went away */
export async function askSteps(): Promise<number | undefined> {
  const steps = await ask(vscode.l10n.t('Sampling steps (2 or more)'), '18', (text) =>
    /^\d+$/.test(text) && Number(text) >= 2 ? undefined : vscode.l10n.t('An integer of at least 2'),
  );
  return steps === undefined ? undefined : Number(steps);
}

/** A line of text. @returns undefined if the user went away */
export function ask(
  prompt: string,
  value: string,
  validateInput?: (text: string) => string | undefined,
): Thenable<string | undefined> {
  return vscode.window.showInputBox({ prompt, value, validateInput, ignoreFocusOut: true });
}
