/**
 * Generates the TypeScript types from schemas/: `npm run generate`. The schemas are the single source; a unit test
 * fails when the committed file differs from what this produces.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { compile, type JSONSchema } from 'json-schema-to-typescript';

const SCHEMAS = ['run-config', 'run-manifest', 'clusters', 'cluster-snapshot', 'dispatch', 'calibration'];
const DIRECTORY = path.join(__dirname, '..', 'schemas');
export const TARGET = path.join(__dirname, '..', 'server', 'shared', 'schema-types.gen.ts');

/** The text of `server/schema-types.gen.ts`. The manifest's schema brings the history record's types along. */
export async function generateTypes(): Promise<string> {
  const parts = ['// Generated from schemas/ by `npm run generate`. Do not edit.\n'];
  for (const name of SCHEMAS) {
    const schema = JSON.parse(readFileSync(path.join(DIRECTORY, `${name}.schema.json`), 'utf8')) as JSONSchema;
    parts.push(await compile(schema, name, { cwd: DIRECTORY + path.sep, bannerComment: '', format: true }));
  }
  return onlyOnce(parts.join('\n'));
}

/** A type that two schemas share is compiled with each of them: the first copy stays. */
function onlyOnce(text: string): string {
  const seen = new Set<string>();
  const declaration = /(?:^\/\*\*\n(?: \*.*\n)+)?^export interface (\w+) \{\n[\s\S]*?^\}\n/gm;
  return text.replace(declaration, (whole, name: string) => {
    if (seen.has(name)) return '';
    seen.add(name);
    return whole;
  });
}

if (require.main === module) void generateTypes().then((text) => writeFileSync(TARGET, text));
