/** The known clusters: those of the user's settings, those of the workspace's file, and this machine itself. */
import { readFile, stat } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ErrorObject } from 'ajv';
import type { SchedulerName } from '../shared/scheduler-name';
import { isCode, messageOf, UserError } from '../errors';
import { destinationProblem } from './ssh/destination';
import type { ClusterProfile } from '../shared/protocol';
import { readSchema, schemaErrors } from '../schema';
import { didYouMean } from '../suggest';
import { YamlText } from '../yaml-text';
import { workspaceFile, type WorkspaceFile } from './allowance';

/** Where a workspace keeps its clusters. */
export const CLUSTERS_FILE = path.join('.edm-workbench', 'clusters.yaml');
/** Name of the cluster that this machine is a login node of. */
const THIS_MACHINE = 'this-machine';

/** Keys of a profile that name a host. */
const HOST_KEYS = ['host', 'via', 'transfer_host'] as const;

/** A problem in a list of clusters; a list with a problem is not used at all. */
export interface ProfileProblem {
  message: string;
  /** 0-based line of the file; absent for settings. */
  line?: number;
}

/** Profiles in their order, or the problems. */
export interface ReadProfiles {
  profiles: ClusterProfile[];
  problems: ProfileProblem[];
}

/** Reads the text of a clusters.yaml. Never throws. */
export function readProfiles(text: string): ReadProfiles {
  const yaml = new YamlText(text);
  if (yaml.problems.length > 0)
    return {
      profiles: [],
      problems: yaml.problems.map(({ message, from }) => ({ message, line: yaml.place(from).line })),
    };
  const { profiles, problems } = checkProfiles(yaml.value);
  const lineOf = (where: readonly string[]): number => yaml.place(yaml.locate(where, 'key')?.from ?? 0).line;
  return { profiles, problems: problems.map(({ message, where }) => ({ message, line: lineOf(where) })) };
}

/** Checks the value of the setting: a list of profiles. */
export function settingsProfiles(list: unknown): ReadProfiles {
  const { profiles, problems } = checkProfiles({ clusters: list ?? [] });
  return { profiles, problems: problems.map(({ message }) => ({ message })) };
}

function checkProfiles(value: unknown): {
  profiles: ClusterProfile[];
  problems: { message: string; where: string[] }[];
} {
  const problems = schemaErrors('clusters', value).map(explain);
  if (problems.length > 0) return { profiles: [], problems };
  const profiles = (value as { clusters: ClusterProfile[] }).clusters;
  const seen = new Set<string>();
  profiles.forEach((profile, index) => {
    const { name, host, local } = profile;
    const where = ['clusters', String(index), 'name'];
    for (const key of HOST_KEYS) {
      const problem = profile[key] === undefined ? undefined : destinationProblem(profile[key]);
      if (problem !== undefined)
        problems.push({ message: `${key} of cluster "${name}": ${problem}`, where: ['clusters', String(index), key] });
    }
    if (seen.has(name)) problems.push({ message: `There are two clusters named "${name}"`, where });
    if (!host && !local)
      problems.push({
        message: `Cluster "${name}" needs a host (an alias of your ssh configuration), or local: true`,
        where,
      });
    seen.add(name);
  });
  return { profiles: problems.length > 0 ? [] : profiles, problems };
}

function explain(error: ErrorObject): { message: string; where: string[] } {
  const where = error.instancePath.split('/').slice(1);
  const name = where.filter((part) => !/^\d+$/.test(part) && part !== 'clusters').join('.');
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case 'additionalProperties': {
      const unknown = String(params.additionalProperty);
      const hint = didYouMean(unknown, profileKeys());
      return {
        message: `Unknown key "${unknown}"${hint ? `: did you mean "${hint}"?` : ''}`,
        where: [...where, unknown],
      };
    }
    case 'required':
      return { message: `"${String(params.missingProperty)}" is missing`, where };
    case 'enum':
      return { message: `${name} must be one of ${(params.allowedValues as string[]).join(', ')}`, where };
    case 'pattern':
      return { message: `${name} may have letters, digits, ".", "_" and "-"`, where };
    default:
      return { message: `${name || 'The list of clusters'} ${error.message ?? 'is not valid'}`, where };
  }
}

function profileKeys(): string[] {
  const { definitions } = readSchema('clusters') as { definitions: { profile: { properties: object } } };
  return Object.keys(definitions.profile.properties);
}

