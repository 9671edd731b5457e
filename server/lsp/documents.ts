/**
 * One document in the editor's terms: run configs and scripts answer the same four questions. The services
 * behind it are pure; LSP's types appear in this room only.
 */
import {
  CodeActionKind,
  CompletionItemKind,
  DiagnosticSeverity,
  InsertTextFormat,
  MarkupKind,
  type CodeAction,
  type CompletionItem,
  type Diagnostic,
  type DocumentSymbol,
  type TextEdit,
  type Hover,
  type Position,
  type Range,
} from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { batchEdit, calibrationsOf, fits } from '../dispatch/calibrations';
import { CONFIG_SUFFIX, readConfig, type ConfigProblem } from '../runs/config';
import { clusterChecks } from '../runs/cluster-checks';
import { checkFiles } from '../runs/diagnose';
import { hoverText, proposals } from '../runs/assist';
import { plainLine } from '../shared/plain-text';
import type { ClusterSnapshot } from '../shared/schema-types.gen';
import type { ScriptContext } from '../scripts/reading/script';
import * as scripts from './script-features';

const SOURCE = 'EDM Workbench';

/** What is known of a document besides its text. */
export interface Surroundings {
  /** Of a script: the cluster it is for, rules that are off, and the other scripts of its folder. */
  script: Pick<ScriptContext, 'cluster' | 'disabled' | 'siblings'>;
  /** The cluster of that name, or the one that scripts without a name are for; undefined until it was seen. */
  cluster: (name: string | undefined) => ClusterSnapshot | undefined;
}

/** Nothing is known: a text on its own. */
export const NOTHING_KNOWN: Surroundings = { script: {}, cluster: () => undefined };

/** Which of our two languages a document is in; undefined for anything else, which costs nothing. */
export function languageOf(document: TextDocument): 'config' | 'script' | undefined {
  if (document.uri.endsWith(CONFIG_SUFFIX)) return 'config';
  return document.languageId === 'shellscript' || /\.(slurm|sbatch|lsf|sh|bash)$/.test(document.uri)
    ? 'script'
    : undefined;
}

/** Everything wrong with a document. Pure and fast: run on each change. */
export function diagnostics(document: TextDocument, known: Surroundings): Diagnostic[] {
  switch (languageOf(document)) {
    case 'config':
      return configProblems(document.getText(), known).map(configDiagnostic);
    case 'script':
      return scripts.diagnostics(document, known.script);
    case undefined:
      return [];
  }
}

function configProblems(text: string, known: Surroundings): ConfigProblem[] {
  const { config, problems, place } = readConfig(text);
  const cluster = config && known.cluster(config.cluster);
  return cluster ? [...problems, ...clusterChecks(config, cluster).map(place)] : problems;
}

/** What the files named by a run config add; slower, so after the others. `base` is the config's folder. */
export async function fileDiagnostics(document: TextDocument, base: string): Promise<Diagnostic[]> {
  if (languageOf(document) !== 'config') return [];
  const { config, place } = readConfig(document.getText());
  return config ? (await checkFiles(config, base)).map((problem) => configDiagnostic(place(problem))) : [];
}

function configDiagnostic({ id, severity, message, range, replacement }: ConfigProblem): Diagnostic {
  return {
    range,
    message: plainLine(message),
    code: id,
    source: SOURCE,
    severity: severity === 'error' ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
    ...(replacement === undefined ? {} : { data: { replacement } }),
  };
}

export function completion(document: TextDocument, position: Position, known: Surroundings): CompletionItem[] {
  switch (languageOf(document)) {
    case 'config':
      return proposals(document.getText(), position).map(
        ({ label, kind, insert, range, detail, documentation }, index) => ({
          label,
          kind: kind === 'key' ? CompletionItemKind.Property : CompletionItemKind.Value,
          textEdit: { range, newText: insert },
          insertTextFormat: InsertTextFormat.PlainText,
          sortText: String(index).padStart(3, '0'),
          detail,
          documentation,
        }),
      );
    case 'script':
      return scripts.completion(document, position, known.script);
    case undefined:
      return [];
  }
}

export function hover(document: TextDocument, position: Position, known: Surroundings): Hover | undefined {
  switch (languageOf(document)) {
    case 'config': {
      const found = hoverText(document.getText(), position);
      return found && { contents: { kind: MarkupKind.Markdown, value: found.markdown }, range: found.range };
    }
    case 'script':
      return scripts.hover(document, position, known.script);
    case undefined:
      return undefined;
  }
}

/** The outline of a batch script: its directives and the commands below them. */
export function symbols(document: TextDocument): DocumentSymbol[] {
  return languageOf(document) === 'script' ? scripts.documentSymbols(document) : [];
}

/** Formats the directives of a batch script; the shell below is left to its own formatter. */
export function formatting(document: TextDocument): TextEdit[] {
  return languageOf(document) === 'script' ? scripts.formatting(document) : [];
}

/** Quick fixes for the diagnostics under the cursor. */
export function codeActions(
  document: TextDocument,
  range: Range,
  shown: readonly Diagnostic[],
  known: Surroundings,
): CodeAction[] {
  switch (languageOf(document)) {
    case 'config':
      return shown.flatMap((diagnostic) => {
        const { replacement } = (diagnostic.data ?? {}) as { replacement?: string };
        if (replacement === undefined) return [];
        return {
          title: plainLine(`Change to "${replacement}"`),
          kind: CodeActionKind.QuickFix,
          isPreferred: true,
          diagnostics: [diagnostic],
          edit: { changes: { [document.uri]: [{ range: diagnostic.range, newText: replacement }] } },
        };
      });
    case 'script':
      return scripts.codeActions(document, range, known.script);
    case undefined:
      return [];
  }
}

/**
 * Offers batch sizes that were measured for a config, where its batch size stands or would stand.
 * @param file absolute path of the config
 */
export async function calibrationActions(document: TextDocument, range: Range, file: string): Promise<CodeAction[]> {
  const text = document.getText();
  const { config } = readConfig(text);
  const measured = config ? (await calibrationsOf(file)).filter((one) => fits(one, config)) : [];
  return measured.flatMap(({ batch, cluster, reason }) => {
    const edit = batchEdit(text, batch);
    if (!edit || config?.batch === batch) return [];
    const place = { start: document.positionAt(edit.from), end: document.positionAt(edit.to) };
    if (range.end.line < place.start.line || range.start.line > place.end.line) return [];
    return {
      title: plainLine(`Set batch to ${batch}, as measured on ${cluster}: ${reason}`),
      kind: CodeActionKind.QuickFix,
      edit: { changes: { [document.uri]: [{ range: place, newText: edit.text }] } },
    };
  });
}
