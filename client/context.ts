import { homedir } from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { LanguageClient, LanguageClientOptions } from 'vscode-languageclient/node';
import { answerAllowance } from './allowance';
import { Clusters } from './clusters';
import { LogFollower } from './log-follower';
import { answerPrompts } from './prompts';
import { Refusals } from './refusals';

/** What commands and panels share: the connection to the server, started when first needed, the clusters, and the log. */
export class Context implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private starting: Promise<LanguageClient> | undefined;
  readonly clusters = new Clusters(
    () => this.server(),
    (line) => this.log?.appendLine(line),
  );
  readonly logs = new LogFollower(() => this.server());
  readonly refusals = new Refusals();

  constructor(readonly extension: vscode.ExtensionContext) {}

  /** The connection to the server, which is started by whoever needs its answer first. */
  server(): Promise<LanguageClient> {
    this.starting ??= this.start();
    return this.starting;
  }

  private async start(): Promise<LanguageClient> {
    // Read with the server, not at activation.
    const { LanguageClient, TransportKind } = await import('vscode-languageclient/node');
    const module = this.extension.asAbsolutePath(path.join('dist', 'server.js'));
    const options: LanguageClientOptions = {
      // Saved and new files only: the old side of a diff (scheme git) would show every finding twice.
      documentSelector: ['file', 'untitled'].flatMap((scheme) => [
        { scheme, language: 'shellscript' },
        { scheme, pattern: '**/*.edm.{yaml,yml}' },
        { scheme, pattern: '**/.edm-workbench/*.{yaml,yml}' },
      ]),
      diagnosticCollectionName: 'edm-workbench',
      // Checked as one types, not only when saved.
      diagnosticPullOptions: { onChange: true },
      synchronize: { configurationSection: 'edmWorkbench' },
      initializationFailedHandler: (error) => {
        void vscode.window.showErrorMessage(vscode.l10n.t('EDM Workbench could not start: {0}', String(error)));
        return false;
      },
    };
    // Its working folder would be the workspace, whose files a system may take for programs.
    const transport = { module, transport: TransportKind.ipc, options: { cwd: homedir() } };
    this.client = new LanguageClient('edm-workbench', 'EDM Workbench', { run: transport, debug: transport }, options);
    this.clusters.attach(this.client);
    answerPrompts(this.client, this.extension.secrets);
    answerAllowance(this.client);
    await this.client.start();
    return this.client;
  }

  get log(): vscode.LogOutputChannel | vscode.OutputChannel | undefined {
    return this.client?.outputChannel;
  }

  async dispose(): Promise<void> {
    for (const part of [this.clusters, this.logs, this.refusals]) part.dispose();
    await this.client?.dispose();
  }
}
