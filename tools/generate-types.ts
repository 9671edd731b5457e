/**
 * Generates the TypeScript types from schemas/: `npm run generate`. The schemas are the single source; a unit test
 * fails when the committed file differs from what this produces.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { compile, type JSONSchema } from 'json-schema-to-typescript';

const SCHEMAS = ['run-config', 'run-manifest', 'clusters', 'cluster-snapshot'];
const DIRECTORY = path.join(__dirname, '..', 'schemas');
export const TARGET = path.join(__dirname, '..', 'server', 'schema-types.gen.ts');

/** The text of `server/schema-types.gen.ts`. The manifest's schema brings the history record's types along. */
export async function generateTypes(): Promise<string> {
  const parts = ['// Generated from schemas/ by `npm run generate`. Do not edit.\n'];
  for (const name of SCHEMAS) {
    const schema = JSON.parse(readFileSync(path.join(DIRECTORY, `${name}.schema.json`), 'utf8')) as JSONSchema;
    parts.push(await compile(schema, name, { cwd: DIRECTORY + path.sep, bannerComment: '', format: true }));
  }
  return parts.join('\n');
}

if (require.main === module) void generateTypes().then((text) => writeFileSync(TARGET, text));
