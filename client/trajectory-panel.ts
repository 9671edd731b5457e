/** Show denoising trajectory: questions, progress, and the panel with a strip for each seed. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { FromTrajectory, ToTrajectory } from '../server/shared/panel-protocol';
import { trajectoryRequest, type TrajectoryResult } from '../server/shared/protocol';
import { ask, askNetwork, askSteps, workspaceFolder } from './choices';
import type { Context } from './context';
import { openPanel, type PanelKind } from './panel';
import { withProgress } from './progress';

/** One computed trajectory; each gets a panel of its own. */
const TRAJECTORY: PanelKind<{ network: string; trajectory: TrajectoryResult }, ToTrajectory, FromTrajectory> = {
  name: 'trajectory',
  title: ({ network }) => vscode.l10n.t('Trajectory of {0}', path.basename(network)),
  // The pictures are not in files: they come with the numbers.
  inlineImages: true,
  connect: (_context, { post }, subject) => ({ handlers: { ready: () => post({ type: 'trajectory', ...subject }) } }),
};

/** Asks for network, seeds and steps, samples, and shows the result. */
export async function showTrajectory(context: Context): Promise<void> {
  const base = workspaceFolder();
  if (!base) return;
  const network = await askNetwork();
  const seeds = network && (await ask(vscode.l10n.t('Seeds, at most 16, e.g. 0-3 or 1,2,5'), '0-3'));
  const steps = seeds && (await askSteps());
  if (!steps) return;
  const title = vscode.l10n.t('Denoising trajectory');
  const trajectory = await withProgress(context, title, (server, progress, token) =>
    server.sendRequest(trajectoryRequest, { network, seeds, sampler: { steps }, base, ...progress }, token),
  );
  if (trajectory) openPanel(context, TRAJECTORY, { network, trajectory });
}
