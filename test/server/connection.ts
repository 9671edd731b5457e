import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type ClientCapabilities,
  createProtocolConnection,
  type Diagnostic,
  type InitializeResult,
  type ProtocolConnection,
  PublishDiagnosticsNotification,
  InitializeRequest,
  InitializedNotification,
  DidOpenTextDocumentNotification,
  DidChangeTextDocumentNotification,
} from 'vscode-languageserver-protocol/node';
import { ROOT } from './workspace';

/** A diagnostic's message as text. */
export function textOf(message: Diagnostic['message']): string {
  return typeof message === 'string' ? message : message.value;
}

/** A language server as any editor starts it: `edm-workbench lsp --stdio`. */
export class TestServer {
  private readonly published = new Map<string, Diagnostic[][]>();
  private waiting: (() => void)[] = [];
  private versions = new Map<string, number>();

  private constructor(
    readonly process: ChildProcess,
    readonly connection: ProtocolConnection,
    readonly initialized: InitializeResult,
  ) {}

  /**
   * @param within words before the command, e.g. those that bring it into a namespace, where our process id means nothing
   * @param folder the workspace's only folder; none where it is left out
   * @param capabilities what the client can do; nothing where it is left out
   */
  static async start(
    within: readonly string[] = [],
    folder?: string,
    capabilities: ClientCapabilities = {},
  ): Promise<TestServer> {
    const [program, ...args] = [...within, process.execPath, path.join(ROOT, 'dist', 'cli.js'), 'lsp', '--stdio'];
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const connection = createProtocolConnection(child.stdout, child.stdin);
    connection.listen();
    const initialized = await connection.sendRequest(InitializeRequest.type, {
      processId: within.length > 0 ? null : process.pid,
      rootUri: null,
      capabilities,
      workspaceFolders: folder === undefined ? null : [{ uri: pathToFileURL(folder).href, name: 'workspace' }],
    });
    await connection.sendNotification(InitializedNotification.type, {});
    const server = new TestServer(child, connection, initialized);
    connection.onNotification(PublishDiagnosticsNotification.type, ({ uri, diagnostics }) => {
      server.published.set(uri, [...(server.published.get(uri) ?? []), diagnostics]);
      for (const wake of server.waiting.splice(0)) wake();
    });
    return server;
  }

  stop(): void {
    this.connection.dispose();
    this.process.kill();
  }

  /** Opens a document. @returns its URI */
  async open(file: string, text: string, languageId: string): Promise<string> {
    const uri = pathToFileURL(file).toString();
    this.versions.set(uri, 1);
    await this.connection.sendNotification(DidOpenTextDocumentNotification.type, {
      textDocument: { uri, languageId, version: 1, text },
    });
    return uri;
  }

  /** Replaces the whole text. */
  async change(uri: string, text: string): Promise<void> {
    const version = (this.versions.get(uri) ?? 0) + 1;
    this.versions.set(uri, version);
    await this.connection.sendNotification(DidChangeTextDocumentNotification.type, {
      textDocument: { uri, version },
      contentChanges: [{ text }],
    });
  }

  /** Waits until the latest diagnostics of a document satisfy `accept`. */
  async diagnostics(uri: string, accept: (found: Diagnostic[]) => boolean = () => true): Promise<Diagnostic[]> {
    for (;;) {
      const latest = this.published.get(uri)?.at(-1);
      if (latest && accept(latest)) return latest;
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }
}
