import * as path from 'node:path';
import * as vscode from 'vscode';
import { DEFAULT_SEEDS } from '../server/shared/defaults';
import { resultText } from '../server/shared/number-text';
import { doctorRequest, generateRequest, runRequest } from '../server/shared/protocol';
import { CLUSTER_COMMANDS } from './cluster-commands';
import { ask, askNetwork, askSteps, pickFolder, workspaceFolder } from './choices';
import type { Command } from './command';
import type { Context } from './context';
import { DISPATCH_COMMANDS } from './dispatch';
import { noticeText } from '../server/shared/plain-text';
import { errorText, isCancelled } from './errors';
import { showHistory } from './history-panel';
import { importModel } from './import';
import { measure } from './measure';
import { withProgress } from './progress';
import { openConfig } from './run-config';
import { showSamples } from './samples-panel';
import { EDITING_COMMANDS } from './script-commands';
import { showTrajectory } from './trajectory-panel';

/** Every command of the extension; package.json names the same ids. */
export const COMMANDS: Record<string, Command> = {
  'edmWorkbench.runConfig': runConfig,
  'edmWorkbench.generate': generate,
  'edmWorkbench.measure': measure,
  'edmWorkbench.showSamples': openSamples,
  'edmWorkbench.showHistory': openHistory,
  'edmWorkbench.showTrajectory': showTrajectory,
  'edmWorkbench.import': importModel,
  'edmWorkbench.doctor': checkSetup,
  ...EDITING_COMMANDS,
  ...CLUSTER_COMMANDS,
  ...DISPATCH_COMMANDS,
};

/**
 * Registers all commands; a failure is shown, never swallowed. In an untrusted workspace only those that edit text are
 * run: the others compute, start git or reach a cluster.
 */
export function registerCommands(context: Context): vscode.Disposable[] {
  return Object.entries(COMMANDS).map(([id, run]) =>
    vscode.commands.registerCommand(id, async (argument?: unknown, selection?: unknown) => {
      if (!vscode.workspace.isTrusted && !Object.hasOwn(EDITING_COMMANDS, id)) {
        void vscode.window.showWarningMessage(
          vscode.l10n.t(
            'This workspace is not trusted: scripts and configs are checked, but nothing is run. Trust the workspace to run them.',
          ),
        );
        return;
      }
      try {
        await run(context, argument, selection);
      } catch (error) {
        if (!isCancelled(error)) void vscode.window.showErrorMessage(errorText(error));
      }
    }),
  );
}

function openHistory(context: Context): void {
  const folder = workspaceFolder();
  if (folder) showHistory(context, folder);
}

async function runConfig(context: Context, argument?: unknown): Promise<void> {
  const uri = (await openConfig(argument))?.uri;
  if (!uri) return;
  const name = path.basename(uri.fsPath, '.edm.yaml');
  const result = await withProgress(
    context,
    vscode.l10n.t('Run {0}', name),
    (server, progress, token) => server.sendRequest(runRequest, { config: uri.fsPath, ...progress }, token),
    keptImages(),
  );
  if (!result) return;
  const [record] = result.records;
  const done = record
    ? `${name}: ${resultText(record)}`
    : vscode.l10n.t('{0}: {1} images', name, result.manifest.images ?? 0);
  const text = noticeText([done, ...result.notes].join('. '), Infinity);
  const [show, history] = [vscode.l10n.t('Show samples'), vscode.l10n.t('Show history')];
  const chosen = await vscode.window.showInformationMessage(text, show, ...(record ? [history] : []));
  if (chosen === show) showSamples(context, result.folder);
  if (chosen === history) showHistory(context, path.dirname(uri.fsPath));
}

async function generate(context: Context): Promise<void> {
  const base = workspaceFolder();
  if (!base) return;
  const network = await askNetwork();
  const seeds = network && (await ask(vscode.l10n.t('Seeds, e.g. 0-63 or 1,2,5-10'), DEFAULT_SEEDS));
  const steps = seeds && (await askSteps());
  const outdir = steps && (await ask(vscode.l10n.t('Folder for the images'), 'samples'));
  if (!outdir) return;
  const result = await withProgress(
    context,
    vscode.l10n.t('Generate samples'),
    (server, progress, token) =>
      server.sendRequest(generateRequest, { network, seeds, steps, outdir, base, ...progress }, token),
    keptImages(),
  );
  if (!result) return;
  for (const note of result.notes) void vscode.window.showInformationMessage(noticeText(note, Infinity));
  showSamples(context, result.folder);
}

async function openSamples(context: Context, argument?: unknown): Promise<void> {
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

/** Shows what was found on this machine and what is missing, as a page that can be searched and copied. */
async function checkSetup(context: Context): Promise<void> {
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

/** What a generation leaves behind when it is cancelled. */
function keptImages(): string {
  return vscode.l10n.t('Finished images are kept; run again to continue.');
}
