/** The thin layer between batch scripts and LSP: plain data in, LSP's shapes out. Nothing is decided here. */
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
import { completionsAt } from './completion';
import { formatDirectives } from './format';
import { hoverAt } from './hover';
import { analyse, fixAll } from './analyse';
import { ruleNamed } from './rules/index';
import type { Finding, Fix } from './reading/finding';
import type { ScriptContext } from './reading/script';
import { symbols } from './symbols';

const severities = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  info: DiagnosticSeverity.Information,
  hint: DiagnosticSeverity.Hint,
} as const;

const source = 'EDM Workbench';

/** For `editor.codeActionsOnSave`: all fixes of a script at once. */
export const FIX_ALL = `${CodeActionKind.SourceFixAll}.edmWorkbench`;

/** Findings as diagnostics; the remedy follows the message. */
export function diagnostics(text: string, context?: ScriptContext): Diagnostic[] {
  return analyse(text, context).findings.map(diagnostic);
}

function diagnostic({ id, severity, message, remedy, start, end }: Finding): Diagnostic {
  const link = ruleNamed(id)?.link;
  return {
    range: { start, end },
    severity: severities[severity],
    code: id,
    ...(link !== undefined && { codeDescription: { href: link } }),
    source,
    message: `${message}. ${remedy}`,
  };
}

/** Completion items for a place in a script. */
export function completion(text: string, position: Position, context?: ScriptContext): CompletionItem[] {
  return completionsAt(text, position, context).map(
    ({ label, kind, insert, snippet, range, detail, documentation }, index) => ({
      label,
      kind: {
        directive: CompletionItemKind.Keyword,
        option: CompletionItemKind.Property,
        value: CompletionItemKind.Value,
        template: CompletionItemKind.Snippet,
        variable: CompletionItemKind.Variable,
      }[kind],
      textEdit: { range, newText: insert },
      filterText: label,
      insertTextFormat: snippet ? InsertTextFormat.Snippet : InsertTextFormat.PlainText,
      sortText: String(index).padStart(4, '0'),
      ...(detail !== undefined && { detail }),
      ...(documentation !== undefined && { documentation: { kind: MarkupKind.Markdown, value: documentation } }),
    }),
  );
}

/** Hover text for a place in a script. */
export function hover(text: string, position: Position, context?: ScriptContext): Hover | undefined {
  const found = hoverAt(text, position, context);
  return (
    found && {
      contents: { kind: MarkupKind.Markdown, value: found.markdown },
      range: { start: found.start, end: found.end },
    }
  );
}

/** Quick fixes for a stretch of a script, and "fix all" where there is more than one. */
export function codeActions(uri: string, text: string, range: Range, context?: ScriptContext): CodeAction[] {
  const { findings } = analyse(text, context);
  const touched = findings.filter(({ start, end }) => start.line <= range.end.line && end.line >= range.start.line);
  const action = (finding: Finding, fix: Fix, preferred: boolean): CodeAction => ({
    title: fix.title,
    kind: CodeActionKind.QuickFix,
    diagnostics: [diagnostic(finding)],
    isPreferred: preferred,
    edit: { changes: { [uri]: fix.edits.map(({ start, end, newText }) => ({ range: { start, end }, newText })) } },
  });
  const actions = touched.flatMap((finding) => [
    ...(finding.fix ? [action(finding, finding.fix, true)] : []),
    ...(finding.alternatives ?? []).map((fix) => action(finding, fix, false)),
    disable(uri, text, finding),
  ]);
  if (findings.some(({ fix }) => fix))
    actions.push({
      title: 'Fix all in this script',
      kind: FIX_ALL,
      edit: { changes: { [uri]: [{ range: whole(text), newText: fixAll(text, context) }] } },
    });
  return actions;
}

/** Switches a rule off for the script, by a comment below the shebang. */
function disable(uri: string, text: string, finding: Finding): CodeAction {
  const line = text.startsWith('#!') && text.includes('\n') ? 1 : 0;
  const at = { line, character: 0 };
  return {
    title: `Switch off "${finding.id}" in this script`,
    kind: CodeActionKind.QuickFix,
    diagnostics: [diagnostic(finding)],
    edit: {
      changes: { [uri]: [{ range: { start: at, end: at }, newText: `# edm-workbench: disable=${finding.id}\n` }] },
    },
  };
}

/** Symbols of a script for the outline. */
export function documentSymbols(text: string, context?: ScriptContext): DocumentSymbol[] {
  return symbols(text, context).map(({ name, detail, kind, start, end }) => ({
    name,
    detail,
    kind: kind === 'directive' ? SymbolKind.Property : SymbolKind.Function,
    range: { start, end },
    selectionRange: { start, end },
  }));
}

/** The directive block put in order, as edits. */
export function formatting(text: string, context?: ScriptContext): TextEdit[] {
  return formatDirectives(text, context).map(({ start, end, newText }) => ({ range: { start, end }, newText }));
}

function whole(text: string): Range {
  const lines = text.split(/\r\n|\n|\r/);
  return {
    start: { line: 0, character: 0 },
    end: { line: lines.length - 1, character: lines[lines.length - 1]?.length ?? 0 },
  };
}
