import { DEFAULT_SEEDS, PUBLISHED_NUM } from '../shared/defaults';
import { EMBEDDED_NAMES } from './input';
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

const KEY_LINE = /^(\s*)([A-Za-z_]\w*)?(\s*:\s*)?/;

function placeOf(lines: readonly string[], line: number): Place {
  const match = KEY_LINE.exec(lines[line]) ?? ['', ''];
  const indent = (match[1] ?? '').length;
  const parents: string[] = [];
  const siblings = new Set<string>();
  let enclosing = indent;
  for (let above = line - 1; above >= 0; above--) {
    const other = KEY_LINE.exec(lines[above]);
    if (!other?.[2] || !other[3]) continue;
    if (other[1].length < enclosing) {
      parents.unshift(other[2]);
      enclosing = other[1].length;
    } else if (other[1].length === indent && enclosing === indent) siblings.add(other[2]);
  }
  for (let below = line + 1; below < lines.length; below++) {
    const other = KEY_LINE.exec(lines[below]);
    if (!other?.[2] || !other[3]) continue;
    if (other[1].length < indent) break;
    if (other[1].length === indent) siblings.add(other[2]);
  }
  return { parents, siblings, key: match[2], keyStart: indent, valueStart: match[3] ? match[0].length : undefined };
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
      range: range(place.valueStart ?? 0, line.replace(/\s+(#.*)?$/, '').length),
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
