/**
 * One document in the editor's terms: run configs, lists of clusters and scripts answer the same four questions. The services
 * behind it are pure; LSP's types appear in this room only.
 */
import {
  CodeActionKind,
  CodeActionTriggerKind,
  CompletionItemKind,
  DiagnosticSeverity,
  InsertTextFormat,
  InsertTextMode,
  MarkupKind,
  type CodeAction,
  type CodeActionContext,
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
import { clustersLanguage, clustersNameProblem, isClustersFile, readProfiles } from '../cluster/profiles';
import { unknownCluster } from '../runs/checks';
import { CONFIG_SUFFIX, nameProblem, readConfig, type ConfigProblem } from '../runs/config';
import { clusterChecks } from '../runs/cluster-checks';
import { checkFiles } from '../runs/diagnose';
import { configLanguage, type ConfigSurroundings } from '../runs/assist';
import { plainLine } from '../shared/plain-text';
import type { ClusterSnapshot } from '../shared/schema-types.gen';
import { firstBytes } from '../script-text';
import { ENCODING_BYTES, encodingProblem, foreignEncoding, WRONG_ENCODING } from '../scripts/encoding';
import type { ScriptContext } from '../scripts/reading/script';
import { rules } from '../scripts/rules';
import { hoverText, proposals, type YamlLanguage } from '../yaml-assist';
import * as scripts from './script-features';

const SOURCE = 'EDM Workbench';

/** What is known of a document besides its text. */
export interface Surroundings {
  /**
   * Of a script: the cluster it is for, the known ones, rules that are off, the other scripts of its folder, and the code of its
   * programs.
   */
  script: Pick<ScriptContext, 'cluster' | 'clusters' | 'disabled' | 'siblings' | 'program'>;
  /** The cluster of that name, or the one that scripts without a name are for; undefined until it was seen. */
  cluster: (name: string | undefined) => ClusterSnapshot | undefined;
  /** Names of all clusters; undefined where they are not known, or not all of them. */
  clusters: readonly string[] | undefined;
  /** Of a run config: its folder, and the classes of its network. */
  config?: Pick<ConfigSurroundings, 'base' | 'classes'>;
}

/** Nothing is known: a text on its own. */
export const NOTHING_KNOWN: Surroundings = { script: {}, cluster: () => undefined, clusters: undefined };

/** Our languages; a misnamed file is meant to be in one of them, and is read by nobody. */
type Language = 'config' | 'clusters' | 'script' | 'misnamed';

/** Which of our languages a document is in; undefined for anything else, which costs nothing. */
export function languageOf({ uri, languageId }: TextDocument): Language | undefined {
  if (uri.endsWith(CONFIG_SUFFIX)) return 'config';
  if (isClustersFile(uri)) return 'clusters';
  if (nameProblem(uri) ?? clustersNameProblem(uri)) return 'misnamed';
  return languageId === 'shellscript' || /\.(slurm|sbatch|lsf|sh|bash)$/.test(uri) ? 'script' : undefined;
}

/** Everything wrong with a document. Pure and fast: run on each change. */
export function diagnostics(document: TextDocument, known: Surroundings): Diagnostic[] {
  const text = document.getText();
  switch (languageOf(document)) {
    case 'config':
      return configProblems(text, known).map(diagnosticOf);
    case 'clusters':
      return readProfiles(text).problems.map((problem) => diagnosticOf({ severity: 'error', ...problem }));
    case 'script':
      return scripts.diagnostics(document, known.script);
    case 'misnamed': {
      const name = decoded(document.uri);
      const problem = nameProblem(name) ?? clustersNameProblem(name);
      return problem ? [diagnosticOf({ severity: 'error', ...problem })] : [];
    }
    case undefined:
      return [];
  }
}

/** A URI as people write its path; as it is where it is not one. */
function decoded(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri;
  }
}

function configProblems(text: string, known: Surroundings): ConfigProblem[] {
  const { config, problems, place } = readConfig(text);
  if (!config) return problems;
  const cluster = known.cluster(config.cluster);
  const more = [...unknownCluster(config, known.clusters), ...(cluster ? clusterChecks(config, cluster) : [])];
  return [...problems, ...more.map(place)];
}

/** The language of a document in YAML; undefined for other documents. */
function yamlLanguage(document: TextDocument, known: Surroundings): YamlLanguage | undefined {
  switch (languageOf(document)) {
    case 'config':
      return configLanguage({ clusters: known.clusters, ...known.config });
    case 'clusters':
      return clustersLanguage(rules.map(({ id }) => id));
    default:
      return undefined;
  }
}

