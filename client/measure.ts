/** Compute FID of this folder: questions, progress, the number and what it can be compared with. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import { resultText } from '../server/shared/number-text';
import { noticeText } from '../server/shared/plain-text';
import { measureRequest } from '../server/shared/protocol';
import { askInput, EMBEDDED, pickFolder } from './choices';
import type { Context } from './context';
import { showHistory } from './history-panel';
import { withProgress } from './progress';
import { pickWorkspaceFolder } from './workspace-folders';

/** Where the answers given last are remembered, to be offered again. */
const REFERENCE = 'measure.reference';
const DETECTOR = 'measure.detector';

/** @param argument the folder, where the command comes from the explorer */
export async function measure(context: Context, argument?: unknown): Promise<void> {
  const given = argument instanceof vscode.Uri ? argument : undefined;
  const own = given && vscode.workspace.getWorkspaceFolder(given)?.uri.fsPath;
  const base = own ?? (await pickWorkspaceFolder(vscode.l10n.t('Paths start from which folder?')));
  const images = given?.fsPath ?? (base && (await pickFolder(base)));
  if (!base || !images) return;
  const remembered = context.extension.workspaceState;
  const reference = await askInput(
    vscode.l10n.t('Reference statistics: an .npz file, an https address, or {0}', EMBEDDED),
    [remembered.get(REFERENCE, EMBEDDED), EMBEDDED],
    ['npz'],
    base,
  );
  if (!reference) return;
  // An embedded reference brings its own detector.
  const isEmbedded = reference.startsWith('embedded:');
  const last = remembered.get<string>(DETECTOR);
  const detector = isEmbedded
    ? undefined
    : await askInput(
        vscode.l10n.t(
          'Detector: the Inception-v3 weights (.pth, .pt, .pkl), or an .onnx file made by edm-workbench import',
        ),
        last ? [last] : [],
        ['pth', 'onnx'],
        base,
      );
  if (!isEmbedded && !detector) return;
  await remembered.update(REFERENCE, reference);
  if (detector) await remembered.update(DETECTOR, detector);
  const title = vscode.l10n.t('Compute FID of {0}', path.basename(images));
  const result = await withProgress(context, title, (server, progress, token) =>
    server.sendRequest(measureRequest, { images, reference, detector, base, ...progress }, token),
  );
  if (!result) return;
  const text = vscode.l10n.t('{0} (reference {1})', resultText(result), result.reference.name);
  const parts = [text, ...(result.published ? [result.published] : []), ...result.notes];
  const [copy, history] = [vscode.l10n.t('Copy number'), vscode.l10n.t('Show history')];
  const chosen = await vscode.window.showInformationMessage(
    noticeText(parts.join('. '), Infinity),
    copy,
    ...(result.record ? [history] : []),
  );
  if (chosen === copy) await vscode.env.clipboard.writeText(String(result.value));
  if (chosen === history) showHistory(context, path.dirname(images));
}
