/** Completion and hover in files in YAML whose form is told by a schema: run configs and clusters.yaml. */
import { ENTRY, partAt, propertiesAt, type SchemaPart } from './schema-part';
import type { Place, Range } from './yaml-text';

/** A language in YAML. */
export interface YamlLanguage {
  schema: SchemaPart;
  /** Values that a key can have, beyond those that the schema lists; an empty list where none are known. */
  valuesOf: (path: readonly string[]) => readonly string[];
  /** What a value is, where there is something to say, for completion and hover; in Markdown. */
  meaningOf?: (path: readonly string[], value: string, text: string) => string | undefined;
  /** What a key's value comes to in this text, beyond the schema's description. */
  noteOf?: (path: readonly string[], text: string) => string | undefined;
}

/** A proposal for the text at the cursor. */
export interface Proposal {
  label: string;
  kind: 'key' | 'value';
  /** What is inserted in place of `range`, with the spaces that begin its further lines. */
  insert: string;
  range: Range;
  detail?: string;
  documentation?: string;
}

/** What stands on the cursor's line, read line by line: it must work while the YAML is incomplete. */
interface Spot {
  /** What encloses the line, outermost first: keys, and `ENTRY` for a list's entry. */
  parents: string[];
  /** Keys that the same map has on other lines. */
  siblings: Set<string>;
  key?: string;
  keyStart: number;
  /** Where the value starts, once there is a colon, or where it is an entry of a list. */
  valueStart?: number;
}

const LINE = /^(\s*)((?:-[ \t]+|-$)*)(?:([A-Za-z_]\w*)([ \t]*:(?:[ \t]+|$))?|(:[ \t]*))?/;

/** A line as the beginning of a map's or a list's entry. */
interface EntryLine {
  /** Columns of the dashes. */
  dashes: number[];
  /** Column after the spaces and dashes. */
  indent: number;
  key?: string;
  /** Where the value starts, once there is a colon. */
  valueStart?: number;
}

function entryLine(text = ''): EntryLine {
  const [all = '', space = '', dashes = '', key, afterKey, alone] = LINE.exec(text) ?? [];
  const colon = afterKey ?? alone;
  return {
    dashes: [...dashes.matchAll(/-/g)].map(({ index }) => space.length + index),
    indent: space.length + dashes.length,
    key,
    ...(colon !== undefined && { valueStart: all.length }),
  };
}

