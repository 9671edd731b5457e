/** Show denoising trajectory: questions, progress, and the panel with a strip for each seed. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { FromTrajectory, ToTrajectory } from '../server/shared/panel-protocol';
import { DEFAULT_STEPS } from '../server/shared/defaults';
import {
  trajectoryRequest,
  type TrajectoryResult,
  type TrajectorySource,
  type TrajectoryStep,
} from '../server/shared/protocol';
import { ask, askNetwork } from './choices';
import type { Context } from './context';
import { openPanel, type PanelKind } from './panel';
import { withProgress } from './progress';
import { openConfig } from './run-config';
import { pickWorkspaceFolder } from './workspace-folders';

/** One computed trajectory; each gets a panel of its own. */
export const TRAJECTORY: PanelKind<{ network: string; trajectory: TrajectoryResult }, ToTrajectory, FromTrajectory> = {
  name: 'trajectory',
  title: ({ network }) => vscode.l10n.t('Trajectory of {0}', path.basename(network)),
  restore: storedTrajectory,
  // The pictures are not in files: they come with the numbers.
  inlineImages: true,
  connect: (_context, { post }, subject) => ({ handlers: { ready: () => post({ type: 'trajectory', ...subject }) } }),
};

/** What a page stored of its trajectory, checked as far as the page relies on it. */
function storedTrajectory(stored: unknown): { network: string; trajectory: TrajectoryResult } | undefined {
  const { network, trajectory } = (stored ?? {}) as { network?: unknown; trajectory?: Partial<TrajectoryResult> };
  const { seeds, steps, resolution, rng, notes, classes, classNames } = trajectory ?? {};
  const areAll = (list: unknown, type: 'number' | 'string'): boolean =>
    Array.isArray(list) && list.every((one) => typeof one === type);
  const isStep = ({ sigma, nfe, images }: Partial<TrajectoryStep>): boolean =>
    typeof sigma === 'number' &&
    typeof nfe === 'number' &&
    areAll(images, 'string') &&
    images?.length === seeds?.length;
  const isWhole =
    typeof network === 'string' &&
    areAll(seeds, 'number') &&
    Array.isArray(steps) &&
    steps.every((step: Partial<TrajectoryStep> | null) => isStep(step ?? {})) &&
    typeof resolution === 'number' &&
    typeof rng === 'string' &&
    areAll(notes, 'string') &&
    (classes === undefined || areAll(classes, 'number')) &&
    (classNames === undefined || areAll(classNames, 'string'));
  return isWhole ? { network, trajectory: trajectory as TrajectoryResult } : undefined;
}

/** Asks what is sampled, samples, and shows the result. @param argument a run config's Uri, to be sampled as it says */
export async function showTrajectory(context: Context, argument?: unknown): Promise<void> {
  const subject = await askSubject(argument);
  const seeds = subject && (await ask(vscode.l10n.t('Seeds, at most 16, e.g. 0-3 or 1,2,5'), '0-3'));
  const from = seeds && (await askSource(subject));
  if (!from) return;
  const title = vscode.l10n.t('Denoising trajectory');
  const trajectory = await withProgress(context, title, (server, progress, token) =>
    server.sendRequest(trajectoryRequest, { seeds, from, ...progress }, token),
  );
  const network = 'config' in subject ? path.basename(subject.config) : subject.network;
  if (trajectory) openPanel(context, TRAJECTORY, { network, trajectory });
}

/** What a trajectory is of: a run config, or a network, whose sampler is still to be asked. */
type Subject = { config: string } | { network: string; base: string };

/** The run config that is given, or the open one if the user wants it, or a network. @returns undefined if the user cancelled */
async function askSubject(argument: unknown): Promise<Subject | undefined> {
  if (argument instanceof vscode.Uri) return configOf(argument);
  const open = vscode.window.activeTextEditor?.document.uri;
  if (open?.path.endsWith('.edm.yaml')) {
    const own = vscode.l10n.t('As {0} says', path.basename(open.fsPath));
    const other = vscode.l10n.t('Another network or sampler…');
    const chosen = await vscode.window.showQuickPick([own, other], { placeHolder: vscode.l10n.t('Whose trajectory?') });
    if (chosen !== other) return chosen === own ? configOf(open) : undefined;
  }
  const base = await pickWorkspaceFolder(vscode.l10n.t('Paths start from which folder?'));
  const network = base && (await askNetwork(base));
  return network ? { network, base } : undefined;
}

/** The config as it is in the editor: saved first. */
async function configOf(uri: vscode.Uri): Promise<Subject> {
  return { config: ((await openConfig(uri))?.uri ?? uri).fsPath };
}

async function askSource(subject: Subject): Promise<TrajectorySource | undefined> {
  if ('config' in subject) return subject;
  const question = vscode.l10n.t('Sampler as in a run config, e.g. solver: dpmpp-2m, steps: 8, class: 3');
  const keys = await ask(question, `steps: ${DEFAULT_STEPS}`);
  return keys === undefined ? undefined : { ...subject, keys };
}
