/** The commit of a run on a cluster: the one checked out, or one with the uncommitted changes. */
import { copyFile, mkdtemp, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { lastLine } from '../cluster/host';
import { messageOf, UserError } from '../errors';
import { codeVersion, git, gitWith } from '../git';
import type { RunSource } from '../runs/source';
import type { CodeVersion } from '../shared/schema-types.gen';

/** What to do about uncommitted changes. */
export const DIRTY_CHOICES = ['refuse', 'commit', 'keep'] as const;
export type DirtyChoice = (typeof DIRTY_CHOICES)[number];

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
  const paths = [':/', ...outputs.map((output) => `:(exclude,top,literal)${output}`)];
  switch (choice) {
    case 'refuse': {
      const changed = (await git(root, 'status', '--porcelain', '--untracked-files=all', '--', ...paths))
        .split('\n')
        .map((line) => line.slice(3));
      throw new DirtyTreeError(`${named(changed)} ${changed.length === 1 ? 'is' : 'are'} not committed`);
    }
    case 'commit':
      await git(root, 'add', '--all', '--', ...paths);
      await git(root, 'commit', '--quiet', '--message', `Before running ${purpose}`).catch((error: unknown) => {
        const { stderr } = error as { stderr?: string };
        throw new UserError(`git commit in ${root} failed: ${lastLine(stderr) ?? messageOf(error)}`);
      });
      return clean(await codeVersion(root, outputs));
    case 'keep': {
      const checkout = await snapshot(root, code, paths);
      const diff = await git(root, 'diff', '--binary', code.commit, checkout);
      return { code, checkout, diff: `${diff}\n`, notes: await notShipped(root, checkout) };
    }
  }
}

/** A commit of the work tree as it is, on top of HEAD; neither index nor branch changes. */
async function snapshot(root: string, head: CodeVersion, paths: readonly string[]): Promise<string> {
  await refuseLargeUntracked(root, paths);
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'edm-workbench-index-'));
  try {
    const index = path.join(scratch, 'index');
    // With a copy of the index, git need not read unchanged files again.
    await copyFile(path.resolve(root, await git(root, 'rev-parse', '--git-path', 'index')), index).catch(
      () => undefined,
    );
    const who = { NAME: 'EDM Workbench', EMAIL: 'edm-workbench@localhost', DATE: head.date };
    const identity = Object.fromEntries(
      ['AUTHOR', 'COMMITTER'].flatMap((role) =>
        Object.entries(who).map(([key, value]) => [`GIT_${role}_${key}`, value]),
      ),
    );
    const environment = { GIT_INDEX_FILE: index, ...identity };
    await gitWith(environment, root, 'add', '--all', '--', ...paths);
    const tree = await gitWith(environment, root, 'write-tree');
    const subject = `Uncommitted changes on ${head.short}`;
    return await gitWith(
      environment,
      root,
      '-c',
      'commit.gpgSign=false',
      'commit-tree',
      tree,
      '-p',
      head.commit,
      '-m',
      subject,
    );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
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
    git(root, 'grep', '--name-only', '--fixed-strings', 'filter=lfs', commit, '--', '*.gitattributes').catch(() => ''),
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
