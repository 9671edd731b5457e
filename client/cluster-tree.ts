import * as vscode from 'vscode';
import {
  exitText,
  foldArrays,
  inTaskOrder,
  isOver,
  JOB_STATES,
  reasonText,
  jobProgressText,
  stateCounts,
  timeText,
  type JobArray,
} from '../server/shared/jobs';
import type { ClusterInfo, Job } from '../server/shared/protocol';
import type { Clusters, PlacedJob } from './clusters';
import type { Context } from './context';
import { errorText } from './errors';
import { areSeveral, folderName } from './workspace-folders';

/** An entry of the tree. */
export type Node =
  | { kind: 'cluster'; cluster: string }
  | { kind: 'job'; cluster: string; job: Job }
  | { kind: 'array'; cluster: string; array: JobArray; finished: boolean }
  | { kind: 'finished'; cluster: string }
  | { kind: 'allow'; cluster: string }
  | { kind: 'problem'; cluster: string };

/** The icon of each state of a connection. */
const CONNECTIONS: Readonly<Record<ClusterInfo['connection'], { icon: string; colour?: string }>> = {
  connected: { icon: 'vm-active', colour: 'charts.green' },
  connecting: { icon: 'sync~spin' },
  disconnected: { icon: 'vm-outline' },
  lost: { icon: 'vm', colour: 'charts.red' },
};
/** The icon where the machine is reached but its scheduler does not answer. */
const TROUBLE = { icon: 'warning', colour: 'problemsWarningIcon.foreground' };

/** How often the clocks of running jobs are drawn again; the cluster is not asked for it. */
const TICK_MS = 5_000;

