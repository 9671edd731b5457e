import * as vscode from 'vscode';
import type { FromQueue, QueueAction, ToQueue } from '../server/shared/panel-protocol';
import type { QueueState } from '../server/shared/protocol';
import type { Context } from './context';
import { openPanel, type PanelKind } from './panel';

/** The command for each thing that the page can ask for a job. */
const JOB_COMMANDS: Readonly<Record<QueueAction, string>> = {
  cancel: 'edmWorkbench.cancelJob',
  hold: 'edmWorkbench.holdJob',
  release: 'edmWorkbench.releaseJob',
  script: 'edmWorkbench.showJobScript',
  output: 'edmWorkbench.openOutput',
  follow: 'edmWorkbench.followLog',
  copyId: 'edmWorkbench.copyJobId',
};

/** All jobs of a cluster, the user's own on top, and its load. One panel, whatever cluster it shows. */
export const QUEUE: PanelKind<{ cluster: string }, ToQueue, FromQueue> = {
  name: 'queue',
  title: () => vscode.l10n.t('Queue'),
  key: () => '',
  restore(stored) {
    const { cluster } = (stored ?? {}) as { cluster?: unknown };
    return typeof cluster === 'string' ? { cluster } : undefined;
  },
  connect({ clusters }, { panel, post, own, become }, { cluster }) {
    let shown = cluster;
    let whose: QueueState['whose'] = 'all';
    const watch = (): void =>
      clusters.watch('panel', { attention: panel.visible ? 'visible' : 'hidden', whose, cluster: shown });
    const update = (): void => {
      post({ type: 'clusters', clusters: clusters.all(), shown, problem: clusters.problem(shown) });
      const queue = clusters.queue(shown);
      if (queue) post({ type: 'queue', queue });
    };
    const choose = (name: string): void => {
      shown = name;
      become({ cluster: shown });
      watch();
      update();
    };
    own(
      clusters.onDidChange((name) => {
        if (name === undefined || name === shown) update();
      }),
      panel.onDidChangeViewState(watch),
      { dispose: () => clusters.watch('panel', undefined) },
    );
    return {
      handlers: {
        async ready() {
          await clusters.load();
          watch();
          update();
        },
        cluster: (message) => choose(message.cluster),
        whose(message) {
          whose = message.whose;
          watch();
        },
        connect: () => clusters.connect(shown),
        refresh: () => clusters.refresh(shown),
        older: () => clusters.older(shown),
        job: async ({ action, id }) => {
          await vscode.commands.executeCommand(JOB_COMMANDS[action], { cluster: shown, id });
        },
      },
      show: (subject) => choose(subject.cluster),
      fail: (message) => post({ type: 'problem', message }),
    };
  },
};

/** Shows the queue of a cluster. */
export function showQueue(context: Context, cluster: string): void {
  openPanel(context, QUEUE, { cluster });
}
