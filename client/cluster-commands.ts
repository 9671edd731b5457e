import * as vscode from 'vscode';
import { isOver, JOB_STATES } from '../server/shared/jobs';
import {
  addClusterRequest,
  hostAliasesRequest,
  jobActionRequest,
  jobRequest,
  jobScriptRequest,
  type Job,
  type JobAction,
} from '../server/shared/protocol';
import type { PlacedJob } from './clusters';
import type { Node } from './cluster-tree';
import { pickCluster } from './choices';
import { copyText } from './clipboard';
import type { Command } from './command';
import type { Context } from './context';
import { noticeText, plainValue } from '../server/shared/plain-text';
import { showQueue } from './queue-panel';
import { dryRunScript, submitScript } from './submission';
import { pickWorkspaceFolder } from './workspace-folders';

/** The commands for clusters and jobs, whether called from the tree, the queue panel, a lens or the palette. */
export const CLUSTER_COMMANDS: Record<string, Command> = {
  'edmWorkbench.submit': submitScript,
  'edmWorkbench.dryRun': dryRunScript,
  'edmWorkbench.addCluster': addCluster,
  'edmWorkbench.connect': onCluster((context, cluster) => context.clusters.connect(cluster)),
  'edmWorkbench.disconnect': onCluster((context, cluster) => context.clusters.disconnect(cluster)),
  'edmWorkbench.logout': onCluster((context, cluster) => context.clusters.logOut(cluster)),
  'edmWorkbench.refreshQueue': refreshQueues,
  'edmWorkbench.showQueue': onCluster((context, cluster) => showQueue(context, cluster)),
  'edmWorkbench.cancelJob': onJobs('cancel'),
  'edmWorkbench.holdJob': onJobs('hold'),
  'edmWorkbench.releaseJob': onJobs('release'),
  'edmWorkbench.showJobScript': onJob(showScript),
  'edmWorkbench.openOutput': onJob((context, job) => context.logs.open(job, 'stdout')),
  'edmWorkbench.openErrorLog': onJob((context, job) => context.logs.open(job, 'stderr')),
  'edmWorkbench.followLog': onJob((context, job) => context.logs.follow(job)),
  'edmWorkbench.stopFollowing': onJob((context, job) => context.logs.stop(job)),
  'edmWorkbench.copyJobId': onJob((_context, { job }) => copyText(job.id)),
};

/** How a job is named to a command that was not called from the tree. */
interface JobReference {
  cluster: string;
  id: string;
}

function onCluster(run: (context: Context, cluster: string) => Promise<void> | void): Command {
  return async (context, argument) => {
    const given = argument as { cluster?: unknown } | undefined;
    const cluster = typeof given?.cluster === 'string' ? given.cluster : await pickCluster(context);
    if (cluster !== undefined) await run(context, cluster);
  };
}

function onJob(run: (context: Context, job: PlacedJob) => Promise<void> | void): Command {
  return async (context, argument) => {
    const [job] = await jobsOf(context, argument, undefined);
    if (job) await run(context, job);
  };
}

function onJobs(action: JobAction): Command {
  return async (context, argument, selection) => {
    const jobs = await jobsOf(context, argument, selection);
    if (jobs.length > 0) await applyAction(context, action, jobs);
  };
}

/** The jobs of the tree's entries or of a reference, else one that the user picks. */
async function jobsOf(context: Context, argument: unknown, selection: unknown): Promise<PlacedJob[]> {
  if (Array.isArray(selection) && selection.length > 0) return (selection as Node[]).flatMap(jobsOfNode);
  if (isReference(argument)) {
    const job = await findJob(context, argument);
    return job ? [{ cluster: argument.cluster, job }] : [];
  }
  if (typeof argument === 'object' && argument !== null && 'kind' in argument) return jobsOfNode(argument as Node);
  return pickJob(context);
}

/** An array becomes one job with the array's id, which schedulers take for all its tasks. */
function jobsOfNode(node: Node): PlacedJob[] {
  switch (node.kind) {
    case 'job':
      return [{ cluster: node.cluster, job: node.job }];
    case 'array':
      return node.array.tasks
        .slice(0, 1)
        .map((task) => ({ cluster: node.cluster, job: { ...task, id: node.array.id } }));
    case 'allow':
    case 'cluster':
    case 'finished':
    case 'problem':
      return [];
  }
}

function isReference(value: unknown): value is JobReference {
  const { cluster, id } = (value ?? {}) as Partial<Record<keyof JobReference, unknown>>;
  return typeof cluster === 'string' && typeof id === 'string';
}

/** From the known queue, else from the scheduler; the user is told where neither knows the job. */
async function findJob(context: Context, { cluster, id }: JobReference): Promise<Job | undefined> {
  const queue = context.clusters.queue(cluster);
  const known = [...(queue?.jobs ?? []), ...(queue?.finished ?? [])].find((job) => job.id === id);
  if (known) return known;
  const server = await context.server();
  const found = await server.sendRequest(jobRequest, { cluster, id });
  if (!found)
    void vscode.window.showWarningMessage(vscode.l10n.t('{0} no longer knows job {1}.', cluster, noticeText(id)));
  return found ? plainValue(found) : undefined;
}

