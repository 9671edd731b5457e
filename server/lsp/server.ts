/** The language server: LSP and our own requests on one connection. All state belongs to the connection. */
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
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
  diagnostics,
  fileDiagnostics,
  formatting,
  hover,
  languageOf,
  type Surroundings,
  symbols,
} from './documents';
import { Requests } from './requests';
import { registerRunRequests } from './run-requests';
import { FIX_ALL } from './script-features';
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
    const siblings = document.uri.startsWith('file:')
      ? siblingsOf(fileURLToPath(document.uri), (file) => documents.get(pathToFileURL(file).href)?.getText())
      : undefined;
    return {
      script: { cluster, disabled: [...disabled, ...disabledRules], siblings },
      cluster: clusters.cluster,
      clusters: clusters.names(),
    };
  };
  const publishAll = publishDiagnostics(connection, documents, surroundingsOf);
  const clusters = registerClusterRequests(connection, requests, {
    hosts: new Hosts(clientPrompter(connection), (line) => connection.console.log(plainText(line))),
    onSnapshots: publishAll,
  });
  registerRunRequests(connection, requests);
  registerEditing(connection, documents, surroundingsOf);

  let folders: string[] = [];
  let watches = false;
  connection.onInitialize(({ capabilities, workspaceFolders, rootUri }) => {
    settings.initialize(capabilities);
    watches = capabilities.workspace?.didChangeWatchedFiles?.dynamicRegistration === true;
    folders = foldersOf(workspaceFolders?.map(({ uri }) => uri) ?? [rootUri ?? '']);
    return { capabilities: CAPABILITIES, serverInfo: { name: 'EDM Workbench' } };
  });
  const load = (of?: readonly string[]): void =>
    void clusters.load(of).catch((error: unknown) => connection.console.error(plainText(stackOf(error))));
  connection.onInitialized(() => {
    const reads = folders.length > 0;
    void settings.follow(() => {
      publishAll();
      // The clusters of the settings may be others now.
      if (reads) load();
    });
    if (reads) load(folders);
    if (watches) followClusters(connection, load);
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

/**
 * Shows what is wrong with a document whenever it changes: what its text tells at once, what its files tell in a moment.
 * @returns does so for all open documents, e.g. after a change of settings
 */
function publishDiagnostics(
  connection: Connection,
  documents: TextDocuments<TextDocument>,
  surroundingsOf: SurroundingsOf,
): () => void {
  /** How often each document was looked at: what an earlier look finds late is out of date. */
  const looks = new Map<string, number>();
  const publish = async (document: TextDocument): Promise<void> => {
    if (!languageOf(document)) return;
    const { uri, version } = document;
    const look = (looks.get(uri) ?? 0) + 1;
    looks.set(uri, look);
    const isCurrent = (): boolean => documents.get(uri)?.version === version && looks.get(uri) === look;
    const known = await surroundingsOf(document);
    if (!isCurrent()) return;
    const found = diagnostics(document, known);
    void connection.sendDiagnostics({ uri, version, diagnostics: found });
    if (!uri.startsWith('file:')) return;
    const more = await fileDiagnostics(document, path.dirname(fileURLToPath(uri)));
    if (more.length > 0 && isCurrent())
      void connection.sendDiagnostics({ uri, version, diagnostics: [...found, ...more] });
  };
  const publishSafely = (document: TextDocument): void =>
    void publish(document).catch((error: unknown) =>
      connection.console.error(plainText(`Checking ${document.uri} failed: ${stackOf(error)}`)),
    );
  documents.onDidChangeContent(({ document }) => publishSafely(document));
  documents.onDidClose(({ document: { uri } }) => {
    looks.delete(uri);
    void connection.sendDiagnostics({ uri, diagnostics: [] });
  });
  return () => documents.all().forEach(publishSafely);
}

/** Completion, hover, outline, format and quick fixes. */
function registerEditing(
  connection: Connection,
  documents: TextDocuments<TextDocument>,
  surroundingsOf: SurroundingsOf,
): void {
  connection.onCompletion(async ({ textDocument, position }) => {
    const document = documents.get(textDocument.uri);
    return document ? completion(document, position, await surroundingsOf(document)) : [];
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
    const fixes = codeActions(document, range, context.diagnostics, await surroundingsOf(document));
    if (languageOf(document) !== 'config' || !uri.startsWith('file:')) return fixes;
    return [...fixes, ...(await calibrationActions(document, range, fileURLToPath(uri)))];
  });
}