/** Lines that say something: comments may stand in any column. */
const isSaying = (text: string): boolean => /^\s*[^\s#]/.test(text);

function spotOf(lines: readonly string[], line: number): Spot {
  const own = entryLine(lines[line]);
  const { indent, key } = own;
  const parents: string[] = [];
  const siblings = new Set<string>();
  let enclosing = indent;
  /** A dash begins an entry: what encloses it is a key at its column or before. */
  const leave = (dashes: readonly number[]): void => {
    for (const column of dashes.toReversed()) {
      if (column >= enclosing) continue;
      parents.unshift(ENTRY);
      enclosing = column + 1;
    }
  };
  leave(own.dashes);
  let isSameMap = own.dashes.length === 0;
  for (const other of lines.slice(0, line).filter(isSaying).map(entryLine).reverse()) {
    const isKey = other.key !== undefined && other.valueStart !== undefined;
    if (other.indent < enclosing) {
      isSameMap = false;
      if (isKey && other.key !== undefined) parents.unshift(other.key);
      enclosing = other.indent;
      leave(other.dashes);
    } else if (other.indent === enclosing) {
      if (isSameMap && isKey && other.key !== undefined) siblings.add(other.key);
      if (other.dashes.length > 0) isSameMap = false;
      leave(other.dashes);
    }
  }
  for (const other of lines
    .slice(line + 1)
    .filter(isSaying)
    .map(entryLine)) {
    if (other.indent < indent || (other.dashes[0] ?? indent) < indent) break;
    if (other.indent === indent && other.key !== undefined && other.valueStart !== undefined) siblings.add(other.key);
  }
  const isItem = own.valueStart === undefined && own.dashes.length > 0;
  return { parents, siblings, key, keyStart: indent, valueStart: isItem ? indent : own.valueStart };
}

/** The keys that are still missing at a position, or the values that a key, or a list's entry, can have. */
export function proposals(language: YamlLanguage, text: string, position: Place): Proposal[] {
  const lines = text.split(/\r?\n/);
  const line = lines[position.line] ?? '';
  if (/^\s*#/.test(line)) return [];
  const spot = spotOf(lines, position.line);
  const { schema } = language;
  const properties = Object.entries(propertiesAt(schema, spot.parents));
  const isItem = spot.valueStart === spot.keyStart && properties.length === 0;
  const range = (start: number, end: number): Range => ({
    start: { line: position.line, character: Math.min(start, position.character) },
    end: { line: position.line, character: Math.max(end, position.character) },
  });
  const isValue = spot.valueStart !== undefined && (isItem || spot.valueStart > spot.keyStart);
  if (isValue && position.character >= (spot.valueStart ?? 0)) {
    const path = isItem ? spot.parents : [...spot.parents, spot.key ?? ''];
    const part = partAt(schema, path);
    if (!part) return [];
    return valuesOf(language, path, part).map((value) => ({
      label: value,
      kind: 'value',
      insert: value,
      range: range(spot.valueStart ?? 0, line.replace(/(?<!\s)\s+(#.*)?$/, '').length),
      documentation: language.meaningOf?.(path, value, text) ?? part.description,
    }));
  }
  return properties
    .filter(([key]) => !spot.siblings.has(key))
    .map(([key, part]) => ({
      label: key,
      kind: 'key',
      insert: isValue ? key : `${key}:${begun(part, schema, spot.keyStart)}`,
      range: range(spot.keyStart, spot.keyStart + (spot.key?.length ?? 0)),
      detail: summary(part),
      documentation: part.description,
    }));
}

/** How a value begins after its key: on the same line, or as a map or a list below it. */
function begun(part: SchemaPart, schema: SchemaPart, indent: number): string {
  const below = `\n${' '.repeat(indent + 2)}`;
  const first = part.required?.[0];
  if (part.properties && first !== undefined) return `${below}${first}: `;
  if (part.type !== 'array') return ' ';
  const ofEntry = partAt({ ...schema, properties: { list: part } }, ['list', ENTRY])?.required?.[0];
  return ofEntry === undefined ? `${below}- ` : `${below}- ${ofEntry}: `;
}

function valuesOf(language: YamlLanguage, path: readonly string[], part: SchemaPart): readonly string[] {
  if (part.enum) return part.enum;
  if (part.type === 'boolean') return ['true', 'false'];
  const values = language.valuesOf(path);
  return values.length > 0 || part.default === undefined ? values : [String(part.default)];
}

function summary(part: SchemaPart): string {
  const type = part.enum?.join(' | ') ?? ([] as string[]).concat(part.type ?? 'map').join(' | ');
  const inWords = type === 'object' ? 'map' : type === 'array' ? 'list' : type;
  return part.default === undefined ? inWords : `${inWords}, default ${String(part.default)}`;
}

/** Hover over a key: its description, type and default; over a value: what it is. */
export function hoverText(
  language: YamlLanguage,
  text: string,
  position: Place,
): { markdown: string; range: Range } | undefined {
  const { schema, noteOf } = language;
  const lines = text.split(/\r?\n/);
  const spot = spotOf(lines, position.line);
  const end = spot.keyStart + (spot.key?.length ?? 0);
  const part = spot.key === undefined ? undefined : partAt(schema, [...spot.parents, spot.key]);
  if (!part || spot.valueStart === undefined || position.character < spot.keyStart) return undefined;
  if (position.character > end) return valueHover(language, text, position, [...spot.parents, spot.key ?? ''], spot.valueStart); // prettier-ignore
  const note = noteOf?.([...spot.parents, spot.key ?? ''], text);
  return {
    markdown: `**${spot.key}** (${summary(part)})\n\n${part.description ?? ''}${note === undefined ? '' : `\n\n${note}`}`,
    range: { start: { line: position.line, character: spot.keyStart }, end: { line: position.line, character: end } },
  };
}

/** What there is to say about the value at a position, without its quotes and the comment after it. */
function valueHover(
  { meaningOf }: YamlLanguage,
  text: string,
  { line, character }: Place,
  path: readonly string[],
  start: number,
): { markdown: string; range: Range } | undefined {
  const rest = text.split(/\r?\n/)[line]?.slice(start) ?? '';
  const written = (/^"[^"]*"|^'[^']*'/.exec(rest)?.[0] ?? rest.split(/\s#/, 1)[0] ?? '').trimEnd();
  if (written === '' || character < start || character > start + written.length) return undefined;
  const markdown = meaningOf?.(path, written.replace(/^(["'])(.*)\1$/, '$2'), text);
  const range = { start: { line, character: start }, end: { line, character: start + written.length } };
  return markdown === undefined ? undefined : { markdown, range };
}
