/** Check my setup: what this machine has of what the workbench needs. */
import * as vscode from 'vscode';
import { doctorRequest, type SetupFinding } from '../server/shared/protocol';
import type { Context } from './context';
import { folderName, searchFolders, type Found } from './workspace-folders';

/** Shows what was found on this machine and what is missing, as a page that can be searched and copied. */
export async function checkSetup(context: Context): Promise<void> {
  const server = await context.server();
  const look = (folder: string): Promise<SetupFinding[]> => server.sendRequest(doctorRequest, { folder });
  const findings = mergeFindings(await searchFolders(look, (_, folder) => folder));
  const state = { ok: vscode.l10n.t('found'), missing: vscode.l10n.t('MISSING'), optional: vscode.l10n.t('optional') };
  const lines = findings.map(
    ({ topic, folders, state: found, found: text, remedy }) =>
      `${topic}${folders} (${state[found]})\n    ${text}${remedy ? `\n    → ${remedy}` : ''}\n`,
  );
  const document = await vscode.workspace.openTextDocument({
    language: 'plaintext',
    content: [vscode.l10n.t('EDM Workbench: check my setup'), '', ...lines].join('\n'),
  });
  await vscode.window.showTextDocument(document, { preview: true });
}

/** A finding, and the folders that it is about where others have another one: ` in sample`. */
type MergedFinding = SetupFinding & { folders: string };

/** What is the same in all folders once, and what differs for each. */
function mergeFindings(found: readonly Found<SetupFinding[]>[]): MergedFinding[] {
  const [first] = found;
  return (first?.value ?? []).flatMap((_, at) => {
    const each = found.flatMap(({ folder, value }) => (value[at] ? [{ folder, finding: value[at] }] : []));
    const texts = [...new Set(each.map(({ finding }) => JSON.stringify(finding)))];
    return texts.map((text): MergedFinding => {
      const of = each.filter(({ finding }) => JSON.stringify(finding) === text).map(({ folder }) => folderName(folder));
      const folders = texts.length > 1 ? ` ${vscode.l10n.t('in {0}', of.join(', '))}` : '';
      return { ...(JSON.parse(text) as SetupFinding), folders };
    });
  });
}
