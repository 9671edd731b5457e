/** The run folders that can be looked at from a workspace. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { canonicalPath } from '../canonical-path';
import { repositoryRoot } from '../git';
import { readHistory } from '../history/history-store';
import type { RunEntry } from '../shared/protocol';
import { readManifest } from './manifest';

/** Where runs are made unless a config says otherwise, below the repository's top. */
const RUNS = 'runs';

/**
 * Runs in the `runs/` of the repositories that contain the folders, runs that their histories name, and those given.
 * @param folders workspace folders; one outside a repository is passed over
 * @param found folders that hold a run.json
 * @returns each once, the one changed last first
 */
export async function listRuns(folders: readonly string[], found: readonly string[]): Promise<RunEntry[]> {
  const inRepositories = await Promise.all(folders.map(runsOfRepository));
  const places = new Set([...found, ...inRepositories.flat()].map(canonicalPath));
  const entries = await Promise.all([...places].map(entryOf));
  return entries.filter((entry) => entry !== undefined).sort((a, b) => b.changed.localeCompare(a.changed));
}

async function runsOfRepository(folder: string): Promise<string[]> {
  const root = await repositoryRoot(folder).catch(() => undefined);
  if (root === undefined) return [];
  const { records } = await readHistory(root).catch(() => ({ records: [] }));
  const names = await readdir(path.join(root, RUNS)).catch(() => []);
  return [...names.map((name) => path.join(root, RUNS, name)), ...records.map(({ run }) => path.resolve(root, run))];
}

/** Undefined where there is no run, or not any more. */
async function entryOf(folder: string): Promise<RunEntry | undefined> {
  const manifest = await readManifest(folder);
  const { mtime } = (await stat(path.join(folder, 'run.json')).catch(() => undefined)) ?? {};
  return manifest && mtime && { folder, manifest, changed: mtime.toISOString() };
}
