import * as path from 'node:path';
import * as vscode from 'vscode';
import { doctorRequest, generateRequest, measureRequest, runRequest } from '../server/protocol';
import type { Context } from './context';
import { errorText } from './errors';
import { showHistory } from './history-panel';
import { withProgress } from './progress';
import { showSamples } from './samples-panel';

const CONFIG_GLOB = '**/*.edm.yaml';
const EMBEDDED = 'embedded:fashion-mnist';

type Command = (context: Context, argument?: unknown) => Promise<void> | void;

/** Every command of the extension; package.json names the same ids. */
export const COMMANDS: Record<string, Command> = {
  'edmWorkbench.runConfig': runConfig,
  'edmWorkbench.generate': generate,
  'edmWorkbench.measure': measure,
  'edmWorkbench.showSamples': samples,
  'edmWorkbench.showHistory': history,
  'edmWorkbench.doctor': doctor,
};

/**
 * Registers all commands; a failure is shown, never swallowed. Each of them computes or starts git, so none runs in an
 * untrusted workspace.
 */
export function registerCommands(context: Context): vscode.Disposable[] {
  return Object.entries(COMMANDS).map(([id, run]) =>
    vscode.commands.registerCommand(id, async (argument?: unknown) => {
      if (!vscode.workspace.isTrusted) {
        void vscode.window.showWarningMessage(
          vscode.l10n.t(
            'This workspace is not trusted: scripts and configs are checked, nothing is run. Trust it to run.',
          ),
        );
        return;
      }
      try {
        await run(context, argument);
      } catch (error) {
        void vscode.window.showErrorMessage(errorText(error));
      }
    }),
  );
}

/** Folder of the active document, else the first folder of the workspace. */
function workspaceFolder(): string | undefined {
  const active = vscode.window.activeTextEditor?.document.uri;
  const folder = (active && vscode.workspace.getWorkspaceFolder(active)) ?? vscode.workspace.workspaceFolders?.[0];
  if (!folder) void vscode.window.showErrorMessage(vscode.l10n.t('Open a folder first.'));
  return folder?.uri.fsPath;
}

function history(context: Context): void {
  const folder = workspaceFolder();
  if (folder) showHistory(context, folder);
}

async function runConfig(context: Context, argument?: unknown): Promise<void> {
  const uri = argument instanceof vscode.Uri ? argument : await pickConfig();
  if (!uri) return;
  const document = vscode.workspace.textDocuments.find((open) => open.uri.toString() === uri.toString());
  if (document?.isDirty) await document.save();
  const name = path.basename(uri.fsPath, '.edm.yaml');
  const result = await withProgress(context, vscode.l10n.t('Run {0}', name), (server, progress, token) =>
    server.sendRequest(runRequest, { config: uri.fsPath, ...progress }, token),
  );
  if (!result) return;
  const [record] = result.records;
  const done = record
    ? vscode.l10n.t('{0}: {1} = {2} (N = {3})', name, record.metric, record.value.toPrecision(6), record.num)
    : vscode.l10n.t('{0}: {1} images', name, result.manifest.images ?? 0);
  const text = [done, ...result.notes].join('. ');
  const [show, history] = [vscode.l10n.t('Show samples'), vscode.l10n.t('Show history')];
  const chosen = await vscode.window.showInformationMessage(text, show, ...(record ? [history] : []));
  if (chosen === show) showSamples(context, result.folder);
  if (chosen === history) showHistory(context, path.dirname(uri.fsPath));
}

/** The config in the active editor, the only one, or the user's choice. */
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

async function generate(context: Context): Promise<void> {
  const base = workspaceFolder();
  if (!base) return;
  const network = await ask(vscode.l10n.t('Network: an .onnx file, or {0}', EMBEDDED), EMBEDDED);
  const seeds = network && (await ask(vscode.l10n.t('Seeds, e.g. 0-63 or 1,2,5-10'), '0-63'));
  const steps =
    seeds &&
    (await ask(vscode.l10n.t('Sampling steps (2 or more)'), '18', (text) =>
      /^\d+$/.test(text) && Number(text) >= 2 ? undefined : vscode.l10n.t('An integer of at least 2'),
    ));
  const outdir = steps && (await ask(vscode.l10n.t('Folder for the images'), 'samples'));
  if (!outdir) return;
  const result = await withProgress(context, vscode.l10n.t('Generate samples'), (server, progress, token) =>
    server.sendRequest(generateRequest, { network, seeds, steps: Number(steps), outdir, base, ...progress }, token),
  );
  if (!result) return;
  for (const note of result.notes) void vscode.window.showInformationMessage(note);
  showSamples(context, result.folder);
}

