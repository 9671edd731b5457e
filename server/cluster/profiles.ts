/** The known clusters: those of the user's settings, those of the workspace's file, and this machine itself. */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { ErrorObject } from 'ajv';
import { isCode, messageOf, UserError } from '../errors';
import { destinationProblem } from './ssh/destination';
import { DEFAULT_POLL_SECONDS } from '../shared/defaults';
import type { ClusterProfile } from '../shared/protocol';
import { schedulerHere } from '../scheduler-here';
import { readSchema, schemaErrors } from '../schema';
import { directiveProblems } from '../jobs/extra-directives';
import { askedFor, engineOnLsf, optionProblems, type AskedFor } from '../jobs/job-options';
import type { SchedulerName } from '../shared/scheduler-name';
import { didYouMean } from '../suggest';
import { partAt, propertiesAt } from '../schema-part';
import type { YamlLanguage } from '../yaml-assist';
import { type Range, type Span, YamlText } from '../yaml-text';
import { workspaceFile, type WorkspaceFile } from './allowance';

/** Where a workspace keeps its clusters. */
export const CLUSTERS_FILE = path.join('.edm-workbench', 'clusters.yaml');
/** Name of the cluster that this machine is a login node of. */
const THIS_MACHINE = 'this-machine';

/** Keys of a profile that name a host. */
const HOST_KEYS = ['host', 'via', 'transfer_host'] as const;

/** Whether a path or a URI is that of a workspace's list of clusters. */
export function isClustersFile(file: string): boolean {
  return file.replaceAll('\\', '/').endsWith('/.edm-workbench/clusters.yaml');
}

/** What is wrong with the name of a file that is meant as a list of clusters; undefined for any other file. */
export function clustersNameProblem(file: string): ProfileProblem | undefined {
  if (!/[\\/]\.edm-workbench[\\/]clusters?\.ya?ml$/i.test(file) || isClustersFile(file)) return undefined;
  const start = { line: 0, character: 0 };
  const message = 'Not the list of clusters: name it clusters.yaml, as files of any other name are not read';
  return { id: 'clusters-name', message, range: { start, end: start } };
}

/** A problem in a list of clusters; a list with a problem is not used at all. */
export interface ProfileProblem {
  /** Stable name of the rule. */
  id: string;
  message: string;
  /** Where it is in the file; absent for settings. */
  range?: Range;
  /** Text that would repair it, to stand in place of `range`. */
  replacement?: string;
  /** `error` unless given: only that keeps a list from being used. */
  severity?: 'warning';
}

/** Most problems of a list that are shown: each is looked for in the text. */
const MAX_PROBLEMS = 100;

/** Profiles in their order, or the problems. */
export interface ReadProfiles {
  profiles: ClusterProfile[];
  problems: ProfileProblem[];
}

/** Reads the text of a clusters.yaml. Never throws. */
export function readProfiles(text: string): ReadProfiles {
  const yaml = new YamlText(text);
  if (yaml.problems.length > 0) {
    const faults = yaml.problems.slice(0, MAX_PROBLEMS);
    const problems = faults.map(({ message, ...span }) => ({ id: 'yaml', message, range: yaml.range(span) }));
    return { profiles: [], problems };
  }
  const { profiles, problems } = checkProfiles(yaml.value);
  const placed = problems.slice(0, MAX_PROBLEMS).map(({ where, part, within, ...problem }) => {
    const range = within ? yaml.rangeWithin(where, within.text, within) : yaml.rangeAt(where, part ?? 'key');
    return { ...problem, range };
  });
  placed.sort(({ range: { start: a } }, { range: { start: b } }) => a.line - b.line || a.character - b.character);
  return { profiles, problems: placed };
}

/** Checks the value of the setting: a list of profiles. */
export function settingsProfiles(list: unknown): ReadProfiles {
  const { profiles, problems } = checkProfiles({ clusters: list ?? [] });
  return { profiles, problems: problems.filter(isError).map(({ id, message }) => ({ id, message })) };
}

/** A problem that is not yet placed: `where` are keys and indices, `part` what of it is meant, the key unless given. */
type Unplaced = Omit<ProfileProblem, 'range'> & {
  where: string[];
  part?: 'key' | 'value';
  /** The part of the value that is meant, which is this text. */
  within?: Span & { text: string };
};

