/**
 * What `lint` needs schemas for: run configs, lists of clusters, snapshots. A program of its own, loaded only where such a
 * file is named; what it throws is no class of the program that called it.
 */
import path from 'node:path';
import { clusterNames, clustersNameProblem, isClustersFile, readProfiles } from '../cluster/profiles';
import { unknownCluster } from '../runs/checks';
import { CONFIG_SUFFIX, nameProblem, readConfig, type ConfigProblem } from '../runs/config';
import { checkFiles } from '../runs/diagnose';
import { validator } from '../schema';
import type { ClusterSnapshot } from '../shared/schema-types.gen';

/** Checks what a snapshot's file holds. */
export const checkSnapshot = validator<ClusterSnapshot>('cluster-snapshot');

/**
 * Everything wrong with a run config or a list of clusters, or with its name.
 * @param file its path
 * @returns undefined for a file that is neither
 * @throws where the signal is aborted
 */
export async function yamlProblems(
  file: string,
  text: string,
  signal?: AbortSignal,
): Promise<readonly ConfigProblem[] | undefined> {
  const absolute = path.resolve(file);
  if (file.endsWith(CONFIG_SUFFIX)) return configProblems(absolute, text, signal);
  const found = isClustersFile(absolute) ? readProfiles(text).problems : [clustersNameProblem(absolute)];
  const problems = found.filter((problem) => problem !== undefined);
  const misnamed = nameProblem(absolute);
  if (misnamed) return [misnamed];
  if (problems.length === 0 && !isClustersFile(absolute)) return undefined;
  const start = { line: 0, character: 0 };
  return problems.map((problem) => ({ range: { start, end: start }, severity: 'error', ...problem }));
}

async function configProblems(file: string, text: string, signal?: AbortSignal): Promise<readonly ConfigProblem[]> {
  const { config, problems, place } = readConfig(text);
  if (!config) return problems;
  const folder = path.dirname(file);
  const known = config.cluster === undefined ? undefined : await namesBeside(file);
  const more = [...unknownCluster(config, known), ...(await checkFiles(config, folder, signal))];
  return [...problems, ...more.map(place)];
}

/** Names of the clusters that a file can mean: of the lists in its folder and above, and where we are; undefined where none is. */
export function namesBeside(file: string): Promise<string[] | undefined> {
  return clusterNames([...andAbove(path.dirname(path.resolve(file))), process.cwd()]);
}

/** A folder and all that it is in. */
function andAbove(folder: string): string[] {
  const parent = path.dirname(folder);
  return parent === folder ? [folder] : [folder, ...andAbove(parent)];
}
