/** What the words of directives are, for an editor's colours. Lines that the scheduler does not read are comments. */
import { patterns } from './catalogue/patterns';
import { variables } from './catalogue/environment';
import type { OptionUse } from './reading/directives';
import type { Script } from './reading/script';
import type { Span } from './reading/text';
import type { Scopes } from './scopes';

/** Kinds of tokens, among those that LSP names; their order is the legend's. */
export const tokenTypes = ['keyword', 'property', 'string', 'number', 'enumMember', 'variable', 'operator', 'comment'] as const; // prettier-ignore
/** What more is said of a token, as bits in this order. */
export const tokenModifiers = ['defaultLibrary', 'deprecated'] as const;

/** A stretch of one line in the whole text. */
export interface SemanticToken extends Span {
  type: (typeof tokenTypes)[number];
  modifier?: (typeof tokenModifiers)[number];
}

const jobVariables = new Set(variables.filter(({ role }) => role === 'output').map(({ name }) => name));
const numberValue = /^[+-]?\d+(?:[.:/-]\d+)*[KMGTP]?i?B?$/i;

/** The tokens in the order of the text; none overlap, and none goes over a line's end. */
export function semanticTokens({ scopes }: Scopes): SemanticToken[] {
  const found = scopes.flatMap(({ script, outer }) =>
    [...directiveTokens(script), ...variableTokens(script)].map((token) => ({ ...token, ...outer(token) })),
  );
  found.sort((a, b) => a.start - b.start || a.end - b.end);
  // Within one script none overlap; texts of two scripts may.
  return found.filter(({ start, end }, i) => end > start && start >= (found[i - 1]?.end ?? 0));
}

function* directiveTokens({
  text,
  directives,
  activeLines,
  activeOptions,
  scheduler,
}: Script): Generator<SemanticToken> {
  // The grammar, which sees one line at a time, takes them for directives.
  for (const { line } of directives.lines.filter(({ late }) => late)) yield { type: 'comment', ...text.lineSpan(line) };
  for (const { line, body, comment, separator } of activeLines) {
    const { start, end } = text.lineSpan(line);
    yield { type: 'keyword', start: start + text.slice({ start, end: body }).search(/\S/), end: body };
    if (separator) yield { type: 'keyword', start: separator.start, end: separator.end };
    if (comment !== undefined) yield { type: 'comment', start: comment, end };
  }
  for (const use of activeOptions) {
    const old = use.option?.until !== undefined;
    yield { type: 'property', start: use.start, end: use.end, ...(old && { modifier: 'deprecated' as const }) };
    if (!use.value || use.value.start < use.end) continue;
    if (use.value.start === use.end + 1 && text.text[use.end] === '=')
      yield { type: 'operator', start: use.end, end: use.value.start };
    yield* valueTokens(use, use.value, text.slice(use.value), scheduler);
  }
}

/** A value; in the name of a log file, what the scheduler fills in is a variable. */
function* valueTokens(
  { option }: OptionUse,
  { start, end }: Span,
  raw: string,
  scheduler: Script['scheduler'],
): Generator<SemanticToken> {
  // prettier-ignore
  const bare = raw.replace(/^["']|["']$/g, '');
  const named = option?.values?.some((value) => value.toLowerCase() === bare.toLowerCase());
  const type = named ? 'enumMember' : numberValue.test(bare) ? 'number' : 'string';
  let from = start;
  if (option?.type === 'log')
    for (const { 0: pattern, index } of raw.matchAll(/%\d*([A-Za-z])/g)) {
      if (!patterns.some((one) => one.scheduler === scheduler && one.letter === pattern.at(-1))) continue;
      if (start + index > from) yield { type, start: from, end: start + index };
      from = start + index + pattern.length;
      yield { type: 'variable', modifier: 'defaultLibrary', start: start + index, end: from };
    }
  if (end > from) yield { type, start: from, end };
}

/** Variables that the scheduler sets for the job. */
function* variableTokens({ structure }: Script): Generator<SemanticToken> {
  for (const { name, start, end } of structure.names)
    if (jobVariables.has(name)) yield { type: 'variable', modifier: 'defaultLibrary', start, end };
}
