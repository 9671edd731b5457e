import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { promisify } from 'node:util';
import { UserError } from './errors';
import type { CodeVersion } from './shared/schema-types.gen';

const run = promisify(execFile);

/**
 * Runs git without a shell and without programs that a repository's configuration could start. Returns its output without
 * trailing whitespace.
 */
export async function git(folder: string, ...args: string[]): Promise<string> {
  return gitWith({}, folder, ...args);
}

/** The same with environment variables, e.g. `GIT_INDEX_FILE`. */
export async function gitWith(environment: NodeJS.ProcessEnv, folder: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(
    'git',
    ['-c', 'core.fsmonitor=false', '-c', 'core.quotePath=false', '-C', folder, ...args],
    {
      maxBuffer: 64 << 20,
      env: { ...process.env, GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C', ...environment },
    },
  );
  return stdout.trimEnd();
}

/**
 * Top folder of the work tree that contains `folder`.
 * @throws UserError if git is missing or `folder` is not in a repository
 */
export async function repositoryRoot(folder: string): Promise<string> {
  try {
    return realpathSync(await git(folder, 'rev-parse', '--show-toplevel'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new UserError('git is not on PATH: install git, as results are tied to commits');
    }
    throw new UserError(
      `${folder} is not in a git repository, and results are tied to commits: run "git init" there, commit the config and run again`,
    );
  }
}

/**
 * The commit that is checked out, and whether the work tree differs from it.
 * @param root top of the work tree
 * @param outputs paths (relative to root) whose changes do not make the tree dirty: the run folders and the history
 * @throws UserError in a repository without commits
 */
export async function codeVersion(root: string, outputs: readonly string[]): Promise<CodeVersion> {
  let line: string;
  try {
    line = await git(root, 'log', '-1', '--format=%H%x00%h%x00%s%x00%an%x00%aI');
  } catch {
    throw new UserError(
      `The repository ${root} has no commit yet, and results are tied to commits: commit the config first ("git add -A && git commit")`,
    );
  }
  const [commit = '', short = '', subject = '', author = '', date = ''] = line.split('\0');
  const excludes = outputs.map((output) => `:(exclude,top,literal)${output}`);
  const [branch, changes] = await Promise.all([
    git(root, 'symbolic-ref', '-q', '--short', 'HEAD').catch(() => ''),
    git(root, 'status', '--porcelain', '--untracked-files=all', '--', ':/', ...excludes),
  ]);
  return { commit, short, dirty: changes !== '', branch, subject, author, date };
}
