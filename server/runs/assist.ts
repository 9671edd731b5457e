import { DEFAULT_SEEDS, PUBLISHED_NUM } from '../shared/defaults';
import { EMBEDDED_NAMES } from '../shared/embedded';
import { propertiesAt, type PropertySchema, type Range } from './config';

/** A proposal for the text at the cursor. */
export interface Proposal {
  label: string;
  kind: 'key' | 'value';
  /** What is inserted in place of `range`. */
  insert: string;
  range: Range;
  detail?: string;
  documentation?: string;
}

/** What stands on the cursor's line, read line by line: it must work while the YAML is incomplete. */
interface Place {
  /** Keys that enclose the line, outermost first. */
  parents: string[];
  /** Keys that the same map has on other lines. */
  siblings: Set<string>;
  key?: string;
  keyStart: number;
  /** Where the value starts, once there is a colon. */
  valueStart?: number;
}

const KEY_LINE = /^(\s*)(?:([A-Za-z_]\w*)(\s*:\s*)?|(:\s*))?/;

/** A line as the beginning of a map's entry. */
interface KeyLine {
  indent: number;
  key?: string;
  /** Where the value starts, once there is a colon. */
  valueStart?: number;
}

function keyLine(text = ''): KeyLine {
  const [all = '', space = '', key, afterKey, alone] = KEY_LINE.exec(text) ?? [];
  const colon = afterKey ?? alone;
  return { indent: space.length, key, ...(colon !== undefined && { valueStart: all.length }) };
}

function placeOf(lines: readonly string[], line: number): Place {
  const { indent, key, valueStart } = keyLine(lines[line]);
  const parents: string[] = [];
  const siblings = new Set<string>();
  const entries = (some: readonly string[]) =>
    some.map(keyLine).flatMap((one) => (one.key && one.valueStart !== undefined ? { ...one, key: one.key } : []));
  let enclosing = indent;
  for (const other of entries(lines.slice(0, line)).reverse()) {
    if (other.indent < enclosing) {
      parents.unshift(other.key);
      enclosing = other.indent;
    } else if (other.indent === indent && enclosing === indent) siblings.add(other.key);
  }
  for (const other of entries(lines.slice(line + 1))) {
    if (other.indent < indent) break;
    if (other.indent === indent) siblings.add(other.key);
  }
  return { parents, siblings, key, keyStart: indent, valueStart };
}

/** Completion in a run config: the keys that are still missing, or the values a key can have. */
export function proposals(text: string, position: Range['start']): Proposal[] {
  const lines = text.split(/\r?\n/);
  const line = lines[position.line] ?? '';
  if (/^\s*#/.test(line)) return [];
  const place = placeOf(lines, position.line);
  const properties = propertiesAt(place.parents);
  const range = (start: number, end: number): Range => ({
    start: { line: position.line, character: Math.min(start, position.character) },
    end: { line: position.line, character: end },
  });
  if (place.valueStart !== undefined && position.character >= place.valueStart) {
    const schema = properties[place.key ?? ''];
    if (!schema) return [];
    return valuesOf(place.key ?? '', schema).map((value) => ({
      label: value,
      kind: 'value',
      insert: value,
      range: range(place.valueStart ?? 0, line.replace(/(?<!\s)\s+(#.*)?$/, '').length),
      documentation: schema.description,
    }));
  }
  return Object.entries(properties)
    .filter(([key]) => !place.siblings.has(key))
    .map(([key, schema]) => ({
      label: key,
      kind: 'key',
      insert: key === 'fd' || key === 'fid' ? `${key}:\n  reference: ` : `${key}: `,
      range: range(place.keyStart, place.keyStart + (place.key?.length ?? 0)),
      detail: summary(schema),
      documentation: schema.description,
    }));
}

function valuesOf(key: string, schema: PropertySchema): string[] {
  if (schema.enum) return schema.enum;
  if (schema.type === 'boolean') return ['true', 'false'];
  if (['network', 'reference', 'detector'].includes(key)) return [...EMBEDDED_NAMES];
  if (key === 'seeds') return [DEFAULT_SEEDS, '0-999', `0-${PUBLISHED_NUM - 1}`];
  return schema.default === undefined ? [] : [String(schema.default)];
}

function summary(schema: PropertySchema): string {
  const type = schema.enum?.join(' | ') ?? ([] as string[]).concat(schema.type ?? 'map').join(' | ');
  return schema.default === undefined ? type : `${type}, default ${String(schema.default)}`;
}

/** Hover over a key: its description, type and default. */
export function hoverText(text: string, position: Range['start']): { markdown: string; range: Range } | undefined {
  const lines = text.split(/\r?\n/);
  const place = placeOf(lines, position.line);
  const end = place.keyStart + (place.key?.length ?? 0);
  const schema = propertiesAt(place.parents)[place.key ?? ''];
  if (!schema || place.valueStart === undefined || position.character < place.keyStart || position.character > end)
    return undefined;
  return {
    markdown: `**${place.key}** (${summary(schema)})\n\n${schema.description ?? ''}`,
    range: { start: { line: position.line, character: place.keyStart }, end: { line: position.line, character: end } },
  };
}
