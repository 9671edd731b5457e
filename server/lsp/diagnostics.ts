/** What is wrong with documents, given to the client as it takes it: clients that can ask are never told unasked. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type ClientCapabilities,
  type Connection,
  type Diagnostic,
  DocumentDiagnosticReportKind,
  type DocumentDiagnosticReport,
  type ServerCapabilities,
  type TextDocuments,
} from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { plainText } from '../shared/plain-text';
import { diagnostics, encodingDiagnostics, fileDiagnostics, languageOf, type Surroundings } from './documents';

/** What files told of one version of a document, which takes longer than what its text tells. */
interface FileLook {
  version: number;
  found: Promise<Diagnostic[]>;
  /** The same once it is there. */
  told?: Diagnostic[];
}

/** How long an answer waits for what files tell, in milliseconds; later the client is told to ask again. */
const PATIENCE_MS = 100;

/** Diagnostics of one connection. Other documents count too: scripts of one folder share names. */
export class Diagnostics {
  private pulls = false;
  private refreshes = false;
  /** How often each document was looked at: what an earlier look finds late is out of date. */
  private readonly looks = new Map<string, number>();
  private readonly files = new Map<string, FileLook>();
  /** What the bytes of each script's file tell, when it was opened or saved last. */
  private readonly encodings = new Map<string, Diagnostic[]>();

  constructor(
    private readonly connection: Connection,
    private readonly documents: TextDocuments<TextDocument>,
    private readonly surroundingsOf: (document: TextDocument) => Promise<Surroundings>,
  ) {
    documents.onDidOpen(({ document }) => this.lookAtBytes(document));
    documents.onDidSave(({ document }) => {
      const before = this.encodings.get(document.uri)?.length;
      this.lookAtBytes(document);
      if (before !== this.encodings.get(document.uri)?.length) this.again();
    });
    documents.onDidChangeContent(({ document }) => this.publishSafely(document));
    documents.onDidClose(({ document: { uri } }) => {
      this.looks.delete(uri);
      this.files.delete(uri);
      this.encodings.delete(uri);
      if (!this.pulls) void connection.sendDiagnostics({ uri, diagnostics: [] });
    });
    connection.languages.diagnostics.on(({ textDocument: { uri }, previousResultId }) =>
      this.report(uri, previousResultId),
    );
  }

  /** Call while the client initialises. @returns what the server tells of diagnostics */
  initialize({ textDocument, workspace }: ClientCapabilities): ServerCapabilities {
    this.pulls = textDocument?.diagnostic !== undefined;
    this.refreshes = workspace?.diagnostics?.refreshSupport === true;
    return this.pulls ? { diagnosticProvider: { interFileDependencies: true, workspaceDiagnostics: false } } : {};
  }

  /** Looks at all open documents again, e.g. after a change of settings. */
  again(): void {
    this.files.clear();
    if (!this.pulls) this.documents.all().forEach((document) => this.publishSafely(document));
    else this.refresh();
  }

  private refresh(): void {
    if (this.refreshes) void this.connection.languages.diagnostics.refresh().catch(() => undefined);
  }

  /** Answers a client that asks. A document that is not open has no findings: what is in Problems is open. */
  private async report(uri: string, previousResultId?: string): Promise<DocumentDiagnosticReport> {
    const items = await this.itemsOf(uri);
    const resultId = createHash('sha256').update(JSON.stringify(items)).digest('hex');
    if (resultId === previousResultId) return { kind: DocumentDiagnosticReportKind.Unchanged, resultId };
    return { kind: DocumentDiagnosticReportKind.Full, resultId, items };
  }

  private async itemsOf(uri: string): Promise<Diagnostic[]> {
    const document = this.documents.get(uri);
    if (!document || !languageOf(document)) return [];
    const known = await this.surroundingsOf(document);
    const found = [...(this.encodings.get(uri) ?? []), ...diagnostics(document, known)];
    const look = this.lookAtFiles(document);
    if (!look) return found;
    // A client that cannot be told to ask again waits for all of it.
    const inTime = this.refreshes ? Promise.race([look.found, sleep(PATIENCE_MS, undefined)]) : look.found;
    const told = look.told ?? (await inTime);
    // It is asked for again when the files have told.
    if (!told) void look.found.then((late) => late.length > 0 && this.files.get(uri) === look && this.refresh());
    return [...found, ...(told ?? [])];
  }

  private lookAtBytes(document: TextDocument): void {
    const { uri } = document;
    if (languageOf(document) === 'script' && uri.startsWith('file:'))
      this.encodings.set(uri, encodingDiagnostics(fileURLToPath(uri)));
  }

  /** What the files that a config names tell of its present version, looked at once. */
  private lookAtFiles(document: TextDocument): FileLook | undefined {
    const { uri, version } = document;
    if (languageOf(document) !== 'config' || !uri.startsWith('file:')) return undefined;
    const known = this.files.get(uri);
    if (known?.version === version) return known;
    const found = fileDiagnostics(document, path.dirname(fileURLToPath(uri))).catch((error: unknown) => {
      this.log(uri, error);
      return [];
    });
    const look: FileLook = { version, found };
    void found.then((told) => (look.told = told));
    this.files.set(uri, look);
    return look;
  }

  private publishSafely(document: TextDocument): void {
    if (!this.pulls) void this.publish(document).catch((error: unknown) => this.log(document.uri, error));
  }

  /** Tells a client that cannot ask: at once what the text tells, then what its files tell. */
  private async publish(document: TextDocument): Promise<void> {
    if (!languageOf(document)) return;
    const { uri, version } = document;
    const look = (this.looks.get(uri) ?? 0) + 1;
    this.looks.set(uri, look);
    const isCurrent = (): boolean => this.documents.get(uri)?.version === version && this.looks.get(uri) === look;
    const known = await this.surroundingsOf(document);
    if (!isCurrent()) return;
    const found = [...(this.encodings.get(uri) ?? []), ...diagnostics(document, known)];
    void this.connection.sendDiagnostics({ uri, version, diagnostics: found });
    const more = (await this.lookAtFiles(document)?.found) ?? [];
    if (more.length > 0 && isCurrent())
      void this.connection.sendDiagnostics({ uri, version, diagnostics: [...found, ...more] });
  }

  private log(uri: string, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.connection.console.error(plainText(`Checking ${uri} failed: ${text}`));
  }
}