/** What `loadProfiles` found. */
export interface LoadedProfiles {
  profiles: ClusterProfile[];
  /** One line each, with file and line. */
  problems: string[];
  /** The workspace's file where there is one: nothing of its profiles may be used unless it was allowed. */
  workspace?: WorkspaceFile;
}

/**
 * All clusters. Of the same name, the user's own in the settings wins over the workspace's, which came with a repository.
 * This machine comes last, if it has a scheduler and no profile says `local`.
 * @param options.folder workspace folder; without it only settings and this machine count
 */
export async function loadProfiles(options: {
  folder?: string;
  settings?: unknown;
  environment?: NodeJS.ProcessEnv;
}): Promise<LoadedProfiles> {
  const own = settingsProfiles(options.settings);
  const problems = own.problems.map(({ message }) => `Setting edmWorkbench.clusters: ${message}`);
  const read = options.folder === undefined ? undefined : await readWorkspace(options.folder, problems);
  const isOwn = ({ name }: ClusterProfile): boolean => own.profiles.some((one) => one.name === name);
  for (const { name } of read?.profiles.filter(isOwn) ?? [])
    problems.push(
      `${CLUSTERS_FILE}: "${name}" is in your settings too, and your own is used: give one of them another name`,
    );
  const others = read?.profiles.filter((one) => !isOwn(one)) ?? [];
  const profiles = [...others, ...own.profiles];
  if (!profiles.some(({ local }) => local)) {
    const scheduler = schedulerHere(options.environment ?? process.env);
    if (scheduler && !profiles.some(({ name }) => name === THIS_MACHINE))
      profiles.push({ name: THIS_MACHINE, local: true, scheduler });
  }
  return { profiles, problems, ...(read && { workspace: await workspaceFile(read.file, read.bytes, others) }) };
}

/** The largest file of clusters that is read, in bytes. */
const LARGEST_FILE = 1 << 20;

/** The workspace's file; undefined where there is none that can be read. @param problems gets what is wrong with it */
async function readWorkspace(
  folder: string,
  problems: string[],
): Promise<{ file: string; bytes: Buffer; profiles: ClusterProfile[] } | undefined> {
  const file = path.join(folder, CLUSTERS_FILE);
  try {
    const facts = await stat(file);
    if (!facts.isFile() || facts.size > LARGEST_FILE) {
      problems.push(`Cannot read ${file}: it is not a file of at most 1 MiB`);
      return undefined;
    }
    const bytes = await readFile(file);
    const read = readProfiles(bytes.toString());
    problems.push(...read.problems.map(({ message, line }) => `${CLUSTERS_FILE}:${(line ?? 0) + 1}: ${message}`));
    return { file, bytes, profiles: read.profiles };
  } catch (error) {
    if (!isCode(error, 'ENOENT') && !isCode(error, 'ENOTDIR'))
      problems.push(`Cannot read ${file}: ${messageOf(error)}`);
    return undefined;
  }
}

/** The scheduler whose submit command is on PATH of this machine. */
function schedulerHere(environment: NodeJS.ProcessEnv): SchedulerName | undefined {
  const folders = (environment.PATH ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  const has = (program: string): boolean => folders.some((folder) => existsSync(path.join(folder, program)));
  return has('sbatch') ? 'slurm' : has('bsub') ? 'lsf' : undefined;
}

/** The profile of a name. @throws UserError that lists the known names */
export function profileNamed(loaded: LoadedProfiles, name: string): ClusterProfile {
  const found = loaded.profiles.find((profile) => profile.name === name);
  if (found) return found;
  const names = loaded.profiles.map((profile) => profile.name);
  const hint = didYouMean(name, names);
  const known = names.length > 0 ? `the known clusters are ${names.join(', ')}` : `add it to ${CLUSTERS_FILE}`;
  const why = loaded.problems.length > 0 ? ` (${loaded.problems.join('; ')})` : '';
  throw new UserError(`No cluster is named "${name}"${hint ? `: did you mean "${hint}"?` : `: ${known}`}${why}`);
}

/** Seconds between two questions to the scheduler, at least 10. */
export function pollSeconds(profile: ClusterProfile): number {
  return Math.max(profile.poll_seconds ?? 15, 10);
}

/** The cluster of scripts that name none: the only one in the file and the settings, or else this machine. */
export function defaultCluster(profiles: readonly ClusterProfile[]): ClusterProfile | undefined {
  const written = profiles.filter(({ name }) => name !== THIS_MACHINE);
  const [only, another] = written.length > 0 ? written : profiles;
  return another ? undefined : only;
}
