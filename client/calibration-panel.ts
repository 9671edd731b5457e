/** Batch sizes measured on a cluster: the job, and the panel with its result. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { FromCalibration, ToCalibration } from '../server/shared/panel-protocol';
import { batchEditRequest, calibrationRequest, calibrationsRequest, type Calibration } from '../server/shared/protocol';
import type { Context } from './context';
import { openPanel, type PanelKind } from './panel';
import { withProgress } from './progress';
import { openConfig, prepareConfig } from './run-config';

/** One measurement of a config, by the job that made it. */
interface Measured {
  config: string;
  cluster: string;
  job: string;
}

/** What was measured for one config; each measurement gets a panel of its own. */
export const CALIBRATION: PanelKind<Measured, ToCalibration, FromCalibration> = {
  name: 'calibration',
  title: ({ config }) => vscode.l10n.t('Batch size of {0}', path.basename(config, '.edm.yaml')),
  key: ({ config, cluster, job }) => [config, cluster, job].join('\n'),
  restore(stored) {
    const { config, cluster, job } = (stored ?? {}) as Partial<Record<keyof Measured, unknown>>;
    const isWhole = typeof config === 'string' && typeof cluster === 'string' && typeof job === 'string';
    return isWhole && path.isAbsolute(config) ? { config, cluster, job } : undefined;
  },
  connect(context, { post }, { config, cluster, job }) {
    let calibration: Calibration | undefined;
    return {
      handlers: {
        async ready() {
          const server = await context.server();
          const kept = await server.sendRequest(calibrationsRequest, { config });
          // Only the latest measurement on a cluster is kept; what is shown here stays until the panel is closed.
          calibration ??= kept.find((one) => one.cluster === cluster && one.job === job);
          if (!calibration)
            throw new Error(vscode.l10n.t('The measurement of job {0} on {1} is not kept any more.', job, cluster));
          post({ type: 'calibration', calibration });
        },
        async write({ batch }) {
          if (calibration?.points.some((point) => point.batch === batch)) await writeBatch(context, config, batch);
        },
      },
      fail: (message) => post({ type: 'problem', message }),
    };
  },
};

/** Measures batch sizes on a cluster, or shows what was measured before. */
export async function calibrateOnCluster(context: Context, argument?: unknown): Promise<void> {
  const document = await openConfig(argument);
  if (!document) return;
  const config = document.uri.fsPath;
  const server = await context.server();
  const known = await server.sendRequest(calibrationsRequest, { config });
  const chosen = known.length > 0 ? await chooseCalibration(known) : 'measure';
  const calibration = chosen === 'measure' ? await measureBatchSizes(context, document.uri) : chosen;
  if (!calibration) return;
  const { cluster, job } = calibration;
  openPanel(context, CALIBRATION, { config, cluster, job });
}

/** Runs the job that measures; undefined where it was cancelled or failed (the user has been told). */
async function measureBatchSizes(context: Context, config: vscode.Uri): Promise<Calibration | undefined> {
  const prepared = await prepareConfig(context, config);
  if (!prepared) return undefined;
  const title = vscode.l10n.t('Calibrate batch size on {0}', prepared.cluster);
  return withProgress(context, title, (server, progress, token) =>
    server.sendRequest(calibrationRequest, { ...prepared, ...progress }, token),
  );
}

async function chooseCalibration(known: readonly Calibration[]): Promise<Calibration | 'measure' | undefined> {
  const items = [
    { label: `$(beaker) ${vscode.l10n.t('Measure on a cluster')}`, chosen: 'measure' as const },
    ...known.map((chosen) => ({
      label: `$(graph-line) ${vscode.l10n.t('Show batch {0}, measured on {1}', chosen.batch, chosen.cluster)}`,
      description: new Date(chosen.time).toLocaleString(),
      detail: chosen.reason,
      chosen,
    })),
  ];
  const picked = await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t('Batch size of this config') });
  return picked?.chosen;
}

/** Writes a batch size into the open config and leaves it unsaved: the user sees the change and can undo it. */
async function writeBatch(context: Context, config: string, batch: number): Promise<void> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.file(config));
  const server = await context.server();
  const change = await server.sendRequest(batchEditRequest, { text: document.getText(), batch });
  const editor = await vscode.window.showTextDocument(document);
  if (!change) {
    void vscode.window.showWarningMessage(
      vscode.l10n.t('This config could not be changed: write "batch: {0}" into it yourself.', batch),
    );
    return;
  }
  const place = new vscode.Range(document.positionAt(change.from), document.positionAt(change.to));
  await editor.edit((builder) => builder.replace(place, change.text));
  const end = document.positionAt(change.from + change.text.length);
  editor.selection = new vscode.Selection(end, end);
  editor.revealRange(new vscode.Range(end, end));
}
