/** Import network or detector: which file, where to save it, progress, and what it is. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import { importRequest } from '../server/shared/protocol';
import type { Context } from './context';
import { withProgress } from './progress';

/** @param argument the file, where the command comes from the explorer */
export async function importModel(context: Context, argument?: unknown): Promise<void> {
  const source = argument instanceof vscode.Uri ? argument : await pickSource();
  if (!source) return;
  const { dir, name } = path.parse(source.fsPath);
  const dest = await vscode.window.showSaveDialog({
    title: vscode.l10n.t('Save the imported model'),
    // An .onnx file must not be offered as its own destination.
    defaultUri: vscode.Uri.file(
      path.join(dir, source.fsPath.endsWith('.onnx') ? `${name}-imported.onnx` : `${name}.onnx`),
    ),
    filters: { ONNX: ['onnx'] },
  });
  if (!dest) return;
  const files = { source: source.fsPath, dest: dest.fsPath };
  const title = vscode.l10n.t('Import {0}', path.basename(source.fsPath));
  const result = await withProgress(context, title, (server, progress, token) =>
    server.sendRequest(importRequest, { ...files, ...progress }, token),
  );
  if (!result) return;
  const copy = vscode.l10n.t('Copy path');
  const chosen = await vscode.window.showInformationMessage(`${path.basename(dest.fsPath)}: ${result.text}`, copy);
  if (chosen === copy) await vscode.env.clipboard.writeText(dest.fsPath);
}

async function pickSource(): Promise<vscode.Uri | undefined> {
  const [chosen] =
    (await vscode.window.showOpenDialog({
      title: vscode.l10n.t('Network or detector to import'),
      filters: { [vscode.l10n.t('Networks and detectors')]: ['pkl', 'pt', 'pth', 'safetensors', 'onnx'] },
    })) ?? [];
  return chosen;
}
