/** The language server: LSP and our own requests on one connection. All state belongs to the connection. */
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  type ClientCapabilities,
  CodeActionKind,
  type Connection,
  DidChangeWatchedFilesNotification,
  type InitializeResult,
  TextDocuments,
  TextDocumentSyncKind,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { isCode } from '../errors';
import { Hosts } from '../cluster/hosts';
import { CLUSTERS_FILE } from '../cluster/profiles';
import { plainText } from '../shared/plain-text';
import { clientPrompter, registerClusterRequests } from './cluster-requests';
import {
  calibrationActions,
  codeActions,
  completion,
  formatting,
  hover,
  languageOf,
  type Surroundings,
  symbols,
  wants,
} from './documents';
import { Diagnostics } from './diagnostics';
import { Requests } from './requests';
import { registerRunRequests } from './run-requests';
import { FIX_ALL } from './script-features';
import { registerScriptRequests, SCRIPT_CAPABILITIES } from './script-requests';
import { programsOf } from '../script-programs';
import { classesOf } from '../runs/assist';
import { siblingsOf } from '../script-siblings';
import { Settings } from './settings';

/** What the server can do, as one snapshot. */
const CAPABILITIES: InitializeResult['capabilities'] = {
  textDocumentSync: TextDocumentSyncKind.Incremental,
  completionProvider: { triggerCharacters: ['-', '=', ':', ' '] },
  hoverProvider: true,
  documentSymbolProvider: true,
  documentFormattingProvider: true,
  codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix, FIX_ALL] },
};

/** What a document is checked and completed against. */
type SurroundingsOf = (document: TextDocument) => Promise<Surroundings>;

/** Errors of writing to an editor that has ended. */
const GONE = ['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_IPC_CHANNEL_CLOSED'];

/**
 * Whatever is thrown where nobody waits for it is logged, and the server goes on: its documents and connections to
 * clusters are worth more than a clean end. Requests answer with their own errors.
 */
