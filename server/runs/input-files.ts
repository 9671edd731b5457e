/** Files that a run config can name, as they lie around it. */
import { readdirSync, type Dirent } from 'node:fs';
import path from 'node:path';
import { wayTo } from '../shared/places';
import type { Role } from './input';

/** Endings of the files that can stand for each role. */
const ENDINGS: Readonly<Record<Role, RegExp>> = {
  network: /\.(?:pkl|pt|safetensors|onnx)$/i,
  detector: /\.(?:pth|pt|pkl|onnx)$/i,
  reference: /\.npz$/i,
};

/** Entries of folders that are looked at, and folders below each other: a data set may have millions of files. */
const MOST_ENTRIES = 5000;
const MOST_DEPTH = 4;
/** Folders with nothing to name: those of tools, and hidden ones. */
const SKIPPED = /^(?:\..*|node_modules|__pycache__|venv|images)$/;

/** Names of the files of one folder that can stand for a role; none where it cannot be read. */
export function namesFor(role: Role, folder: string): string[] {
  return entriesOf(folder)
    .filter((entry) => entry.isFile() && ENDINGS[role].test(entry.name))
    .map(({ name }) => name);
}

/**
 * Files in and below a config's folder, and in the top of the project, that can stand for a role.
 * @param base folder of the config
 * @param top folder of the project, above or equal to `base`
 * @returns paths relative to `base`, with forward slashes, those that are nearest first
 */
export function filesFor(role: Role, base: string, top = base): string[] {
  const budget = { left: MOST_ENTRIES };
  const found = new Set<string>();
  for (const root of new Set([base, top]))
    below(root, MOST_DEPTH, budget, (file) => {
      if (ENDINGS[role].test(file)) found.add(wayTo(base, file, path));
    });
  const distance = (file: string): number => file.split('/').length;
  return [...found].sort((a, b) => distance(a) - distance(b) || (a < b ? -1 : 1));
}

/** Folders in the top of a project that may hold runs: `runs` first, as the default is, whether it is there or not. */
export function foldersFor(top: string): string[] {
  const folders = entriesOf(top).filter((entry) => entry.isDirectory() && !SKIPPED.test(entry.name));
  return [...new Set(['runs', ...folders.map(({ name }) => name).sort()])];
}

function below(folder: string, depth: number, budget: { left: number }, take: (file: string) => void): void {
  if (depth === 0) return;
  const folders: string[] = [];
  for (const entry of entriesOf(folder)) {
    if (budget.left-- <= 0) return;
    const file = path.join(folder, entry.name);
    // Links are not followed: they may lead in a circle, or away.
    if (entry.isFile()) take(file);
    else if (entry.isDirectory() && !SKIPPED.test(entry.name)) folders.push(file);
  }
  for (const one of folders) below(one, depth - 1, budget, take);
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
