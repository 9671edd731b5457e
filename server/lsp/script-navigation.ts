/** Finding one's way in scripts: variables, folds, links, remarks and colours. A document in, LSP's shapes out. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  FoldingRangeKind,
  InlayHintKind,
  type DocumentLink,
  type FoldingRange,
  type InlayHint,
  type Location,
  type Position,
  type Range,
  SemanticTokensBuilder,
  type SemanticTokens,
  type SemanticTokensLegend,
  type SignatureHelp,
  type WorkspaceEdit,
} from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { isBelow } from '../containment';
import { UserError } from '../errors';
import { foldings } from '../scripts/folding';
import { inlayRemarks } from '../scripts/inlay-hints';
import { linksOf, type ScriptLink } from '../scripts/links';
import type { Span } from '../scripts/reading/text';
import { scopesOf, type Scopes } from '../scripts/scopes';
import { semanticTokens, tokenModifiers, tokenTypes } from '../scripts/semantic-tokens';
import { signatureAt } from '../scripts/signatures';
import { definitionsAt, fixedName, referencesAt, renameAt, variableAt } from '../scripts/variables';
import { plainLine } from '../shared/plain-text';

/** The kinds of tokens as the client is told them. */
export const LEGEND: SemanticTokensLegend = { tokenTypes: [...tokenTypes], tokenModifiers: [...tokenModifiers] };

/** Files that are looked for at the same time. */
const STATS_AT_ONCE = 16;

/** What `look` finds in a document's scripts; `otherwise` where it has none. */
function inScripts<T>(document: TextDocument, otherwise: T, look: (scopes: Scopes) => T): T {
  const scopes = scopesOf(document.getText());
  return scopes ? look(scopes) : otherwise;
}

const located = (document: TextDocument, { text }: Scopes, spans: readonly Span[]): Location[] =>
  spans.map((span) => ({ uri: document.uri, range: text.range(span) }));

/** Where the variable at a position is set. */
export function definition(document: TextDocument, position: Position): Location[] {
  return inScripts(document, [], (scopes) =>
    located(document, scopes, definitionsAt(scopes, document.offsetAt(position))),
  );
}

/** Where the variable at a position is used, and set if asked for. */
export function references(document: TextDocument, position: Position, withDefinitions: boolean): Location[] {
  return inScripts(document, [], (scopes) =>
    located(document, scopes, referencesAt(scopes, document.offsetAt(position), withDefinitions)),
  );
}

/** The variable's name at a position; null where there is none. @throws UserError where it cannot be renamed */
export function renamable(document: TextDocument, position: Position): { range: Range; placeholder: string } | null {
  return inScripts(document, null, (scopes) => {
    const variable = variableAt(scopes, document.offsetAt(position));
    if (!variable) return null;
    const problem = fixedName(variable.name);
    if (problem !== undefined) throw new UserError(plainLine(problem));
    return { range: scopes.text.range(variable), placeholder: variable.name };
  });
}

/**
 * Renames the variable at a position.
 * @returns the edit, and what it does not reach; null where there is no variable
 * @throws UserError where it cannot have that name
 */
export function rename(
  document: TextDocument,
  position: Position,
  newName: string,
): { edit: WorkspaceEdit; notes: string[] } | null {
  return inScripts(document, null, (scopes) => {
    const renaming = renameAt(scopes, document.offsetAt(position), newName);
    if (!renaming) return null;
    if ('problem' in renaming) throw new UserError(plainLine(renaming.problem));
    const edits = renaming.spans.map((span) => ({ range: scopes.text.range(span), newText: newName }));
    return { edit: { changes: { [document.uri]: edits } }, notes: renaming.notes };
  });
}

/** The parts that can be folded, by lines. */
export function folding(document: TextDocument): FoldingRange[] {
  const kinds = { comment: FoldingRangeKind.Comment, region: FoldingRangeKind.Region };
  return inScripts(document, [], (scopes) =>
    foldings(scopes).map(({ start, end, kind }) => ({
      startLine: start,
      endLine: end,
      ...(kind && { kind: kinds[kind] }),
    })),
  );
}

