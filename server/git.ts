/** What a run asks git: the repository, its commit, and whether the work tree differs from it. */
import { lstatSync } from 'node:fs';
import { copyFile, mkdtemp, stat, utimes } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { canonicalPath } from './canonical-path';
import { isBelow } from './containment';
import { isCode, UserError } from './errors';
import { removeTree } from './held-file';
import { git, GitError, gitWith } from './git-process';
import { hasNoCommit, refusalOf } from './git-refusals';
import type { CodeVersion } from './shared/schema-types.gen';

/**
 * Top folder of the work tree that contains `folder`, in its canonical form.
 * @throws UserError if git is missing, refuses the repository, or `folder` is not in one
 */
export async function repositoryRoot(folder: string): Promise<string> {
  let root: string;
  try {
    root = canonicalPath(await git(folder, 'rev-parse', '--show-toplevel'));
  } catch (error) {
    if (!(error instanceof GitError) || error.code === 'ENOENT') throw error;
    throw refusalOf(folder, error);
  }
  if (!isBelow(root, canonicalPath(folder))) {
    throw new UserError(
      `The git settings of ${folder} name another work tree, ${root}: remove core.worktree there, or work in that folder`,
    );
  }
  return root;
}

/** `git log` prints this format and nothing else. */
const FORMAT = ['--no-show-signature', '--no-notes', '--no-decorate', '--no-color', '--no-patch', '--encoding=UTF-8'];
const HASH = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/**
 * The commit that is checked out.
 * @param root top of the work tree
 * @throws UserError in a repository without commits
 */
export async function headOf(root: string): Promise<Omit<CodeVersion, 'dirty'>> {
  let line: string;
  try {
    line = await git(root, 'log', '-1', ...FORMAT, '--format=%H%x00%h%x00%s%x00%an%x00%aI', 'HEAD', '--');
  } catch (error) {
    if (!(error instanceof GitError) || error.code === 'ENOENT') throw error;
    if (!hasNoCommit(error)) throw refusalOf(root, error);
    throw new UserError(
      `The repository ${root} has no commit yet, and results are tied to commits: commit the config first ("git add -A && git commit")`,
    );
  }
  const [commit = '', short = '', subject = '', author = '', date = ''] = line.split('\0');
  if (!HASH.test(commit) || !commit.startsWith(short)) {
    throw new UserError(`git in ${root} does not name the commit that is checked out, but "${line.slice(0, 80)}"`);
  }
  const branch = await git(root, 'symbolic-ref', '-q', '--short', 'HEAD').catch(() => '');
  return { commit, short, branch, subject, author, date };
}

/**
 * The commit that is checked out, and whether the work tree differs from it.
 * @param root top of the work tree
 * @param outputs paths (relative to root) whose changes do not make the tree dirty: the run folders and the history
 * @throws UserError in a repository without commits
 */
export async function codeVersion(root: string, outputs: readonly string[]): Promise<CodeVersion> {
  const { commit, short, ...rest } = await headOf(root);
  return { commit, short, dirty: (await changedPaths(root, outputs)).length > 0, ...rest };
}

/** Pathspecs for everything in the work tree but `outputs`. */
export function pathsWithout(outputs: readonly string[]): string[] {
  return [':/', ...outputs.map((output) => `:(exclude,top,literal)${output}`)];
}

/**
 * The files of a work tree that differ from its commit, and those that git neither tracks nor ignores, relative to
 * `root`. Files that the index only claims to be unchanged are looked at, and so is the inside of submodules, whatever
 * the settings say.
 */
export async function changedPaths(root: string, outputs: readonly string[]): Promise<string[]> {
  const entries = await indexEntries(root);
  const status = (environment: NodeJS.ProcessEnv): Promise<string> =>
    gitWith(
      { environment },
      root,
      ...['status', '--porcelain', '-z', '--untracked-files=all', '--ignore-submodules=dirty', '--no-renames'],
      '--',
      ...pathsWithout(outputs),
    );
  const changed = trustedAmong(root, entries).length > 0 ? await withScratchIndex(root, status) : await status({});
  const found = changed.split('\0').flatMap((entry) => (entry === '' ? [] : [entry.slice(3)]));
  for (const { mode, name } of entries) {
    const isOutput = outputs.some((output) => name === output || name.startsWith(`${output}/`));
    if (mode !== '160000' || isOutput || found.includes(name)) continue;
    const submodule = path.join(root, name);
    // Their settings are their own: git would start what these name.
    if (kindOf(root, name) !== 'folder' || kindOf(submodule, '.git') === undefined) continue;
    if ((await changedPaths(submodule, [])).length > 0) found.push(name);
  }
  return found;
}

/** An entry of the index: its tag as `git ls-files -v` prints it, its mode, its path, and all but the tag as a line. */
interface IndexEntry {
  tag: string;
  mode: string;
  name: string;
  line: string;
}

async function indexEntries(root: string): Promise<IndexEntry[]> {
  const list = await git(root, 'ls-files', '-z', '-v', '-s');
  return list.split('\0').flatMap((entry) => {
    const [, tag, mode, name] = /^(\S) (\d+) \S+ \d\t(.*)$/s.exec(entry) ?? [];
    return tag && mode && name ? [{ tag, mode, name, line: entry.slice(2) }] : [];
  });
}

function kindOf(folder: string, name: string): 'folder' | 'other' | undefined {
  const found = lstatSync(path.join(folder, name), { throwIfNoEntry: false });
  return found && (found.isDirectory() ? 'folder' : 'other');
}

/** Entries whose files git does not look at, since somebody has told it so; files that are not checked out aside. */
function trustedAmong(root: string, entries: readonly IndexEntry[]): IndexEntry[] {
  return entries.filter(({ tag, name }) => /^[a-zS]$/.test(tag) && kindOf(root, name) !== undefined);
}

/**
 * Calls git with a copy of the index, which spares it reading unchanged files again, but takes no file for unchanged
 * without looking. The repository's own index stays as it is.
 */
export async function withScratchIndex<T>(
  root: string,
  call: (environment: NodeJS.ProcessEnv) => Promise<T>,
): Promise<T> {
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'edm-workbench-index-'));
  try {
    const index = path.join(scratch, 'index');
    const environment = { GIT_INDEX_FILE: index };
    await copyIndex(path.resolve(root, await git(root, 'rev-parse', '--git-path', 'index')), index);
    // Entered anew, without size and time: those of the changed file may stand there beside the old content.
    const input = trustedAmong(root, await indexEntries(root))
      .map(({ line }) => `${line}\0`)
      .join('');
    if (input) await gitWith({ environment, input }, root, 'update-index', '-z', '--index-info');
    return await call(environment);
  } finally {
    await removeTree(scratch);
  }
}

async function copyIndex(from: string, to: string): Promise<void> {
  const times = await stat(from).catch((error: unknown) => {
    if (!isCode(error, 'ENOENT')) throw error;
  });
  if (!times) return;
  await copyFile(from, to);
  // Git reads a file again that may have changed after the index was written: a younger copy would hide that.
  const whole = Math.floor(times.mtimeMs) / 1000;
  await utimes(to, whole, whole);
}
