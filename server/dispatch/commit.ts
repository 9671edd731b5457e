/** The commit of a run on a cluster: the one checked out, or one with the uncommitted changes. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors';
import { changedPaths, codeVersion, pathsWithout, withScratchIndex } from '../git';
import { filterDrivers, git, gitWith } from '../git-process';
import type { DirtyChoice } from './dirty-choice';
import type { RunSource } from '../runs/source';
import type { CodeVersion } from '../shared/schema-types.gen';

/** The code of one run. */
export interface CommitToRun {
  /** As the record has it: for a dirty tree, the commit below the changes and `dirty`. */
  code: CodeVersion;
  /** What is checked out on the cluster: `code.commit`, or a commit on top of it that is on no branch. */
  checkout: string;
  /** The uncommitted changes, as `git diff --binary` prints them; absent for a clean tree. */
  diff?: string;
  /** What is not sent with a commit, one sentence each. */
  notes: string[];
}

/** The user has to decide about uncommitted changes. */
export class DirtyTreeError extends UserError {
  /** @param what e.g. `generate.py is not committed` */
  constructor(readonly what: string) {
    super(
      `${what}: commit first, let the workbench commit (--dirty commit), or run the tree as it is, marked dirty (--dirty keep)`,
    );
  }
}

/** Total bytes of untracked files that `keep` may include. */
const MAX_UNTRACKED = 100e6;

/**
 * The commit to run; it is made first if the user wants that.
 * @param source the work tree and its commit as it was read
 * @param choice what to do if the tree is dirty: `commit` makes an ordinary commit of everything that is not ignored;
 *   `keep` makes a commit that changes neither branch nor index, the same one for the same content
 * @param purpose ends the commit's subject, e.g. `garments on rysy`
 * @throws UserError for `refuse`, naming files; if git refuses the commit; if untracked files are large
 */
export async function commitToRun(
  { root, outputs, code }: Pick<RunSource, 'root' | 'outputs' | 'code'>,
  choice: DirtyChoice,
  purpose: string,
): Promise<CommitToRun> {
  const clean = async (version: CodeVersion): Promise<CommitToRun> => ({
    code: version,
    checkout: version.commit,
    notes: await notShipped(root, version.commit),
  });
  if (!code.dirty) return clean(code);
  const paths = pathsWithout(outputs);
  const changed = await changedPaths(root, outputs);
  const filtered = await filteredAmong(root, changed);
  if (choice === 'refuse') throw new DirtyTreeError(notCommitted(changed, filtered));
  if (filtered.length > 0) {
    throw new UserError(
      `${named(filtered)} ${are(filtered)} changed, and a git filter stands between the file and its commit, which the workbench does not run: commit with git itself, then submit again`,
    );
  }
  switch (choice) {
    case 'commit': {
      await git(root, 'add', '--all', '--', ...paths);
      await git(root, 'commit', '--quiet', '--message', `Before running ${purpose}`);
      const left = await changedPaths(root, outputs);
      if (left.length === 0) return clean(await codeVersion(root, outputs));
      throw new UserError(
        `After the commit of ${root}, ${named(left)} still ${left.length === 1 ? 'differs' : 'differ'} from it: commit with git itself, then submit again`,
      );
    }
    case 'keep': {
      const checkout = await snapshot(root, code, paths);
      const format = ['-p', '--binary', '--no-ext-diff', '--no-textconv', '--no-color', '--find-renames'];
      const prefixes = ['--src-prefix=a/', '--dst-prefix=b/', '--submodule=short'];
      const diff = await git(root, 'diff-tree', ...format, ...prefixes, code.commit, checkout);
      return { code, checkout, diff: `${diff}\n`, notes: await notShipped(root, checkout) };
    }
  }
}

/**
 * Looks whether the commit that will run holds the config as it was read: an editor may have saved in between, which the
 * commit then has and the plan has not. A config that git ignores is in no commit, and only its text counts.
 * @param checkout the commit
 * @throws UserError where they differ
 */
export async function checkCommitted(
  { root, configFile, text }: Pick<RunSource, 'root' | 'configFile' | 'text'>,
  checkout: string,
): Promise<void> {
  const committed = await git(root, 'cat-file', 'blob', `${checkout}:${configFile}`).catch(() => undefined);
  const plain = (some: string): string => some.replaceAll('\r\n', '\n').replace(/\n$/, '');
  if (committed === undefined || plain(committed) === plain(text)) return;
  throw new UserError(
    `${configFile} in commit ${checkout.slice(0, 10)} is not the text that was read, so it was edited in between: submit again`,
    1,
  );
}