function checkProfiles(value: unknown): { profiles: ClusterProfile[]; problems: Unplaced[] } {
  const problems = schemaErrors('clusters', value).map((error) => explain(error, value));
  if (problems.length > 0) return { profiles: [], problems };
  const profiles = (value as { clusters: ClusterProfile[] }).clusters;
  const seen = new Set<string>();
  profiles.forEach((profile, index) => {
    const { name, host, local } = profile;
    const at = (key: string): Pick<Unplaced, 'where' | 'part'> => {
      return { where: ['clusters', String(index), key], part: 'value' };
    };
    for (const key of HOST_KEYS) {
      const problem = profile[key] === undefined ? undefined : destinationProblem(profile[key]);
      if (problem !== undefined)
        problems.push({ id: 'cluster-host', message: `${key} of cluster "${name}": ${problem}`, ...at(key) });
    }
    if (seen.has(name))
      problems.push({ id: 'same-cluster', message: `There are two clusters named "${name}"`, ...at('name') });
    if (!host && !local) {
      const message = `Cluster "${name}" needs a host (an alias of your ssh configuration), or local: true`;
      problems.push({ id: 'cluster-host', message, ...at('name') });
    }
    seen.add(name);
    problems.push(...jobProblems(profile, ['clusters', String(index)]));
  });
  return { profiles: problems.some(isError) ? [] : profiles, problems };
}

const isError = ({ severity }: { severity?: 'warning' }): boolean => severity === undefined;

/** What is wrong with the options of jobs: the profile's own, and for each engine those that it adds. */
function jobProblems(profile: ClusterProfile, where: string[]): Unplaced[] {
  const { scheduler = 'auto', engines = {} } = profile;
  const known = scheduler === 'auto' ? undefined : scheduler;
  const problems = problemsOf(askedFor(profile), where, known);
  for (const engine of ['edm', 'workbench'] as const) {
    const own = engines[engine];
    if (!own) continue;
    const asked = { ...askedFor(profile, own), extra_directives: own.extra_directives };
    const found = problemsOf(asked, [...where, 'engines', engine], known);
    // What the profile itself has is told there.
    problems.push(...found.filter(({ where: [, , , , key = ''] }) => Object.hasOwn(own, key)));
  }
  const unusable = known === 'lsf' ? engineOnLsf(profile) : undefined;
  if (unusable !== undefined)
    problems.push({ id: 'job-option', message: unusable, where: [...where, 'container_engine'], part: 'value' });
  return problems;
}

function problemsOf(asked: AskedFor, where: string[], scheduler: SchedulerName | undefined): Unplaced[] {
  const { extra_directives: entries = [] } = asked;
  return [
    ...optionProblems(asked, scheduler).map(({ key, message }): Unplaced => {
      return { id: 'job-option', message, where: [...where, key], part: 'value' };
    }),
    ...directiveProblems(asked, scheduler).map(({ index, from, to, severity, ...problem }): Unplaced => {
      const place = {
        where: [...where, 'extra_directives', String(index)],
        within: { text: entries[index] ?? '', from, to },
      };
      return { ...problem, ...place, ...(severity === 'warning' && { severity }) };
    }),
  ];
}

function explain(error: ErrorObject, value: unknown): Unplaced {
  const where = error.instancePath.split('/').slice(1);
  const name = where.filter((part, depth) => !/^\d+$/.test(part) && depth > 0).join('.');
  const params = error.params as Record<string, unknown>;
  const bad = { id: 'bad-value', where, part: 'value' } as const;
  switch (error.keyword) {
    case 'additionalProperties': {
      const unknown = String(params.additionalProperty);
      const hint = didYouMean(unknown, Object.keys(propertiesAt(readSchema('clusters'), where)));
      const message = `Unknown key "${unknown}"${hint ? `: did you mean "${hint}"?` : ''}`;
      return {
        id: 'unknown-key',
        message,
        where: [...where, unknown],
        ...(hint !== undefined && { replacement: hint }),
      };
    }
    case 'required':
      return { id: 'missing-key', message: `"${String(params.missingProperty)}" is missing`, where };
    case 'enum': {
      const allowed = params.allowedValues as string[];
      const given = where.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);
      const hint = didYouMean(String(given), allowed);
      const message = `${name} must be one of ${allowed.join(', ')}`;
      return { ...bad, message, ...(hint !== undefined && { replacement: hint }) };
    }
    case 'minimum':
      return {
        ...bad,
        message: `${name} must be at least ${String(params.limit)}`,
        replacement: String(params.limit),
      };
    case 'pattern':
      return { ...bad, message: patternText(name, where) };
    default:
      return { ...bad, message: `${name || 'The list of clusters'} ${error.message ?? 'is not valid'}` };
  }
}