/** Clusters; below each the user's jobs, with arrays folded; below those the finished jobs, folded away. */
class ClusterTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<Node | undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly subscriptions: vscode.Disposable[] = [];

  constructor(private readonly clusters: Clusters) {
    this.subscriptions.push(clusters.onDidChange(() => this.changed.fire(undefined)));
    const timer = setInterval(() => {
      if (clusters.counts().running > 0) this.changed.fire(undefined);
    }, TICK_MS);
    this.subscriptions.push({ dispose: () => clearInterval(timer) });
  }

  getChildren(node?: Node): Node[] {
    if (!node) return this.clusters.all().map(({ profile }) => ({ kind: 'cluster', cluster: profile.name }));
    const { cluster } = node;
    switch (node.kind) {
      case 'cluster': {
        if (this.clusters.info(cluster)?.notAllowed) return [{ kind: 'allow', cluster }];
        const finished = this.clusters.queue(cluster)?.finished.length ?? 0;
        const jobs = entries(cluster, this.clusters.ownJobs(cluster), false);
        return [
          ...(this.clusters.failure(cluster) === undefined ? [] : [{ kind: 'problem', cluster } as const]),
          ...jobs,
          ...(finished > 0 ? [{ kind: 'finished', cluster } as const] : []),
        ];
      }
      case 'finished':
        return entries(cluster, this.clusters.queue(cluster)?.finished ?? [], true);
      case 'array':
        return inTaskOrder(node.array.tasks).map((job) => ({ kind: 'job', cluster, job }));
      case 'allow':
      case 'job':
      case 'problem':
        return [];
    }
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case 'cluster':
        return this.clusterItem(node.cluster);
      case 'job':
        return this.jobItem(node);
      case 'array':
        return this.arrayItem(node);
      case 'allow': {
        const item = new vscode.TreeItem(vscode.l10n.t('Allow…'));
        item.id = `${node.cluster}/allow`;
        item.iconPath = new vscode.ThemeIcon('shield');
        item.tooltip = vscode.l10n.t('Shows what this workspace would do on clusters, and asks whether it may');
        const title = vscode.l10n.t('Allow');
        item.command = { command: 'edmWorkbench.connect', title, arguments: [{ cluster: node.cluster }] };
        return item;
      }
      case 'problem':
        return this.problemItem(node.cluster);
      case 'finished': {
        const jobs = this.clusters.queue(node.cluster)?.finished ?? [];
        const item = new vscode.TreeItem(vscode.l10n.t('Finished'), vscode.TreeItemCollapsibleState.Collapsed);
        item.id = `${node.cluster}/finished`;
        item.description = countsText(jobs);
        item.iconPath = new vscode.ThemeIcon('history');
        item.contextValue = 'finished';
        return item;
      }
    }
  }

  private clusterItem(name: string): vscode.TreeItem {
    const info = this.clusters.info(name);
    const item = new vscode.TreeItem(name, vscode.TreeItemCollapsibleState.Expanded);
    const connection = info?.connection ?? 'disconnected';
    const failure = this.clusters.failure(name);
    // Green only once the scheduler has answered: the machine alone says nothing of jobs.
    const isAsked = connection === 'connected' && !this.clusters.queue(name);
    const { icon, colour } = failure !== undefined ? TROUBLE : CONNECTIONS[isAsked ? 'connecting' : connection];
    item.id = name;
    item.iconPath = new vscode.ThemeIcon(icon, colour ? new vscode.ThemeColor(colour) : undefined);
    const connected = connection === 'connected';
    item.description = [
      connected ? undefined : info?.notAllowed ? vscode.l10n.t('not allowed yet') : connectionText(connection),
      connected ? this.standing(name, failure) : undefined,
    ]
      .filter(Boolean)
      .join(', ');
    // First, because the end of a long line is cut off.
    if (info?.folder !== undefined && areSeveral())
      item.description = `${folderName(info.folder)} · ${item.description}`;
    item.tooltip = [
      `${name}: ${connectionText(connection)}`,
      info?.profile.local ? vscode.l10n.t('this machine') : info?.profile.host,
      info?.scheduler,
      info?.folder,
      info?.message,
      this.clusters.problem(name),
    ]
      .filter(Boolean)
      .join('\n');
    item.contextValue = `cluster ${connection}`;
    return item;
  }

  /** The user's jobs on a connected cluster, as far as they are known. */
  private standing(name: string, failure: string | undefined): string {
    if (!this.clusters.queue(name))
      return failure === undefined ? vscode.l10n.t('asking for the queue…') : vscode.l10n.t('queue not known');
    const jobs = countsText(this.clusters.ownJobs(name)) || vscode.l10n.t('no jobs');
    return failure === undefined ? jobs : vscode.l10n.t('{0}, not up to date', jobs);
  }

  /** In the scheduler's words; what to do is in the tooltip, and the queue panel says it too. */
  private problemItem(cluster: string): vscode.TreeItem {
    const item = new vscode.TreeItem(this.clusters.failure(cluster) ?? '');
    item.id = `${cluster}/problem`;
    item.iconPath = new vscode.ThemeIcon('error', new vscode.ThemeColor('problemsErrorIcon.foreground'));
    item.tooltip = this.clusters.problem(cluster);
    item.accessibilityInformation = { label: vscode.l10n.t('Problem: {0}', item.tooltip ?? '') };
    item.contextValue = 'problem';
    const title = vscode.l10n.t('Show queue');
    item.command = { command: 'edmWorkbench.showQueue', title, arguments: [{ cluster }] };
    return item;
  }

  private jobItem({ cluster, job }: PlacedJob): vscode.TreeItem {
    const { word, icon, colour } = JOB_STATES[job.state];
    const queue = this.clusters.queue(cluster);
    const taken = queue ? Date.parse(queue.taken) : Date.now();
    const label = job.array ? `${job.name} [${job.array.tasks.replace(/[[\]]/g, '')}]` : job.name;
    const item = new vscode.TreeItem(label);
    item.id = `${cluster}/${isOver(job) ? 'finished/' : ''}${job.id}`;
    item.iconPath = new vscode.ThemeIcon(icon, colour ? new vscode.ThemeColor(colour) : undefined);
    const time = timeText(job, taken, Date.now());
    item.description = [
      jobProgressText(job.progress),
      vscode.l10n.t(word),
      time,
      job.nodeList,
      job.state === 'queued' ? job.reason?.name : exitText(job),
    ]
      .filter(Boolean)
      .join(' · ');
    item.tooltip = jobTooltip(job, time);
    item.accessibilityInformation = { label: `${label}, ${item.description}` };
    item.contextValue = `job ${isOver(job) ? 'over' : 'alive'} ${job.state}`;
    return item;
  }

  private arrayItem({
    cluster,
    array: { id, name, tasks },
    finished,
  }: Extract<Node, { kind: 'array' }>): vscode.TreeItem {
    const item = new vscode.TreeItem(name, vscode.TreeItemCollapsibleState.Collapsed);
    item.id = `${cluster}/${finished ? 'finished/' : ''}array ${id}`;
    const standing = finished ? '' : jobProgressText(this.clusters.progressOf(cluster, id));
    item.description = [standing, id, countsText(tasks)].filter(Boolean).join(' · ');
    const [counted] = stateCounts(tasks);
    const colour = counted && JOB_STATES[counted[0]].colour;
    item.iconPath = new vscode.ThemeIcon('layers', colour ? new vscode.ThemeColor(colour) : undefined);
    item.tooltip = [vscode.l10n.t('Array {0}', id), standing, countsText(tasks)].filter(Boolean).join('\n');
    item.contextValue = `array ${finished ? 'over' : 'alive'}`;
    return item;
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
    this.changed.dispose();
  }
}

