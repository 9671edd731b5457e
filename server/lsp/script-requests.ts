/** The requests about scripts beside diagnostics, completion and fixes: what is asked is answered in `script-navigation.ts`. */
import {
  type Connection,
  LSPErrorCodes,
  MessageType,
  ResponseError,
  type ServerCapabilities,
  ShowMessageNotification,
  type TextDocuments,
} from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { messageOf, UserError } from '../errors';
import { noticeText, plainLine } from '../shared/plain-text';
import { languageOf } from './documents';
import * as navigation from './script-navigation';
import type { Settings } from './settings';

/** What the server tells of these requests. */
export const SCRIPT_CAPABILITIES: ServerCapabilities = {
  definitionProvider: true,
  referencesProvider: true,
  renameProvider: { prepareProvider: true },
  foldingRangeProvider: true,
  documentLinkProvider: { resolveProvider: false },
  signatureHelpProvider: { triggerCharacters: ['=', ':', ',', '[', '"'], retriggerCharacters: [']', ' '] },
  inlayHintProvider: { resolveProvider: false },
  semanticTokensProvider: { legend: navigation.LEGEND, full: true, range: true },
};

/** What the requests need of the rest of the server. */
export interface ScriptRequestsOptions {
  settings: Settings;
  /** The workspace's folders. */
  folders: () => readonly string[];
  /** Whether the client asks for remarks again when it is told to. */
  refreshesHints: () => boolean;
}

/** Registers all of it. */
export function registerScriptRequests(
  connection: Connection,
  documents: TextDocuments<TextDocument>,
  options: ScriptRequestsOptions,
): void {
  const script = (uri: string): TextDocument | undefined => {
    const document = documents.get(uri);
    return document && languageOf(document) === 'script' ? document : undefined;
  };
  connection.onDefinition(({ textDocument: { uri }, position }) => {
    const document = script(uri);
    return document ? navigation.definition(document, position) : [];
  });
  connection.onReferences(({ textDocument: { uri }, position, context }) => {
    const document = script(uri);
    return document ? navigation.references(document, position, context.includeDeclaration) : [];
  });
  connection.onPrepareRename(({ textDocument: { uri }, position }) => {
    const document = script(uri);
    return document ? refusing(() => navigation.renamable(document, position)) : null;
  });
  connection.onRenameRequest(({ textDocument: { uri }, position, newName }) => {
    const document = script(uri);
    const renamed = document ? refusing(() => navigation.rename(document, position, newName)) : null;
    if (renamed === null || renamed instanceof ResponseError) return renamed;
    if (renamed.notes.length > 0) {
      const message = noticeText(`${renamed.notes.join('. ')}.`);
      void connection.sendNotification(ShowMessageNotification.type, { type: MessageType.Warning, message });
    }
    return renamed.edit;
  });
  connection.onFoldingRanges(({ textDocument: { uri } }) => {
    const document = script(uri);
    return document ? navigation.folding(document) : [];
  });
  connection.onDocumentLinks(({ textDocument: { uri } }) => {
    const document = script(uri);
    return document ? navigation.links(document, options.folders()) : [];
  });
  connection.onSignatureHelp(({ textDocument: { uri }, position }) => {
    const document = script(uri);
    return document ? navigation.signatureHelp(document, position) : null;
  });
  connection.languages.semanticTokens.on(({ textDocument: { uri } }) => {
    const document = script(uri);
    return document ? navigation.tokens(document) : { data: [] };
  });
  connection.languages.semanticTokens.onRange(({ textDocument: { uri }, range }) => {
    const document = script(uri);
    return document ? navigation.tokens(document, range) : { data: [] };
  });
  registerInlayHints(connection, script, options);
}

/** Why something is refused, as an answer that the editor shows. */
function refusing<T>(work: () => T): T | ResponseError {
  try {
    return work();
  } catch (error) {
    if (error instanceof UserError) return new ResponseError(LSPErrorCodes.RequestFailed, plainLine(messageOf(error)));
    throw error;
  }
}

/** Remarks; those about the time are asked for again when the minute is over, as long as somebody sees them. */
function registerInlayHints(
  connection: Connection,
  script: (uri: string) => TextDocument | undefined,
  { settings, refreshesHints }: ScriptRequestsOptions,
): void {
  let refresh: NodeJS.Timeout | undefined;
  connection.languages.inlayHint.on(async ({ textDocument: { uri }, range }) => {
    if (!script(uri) || !(await settings.of(uri)).inlayHints) return [];
    // It may have been closed meanwhile.
    const document = script(uri);
    if (!document) return [];
    const now = new Date();
    const { hints, passes } = navigation.inlayHints(document, range, now);
    if (passes && refreshesHints() && !refresh) {
      refresh = setTimeout(
        () => {
          refresh = undefined;
          void connection.languages.inlayHint.refresh().catch(() => undefined);
        },
        60_000 - (now.getTime() % 60_000),
      );
      refresh.unref();
    }
    return hints;
  });
  connection.onExit(() => clearTimeout(refresh));
}
