import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { validator } from '../schema';
import type { RunManifest } from '../shared/schema-types.gen';

/** The manifest of a run folder, or undefined where there is none that can be read. */
export async function readManifest(folder: string): Promise<RunManifest | undefined> {
  try {
    const checked = validator<RunManifest>('run-manifest')(
      JSON.parse(await readFile(path.join(folder, 'run.json'), 'utf8')),
    );
    return checked.valid ? checked.value : undefined;
  } catch {
    return undefined;
  }
}
