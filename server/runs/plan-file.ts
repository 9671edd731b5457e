/** A plan in a run folder, for a machine that has neither the repository nor the config: a compute node. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors';
import { jsonOf } from './folder';
import type { RunPlan } from './plan';

/** Name of the file. */
export const PLAN_FILE = 'plan.json';

/** A plan, and what belongs to its dispatch alone. */
export interface StoredPlan {
  version: 1;
  /** Number of tasks that the run is divided among. */
  tasks: number;
  /** Cluster that it runs on. */
  cluster: string;
  /** Token of the dispatch. */
  dispatch: string;
  /** With paths of that machine. */
  plan: RunPlan;
}

/** The file's text. */
export function planText(stored: StoredPlan): string {
  return `${jsonOf(stored)}\n`;
}

/**
 * The plan of a run folder.
 * @throws UserError where there is none, or one of another version
 */
export async function readPlan(folder: string): Promise<StoredPlan> {
  const file = path.join(folder, PLAN_FILE);
  const text = await readFile(file, 'utf8').catch(() => {
    throw new UserError(`Cannot read ${file}: is ${folder} the run folder of a submitted run?`);
  });
  const infinite = (_key: string, value: unknown): unknown => (value === '.inf' ? Infinity : value);
  const stored = JSON.parse(text, infinite) as StoredPlan;
  if (stored.version !== 1)
    throw new UserError(`${file} was written by another version of the workbench: submit again`);
  return stored;
}
