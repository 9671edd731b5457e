/** What a run is of: a config and a commit, read once and together, before anything that takes time. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { canonicalFile } from '../canonical-path';
import { UserError } from '../errors';
import { codeVersion, repositoryRoot } from '../git';
import { STATE_FOLDER } from '../history/history-store';
import { wayTo } from '../shared/places';
import type { CodeVersion, RunConfig } from '../shared/schema-types.gen';
import { CONFIG_SUFFIX, readConfig } from './config';
import { reasonOf } from '../system-error';
import { checkFiles } from './diagnose';
import { withLevels } from './levels-file';
import { checkOutdir, outdirInside, outdirOf } from './outdir';

/** A run config without a problem, as it was read. */
export interface ConfigFile {
  /** Absolute path. */
  file: string;
  /** Its content when it was read. */
  text: string;
  config: RunConfig;
  /** The config's `name`, or the file's name without its ending. */
  name: string;
}

/** A config and the commit that was checked out when it was read. Everything downstream takes this value. */
export interface RunSource extends ConfigFile {
  /** Top of the work tree. */
  root: string;
  /** The config's path relative to `root`, with forward slashes. */
  configFile: string;
  /** Folders relative to `root` whose content is results, not code. */
  outputs: readonly string[];
  code: CodeVersion;
}

/**
 * Reads a config that must be right.
 * @param file path of a `*.edm.yaml`
 * @throws UserError with the first problem and its line
 */
export async function readConfigFile(file: string): Promise<ConfigFile> {
  if (!file.endsWith(CONFIG_SUFFIX))
    throw new UserError(`${file} is not a run config: its name must end in ${CONFIG_SUFFIX}`);
  const text = await readText(file);
  const { config, problems, place } = readConfig(text);
  const all = config ? [...problems, ...(await checkFiles(config, path.dirname(file))).map(place)] : problems;
  const [first, ...others] = all.filter((problem) => problem.severity === 'error' || problem.id === 'no-file');
  if (first || !config) {
    const line = first ? first.range.start.line + 1 : 1;
    const more = others.length > 0 ? ` (and ${others.length} more)` : '';
    throw new UserError(`${file}:${line}: ${first?.message ?? 'is not a run config'}${more}`);
  }
  return {
    file,
    text,
    config: await withLevels(config, path.dirname(file)),
    name: config.name ?? path.basename(file).slice(0, -CONFIG_SUFFIX.length),
  };
}

function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new UserError(`Cannot read ${file}: ${reasonOf(error, 'read')}`);
  });
}

/**
 * Reads a config and the commit it belongs to, before anything is downloaded or imported.
 * @param file absolute path of a `*.edm.yaml`
 * @throws UserError for a config with a problem, a folder outside any repository, a repository without commits
 */
export async function readSource(file: string): Promise<RunSource> {
  const config = await readConfigFile(file);
  const root = await repositoryRoot(path.dirname(file));
  await checkOutdir(config.config.outdir, root);
  const outputs = outputsOf(config.config, root);
  const source: RunSource = {
    ...config,
    root,
    configFile: wayTo(root, canonicalFile(file), path),
    outputs,
    code: await codeVersion(root, outputs),
  };
  // Git takes a moment, long enough for an editor to save and an alias to commit.
  await checkText(source);
  return source;
}

/**
 * Looks again, before the first image: nothing may have moved while inputs were downloaded and imported.
 * @throws UserError naming what changed; nothing was run, and the same command runs what is there now
 */
export async function checkUnchanged(source: RunSource): Promise<void> {
  await checkText(source);
  const { code, root, outputs } = source;
  const now = await codeVersion(root, outputs);
  if (now.commit !== code.commit)
    throw changed(source, `commit ${now.short} was checked out, and the run was of ${code.short}`);
  if (now.dirty !== code.dirty)
    throw changed(source, now.dirty ? 'files were changed without a commit' : 'uncommitted changes were taken back');
}

async function checkText(source: ConfigFile): Promise<void> {
  if ((await readText(source.file)) !== source.text) throw changed(source, `${path.basename(source.file)} was edited`);
}

function changed({ name }: ConfigFile, what: string): UserError {
  return new UserError(
    `While the run of ${name} was being prepared, ${what}: it would be filed under code that it is not of. Run it again`,
    1,
  );
}

/** Folders relative to the repository's top whose content is results, not code. */
function outputsOf({ outdir }: RunConfig, root: string): string[] {
  const inside = outdirInside(outdirOf(outdir, root), root);
  return [STATE_FOLDER, ...(inside === undefined ? [] : [inside])];
}