async function measure(context: Context, argument?: unknown): Promise<void> {
  const base = workspaceFolder();
  const images = argument instanceof vscode.Uri ? argument.fsPath : base && (await pickFolder(base));
  if (!base || !images) return;
  const reference = await ask(vscode.l10n.t('Reference statistics: an .npz file, or {0}', EMBEDDED), EMBEDDED);
  if (!reference) return;
  const detector = reference.startsWith('embedded:')
    ? undefined
    : await ask(vscode.l10n.t('Detector: an .onnx file made by edm-workbench import'), '');
  if (detector === '') return;
  const result = await withProgress(context, vscode.l10n.t('Compute distance'), (server, progress, token) =>
    server.sendRequest(measureRequest, { images, reference, detector, base, ...progress }, token),
  );
  if (!result) return;
  const text = vscode.l10n.t(
    '{0} = {1}, N = {2}, reference {3}',
    result.metric,
    result.value.toPrecision(6),
    result.num,
    result.reference.name,
  );
  const copy = vscode.l10n.t('Copy number');
  const chosen = await vscode.window.showInformationMessage([text, ...result.notes].join('. '), copy);
  if (chosen === copy) await vscode.env.clipboard.writeText(String(result.value));
}

async function samples(context: Context, argument?: unknown): Promise<void> {
  const base = workspaceFolder();
  const folder =
    argument instanceof vscode.Uri
      ? argument.fsPath
      : typeof argument === 'string'
        ? argument
        : base && (await pickRun(base));
  if (folder) showSamples(context, folder);
}

/** The run folders of the workspace, newest first, or any other folder. */
async function pickRun(base: string): Promise<string | undefined> {
  const manifests = await vscode.workspace.findFiles(
    new vscode.RelativePattern(base, '**/run.json'),
    '**/node_modules/**',
    500,
  );
  const dated = await Promise.all(
    manifests.map(async (uri) => ({ uri, time: (await vscode.workspace.fs.stat(uri)).mtime })),
  );
  const runs = dated.sort((a, b) => b.time - a.time).map(({ uri }) => path.dirname(uri.fsPath));
  const other = vscode.l10n.t('Another folder…');
  const items = runs.map((run) => ({
    label: path.basename(run),
    description: path.relative(base, path.dirname(run)),
    run,
  }));
  const chosen = await vscode.window.showQuickPick([...items, { label: other, description: '', run: '' }], {
    placeHolder: vscode.l10n.t('Samples of which run?'),
  });
  return chosen?.run === '' ? pickFolder(base) : chosen?.run;
}

async function pickFolder(base: string): Promise<string | undefined> {
  const [chosen] =
    (await vscode.window.showOpenDialog({
      canSelectFiles: false,
      canSelectFolders: true,
      defaultUri: vscode.Uri.file(base),
    })) ?? [];
  return chosen?.fsPath;
}

function ask(
  prompt: string,
  value: string,
  validateInput?: (text: string) => string | undefined,
): Thenable<string | undefined> {
  return vscode.window.showInputBox({ prompt, value, validateInput, ignoreFocusOut: true });
}

/** Check my setup: what was found and what is missing, as a page that can be searched and copied. */
async function doctor(context: Context): Promise<void> {
  const folder = workspaceFolder();
  if (!folder) return;
  const server = await context.server();
  const findings = await server.sendRequest(doctorRequest, { folder });
  const state = { ok: vscode.l10n.t('found'), missing: vscode.l10n.t('MISSING'), optional: vscode.l10n.t('optional') };
  const lines = findings.map(
    ({ topic, state: found, found: text, remedy }) =>
      `${topic} (${state[found]})\n    ${text}${remedy ? `\n    → ${remedy}` : ''}\n`,
  );
  const document = await vscode.workspace.openTextDocument({
    language: 'plaintext',
    content: [vscode.l10n.t('EDM Workbench: check my setup'), '', ...lines].join('\n'),
  });
  await vscode.window.showTextDocument(document, { preview: true });
}
