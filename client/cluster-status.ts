import * as vscode from 'vscode';
import { exitText, JOB_STATES, reasonText } from '../server/shared/jobs';
import type { PlacedJob } from './clusters';
import type { Context } from './context';
import { noticeText } from '../server/shared/plain-text';
import { showSamples } from './samples-panel';

/** How long the notice of a job's end waits for the explanation from its log, where that is followed. */
const PATIENCE_MS = 5_000;

/** The status item: how many of the user's jobs run and wait. Hidden while no cluster is connected. */
export function registerStatusItem({ clusters }: Context): vscode.Disposable[] {
  const item = vscode.window.createStatusBarItem('edmWorkbench.jobs', vscode.StatusBarAlignment.Left, 10);
  item.name = vscode.l10n.t('Jobs on clusters');
  item.command = 'edmWorkbench.clusters.focus';
  const draw = (): void => {
    const reached = clusters.all().filter(({ connection }) => connection === 'connected' || connection === 'lost');
    if (reached.length === 0) return item.hide();
    const names = reached.map(({ profile }) => profile.name);
    const { running, queued } = clusters.counts();
    const lost = reached.filter(({ connection }) => connection === 'lost').map(({ profile }) => profile.name);
    const failed = names.filter((name) => clusters.failure(name) !== undefined);
    // Before the first answer nothing is known: no job would be a claim.
    const counts = names.some((name) => clusters.queue(name))
      ? vscode.l10n.t('{0} running, {1} queued', running, queued)
      : vscode.l10n.t('jobs not known');
    const isOld = failed.some((name) => clusters.queue(name));
    const text = isOld ? vscode.l10n.t('{0}, not up to date', counts) : counts;
    const icon = failed.length > 0 ? 'warning' : lost.length > 0 ? 'debug-disconnect' : 'server-process';
    item.text = `$(${icon}) ${text}`;
    item.tooltip = [
      vscode.l10n.t('Your jobs on {0}', names.join(', ')),
      ...(lost.length > 0 ? [vscode.l10n.t('Connection lost: {0}', lost.join(', '))] : []),
      ...failed.map((name) => `${name}: ${clusters.problem(name)}`),
      ...names
        .filter((name) => !failed.includes(name) && !lost.includes(name) && !clusters.queue(name))
        .map((name) => vscode.l10n.t('{0}: asking for the queue…', name)),
    ].join('\n');
    item.accessibilityInformation = { label: vscode.l10n.t('Jobs: {0}', [text, ...failed].join(', ')) };
    item.show();
  };
  draw();
  return [item, clusters.onDidChange(draw)];
}

/** Tells once that a job has ended, how, and why where that is known. */
export function registerEndNotices(context: Context): vscode.Disposable {
  return context.clusters.onDidEnd((ended) => void tellEnd(context, ended));
}

async function tellEnd(context: Context, ended: PlacedJob): Promise<void> {
  const { cluster, job } = ended;
  const explained = await context.logs.explanation(ended, PATIENCE_MS);
  const why = explained?.map(({ text, remedy }) => [text, remedy].filter(Boolean).join(' ')) ?? [];
  const text = [
    vscode.l10n.t('Job {0} ({1}) on {2}: {3}', job.id, job.name, cluster, vscode.l10n.t(JOB_STATES[job.state].word)),
    exitText(job),
    ...(why.length > 0 ? why : [reasonText(job)]),
  ]
    .filter(Boolean)
    .join('. ');
  const log = vscode.l10n.t('Open log');
  const samples = vscode.l10n.t('Show samples');
  // Images on another machine cannot be shown before they are fetched.
  const here = job.state === 'done' && context.clusters.info(cluster)?.profile.local && job.folder !== undefined;
  const buttons = [...(job.stdout ? [log] : []), ...(here ? [samples] : [])];
  const show = job.state === 'done' || job.state === 'cancelled' ? 'showInformationMessage' : 'showWarningMessage';
  const chosen = await vscode.window[show](noticeText(text), ...buttons);
  if (chosen === log) await context.logs.open(ended, 'stdout');
  if (chosen === samples && job.folder !== undefined) showSamples(context, job.folder);
}