async function pickJob(context: Context): Promise<PlacedJob[]> {
  const jobs = context.clusters.allOwnJobs();
  if (jobs.length === 0) {
    void vscode.window.showInformationMessage(
      vscode.l10n.t('You have no jobs on a connected cluster. Connect in the Clusters view first.'),
    );
    return [];
  }
  const items = jobs.map((placed) => ({
    label: `${placed.job.id} ${placed.job.name}`,
    description: `${vscode.l10n.t(JOB_STATES[placed.job.state].word)}, ${placed.cluster}`,
    placed,
  }));
  const chosen = await vscode.window.showQuickPick(items, {
    placeHolder: vscode.l10n.t('Which job?'),
    matchOnDescription: true,
  });
  return chosen ? [chosen.placed] : [];
}

/** Applies an action and tells the result, job by job. Cancelling asks first. */
async function applyAction(context: Context, action: JobAction, jobs: readonly PlacedJob[]): Promise<void> {
  const names = jobs.map(({ job }) => `${job.id} (${job.name})`).join(', ');
  if (action === 'cancel' && !(await confirmCancel(jobs, names))) return;
  const server = await context.server();
  for (const cluster of new Set(jobs.map((job) => job.cluster))) {
    const ids = jobs.filter((placed) => placed.cluster === cluster).map(({ job }) => job.id);
    const results = await server.sendRequest(jobActionRequest, { cluster, action, ids });
    const failed = results.filter(({ ok }) => !ok);
    if (failed.length > 0)
      void vscode.window.showErrorMessage(noticeText(failed.map(({ id, message }) => `${id}: ${message}`).join('. ')));
    else
      void vscode.window.setStatusBarMessage(
        noticeText(results.map(({ id, message }) => `${id}: ${message}`).join('. ')),
        5000,
      );
    await context.clusters.refresh(cluster);
  }
}

/** True where the user confirms. */
async function confirmCancel(jobs: readonly PlacedJob[], names: string): Promise<boolean> {
  const alive = jobs.filter(({ job }) => !isOver(job));
  const [first] = jobs;
  if (!first) return false;
  const cancel = vscode.l10n.t('Cancel the job');
  const keep = vscode.l10n.t('Keep it running');
  const question =
    alive.length === 1 || jobs.length === 1
      ? vscode.l10n.t('Cancel job {0} on {1}?', noticeText(names), first.cluster)
      : vscode.l10n.t('Cancel {0} jobs: {1}?', jobs.length, noticeText(names));
  const chosen = await vscode.window.showQuickPick([cancel, keep], { title: question, placeHolder: question });
  return chosen === cancel;
}

async function refreshQueues(context: Context, argument?: unknown): Promise<void> {
  const given = (argument as { cluster?: unknown } | undefined)?.cluster;
  const infos = await context.clusters.load();
  const names = infos.filter(({ connection }) => connection === 'connected').map(({ profile }) => profile.name);
  await Promise.all(
    names.filter((name) => given === undefined || given === name).map((name) => context.clusters.refresh(name)),
  );
}

/** Opens the script as the scheduler has it, in a new document. */
async function showScript(context: Context, { cluster, job }: PlacedJob): Promise<void> {
  const server = await context.server();
  const content = await server.sendRequest(jobScriptRequest, { cluster, id: job.id });
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: 'shellscript', content }));
}

/** Adds a cluster to a workspace folder's .edm-workbench/clusters.yaml and opens that file. */
async function addCluster(context: Context): Promise<void> {
  const folder = await pickWorkspaceFolder(vscode.l10n.t('Which folder keeps the cluster?'));
  if (folder === undefined) return;
  const server = await context.server();
  const host = await pickHost(await server.sendRequest(hostAliasesRequest));
  if (!host) return;
  const name = await vscode.window.showInputBox({
    prompt: vscode.l10n.t('Name for this cluster'),
    value: host.replace(/^.*@/, ''),
    ignoreFocusOut: true,
    validateInput: (text) =>
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text)
        ? undefined
        : vscode.l10n.t('Use letters, digits, ".", "_" and "-", and begin with a letter or digit'),
  });
  if (!name) return;
  const file = await server.sendRequest(addClusterRequest, { folder, profile: { name, host } });
  await vscode.window.showTextDocument(vscode.Uri.file(file));
  await context.clusters.load();
}

/** An alias of the user's ssh configuration, or one that is typed. */
async function pickHost(aliases: readonly string[]): Promise<string | undefined> {
  const typed = vscode.l10n.t('Another host…');
  const items = [...aliases.map((label) => ({ label, typed: false })), { label: typed, typed: true }];
  const chosen =
    aliases.length === 0
      ? items[0]
      : await vscode.window.showQuickPick(items, {
          placeHolder: vscode.l10n.t('Which host of your ssh configuration is the login node?'),
        });
  if (!chosen?.typed) return chosen?.label;
  return vscode.window.showInputBox({
    prompt: vscode.l10n.t('Login node: an alias of your ssh configuration, or user@host'),
    ignoreFocusOut: true,
  });
}