/** The grammar of the value at a position. */
export function signatureHelp(document: TextDocument, position: Position): SignatureHelp | null {
  return inScripts(document, null, (scopes) => {
    const found = signatureAt(scopes, document.offsetAt(position));
    if (!found) return null;
    const { label, documentation, parts, active } = found;
    const parameters = parts.map((part) => ({ label: part.span, documentation: part.documentation }));
    // An index after the last parameter means none of them; without one clients take the first.
    const activeParameter = active ?? parameters.length;
    return { signatures: [{ label, documentation, parameters, activeParameter }], activeSignature: 0, activeParameter };
  });
}

/**
 * Remarks within a range.
 * @returns the remarks, and whether one of them is right only for this minute
 */
export function inlayHints(document: TextDocument, range: Range, now: Date): { hints: InlayHint[]; passes: boolean } {
  const [from, to] = [document.offsetAt(range.start), document.offsetAt(range.end)];
  const remarks = inScripts(document, [], (scopes) => inlayRemarks(scopes, now));
  const shown = remarks.filter(({ offset }) => from <= offset && offset <= to);
  const hints = shown.map(({ offset, label, tooltip }): InlayHint => ({
    position: document.positionAt(offset),
    label: plainLine(label),
    tooltip: plainLine(tooltip),
    kind: InlayHintKind.Type,
    paddingLeft: true,
  }));
  return { hints, passes: shown.some(({ passes }) => passes) };
}

/** Colours of directives, within a range if one is given. */
export function tokens(document: TextDocument, range?: Range): SemanticTokens {
  const builder = new SemanticTokensBuilder();
  const [from, to] = range ? [document.offsetAt(range.start), document.offsetAt(range.end)] : [0, Infinity];
  for (const { start, end, type, modifier } of inScripts(document, [], semanticTokens)) {
    if (end <= from || start >= to) continue;
    const { line, character } = document.positionAt(start);
    const bits = modifier === undefined ? 0 : 1 << tokenModifiers.indexOf(modifier);
    builder.push(line, character, end - start, tokenTypes.indexOf(type), bits);
  }
  return builder.build();
}

/**
 * Links to what a script names: addresses, and files that are there and in one of the workspace's folders.
 * @param folders the workspace's folders; without any, the script's own counts
 */
export async function links(document: TextDocument, folders: readonly string[]): Promise<DocumentLink[]> {
  const scopes = scopesOf(document.getText());
  if (!scopes) return [];
  const file = document.uri.startsWith('file:') ? fileURLToPath(document.uri) : undefined;
  const own = file === undefined ? [] : [path.dirname(file)];
  const finder = new FileFinder([...own, ...folders], folders.length > 0 ? folders : own);
  const found = linksOf(scopes);
  const targets = await finder.targetsOf(found);
  return found.flatMap((link, i) => {
    const target = targets[i];
    return target === undefined ? [] : [{ range: scopes.text.range(link), target }];
  });
}

/** Looks for files that scripts name; each path is looked for once. */
class FileFinder {
  private readonly kinds = new Map<string, 'file' | 'folder' | undefined>();

  /** @param bases folders that relative paths may start from @param within folders that the files must be in */
  constructor(
    private readonly bases: readonly string[],
    private readonly within: readonly string[],
  ) {}

  /** For each link its URI; undefined where there is nothing to open. */
  async targetsOf(links: readonly ScriptLink[]): Promise<(string | undefined)[]> {
    const candidates = links.map((link) => (link.kind === 'address' ? [] : this.candidates(link.target)));
    const wanted = [...new Set(candidates.flat())];
    const next = wanted.values();
    const look = async (): Promise<void> => {
      for (const place of next) this.kinds.set(place, await kindOf(place));
    };
    await Promise.all(Array.from({ length: STATS_AT_ONCE }, look));
    return links.map(({ kind, target }, i) => {
      if (kind === 'address') return URL.canParse(target) ? target : undefined;
      const place = candidates[i]?.find((one) => this.kinds.get(one) === kind);
      return place === undefined ? undefined : pathToFileURL(place).href;
    });
  }

  private candidates(target: string): string[] {
    const places = [...new Set(this.bases.map((base) => path.resolve(base, target)))];
    return places.filter((place) => this.within.some((folder) => isBelow(folder, place)));
  }
}

/** Never rejects: what cannot be looked at cannot be opened either. */
async function kindOf(place: string): Promise<'file' | 'folder' | undefined> {
  const facts = await stat(place).catch(() => undefined);
  return facts?.isFile() ? 'file' : facts?.isDirectory() ? 'folder' : undefined;
}
