/** The language server: LSP and our own requests on one connection, over --stdio or node-ipc. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  CodeActionKind,
  createConnection,
  LSPErrorCodes,
  ProposedFeatures,
  ResponseError,
  TextDocuments,
  TextDocumentSyncKind,
  type CancellationToken,
  type InitializeResult,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { convert } from '../scripts/convert';
import { templates } from '../scripts/templates';
import { Hosts } from '../cluster/hosts';
import { clientPrompter, registerClusterRequests } from './cluster-requests';
import { hostAliases } from '../cluster/ssh/configuration';
import { examine } from '../doctor';
import { CancelledError, messageOf, UserError } from '../errors';
import { repositoryRoot } from '../git';
import { listSamples, sampleDetails } from '../runs/samples';
import { publishedTexts } from '../history/published-fids';
import { readHistory } from '../history/history-store';
import { FIX_ALL } from '../scripts/language';
import {
  calibrationActions,
  codeActions,
  completion,
  diagnostics,
  fileDiagnostics,
  formatting,
  hover,
  languageOf,
  symbols,
  useSurroundings,
} from './documents';
import type { OnProgress } from '../shared/progress';
import * as protocol from '../shared/protocol';
import { executeRun } from '../runs/execute';
import { generateInto, importInto, measureImages } from '../runs/single';
import { denoisingTrajectory } from '../runs/trajectory';
import { Settings } from './settings';

/** What the server can do, as one snapshot. */
export const CAPABILITIES: InitializeResult['capabilities'] = {
  textDocumentSync: TextDocumentSyncKind.Incremental,
  completionProvider: { triggerCharacters: ['-', '=', ':', ' '] },
  hoverProvider: true,
  documentSymbolProvider: true,
  documentFormattingProvider: true,
  codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix, FIX_ALL] },
};

const connection = createConnection(ProposedFeatures.all);
const documents = new TextDocuments(TextDocument);

connection.onInitialize(() => ({ capabilities: CAPABILITIES, serverInfo: { name: 'EDM Workbench' } }));

documents.onDidChangeContent(({ document }) => publish(document));

/** Diagnostics of a document: what its text tells at once, what its files tell in a moment. */
function publish(document: TextDocument): void {
  if (!languageOf(document)) return;
  const { uri, version } = document;
  const found = diagnostics(document);
  void connection.sendDiagnostics({ uri, version, diagnostics: found });
  if (!uri.startsWith('file:')) return;
  void fileDiagnostics(document, path.dirname(fileURLToPath(uri))).then((more) => {
    if (more.length > 0 && documents.get(uri)?.version === version) {
      void connection.sendDiagnostics({ uri, version, diagnostics: [...found, ...more] });
    }
  });
}
documents.onDidClose(({ document }) => void connection.sendDiagnostics({ uri: document.uri, diagnostics: [] }));

connection.onCompletion(({ textDocument, position }) => {
  const document = documents.get(textDocument.uri);
  return document ? completion(document, position) : [];
});
connection.onHover(({ textDocument, position }) => {
  const document = documents.get(textDocument.uri);
  return document && hover(document, position);
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
  const fixes = codeActions(document, range, context.diagnostics);
  if (languageOf(document) !== 'config' || !uri.startsWith('file:')) return fixes;
  return [...fixes, ...(await calibrationActions(document, range, fileURLToPath(uri)))];
});

/** Progress to the client, cancellation from it, and errors in the form the client shows: one line. */
function task<P extends protocol.WithProgress, R>(
  work: (params: P, onProgress: OnProgress, signal: AbortSignal) => Promise<R>,
): (params: P, token: CancellationToken) => Promise<R | ResponseError<void>> {
  return async (params, token) => {
    const controller = new AbortController();
    const listener = token.onCancellationRequested(() => controller.abort());
    const { progressToken } = params;
    try {
      return await work(
        params,
        (progress) => {
          if (progressToken) void connection.sendProgress(protocol.runProgress, progressToken, progress);
        },
        controller.signal,
      );
    } catch (error) {
      return responseError(error);
    } finally {
      listener.dispose();
    }
  };
}

function responseError(error: unknown): ResponseError<void> {
  if (error instanceof CancelledError) return new ResponseError(LSPErrorCodes.RequestCancelled, 'Cancelled');
  if (!(error instanceof UserError))
    connection.console.error(error instanceof Error ? (error.stack ?? '') : String(error));
  return new ResponseError(LSPErrorCodes.RequestFailed, messageOf(error));
}

/** A quick question: no progress. */
function answer<P, R>(work: (params: P) => Promise<R>): (params: P) => Promise<R | ResponseError<void>> {
  return (params) => work(params).catch(responseError);
}

connection.onRequest(
  protocol.runRequest,
  task((params, onProgress, signal) => executeRun(params.config, { onProgress, signal })),
);
connection.onRequest(
  protocol.generateRequest,
  task((params, onProgress, signal) => generateInto(params, { onProgress, signal })),
);
connection.onRequest(
  protocol.trajectoryRequest,
  task((params, onProgress, signal) => denoisingTrajectory(params, { onProgress, signal })),
);
connection.onRequest(
  protocol.importRequest,
  task((params, onProgress, signal) => importInto(params, { onProgress, signal })),
);
connection.onRequest(
  protocol.measureRequest,
  task((params, onProgress, signal) => measureImages(params, { onProgress, signal })),
);
connection.onRequest(
  protocol.historyRequest,
  answer(async ({ folder }) => {
    const root = await repositoryRoot(folder);
    const history = await readHistory(root);
    return { root, ...history, published: publishedTexts(history.records) };
  }),
);
connection.onRequest(
  protocol.samplesRequest,
  answer(({ folder }) => listSamples(folder)),
);
connection.onRequest(
  protocol.sampleDetailsRequest,
  answer(({ folder, files }) => sampleDetails(folder, files)),
);
connection.onRequest(
  protocol.doctorRequest,
  answer(({ folder }) => examine(folder)),
);

connection.onRequest(protocol.convertRequest, ({ text }) => convert(text) ?? null);
connection.onRequest(protocol.templatesRequest, () => templates);

const publishAll = (): void => documents.all().forEach(publish);
const settings = new Settings();
connection.onInitialized(() => void settings.follow(connection, publishAll));
const known = registerClusterRequests(connection, {
  hosts: new Hosts(clientPrompter(connection), (line) => connection.console.log(line)),
  responseError,
  hostAliases: () => Promise.resolve(hostAliases()),
  onSnapshots: publishAll,
});
useSurroundings({
  ...known,
  script: (text) => {
    const { cluster, disabled = [] } = known.script(text);
    return { cluster, disabled: [...disabled, ...settings.disabledRules] };
  },
});

documents.listen(connection);
connection.listen();
