import * as vscode from 'vscode';
import { convertRequest, templatesRequest, type Conversion } from '../server/shared/protocol';
import { openScript } from './choices';
import type { Command } from './command';
import type { Context } from './context';

const SCHEDULERS = { slurm: 'Slurm', lsf: 'LSF' } as const;

/** Commands that only edit: they run nothing, so an untrusted workspace has them too. */
export const EDITING_COMMANDS: Record<string, Command> = {
  'edmWorkbench.convertScript': convertScript,
  'edmWorkbench.newScript': newScript,
};

/** Opens the script, rewritten for the other scheduler, beside the original. */
async function convertScript(context: Context, argument?: unknown): Promise<void> {
  const original = await openScript(argument);
  if (!original) return;
  const server = await context.server();
  const conversion = await server.sendRequest(convertRequest, { text: original.getText() });
  if (!conversion) {
    void vscode.window.showErrorMessage(
      vscode.l10n.t('This file has no #SBATCH or #BSUB line: there is nothing to convert.'),
    );
    return;
  }
  const document = await vscode.workspace.openTextDocument({
    language: 'shellscript',
    content: withNotes(conversion),
  });
  await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preview: false });
}

/** The converted script with its notes as comments below the directives, where no scheduler reads them as directives. */
function withNotes({ from, text, notes }: Conversion): string {
  if (notes.length === 0) return text;
  const lines = text.split('\n');
  const last = lines.findLastIndex((line) => /^#(?:SBATCH|BSUB)\b/.test(line));
  const list = notes.map(({ line, what, why }) => `#   ${vscode.l10n.t('line {0}, {1}: {2}', line + 1, what, why)}`);
  const title = `# ${vscode.l10n.t('Converted from {0}. Please check:', SCHEDULERS[from])}`;
  return [...lines.slice(0, last + 1), '', title, ...list, ...lines.slice(last + 1)].join('\n');
}

/** Opens a new document from a template; the places to fill in are snippet placeholders. */
async function newScript(context: Context): Promise<void> {
  const server = await context.server();
  const templates = await server.sendRequest(templatesRequest);
  const items = (['slurm', 'lsf'] as const).flatMap((scheduler) => [
    { label: SCHEDULERS[scheduler], kind: vscode.QuickPickItemKind.Separator, snippet: '' },
    ...templates
      .filter((template) => template.scheduler === scheduler)
      .map(({ title, help, snippet }) => ({ label: title, description: SCHEDULERS[scheduler], detail: help, snippet })),
  ]);
  const chosen = await vscode.window.showQuickPick(items, {
    placeHolder: vscode.l10n.t('Which kind of batch script?'),
    matchOnDescription: true,
  });
  if (!chosen) return;
  const document = await vscode.workspace.openTextDocument({ language: 'shellscript' });
  const editor = await vscode.window.showTextDocument(document);
  await editor.insertSnippet(new vscode.SnippetString(chosen.snippet), new vscode.Position(0, 0));
}