function entries(cluster: string, jobs: readonly Job[], finished: boolean): Node[] {
  return foldArrays(jobs).map((entry) =>
    'tasks' in entry ? { kind: 'array', cluster, array: entry, finished } : { kind: 'job', cluster, job: entry },
  );
}

/** `2 running, 42 queued`. */
function countsText(jobs: readonly Job[]): string {
  return stateCounts(jobs)
    .map(([state, count]) => `${count} ${vscode.l10n.t(JOB_STATES[state].word)}`)
    .join(', ');
}

function connectionText(connection: ClusterInfo['connection']): string {
  const words = {
    connected: vscode.l10n.t('connected'),
    connecting: vscode.l10n.t('connecting…'),
    disconnected: vscode.l10n.t('not connected'),
    lost: vscode.l10n.t('connection lost'),
  };
  return words[connection];
}

/** Plain text: names and reasons come from the cluster, and Markdown could hold links. */
function jobTooltip(job: Job, time: string): string {
  const size = [
    job.nodes && vscode.l10n.t('nodes: {0}', job.nodes),
    job.cpus && vscode.l10n.t('CPUs: {0}', job.cpus),
    job.gpus && vscode.l10n.t('GPUs: {0}', job.gpus),
  ].filter(Boolean);
  const expected = job.state === 'queued' && job.expected ? new Date(job.expected).toLocaleString() : undefined;
  return [
    vscode.l10n.t('{0} {1}: {2} ({3})', job.id, job.name, vscode.l10n.t(JOB_STATES[job.state].word), job.stateName),
    reasonText(job),
    exitText(job),
    jobProgressText(job.progress),
    time,
    size.join(', '),
    [job.partition, job.account, job.nodeList].filter(Boolean).join(', '),
    expected && vscode.l10n.t('expected to start {0}', expected),
    job.stdout,
  ]
    .filter(Boolean)
    .join('\n');
}

/** Registers the view; while it is visible the queues are asked for more often. */
export function registerClusterTree(context: Context): vscode.Disposable[] {
  const { clusters } = context;
  const tree = new ClusterTree(clusters);
  const view = vscode.window.createTreeView('edmWorkbench.clusters', {
    treeDataProvider: tree,
    canSelectMany: true,
    showCollapseAll: true,
  });
  const watch = (): void => clusters.watch('tree', { attention: view.visible ? 'visible' : 'hidden', whose: 'mine' });
  const load = (): void => {
    // An untrusted workspace must not decide which machines are reached.
    if (!vscode.workspace.isTrusted) return;
    clusters.load().catch((error: unknown) => {
      view.message = errorText(error);
    });
  };
  let loaded = false;
  const seen = (): void => {
    watch();
    if (view.visible && !loaded) {
      loaded = true;
      load();
    }
  };
  seen();
  const file = vscode.workspace.createFileSystemWatcher('**/.edm-workbench/clusters.yaml');
  return [
    tree,
    view,
    view.onDidChangeVisibility(seen),
    vscode.workspace.onDidGrantWorkspaceTrust(load),
    vscode.workspace.onDidChangeWorkspaceFolders(() => loaded && load()),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (loaded && change.affectsConfiguration('edmWorkbench.clusters')) load();
    }),
    file,
    ...[file.onDidChange, file.onDidCreate, file.onDidDelete].map((event) => event(() => loaded && load())),
  ];
}
