import * as path from 'node:path';
import * as vscode from 'vscode';
import { DEFAULT_SEEDS } from '../server/shared/defaults';
import { resultText } from '../server/shared/number-text';
import {
  generateRequest,
  historyRequest,
  runRequest,
  runsRequest,
  type HistoryResult,
} from '../server/shared/protocol';
import { CLUSTER_COMMANDS } from './cluster-commands';
import { ask, askNetwork, askSteps, pickFolder } from './choices';
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
import { checkSetup } from './setup';
import { showTrajectory } from './trajectory-panel';
import { folderName, pickOf, pickWorkspaceFolder, searchFolders, workspaceFolders } from './workspace-folders';

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

/** The history of a config's repository, where a lens or a menu names the config; else that of a folder of the workspace. */
async function openHistory(context: Context, argument?: unknown): Promise<void> {
  if (argument instanceof vscode.Uri) return showHistory(context, path.dirname(argument.fsPath));
  const server = await context.server();
  const look = (folder: string): Promise<HistoryResult> => server.sendRequest(historyRequest, { folder });
  const found = await searchFolders(look, ({ root }) => root);
  const chosen = await pickOf(vscode.l10n.t('History of which folder?'), found, ({ folder, value }) => ({
    label: folderName(folder),
    description:
      value.records.length === 1 ? vscode.l10n.t('1 result') : vscode.l10n.t('{0} results', value.records.length),
    detail: value.root,
  }));
  if (chosen) showHistory(context, chosen.folder);
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
  const base = await pickWorkspaceFolder(vscode.l10n.t('Paths start from which folder?'));
  if (!base) return;
  const network = await askNetwork(base);
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
  const given = argument instanceof vscode.Uri ? argument.fsPath : argument;
  const folder = typeof given === 'string' ? given : await pickRun(context);
  if (folder) showSamples(context, folder);
}

/** Most run folders that are searched for in the workspace, beside those that its repositories know. */
const SEARCHED = 2000;

/** The run folders of all workspace folders and their repositories, newest first, or any other folder. */
async function pickRun(context: Context): Promise<string | undefined> {
  const folders = workspaceFolders();
  const manifests = await vscode.workspace.findFiles('**/run.json', '**/node_modules/**', SEARCHED);
  const found = manifests.map(({ fsPath }) => path.dirname(fsPath));
  const server = await context.server();
  const runs = await server.sendRequest(runsRequest, { folders, found });
  const items = runs.map(({ folder, manifest: { code, results, status, images }, changed }) => ({
    label: noticeText(path.basename(folder)),
    description: noticeText(code.subject),
    detail: noticeText(
      [
        ...(results ?? []).map(resultText),
        status === 'complete' && images !== undefined ? vscode.l10n.t('{0} images', images) : vscode.l10n.t(status),
        new Date(changed).toLocaleString(),
        vscode.workspace.asRelativePath(path.dirname(folder), true),
      ].join(' · '),
    ),
    run: folder,
  }));
  const other = { label: `$(folder-opened) ${vscode.l10n.t('Another folder…')}`, run: '' };
  const chosen = await vscode.window.showQuickPick([...items, other], {
    placeHolder: vscode.l10n.t('Samples of which run?'),
    matchOnDescription: true,
    matchOnDetail: true,
  });
  return chosen?.run === '' ? pickFolder(folders[0]) : chosen?.run;
}

/** What a generation leaves behind when it is cancelled. */
function keptImages(): string {
  return vscode.l10n.t('Finished images are kept; run again to continue.');
}
