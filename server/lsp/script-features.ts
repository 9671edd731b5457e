/** What the editor asks about scripts: a document in, LSP's shapes out. Nothing is decided here. */
import { pathToFileURL } from 'node:url';
import {
  CodeActionKind,
  CompletionItemKind,
  DiagnosticSeverity,
  InsertTextFormat,
  MarkupKind,
  SymbolKind,
  type CodeAction,
  type CompletionItem,
  type Diagnostic,
  type DocumentSymbol,
  type Hover,
  type Position,
  type Range,
  type TextEdit,
} from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { analyse, fixAll } from '../scripts/analyse';
import { completionsAt } from '../scripts/completion';
import { formatDirectives } from '../scripts/format';
import { hoverAt } from '../scripts/hover';
import type { Finding, Fix } from '../scripts/reading/finding';
import type { ScriptContext } from '../scripts/reading/script';
import { comparePositions } from '../scripts/reading/text';
import { ruleNamed } from '../scripts/rules';
import { symbols } from '../scripts/symbols';
import { plainLine } from '../shared/plain-text';

const severities = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  info: DiagnosticSeverity.Information,
  hint: DiagnosticSeverity.Hint,
} as const;

const completionKinds = {
  directive: CompletionItemKind.Keyword,
  option: CompletionItemKind.Property,
  value: CompletionItemKind.Value,
  template: CompletionItemKind.Snippet,
  variable: CompletionItemKind.Variable,
} as const;

const source = 'EDM Workbench';

/** For `editor.codeActionsOnSave`: all fixes of a script at once. */
export const FIX_ALL = `${CodeActionKind.SourceFixAll}.edmWorkbench`;

/** Findings as diagnostics; the remedy follows the message. */
export function diagnostics(document: TextDocument, context?: ScriptContext): Diagnostic[] {
  return analyse(document.getText(), context).findings.map(diagnostic);
}

function diagnostic({ id, severity, message, remedy, start, end }: Finding): Diagnostic {
  const link = ruleNamed(id)?.link;
  return {
    range: { start, end },
    severity: severities[severity],
    code: id,
    ...(link !== undefined && { codeDescription: { href: link } }),
    source,
    message: plainLine(`${message}. ${remedy}`),
  };
}

/**
 * Completion items for a place in a script.
 * @param inserts whether the client lets the user choose between inserting and replacing the word that the cursor is in
 */
export function completion(
  document: TextDocument,
  position: Position,
  context: ScriptContext | undefined,
  inserts: boolean,
): CompletionItem[] {
  return completionsAt(document.getText(), position, context).map(
    ({ label, kind, insert, snippet, range, detail, documentation }, index) => ({
      label: plainLine(label),
      kind: completionKinds[kind],
      textEdit:
        inserts && comparePositions(range.end, position) > 0
          ? { newText: insert, insert: { start: range.start, end: position }, replace: range }
          : { range, newText: insert },
      filterText: label,
      insertTextFormat: snippet ? InsertTextFormat.Snippet : InsertTextFormat.PlainText,
      sortText: String(index).padStart(4, '0'),
      ...(detail !== undefined && { detail: plainLine(detail) }),
      ...(documentation !== undefined && { documentation: { kind: MarkupKind.Markdown, value: documentation } }),
    }),
  );
}

/** Hover text for a place in a script. */
export function hover(document: TextDocument, position: Position, context?: ScriptContext): Hover | undefined {
  const found = hoverAt(document.getText(), position, context);
  return (
    found && {
      contents: { kind: MarkupKind.Markdown, value: found.markdown },
      range: { start: found.start, end: found.end },
    }
  );
}

/**
 * Quick fixes for a stretch of a script, and "fix all" where there is anything to fix.
 * @param wants whether actions of a kind are asked for
 */
export function codeActions(
  document: TextDocument,
  range: Range,
  context: ScriptContext | undefined,
  wants: (kind: CodeActionKind) => boolean,
): CodeAction[] {
  if (!wants(CodeActionKind.QuickFix) && !wants(FIX_ALL)) return [];
  const text = document.getText();
  const changes = (edits: TextEdit[]): CodeAction['edit'] => ({ changes: { [document.uri]: edits } });
  const { findings } = analyse(text, context);
  const isTouched = ({ start, end }: Finding): boolean => start.line <= range.end.line && end.line >= range.start.line;
  const touched = wants(CodeActionKind.QuickFix) ? findings.filter(isTouched) : [];
  const everywhere = ({ edits, elsewhere = [] }: Fix): CodeAction['edit'] => ({
    changes: {
      [document.uri]: edits,
      ...Object.fromEntries(elsewhere.map((other) => [pathToFileURL(other.path).href, other.edits])),
    },
  });
  const action = (finding: Finding, fix: Fix, preferred: boolean): CodeAction => ({
    title: plainLine(fix.title),
    kind: CodeActionKind.QuickFix,
    diagnostics: [diagnostic(finding)],
    isPreferred: preferred,
    edit: everywhere(fix),
  });
  const actions = touched.flatMap((finding): CodeAction[] => [
    ...(finding.fix ? [action(finding, finding.fix, true)] : []),
    ...(finding.alternatives ?? []).map((fix) => action(finding, fix, false)),
    {
      title: `Switch off "${finding.id}" in this script`,
      kind: CodeActionKind.QuickFix,
      diagnostics: [diagnostic(finding)],
      edit: changes([disabling(document, finding.id)]),
    },
  ]);
  if (wants(FIX_ALL) && findings.some(({ fix }) => fix?.keepsMeaning)) {
    const whole = { start: document.positionAt(0), end: document.positionAt(text.length) };
    actions.push({
      title: 'Fix all in this script',
      kind: FIX_ALL,
      edit: changes([{ range: whole, newText: fixAll(text, context) }]),
    });
  }
  return actions;
}

/** Switches a rule off for the script, by a comment below the shebang. */
function disabling(document: TextDocument, id: string): TextEdit {
  const start = { line: document.getText().startsWith('#!') && document.lineCount > 1 ? 1 : 0, character: 0 };
  return { range: { start, end: start }, newText: `# edm-workbench: disable=${id}\n` };
}

/** Symbols of a script for the outline. */
export function documentSymbols(document: TextDocument, context?: ScriptContext): DocumentSymbol[] {
  return symbols(document.getText(), context).map(({ name, detail, kind, start, end }) => ({
    name: plainLine(name),
    detail: plainLine(detail),
    kind: kind === 'directive' ? SymbolKind.Property : SymbolKind.Function,
    range: { start, end },
    selectionRange: { start, end },
  }));
}

/** The directives put in order, as edits. */
export function formatting(document: TextDocument, context?: ScriptContext): TextEdit[] {
  return formatDirectives(document.getText(), context);
}
