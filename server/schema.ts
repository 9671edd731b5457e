import { readFileSync } from 'node:fs';
import path from 'node:path';
import Ajv, { type ErrorObject, type ValidateFunction } from 'ajv';
import { packageRoot } from './package-root';

/** The schemas in schemas/, by file name. */
export type SchemaName =
  'run-config' | 'run-manifest' | 'history-record' | 'clusters' | 'cluster-snapshot' | 'dispatch' | 'calibration';

let ajv: Ajv | undefined;
const compiled = new Map<SchemaName, ValidateFunction>();

/** A schema, parsed. */
export function readSchema(name: SchemaName): Record<string, unknown> {
  const file = path.join(packageRoot(), 'schemas', `${name}.schema.json`);
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
}

/** All errors of a value, not only the first. Each schema is compiled once. */
export function schemaErrors(name: SchemaName, value: unknown): ErrorObject[] {
  if (!ajv) {
    ajv = new Ajv({
      allErrors: true,
      strict: true,
      strictRequired: false,
      strictNumbers: false,
      allowUnionTypes: true,
    });
    ajv.addSchema(readSchema('history-record'), 'history-record.schema.json');
  }
  let validate = compiled.get(name);
  if (!validate) {
    validate = ajv.compile(readSchema(name));
    compiled.set(name, validate);
  }
  return validate(value) ? [] : [...(validate.errors ?? [])];
}

/** A check of values read from files: gives the value with its type, or the first problem in a sentence. */
export function validator<T>(
  name: SchemaName,
): (value: unknown) => { valid: true; value: T } | { valid: false; problem: string } {
  return (value) => {
    const [error] = schemaErrors(name, value);
    if (!error) return { valid: true, value: value as T };
    return { valid: false, problem: `${error.instancePath || 'the value'} ${error.message ?? 'is not valid'}` };
  };
}