/** What the files named by a run config add; slower, so after the others. `base` is the config's folder. */
export async function fileDiagnostics(document: TextDocument, base: string): Promise<Diagnostic[]> {
  if (languageOf(document) !== 'config') return [];
  const { config, place } = readConfig(document.getText());
  return config ? (await checkFiles(config, base)).map((problem) => diagnosticOf(place(problem))) : [];
}

/** That the file of a script is not in UTF-8, which its text does not show. @param file absolute path of what is on the disk */
export function encodingDiagnostics(file: string): Diagnostic[] {
  const encoding = foreignEncoding(firstBytes(file, ENCODING_BYTES));
  if (!encoding) return [];
  const { message, remedy } = encodingProblem(encoding.name);
  return [diagnosticOf({ id: WRONG_ENCODING, severity: 'error', message: `${message}. ${remedy}` })];
}

const SEVERITIES = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  info: DiagnosticSeverity.Information,
} as const;

/** A problem without a range is of the whole text, and is shown at its start. */
type Problem = Omit<ConfigProblem, 'range'> & { range?: Range };

function diagnosticOf({ id, severity, message, range, replacement }: Problem): Diagnostic {
  const start = { line: 0, character: 0 };
  return {
    range: range ?? { start, end: start },
    message: plainLine(message),
    code: id,
    source: SOURCE,
    severity: SEVERITIES[severity],
    ...(replacement === undefined ? {} : { data: { replacement } }),
  };
}

/** What can be written at a position. @param inserts whether the client tells inserting and replacing apart */
export function completion(
  document: TextDocument,
  position: Position,
  known: Surroundings,
  inserts = false,
): CompletionItem[] {
  if (languageOf(document) === 'script') return scripts.completion(document, position, known.script, inserts);
  const language = yamlLanguage(document, known);
  const found = language ? proposals(language, document.getText(), position) : [];
  return found.map(({ label, kind, insert, range, detail, documentation }, index) => ({
    label: plainLine(label),
    kind: kind === 'key' ? CompletionItemKind.Property : CompletionItemKind.Value,
    textEdit: { range, newText: insert },
    insertTextFormat: InsertTextFormat.PlainText,
    // Further lines have their spaces already.
    insertTextMode: InsertTextMode.asIs,
    sortText: String(index).padStart(3, '0'),
    detail,
    documentation,
  }));
}

export function hover(document: TextDocument, position: Position, known: Surroundings): Hover | undefined {
  if (languageOf(document) === 'script') return scripts.hover(document, position, known.script);
  const language = yamlLanguage(document, known);
  const found = language && hoverText(language, document.getText(), position);
  return found && { contents: { kind: MarkupKind.Markdown, value: found.markdown }, range: found.range };
}

/** The outline of a batch script: its directives and the commands below them. */
export function symbols(document: TextDocument): DocumentSymbol[] {
  return languageOf(document) === 'script' ? scripts.documentSymbols(document) : [];
}

/** Formats the directives of a batch script; the shell below is left to its own formatter. */
export function formatting(document: TextDocument): TextEdit[] {
  return languageOf(document) === 'script' ? scripts.formatting(document) : [];
}

/**
 * Whether actions of a kind are asked for: kinds are a tree, and an empty list or the empty kind restricts nothing. What an
 * editor asks for on its own, as the cursor moves, are not actions on whole files.
 */
export function wants({ only, triggerKind }: CodeActionContext, kind: CodeActionKind): boolean {
  if (!only?.length) return triggerKind !== CodeActionTriggerKind.Automatic || !isWithin(kind, CodeActionKind.Source);
  return only.some((one) => isWithin(kind, one));
}

function isWithin(kind: CodeActionKind, outer: CodeActionKind): boolean {
  return outer === '' || kind === outer || kind.startsWith(`${outer}.`);
}

/** The actions that are asked for at a place. */
export function codeActions(
  document: TextDocument,
  range: Range,
  context: CodeActionContext,
  known: Surroundings,
): CodeAction[] {
  switch (languageOf(document)) {
    case 'config':
    case 'clusters':
      if (!wants(context, CodeActionKind.QuickFix)) return [];
      return context.diagnostics.flatMap((diagnostic) => {
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
      return scripts.codeActions(document, range, known.script, (kind) => wants(context, kind));
    case 'misnamed':
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
