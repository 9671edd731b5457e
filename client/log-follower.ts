import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import {
  followRequest,
  logNotification,
  type FollowParams,
  type FollowResult,
  type Job,
  type LogPart,
} from '../server/shared/protocol';
import type { PlacedJob } from './clusters';
import { errorText, isCancelled } from './errors';
import { noticeText, plainText } from '../server/shared/plain-text';

/** Where a log is shown. */
interface Sink {
  append(lines: readonly string[]): void;
  /** The file was replaced and is shown from its start. */
  clear(): void;
}

/** Scheme of documents that show a log. */
const SCHEME = 'edm-workbench-log';
/** Shortest time between two redraws of a document. */
const REDRAW_MS = 400;
/** Lines that a document keeps; older ones are dropped. Output channels have the editor's own limit. */
const KEPT_LINES = 200_000;

/** The logs that are being followed, each only once, wherever it is shown. */
export class LogFollower implements vscode.Disposable, vscode.TextDocumentContentProvider {
  private readonly following = new Map<
    string,
    { cancel: vscode.CancellationTokenSource; outcome: Promise<FollowResult | undefined> }
  >();
  private readonly channels = new Map<string, vscode.OutputChannel>();
  private readonly documents = new Map<string, { lines: string[]; timer?: NodeJS.Timeout }>();
  private readonly redraw = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.redraw.event;
  private readonly subscriptions: vscode.Disposable[];
  private count = 0;

  /** @param server the running server, started where it is not */
  constructor(private readonly server: () => Promise<LanguageClient>) {
    this.subscriptions = [
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => {
        if (uri.scheme !== SCHEME) return;
        this.following.get(uri.toString())?.cancel.cancel();
        this.documents.delete(uri.toString());
      }),
    ];
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.documents.get(uri.toString())?.lines.join('\n') ?? '';
  }

  /** Follows a job's output in an output channel until the job ends; its progress is in the status bar. */
  follow({ cluster, job }: PlacedJob): void {
    const key = keyOf(cluster, job.id);
    const name = `${job.name} ${job.id} (${cluster})`;
    const channel = this.channels.get(key) ?? vscode.window.createOutputChannel(name, 'log');
    this.channels.set(key, channel);
    channel.show(true);
    if (this.following.has(key)) return;
    channel.clear();
    const sink: Sink = {
      append: (lines) => channel.append(lines.map((line) => `${line}\n`).join('')),
      clear: () => channel.clear(),
    };
    void vscode.window.withProgress(
      { location: vscode.ProgressLocation.Window, title: noticeText(vscode.l10n.t('Following {0}', job.name)) },
      async (progress) => {
        const result = await this.start(key, { cluster, id: job.id, stream: 'stdout' }, sink, (text) =>
          progress.report({ message: text }),
        );
        if (result) channel.append(plainText(ending(result)));
      },
    );
  }

  /** Opens a job's output or error log as a read-only document that is kept up to date while it is open. */
  async open({ cluster, job }: PlacedJob, stream: FollowParams['stream']): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, authority: cluster, path: `/${job.id}/${job.name}.${stream}.log` });
    const key = uri.toString();
    if (!this.documents.has(key)) {
      const shown: { lines: string[]; timer?: NodeJS.Timeout } = { lines: [] };
      this.documents.set(key, shown);
      const changed = (): void => {
        shown.timer ??= setTimeout(() => {
          shown.timer = undefined;
          this.redraw.fire(uri);
        }, REDRAW_MS);
      };
      const sink: Sink = {
        append: (lines) => {
          shown.lines.push(...lines);
          if (shown.lines.length > KEPT_LINES) shown.lines.splice(0, shown.lines.length - KEPT_LINES);
          changed();
        },
        clear: () => {
          shown.lines.length = 0;
          changed();
        },
      };
      void this.start(key, { cluster, id: job.id, stream }, sink, () => undefined);
    }
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: true });
  }

  /** Stops following a job's log; what is shown stays. */
  stop({ cluster, job }: PlacedJob): void {
    this.following.get(keyOf(cluster, job.id))?.cancel.cancel();
  }

  /** The failures explained from the log of an ended job; undefined where it is not followed or takes too long. */
  async explanation({ cluster, job }: PlacedJob, patienceMs: number): Promise<FollowResult['explained'] | undefined> {
    const outcome = this.following.get(keyOf(cluster, job.id))?.outcome;
    if (!outcome) return undefined;
    const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), patienceMs));
    return (await Promise.race([outcome, late]))?.explained;
  }

  private start(
    key: string,
    params: Omit<FollowParams, 'follow'>,
    sink: Sink,
    onProgress: (text: string) => void,
  ): Promise<FollowResult | undefined> {
    const cancel = new vscode.CancellationTokenSource();
    const outcome = this.run(params, sink, onProgress, cancel.token).finally(() => {
      this.following.delete(key);
      cancel.dispose();
    });
    this.following.set(key, { cancel, outcome });
    return outcome;
  }

  private async run(
    params: Omit<FollowParams, 'follow'>,
    sink: Sink,
    onProgress: (text: string) => void,
    token: vscode.CancellationToken,
  ): Promise<FollowResult | undefined> {
    const follow = `${params.cluster} ${params.id} ${++this.count}`;
    const server = await this.server();
    const listener = server.onNotification(logNotification, (part) => {
      if (part.follow !== follow) return;
      if (part.restarted) sink.clear();
      if (part.lines.length > 0) sink.append(part.lines.map(plainText));
      if (part.progress) onProgress(progressText(part.progress));
    });
    try {
      const result = await server.sendRequest(followRequest, { ...params, follow }, token);
      if (result.note !== undefined) sink.append(['', plainText(result.note)]);
      return result;
    } catch (error) {
      if (!isCancelled(error)) sink.append(['', vscode.l10n.t('Cannot follow the log: {0}', errorText(error))]);
      return undefined;
    } finally {
      listener.dispose();
    }
  }

  dispose(): void {
    for (const { cancel } of this.following.values()) cancel.cancel();
    for (const disposable of [...this.channels.values(), ...this.subscriptions]) disposable.dispose();
    this.redraw.dispose();
  }
}

function keyOf(cluster: string, id: string): string {
  return `${cluster} ${id}`;
}

/** `128/1000 (12 %), 15.2it/s, 00:57 left`. */
function progressText({ done, total, rate, eta }: NonNullable<LogPart['progress']>): string {
  const share = total > 0 ? ` (${Math.floor((100 * done) / total)} %)` : '';
  return [`${done}/${total}${share}`, rate, eta && vscode.l10n.t('{0} left', eta)].filter(Boolean).join(', ');
}

/** The lines below a log that has ended: how the job ended and what its failures mean. */
function ending({ job, explained }: FollowResult): string {
  const rule = '─'.repeat(40);
  const reasons = explained.map(({ line, text, remedy }) => `${line}\n  → ${text}${remedy ? `\n  → ${remedy}` : ''}\n`);
  const state = job ? vscode.l10n.t('Job {0}: {1}', job.id, endText(job)) : vscode.l10n.t('End of the log');
  return `\n${[rule, state, ...reasons].join('\n')}\n`;
}

function endText({ stateName, exitCode, signal }: Job): string {
  if (signal) return vscode.l10n.t('{0}, signal {1}', stateName, signal);
  return exitCode ? vscode.l10n.t('{0}, exit code {1}', stateName, exitCode) : stateName;
}
