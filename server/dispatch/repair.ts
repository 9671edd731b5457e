/**
 * Repositories on a cluster of which a purge took parts: scratch file systems remove files that nobody has used for weeks,
 * one by one. What is missing is sent again.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { askOn, runOn, type Cluster } from '../cluster/cluster';
import { ConnectionLostError, type TransferControl } from '../cluster/host';
import { CancelledError, UserError } from '../errors';
import { removeFile } from '../held-file';
import { git, gitWith, REMOTE_GIT } from '../git-process';

/** The oldest git that has all that is used there: `worktree add --no-checkout`. */
const OLDEST_GIT = [2, 9] as const;

/** @throws UserError where git is too old there, with its version and the one that is needed */
export async function demandGit(cluster: Cluster): Promise<void> {
  const said = await runOn(cluster, 'Asking for the version of git', ['git', '--version']);
  const [, major, minor] = /\b(\d+)\.(\d+)/.exec(said) ?? [];
  const [first, second] = [Number(major), Number(minor)];
  if (major === undefined || first > OLDEST_GIT[0] || (first === OLDEST_GIT[0] && second >= OLDEST_GIT[1])) return;
  throw new UserError(
    `${said} is too old on ${cluster.profile.name}: ${OLDEST_GIT.join('.')} or newer is needed. Add a line that provides it to setup in its profile, e.g. "module load git"`,
    1,
  );
}

/** A repository on the cluster, and where the commits in it are protected. */
interface Damaged {
  cluster: Cluster;
  /** Top of the work tree here. */
  root: string;
  repository: string;
  /** Prefix of the refs there that protect commits. */
  refs: string;
}

/** Whether a failure has its cause in a repository that lacks objects, or is none any more. */
export async function isDamaged(cluster: Cluster, repository: string, failure: unknown): Promise<boolean> {
  if (!(failure instanceof UserError) || failure instanceof ConnectionLostError || failure instanceof CancelledError)
    return false;
  // One that could not be made lacks nothing: the failure is its cause.
  if ((await cluster.files.stat(repository)) === undefined) return false;
  const walk = [...REMOTE_GIT, `--git-dir=${repository}`, 'rev-list', '--objects', '--quiet', '--all'];
  return (await askOn(cluster, walk)) === undefined;
}

/**
 * Sends a commit again with all that it is made of, and the other commits there that are known here. Files of work trees
 * stay as they are.
 */
export async function resend(
  { cluster, root, repository, refs }: Damaged,
  commit: string,
  control: TransferControl,
): Promise<void> {
  const there = (...args: string[]): string[] => [...REMOTE_GIT, `--git-dir=${repository}`, ...args];
  const attempt = `Repairing ${repository}`;
  // Makes what is missing of the repository itself, and leaves the rest.
  await runOn(cluster, attempt, [...REMOTE_GIT, 'init', '--quiet', '--bare', repository]);
  const listed = (await askOn(cluster, there('for-each-ref', '--format=%(objectname)', refs))) ?? '';
  const commits = new Set([commit, ...listed.split('\n').filter(Boolean)]);
  const lost: string[] = [];
  for (const one of commits) {
    const isHere = await git(root, 'cat-file', '-e', `${one}^{commit}`).then(
      () => true,
      () => false,
    );
    if (isHere) continue;
    commits.delete(one);
    if ((await askOn(cluster, there('rev-list', '--objects', '--quiet', one))) === undefined) lost.push(one);
  }
  const pack = await packOf(root, [...commits]);
  const incoming = `${repository}/incoming-${commit}.pack`;
  await cluster.files.upload(pack, incoming, control);
  // Whatever looks at refs first, as fetch and bundle do, stops at those whose objects are lost.
  const unpack = ['sh', '-c', 'file=$1; shift; exec "$@" <"$file"', 'sh', incoming, ...there('index-pack', '--stdin')];
  await runOn(cluster, attempt, unpack);
  for (const one of commits) await runOn(cluster, attempt, there('update-ref', `${refs}/${one}`, one));
  // A commit that is nowhere any more would make every later fetch fail.
  for (const one of lost) await runOn(cluster, attempt, there('update-ref', '-d', `${refs}/${one}`));
  await cluster.files.remove(incoming);
  await removeFile(pack);
}

/** Commits with everything below them, as one file. */
async function packOf(root: string, commits: readonly string[]): Promise<string> {
  const folder = path.resolve(root, await git(root, 'rev-parse', '--git-path', 'edm-workbench'));
  await mkdir(folder, { recursive: true });
  const base = path.join(folder, 'whole');
  const input = `${commits.join('\n')}\n`;
  const name = await gitWith({ input }, root, 'pack-objects', '--revs', '--quiet', base);
  await removeFile(`${base}-${name}.idx`);
  await removeFile(`${base}-${name}.rev`);
  return `${base}-${name}.pack`;
}

/** A new administrative folder for a work tree that lost its own; a new work tree lends it, and its files are not touched. */
const REATTACH = `set -e
repository=$1 folder=$2 commit=$3
shift 3
again=$(dirname "$folder")/.again
rm -rf "$again" "$repository/worktrees/$commit"
mkdir -p "$again"
"$@" --git-dir="$repository" worktree add --quiet --no-checkout --detach "$again/$commit" "$commit"
mv -f "$again/$commit/.git" "$folder/.git"
printf '%s\\n' "$folder/.git" > "$repository/worktrees/$commit/gitdir"
rm -rf "$again"`;

/** Gives a work tree its place in the repository back, where a purge took that. */
export async function reattach(cluster: Cluster, repository: string, folder: string, commit: string): Promise<void> {
  const words = ['sh', '-c', REATTACH, 'sh', repository, folder, commit, ...REMOTE_GIT];
  await runOn(cluster, `Repairing ${folder}`, words);
}
