/** The server constructed in this process: settings of each document, no state shared between two servers. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import {
  ConfigurationRequest,
  createProtocolConnection,
  type Diagnostic,
  DidChangeConfigurationNotification,
  DidOpenTextDocumentNotification,
  InitializedNotification,
  InitializeRequest,
  type ProtocolConnection,
  PublishDiagnosticsNotification,
  RegistrationRequest,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver-protocol/node';
import { createConnection } from 'vscode-languageserver/node';
import { startServer } from '../../server/lsp/server';
import { samplesRequest } from '../../server/shared/protocol';

const SCRIPT = '#!/bin/bash\n#SBATCH --ntaskz=1\n#SBATCH --time=1:00:00\nhostname\n';

/** A client of a server in this process; `disabled` is the setting by the document's URI. */
class Client {
  readonly asked: string[] = [];
  private readonly shown = new Map<string, string[]>();
  private waiting: (() => void)[] = [];

  private constructor(
    readonly connection: ProtocolConnection,
    private readonly disabled: Record<string, readonly string[] | undefined>,
  ) {
    connection.onRequest(ConfigurationRequest.type, ({ items }) =>
      items.map(({ scopeUri = '' }) => {
        this.asked.push(scopeUri);
        return this.disabled[scopeUri] ?? [];
      }),
    );
    connection.onRequest(RegistrationRequest.type, () => undefined);
    connection.onNotification(PublishDiagnosticsNotification.type, ({ uri, diagnostics }) => {
      this.shown.set(uri, diagnostics.map(codeOf));
      for (const wake of this.waiting.splice(0)) wake();
    });
  }

  static async start(disabled: Record<string, readonly string[] | undefined>, configuration = true): Promise<Client> {
    const [up, down] = [new PassThrough(), new PassThrough()];
    startServer(createConnection(new StreamMessageReader(up), new StreamMessageWriter(down)));
    const connection = createProtocolConnection(new StreamMessageReader(down), new StreamMessageWriter(up));
    const client = new Client(connection, disabled);
    connection.listen();
    const capabilities = { workspace: { configuration } };
    await connection.sendRequest(InitializeRequest.type, { processId: null, rootUri: null, capabilities, workspaceFolders: null }); // prettier-ignore
    await connection.sendNotification(InitializedNotification.type, {});
    return client;
  }

  async open(uri: string): Promise<void> {
    const textDocument = { uri, languageId: 'shellscript', version: 1, text: SCRIPT };
    await this.connection.sendNotification(DidOpenTextDocumentNotification.type, { textDocument });
  }

  /** Waits until the rules shown for a document satisfy `accept`. */
  async rules(uri: string, accept: (rules: string[]) => boolean): Promise<void> {
    for (;;) {
      const shown = this.shown.get(uri);
      if (shown && accept(shown)) return;
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }
}

const codeOf = ({ code }: Diagnostic): string => String(code);
const shows = (rules: string[]): boolean => rules.includes('unknown-option');
const hides = (rules: string[]): boolean => !rules.includes('unknown-option');

test('settings count for the document they are set for, and are read again when they change', async () => {
  const disabled: Record<string, string[]> = { 'untitled:a.slurm': ['unknown-option'] };
  const client = await Client.start(disabled);
  await client.open('untitled:a.slurm');
  await client.open('untitled:b.slurm');
  await client.rules('untitled:a.slurm', hides);
  await client.rules('untitled:b.slurm', shows);
  disabled['untitled:a.slurm'] = [];
  disabled['untitled:b.slurm'] = ['unknown-option'];
  await client.connection.sendNotification(DidChangeConfigurationNotification.type, { settings: undefined });
  await client.rules('untitled:a.slurm', shows);
  await client.rules('untitled:b.slurm', hides);
  assert.deepEqual([...new Set(client.asked)].sort(), ['untitled:a.slurm', 'untitled:b.slurm']);
  client.connection.dispose();
});

test('two servers in one process know nothing of each other; a client without settings is asked for none', async () => {
  const quiet = await Client.start({ 'untitled:a.slurm': ['unknown-option'] });
  const plain = await Client.start({ 'untitled:a.slurm': ['unknown-option'] }, false);
  await quiet.open('untitled:a.slurm');
  await plain.open('untitled:a.slurm');
  await quiet.rules('untitled:a.slurm', hides);
  await plain.rules('untitled:a.slurm', shows);
  assert.deepEqual(plain.asked, []);
  for (const { connection } of [quiet, plain]) connection.dispose();
});

test('an error of a request is one line in the words of the task', async () => {
  const { connection } = await Client.start({});
  await assert.rejects(connection.sendRequest(samplesRequest, { folder: '/nowhere/at/all' }), {
    message: /^[^\n]*\/nowhere\/at\/all[^\n]*$/,
  });
  connection.dispose();
});