/** Those of some files that a filter of git, such as git LFS, changes on their way into a commit. */
async function filteredAmong(root: string, files: readonly string[]): Promise<string[]> {
  const drivers = await filterDrivers(root);
  if (drivers.length === 0 || files.length === 0) return [];
  const input = files.map((file) => `${file}\0`).join('');
  const answer = await gitWith({ input }, root, 'check-attr', '-z', '--stdin', 'filter');
  // Triples: file, attribute, value.
  const words = answer.split('\0');
  return files.filter((_, index) => drivers.includes(words[3 * index + 2] ?? ''));
}

function notCommitted(changed: readonly string[], filtered: readonly string[]): string {
  const what = `${named(changed)} ${are(changed)} not committed`;
  if (filtered.length === 0) return what;
  return `${what} (${named(filtered)} ${are(filtered)} under a git filter, which is not run here: where "git status" shows no change, running it once settles that)`;
}

function are(names: readonly string[]): string {
  return names.length === 1 ? 'is' : 'are';
}

/** A commit of the work tree as it is, on top of HEAD; neither index nor branch changes. */
async function snapshot(root: string, head: CodeVersion, paths: readonly string[]): Promise<string> {
  await refuseLargeUntracked(root, paths);
  const who = { NAME: 'EDM Workbench', EMAIL: 'edm-workbench@localhost', DATE: head.date };
  const identity = Object.fromEntries(
    ['AUTHOR', 'COMMITTER'].flatMap((role) => Object.entries(who).map(([key, value]) => [`GIT_${role}_${key}`, value])),
  );
  return withScratchIndex(root, async (index) => {
    const environment = { ...index, ...identity };
    await gitWith({ environment }, root, 'add', '--all', '--', ...paths);
    const tree = await gitWith({ environment }, root, 'write-tree');
    const subject = `Uncommitted changes on ${head.short}`;
    return gitWith({ environment }, root, 'commit-tree', tree, '-p', head.commit, '-m', subject);
  });
}

async function refuseLargeUntracked(root: string, paths: readonly string[]): Promise<void> {
  const list = await git(root, 'ls-files', '--others', '--exclude-standard', '-z', '--', ...paths);
  const sizes = await Promise.all(
    list
      .split('\0')
      .filter(Boolean)
      .map(async (name) => ({ name, size: (await stat(path.join(root, name)).catch(() => undefined))?.size ?? 0 })),
  );
  const total = sizes.reduce((sum, { size }) => sum + size, 0);
  const [largest] = sizes.sort((a, b) => b.size - a.size);
  if (!largest || total <= MAX_UNTRACKED) return;
  throw new UserError(
    `Untracked files of ${Math.round(total / 1e6)} MB would be sent, the largest is ${largest.name}: add what is not code to .gitignore, or commit it`,
  );
}

/** What git does not send with a commit. */
async function notShipped(root: string, commit: string): Promise<string[]> {
  const [tree, filters] = await Promise.all([
    git(root, 'ls-tree', '-r', commit),
    git(
      root,
      'grep',
      '--no-textconv',
      '--name-only',
      '--fixed-strings',
      'filter=lfs',
      commit,
      '--',
      '*.gitattributes',
    ).catch(() => ''),
  ]);
  const submodules = tree.split('\n').flatMap((line) => /^160000 commit \S+\t(.*)$/.exec(line)?.[1] ?? []);
  return [
    ...(submodules.length > 0
      ? [`Submodules are not sent: ${named(submodules)} will be an empty folder on the cluster`]
      : []),
    ...(filters ? ['Files in git LFS arrive as pointers: name networks and references in the config instead'] : []),
  ];
}

/** `a`, `a and b`, `a, b, c and 4 more`. */
function named(names: readonly string[]): string {
  if (names.length <= 1) return names.join('');
  const shown = names.length > 4 ? names.slice(0, 3) : names.slice(0, -1);
  const last = names.length > 4 ? `${names.length - 3} more` : names[names.length - 1];
  return `${shown.join(', ')} and ${last}`;
}