export function surviveDefects(connection: Connection): void {
  const log = (error: unknown): void => {
    // The editor is gone, and nothing can be said to it.
    if (GONE.some((code) => isCode(error, code))) process.exit(1);
    connection.console.error(plainText(`Defect: ${stackOf(error)}`));
  };
  process.on('uncaughtException', log).on('unhandledRejection', log);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Serves one editor. The caller has made the connection and ends it. */
export function startServer(connection: Connection): void {
  const documents = new TextDocuments(TextDocument);
  const settings = new Settings(connection);
  const requests = new Requests(connection);
  const surroundingsOf: SurroundingsOf = async (document) => {
    const { disabledRules } = await settings.of(document.uri);
    const { cluster, disabled = [] } = languageOf(document) === 'script' ? clusters.script(document.getText()) : {};
    const opened = (file: string): string | undefined => documents.get(pathToFileURL(file).href)?.getText();
    const file = document.uri.startsWith('file:') ? fileURLToPath(document.uri) : undefined;
    const around = file === undefined ? {} : { siblings: siblingsOf(file, opened), program: programsOf(file, opened) };
    return {
      script: { cluster, disabled: [...disabled, ...disabledRules], ...around, clusters: clusters.names() },
      cluster: clusters.cluster,
      clusters: clusters.names(),
    };
  };
  const diagnostics = new Diagnostics(connection, documents, surroundingsOf);
  const log = (line: string): void => connection.console.log(plainText(line));
  const clusters = registerClusterRequests(connection, requests, {
    hosts: new Hosts(clientPrompter(connection), log, undefined, { tell: log }),
    onSnapshots: () => diagnostics.again(),
  });
  registerRunRequests(connection, requests);
  let client: ClientCapabilities = {};
  let folders: string[] = [];
  registerEditing(connection, documents, surroundingsOf, () => client);
  const refreshesHints = (): boolean => client.workspace?.inlayHint?.refreshSupport === true;
  registerScriptRequests(connection, documents, { settings, folders: () => folders, refreshesHints });
  connection.onInitialize(({ capabilities, workspaceFolders, rootUri }) => {
    client = capabilities;
    settings.initialize(capabilities);
    folders = foldersOf(workspaceFolders?.map(({ uri }) => uri) ?? [rootUri ?? '']);
    const able = { ...CAPABILITIES, ...SCRIPT_CAPABILITIES, ...diagnostics.initialize(capabilities) };
    return { capabilities: able, serverInfo: { name: 'EDM Workbench' } };
  });
  const load = (of?: readonly string[]): void =>
    void clusters.load(of).catch((error: unknown) => connection.console.error(plainText(stackOf(error))));
  connection.onInitialized(() => {
    const reads = folders.length > 0;
    void settings.follow(() => {
      diagnostics.again();
      if (refreshesHints()) void connection.languages.inlayHint.refresh().catch(() => undefined);
      // The clusters of the settings may be others now.
      if (reads) load();
    });
    if (reads) load(folders);
    if (client.workspace?.didChangeWatchedFiles?.dynamicRegistration) followClusters(connection, load);
  });
  documents.onDidClose(({ document }) => settings.forget(document.uri));
  documents.listen(connection);
  connection.listen();
}

/** The folders among some URIs. */
function foldersOf(uris: readonly string[]): string[] {
  return uris.filter((uri) => uri.startsWith('file:')).map((uri) => fileURLToPath(uri));
}

/** Reads the lists of clusters again when one of them changes. */
function followClusters(connection: Connection, load: () => void): void {
  connection.onDidChangeWatchedFiles(() => load());
  const watchers = [{ globPattern: `**/${CLUSTERS_FILE.split(path.sep).join('/')}` }];
  void connection.client.register(DidChangeWatchedFilesNotification.type, { watchers }).catch(() => undefined);
}

/** What can be proposed in a run config, as far as its folder and its network tell. */
async function configSurroundings(document: TextDocument, line: number): Promise<Surroundings['config']> {
  if (languageOf(document) !== 'config' || !document.uri.startsWith('file:')) return undefined;
  const base = path.dirname(fileURLToPath(document.uri));
  const text = document.getText();
  // The network is read only where its classes are asked for.
  const asked = /^\s*class\s*:/.test(text.split('\n')[line] ?? '');
  return { base, classes: asked ? await classesOf(text, base) : undefined };
}

/** Completion, hover, outline, format and quick fixes. */
function registerEditing(
  connection: Connection,
  documents: TextDocuments<TextDocument>,
  surroundingsOf: SurroundingsOf,
  client: () => ClientCapabilities,
): void {
  connection.onCompletion(async ({ textDocument, position }) => {
    const document = documents.get(textDocument.uri);
    if (!document) return [];
    const inserts = client().textDocument?.completion?.completionItem?.insertReplaceSupport;
    const config = await configSurroundings(document, position.line);
    return completion(document, position, { ...(await surroundingsOf(document)), config }, inserts);
  });
  connection.onHover(async ({ textDocument, position }) => {
    const document = documents.get(textDocument.uri);
    return document && hover(document, position, await surroundingsOf(document));
  });
  connection.onDocumentSymbol(({ textDocument }) => {
    const document = documents.get(textDocument.uri);
    return document ? symbols(document) : [];
  });
  connection.onDocumentFormatting(({ textDocument }) => {
    const document = documents.get(textDocument.uri);
    return document ? formatting(document) : [];
  });
  connection.onCodeAction(async ({ textDocument: { uri }, range, context }) => {
    const document = documents.get(uri);
    if (!document) return [];
    const fixes = codeActions(document, range, context, await surroundingsOf(document));
    if (!wants(context, CodeActionKind.QuickFix)) return fixes;
    if (languageOf(document) !== 'config' || !uri.startsWith('file:')) return fixes;
    return [...fixes, ...(await calibrationActions(document, range, fileURLToPath(uri)))];
  });
}
