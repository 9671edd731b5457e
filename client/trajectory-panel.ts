/** Show denoising trajectory: questions, progress, and the panel with a strip for each seed. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { FromTrajectory, ToTrajectory } from '../server/shared/panel-protocol';
import { trajectoryRequest, type TrajectoryResult, type TrajectoryStep } from '../server/shared/protocol';
import { ask, askNetwork, askSteps } from './choices';
import type { Context } from './context';
import { openPanel, type PanelKind } from './panel';
import { withProgress } from './progress';
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

/** Asks for network, seeds and steps, samples, and shows the result. */
export async function showTrajectory(context: Context): Promise<void> {
  const base = await pickWorkspaceFolder(vscode.l10n.t('Paths start from which folder?'));
  if (!base) return;
  const network = await askNetwork(base);
  const seeds = network && (await ask(vscode.l10n.t('Seeds, at most 16, e.g. 0-3 or 1,2,5'), '0-3'));
  const steps = seeds && (await askSteps());
  if (!steps) return;
  const title = vscode.l10n.t('Denoising trajectory');
  const trajectory = await withProgress(context, title, (server, progress, token) =>
    server.sendRequest(trajectoryRequest, { network, seeds, sampler: { steps }, base, ...progress }, token),
  );
  if (trajectory) openPanel(context, TRAJECTORY, { network, trajectory });
}