function patternText(name: string, where: readonly string[]): string {
  if (name === 'name') return 'name may have letters, digits, ".", "_" and "-"';
  const { description } = partAt(readSchema('clusters'), where) ?? {};
  return `${name} is not valid${description === undefined ? '' : `: ${description}`}`;
}

/** A clusters.yaml as a language of the editor. @param rules ids of the rules that can be switched off */
export function clustersLanguage(rules: readonly string[] = []): YamlLanguage {
  return {
    schema: readSchema('clusters'),
    valuesOf: (path) => (path.at(-2) === 'disabled_rules' ? rules : []),
  };
}

/** What `loadProfiles` found. */
export interface LoadedProfiles {
  profiles: ClusterProfile[];
  /** One line each, with file and line. */
  problems: string[];
  /** Whether every list could be read: otherwise there may be clusters that are not known. */
  isWhole: boolean;
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
  const isWhole = problems.length === 0;
  const isOwn = ({ name }: ClusterProfile): boolean => own.profiles.some((one) => one.name === name);
  for (const { name } of read?.profiles.filter(isOwn) ?? [])
    problems.push(
      `${CLUSTERS_FILE}: "${name}" is in your settings too, and your own is used: give one of them another name`,
    );
  const others = read?.profiles.filter((one) => !isOwn(one)) ?? [];
  const profiles = [...others, ...own.profiles];
  if (!profiles.some(({ local }) => local)) {
    const scheduler = schedulerHere(options.environment)?.name;
    if (scheduler && !profiles.some(({ name }) => name === THIS_MACHINE))
      profiles.push({ name: THIS_MACHINE, local: true, scheduler });
  }
  return {
    profiles,
    problems,
    isWhole,
    ...(read && { workspace: await workspaceFile(read.file, read.bytes, others) }),
  };
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
    problems.push(
      ...read.problems.filter(isError).map((problem) => `${CLUSTERS_FILE}:${lineOf(problem)}: ${problem.message}`),
    );
    return { file, bytes, profiles: read.profiles };
  } catch (error) {
    if (!isCode(error, 'ENOENT') && !isCode(error, 'ENOTDIR'))
      problems.push(`Cannot read ${file}: ${messageOf(error)}`);
    return undefined;
  }
}

/** Line of a problem, from 1. */
export function lineOf({ range }: ProfileProblem): number {
  return (range?.start.line ?? 0) + 1;
}

/**
 * Names of the clusters that the clusters.yaml of some folders list, and of this machine where it is one.
 * @returns undefined where no folder has such a file, or one cannot be read: what is not in it is not known either
 */
export async function clusterNames(folders: readonly string[]): Promise<string[] | undefined> {
  const loads = await Promise.all([...new Set(folders)].map((folder) => loadProfiles({ folder })));
  if (!loads.some(({ workspace }) => workspace) || loads.some(({ isWhole }) => !isWhole)) return undefined;
  const written = loads.flatMap(({ workspace }) => workspace?.profiles ?? []);
  return [...new Set([...written, ...loads.flatMap(({ profiles }) => profiles)].map(({ name }) => name))];
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
  return Math.max(profile.poll_seconds ?? DEFAULT_POLL_SECONDS, 10);
}

/** Seconds for which the results of ended jobs are looked for. */
export function patienceSeconds({ patience_seconds }: ClusterProfile): number {
  return patience_seconds ?? 180;
}

/** The cluster of scripts that name none: the only one in the file and the settings, or else this machine. */
export function defaultCluster(profiles: readonly ClusterProfile[]): ClusterProfile | undefined {
  const written = profiles.filter(({ name }) => name !== THIS_MACHINE);
  const [only, another] = written.length > 0 ? written : profiles;
  return another ? undefined : only;
}
