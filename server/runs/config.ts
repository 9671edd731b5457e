import type { ErrorObject } from 'ajv';
import { isMap, isScalar, LineCounter, parseDocument, type Document, type Node, type Pair } from 'yaml';
import { readSchema, schemaErrors } from '../schema';
import type { RunConfig } from '../shared/schema-types.gen';
import { didYouMean } from '../suggest';
import { crossChecks, type CrossProblem } from './checks';

/** A place in a text: 0-based lines, UTF-16 characters. */
export interface Range {
  start: { line: number; character: number };
  end: { line: number; character: number };
}

/** One thing wrong with a run config. */
export interface ConfigProblem {
  /** Stable name of the rule. */
  id: string;
  severity: 'error' | 'warning';
  message: string;
  range: Range;
  /** Text that would repair it, to stand in place of `range`. */
  replacement?: string;
}

/** The result of reading a run config; `config` only where no problem is an error. */
export interface ReadConfig {
  config?: RunConfig;
  problems: ConfigProblem[];
  /** Gives a problem that names a field the range it is at. */
  place: (problem: CrossProblem) => ConfigProblem;
}

/** File name ending of run configs. */
export const CONFIG_SUFFIX = '.edm.yaml';

/**
 * Reads and checks a run config. Never throws: whatever is wrong becomes a problem with the range it is at.
 * YAML comes first, then the schema, then rules between fields.
 */
export function readConfig(text: string): ReadConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const rangeOf = (from: number, to: number): Range => ({
    start: position(lines, from),
    end: position(lines, Math.max(to, from + 1)),
  });
  const problems: ConfigProblem[] = [];
  for (const error of [...document.errors, ...document.warnings]) {
    problems.push({
      id: 'yaml',
      severity: 'error',
      message: error.message,
      range: rangeOf(error.pos[0], error.pos[1]),
    });
  }
  const at = (path: readonly string[], part: 'key' | 'value'): Range => {
    const found = locate(document, path, part);
    return found ? rangeOf(found[0], found[1]) : rangeOf(0, Math.min(text.length, Math.max(text.indexOf('\n'), 1)));
  };
  const place = ({ path, part, ...problem }: CrossProblem): ConfigProblem => ({
    ...problem,
    range: at(path, part ?? 'value'),
  });
  if (problems.length > 0) return { problems, place };

  const value: unknown = document.toJS({ maxAliasCount: 100 });
  for (const error of schemaErrors('run-config', value)) {
    const problem = explain(error, value, at);
    if (problem) problems.push(problem);
  }
  if (problems.length === 0) {
    const config = value as RunConfig;
    problems.push(...crossChecks(config).map(place));
  }
  const failed = problems.some((problem) => problem.severity === 'error');
  return { config: failed ? undefined : (value as RunConfig), problems, place };
}

function position(lines: LineCounter, offset: number): Range['start'] {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line - 1, 0), character: Math.max(col - 1, 0) };
}

/** Offsets of the key or the value at `path`, or of the nearest parent that exists. */
function locate(document: Document, path: readonly string[], part: 'key' | 'value'): [number, number] | undefined {
  let node = document.contents;
  let found: [number, number] | undefined;
  for (const [depth, name] of path.entries()) {
    if (!isMap(node)) return found;
    const pair: Pair | undefined = node.items.find((item) => isScalar(item.key) && String(item.key.value) === name);
    if (!pair) return found;
    const key = pair.key as Node;
    const value = pair.value as Node | null;
    const target = depth === path.length - 1 && part === 'value' && value?.range ? value : key;
    if (target.range) found = [target.range[0], target.range[1]];
    node = value;
  }
  return found;
}

/** A schema error in the words of the task; undefined for errors that only repeat another. */
function explain(
  error: ErrorObject,
  value: unknown,
  at: (path: string[], part: 'key' | 'value') => Range,
): ConfigProblem | undefined {
  const path = error.instancePath.split('/').slice(1);
  const name = path.join('.');
  const params = error.params as Record<string, unknown>;
  const problem = (id: string, message: string, range: Range, replacement?: string): ConfigProblem => ({
    id,
    severity: 'error',
    message,
    range,
    ...(replacement === undefined ? {} : { replacement }),
  });
  switch (error.keyword) {
    case 'additionalProperties': {
      const unknown = String(params.additionalProperty);
      const hint = didYouMean(unknown, knownKeys(path));
      const range = at([...path, unknown], 'key');
      return problem('unknown-key', `Unknown key "${unknown}"${hint ? `: did you mean "${hint}"?` : ''}`, range, hint);
    }
    case 'required': {
      const missing = String(params.missingProperty);
      return problem(
        'missing-key',
        `"${missing}" is missing${name ? ` in ${name}` : ''}: ${describe([...path, missing])}`,
        at(path, 'key'),
      );
    }
    case 'not':
      // `required` holds for whatever is no map, so that `not` fails there as well.
      if (typeof value !== 'object' || value === null) return undefined;
      return problem(
        'two-metrics',
        'Give fd or fid, not both: fid is for the published Inception-v3 features, fd for any other detector',
        at(['fid'], 'key'),
      );
    case 'enum': {
      const allowed = params.allowedValues as string[];
      const given = path.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);
      const hint = didYouMean(String(given), allowed);
      return problem('bad-value', `${name} must be one of ${allowed.join(', ')}`, at(path, 'value'), hint);
    }
    case 'minimum':
      if (name === 'steps') {
        return problem(
          'too-few-steps',
          'steps must be at least 2: with one step the schedule divides by zero and the original writes black images',
          at(path, 'value'),
          '2',
        );
      }
      return problem('bad-value', `${name} must be at least ${String(params.limit)}`, at(path, 'value'));
    case 'maximum':
      return problem('bad-value', `${name} must be at most ${String(params.limit)}`, at(path, 'value'));
    case 'exclusiveMinimum':
      return problem('bad-value', `${name} must be greater than ${String(params.limit)}`, at(path, 'value'));
    case 'pattern':
      return problem(
        'bad-value',
        path[0] === 'name'
          ? `${name} may have letters, digits, ".", "_" and "-" (it becomes part of a folder's name)`
          : `${name} is not valid: ${describe(path)}`,
        at(path, 'value'),
      );
    case 'type': {
      const type = ([] as unknown[]).concat(params.type).join(' or ');
      return problem(
        'bad-type',
        `${name || 'A run config'} must be ${type === 'object' ? 'a map of keys' : `of type ${type}`}`,
        at(path, 'value'),
      );
    }
    default:
      return problem('bad-value', `${name} ${error.message ?? 'is not valid'}`, at(path, 'value'));
  }
}

/** The schema's part for a map inside the config: the root, or one metric. */
export function propertiesAt(path: readonly string[]): Record<string, PropertySchema> {
  const schema = readSchema('run-config') as unknown as {
    properties: Record<string, PropertySchema>;
    definitions: { metric: PropertySchema };
  };
  if (path.length === 0) return schema.properties;
  if (path.length === 1 && (path[0] === 'fd' || path[0] === 'fid')) return schema.definitions.metric.properties ?? {};
  return {};
}

/** What the editor shows of one key. */
export interface PropertySchema {
  description?: string;
  type?: string | string[];
  enum?: string[];
  default?: string | number | boolean;
  minimum?: number;
  properties?: Record<string, PropertySchema>;
}

function knownKeys(path: readonly string[]): string[] {
  return Object.keys(propertiesAt(path));
}

function describe(path: readonly string[]): string {
  return propertiesAt(path.slice(0, -1))[path[path.length - 1]]?.description ?? '';
}
