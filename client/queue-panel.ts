import * as vscode from 'vscode';
import type { FromQueue, ToQueue } from '../server/shared/panel-protocol';
import type { Context } from './context';
import { errorText, isCancelled } from './errors';
import { isMessage, mediaRoot, panelHtml } from './webview';

/** The commands that a job in the panel can be given. */
const JOB_COMMANDS: Readonly<Record<Extract<FromQueue, { type: 'job' }>['action'], string>> = {
  cancel: 'edmWorkbench.cancelJob',
  hold: 'edmWorkbench.holdJob',
  release: 'edmWorkbench.releaseJob',
  script: 'edmWorkbench.showJobScript',
  output: 'edmWorkbench.openOutput',
  follow: 'edmWorkbench.followLog',
  copyId: 'edmWorkbench.copyJobId',
};

/** The one queue panel. */
let current: { panel: vscode.WebviewPanel; choose(cluster: string): void } | undefined;

/** Shows all jobs of a cluster, its load, and mine on top. */
export function showQueue(context: Context, cluster: string): void {
  if (current) {
    current.panel.reveal();
    return current.choose(cluster);
  }
  const { clusters } = context;
  const title = vscode.l10n.t('Queue');
  const panel = vscode.window.createWebviewPanel('edmWorkbench.queue', title, vscode.ViewColumn.Active, {
    enableScripts: true,
    localResourceRoots: [mediaRoot(context.extension)],
  });
  const post = (message: ToQueue): void => void panel.webview.postMessage(message);
  let ready = false;
  let shown = cluster;
  let whose: 'mine' | 'all' = 'all';
  const look = (): void =>
    clusters.look('panel', { attention: panel.visible ? 'visible' : 'hidden', whose, cluster: shown });
  const update = (): void => {
    if (!ready) return;
    post({ type: 'clusters', clusters: clusters.all(), shown });
    const queue = clusters.queue(shown);
    if (queue) post({ type: 'queue', queue });
  };
  const choose = (name: string): void => {
    shown = name;
    look();
    update();
  };
  const answer = async (message: FromQueue): Promise<void> => {
    switch (message.type) {
      case 'ready':
        ready = true;
        await clusters.load();
        look();
        return update();
      case 'cluster':
        return choose(message.cluster);
      case 'whose':
        whose = message.whose;
        return look();
      case 'connect':
        return clusters.connect(shown);
      case 'refresh':
        return clusters.refresh(shown);
      case 'job':
        await vscode.commands.executeCommand(JOB_COMMANDS[message.action], { cluster: shown, id: message.id });
    }
  };
  const subscriptions = [
    clusters.onDidChange((name) => {
      if (name === undefined || name === shown) update();
    }),
    panel.onDidChangeViewState(look),
    panel.webview.onDidReceiveMessage((message: unknown) => {
      if (!isMessage(message)) return;
      answer(message as FromQueue).catch((error: unknown) => {
        if (!isCancelled(error)) post({ type: 'problem', message: errorText(error) });
      });
    }),
  ];
  panel.onDidDispose(() => {
    current = undefined;
    clusters.look('panel', undefined);
    for (const subscription of subscriptions) subscription.dispose();
  });
  panel.webview.html = panelHtml(panel.webview, context.extension, 'queue', title);
  current = { panel, choose };
}
