import type { ErrorObject } from 'ajv';
import { readSchema, schemaErrors } from '../schema';
import { partAt, propertiesAt } from '../schema-part';
import type { RunConfig } from '../shared/schema-types.gen';
import { didYouMean } from '../suggest';
import { type Range, YamlText } from '../yaml-text';
import { crossChecks } from './checks';
import type { CrossProblem } from './cross-problem';

/** One thing wrong with a run config. */
export interface ConfigProblem {
  /** Stable name of the rule. */
  id: string;
  severity: 'error' | 'warning' | 'info';
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

/** Most faults of form, and of the schema, that are shown: each is looked for in the text. */
const MAX_FAULTS = 100;

/** File name ending of run configs. */
export const CONFIG_SUFFIX = '.edm.yaml';

/** What is wrong with the name of a file that is meant as a run config; undefined for any other file. */
export function nameProblem(file: string): ConfigProblem | undefined {
  const ending = /\.edm\.ya?ml$/i.exec(file);
  if (!ending || file.endsWith(CONFIG_SUFFIX)) return undefined;
  const stem = file.slice(0, ending.index).split(/[/\\]/).at(-1);
  const start = { line: 0, character: 0 };
  const message = `Not a run config: name it ${stem}${CONFIG_SUFFIX}, as files of any other name are not read`;
  return { id: 'config-name', severity: 'error', message, range: { start, end: start } };
}

/**
 * Reads and checks a run config. Never throws: whatever is wrong becomes a problem with the range it is at.
 * YAML comes first, then the schema, then rules between fields.
 */
export function readConfig(text: string): ReadConfig {
  const yaml = new YamlText(text);
  const problems = yaml.problems.slice(0, MAX_FAULTS).map(({ message, ...span }): ConfigProblem => {
    return { id: 'yaml', severity: 'error', message, range: yaml.range(span) };
  });
  const place = ({ path, part, within, ...problem }: CrossProblem): ConfigProblem => ({
    ...problem,
    range: within ? yaml.rangeWithin(path, within.text, within) : yaml.rangeAt(path, part ?? 'value'),
  });
  if (problems.length > 0) return { problems, place };

  const { value } = yaml;
  for (const error of schemaErrors('run-config', value).slice(0, MAX_FAULTS)) {
    const found = explain(error, value);
    if (!found) continue;
    const { id, message, path, part, replacement } = found;
    problems.push({ id, severity: 'error', message, range: yaml.rangeAt(path, part), ...(replacement !== undefined && { replacement }) }); // prettier-ignore
  }
  if (problems.length === 0) {
    const config = value as RunConfig;
    problems.push(...crossChecks(config).map(place));
  }
  const failed = problems.some((problem) => problem.severity === 'error');
  return { config: failed ? undefined : (value as RunConfig), problems, place };
}

/** A schema error, and what its explanation is made of. */
interface SchemaFault {
  /** Keys that lead to the value. */
  path: string[];
  /** The same as text: `fd.num`. */
  name: string;
  params: Record<string, unknown>;
  /** The whole config. */
  value: unknown;
  /** The schema's own words. */
  message: string;
}

/** What is said of a fault, at the key or the value of `path`. */
interface Explanation {
  id: string;
  message: string;
  path: readonly string[];
  part: 'key' | 'value';
  replacement?: string;
}

const badValue = ({ path }: SchemaFault, message: string, replacement?: string): Explanation => ({
  id: 'bad-value',
  message,
  path,
  part: 'value',
  replacement,
});

/** Schema errors in the words of the task, by their keyword; undefined for one that only repeats another. */
const EXPLANATIONS: Readonly<Record<string, (fault: SchemaFault) => Explanation | undefined>> = {
  additionalProperties: ({ path, params }) => {
    const unknown = String(params.additionalProperty);
    const hint = didYouMean(unknown, knownKeys(path));
    const message = `Unknown key "${unknown}"${hint ? `: did you mean "${hint}"?` : ''}`;
    return { id: 'unknown-key', message, path: [...path, unknown], part: 'key', replacement: hint };
  },
  required: ({ path, name, params }) => {
    const missing = String(params.missingProperty);
    const message = `"${missing}" is missing${name ? ` in ${name}` : ''}: ${describe([...path, missing])}`;
    return { id: 'missing-key', message, path, part: 'key' };
  },
  // `required` holds for anything that is not a map, so `not` fails there as well.
  not: ({ value }) =>
    typeof value !== 'object' || value === null
      ? undefined
      : {
          id: 'two-metrics',
          message:
            'Give fd or fid, not both: fid is for the published Inception-v3 features, fd for any other detector',
          path: ['fid'],
          part: 'key',
        },
  enum: (fault) => {
    const allowed = fault.params.allowedValues as string[];
    const given = fault.path.reduce<unknown>(
      (inner, key) => (inner as Record<string, unknown> | undefined)?.[key],
      fault.value,
    );
    return badValue(fault, `${fault.name} must be one of ${allowed.join(', ')}`, didYouMean(String(given), allowed));
  },
  minimum: (fault) =>
    fault.name === 'steps'
      ? {
          id: 'too-few-steps',
          message:
            'steps must be at least 2: with one step the schedule divides by zero and the original writes black images',
          path: fault.path,
          part: 'value',
          replacement: '2',
        }
      : badValue(fault, `${fault.name} must be at least ${String(fault.params.limit)}`),
  maximum: (fault) => badValue(fault, `${fault.name} must be at most ${String(fault.params.limit)}`),
  exclusiveMinimum: (fault) => badValue(fault, `${fault.name} must be greater than ${String(fault.params.limit)}`),
  pattern: (fault) =>
    badValue(
      fault,
      fault.name === 'name'
        ? 'name may have letters, digits, ".", "_" and "-" (it becomes part of a folder\'s name)'
        : `${fault.name} is not valid: ${describe(fault.path)}`,
    ),
  type: ({ path, name, params }) => {
    const type = ([] as unknown[]).concat(params.type).join(' or ');
    const message = `${name || 'A run config'} must be ${type === 'object' ? 'a map of keys' : `of type ${type}`}`;
    return { id: 'bad-type', message, path, part: 'value' };
  },
};

function explain({ keyword, instancePath, params, message = 'is not valid' }: ErrorObject, value: unknown) {
  const path = instancePath.split('/').slice(1);
  const fault = { path, name: path.join('.'), params: params as Record<string, unknown>, value, message };
  return (EXPLANATIONS[keyword] ?? ((other) => badValue(other, `${other.name} ${other.message}`)))(fault);
}

function knownKeys(path: readonly string[]): string[] {
  return Object.keys(propertiesAt(readSchema('run-config'), path));
}

function describe(path: readonly string[]): string {
  return partAt(readSchema('run-config'), path)?.description ?? '';
}
