/** The clusters of a workspace of several folders. */
import path from 'node:path';
import type { ClusterProfile } from '../shared/protocol';
import type { WorkspaceFile } from './allowance';
import { loadProfiles, type LoadedProfiles } from './profiles';

/** Profiles, and where each comes from. */
export interface WorkspaceProfiles extends Pick<LoadedProfiles, 'profiles' | 'problems' | 'isWhole'> {
  /** Folder whose clusters.yaml a profile comes from, by its name; absent for those of the settings and for this machine. */
  folderOf: ReadonlyMap<string, string>;
  /** The files, by folder: nothing of their profiles may be used unless it was allowed. */
  files: ReadonlyMap<string, WorkspaceFile>;
}

/**
 * Reads the clusters of all folders, in their order. Of two clusters of one name the first counts, and the other is told of.
 * @param folders workspace folders; without any, only settings and this machine count
 */
export async function loadWorkspaceProfiles(folders: readonly string[], settings: unknown): Promise<WorkspaceProfiles> {
  const own = await loadProfiles({ settings });
  const loads = await Promise.all(folders.map((folder) => loadProfiles({ folder, settings })));
  const profiles: ClusterProfile[] = [];
  const problems = new Set(own.problems);
  const folderOf = new Map<string, string>();
  const files = new Map<string, WorkspaceFile>();
  for (const [at, loaded] of loads.entries()) {
    const folder = folders[at] ?? '';
    for (const problem of loaded.problems)
      if (!problems.has(problem)) problems.add(folders.length === 1 ? problem : `${path.basename(folder)}: ${problem}`);
    if (loaded.workspace) files.set(folder, loaded.workspace);
    for (const profile of loaded.workspace?.profiles ?? []) {
      const first = folderOf.get(profile.name);
      if (first !== undefined) {
        problems.add(`Two folders name a cluster "${profile.name}": ${first} counts, ${folder} does not`);
        continue;
      }
      profiles.push(profile);
      folderOf.set(profile.name, folder);
    }
  }
  // This machine itself is left out where a folder has a local profile, or one of that name.
  const stays = ({ name }: ClusterProfile): boolean =>
    !folderOf.has(name) && loads.every((loaded) => loaded.profiles.some((other) => other.name === name));
  const isWhole = [own, ...loads].every((loaded) => loaded.isWhole);
  return { profiles: [...profiles, ...own.profiles.filter(stays)], problems: [...problems], isWhole, folderOf, files };
}
