/**
 * Sends a commit to the cluster with git: into a bare repository in the work folder there, then into a work tree of its
 * own. Nothing is sent twice, and every step can be repeated after an interruption.
 */
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { askOn, placeOn, runOn, type Cluster } from '../cluster/cluster';
import { UserError } from '../errors';
import { removeFile, renameOver } from '../held-file';
import { git, GitError, pushCommit, REMOTE_GIT } from '../git-process';
import { lastLine, type TransferControl } from '../cluster/host';
import { demandGit, isDamaged, reattach, resend } from './repair';

/** Where the code of a run is on the cluster. */
export interface ShippedCode {
  /** Bare repository. */
  repository: string;
  /** Work tree of the commit: the top of the project, as here. */
  folder: string;
}

/** Refs on the cluster that protect what was sent from garbage collection. */
const REFS = 'refs/edm-workbench/commits';
/** Ref here while the bundle is made: bundles contain refs, not hashes. */
const SHIPPING = 'refs/edm-workbench/shipping';
/** File in the git folder of a work tree whose checkout is complete. */
const READY = 'edm-workbench-ready';

/**
 * Sends a commit to the cluster and checks it out there, unless it is there already.
 * @param root top of the work tree here
 * @param commit full hash
 * @throws UserError for a shallow clone, a remote that refuses, a full disk, a work tree that somebody changed there
 */
export async function shipCommit(
  cluster: Cluster,
  root: string,
  commit: string,
  control: TransferControl = {},
): Promise<ShippedCode> {
  const repository = placeOn(cluster, 'repositories', `${await projectName(root)}.git`);
  const folder = await folderOf(cluster, root, commit);
  const short = commit.slice(0, 10);
  const there = (...args: string[]): string[] => [...REMOTE_GIT, `--git-dir=${repository}`, ...args];
  await demandGit(cluster);
  const send = async (): Promise<void> => {
    if ((await cluster.files.stat(`${repository}/HEAD`)) === undefined) {
      await cluster.files.makeFolder(path.posix.dirname(repository));
      await runOn(cluster, 'Creating the repository', [...REMOTE_GIT, 'init', '--quiet', '--bare', repository]);
    }
    const known = await runOn(cluster, 'Reading the repository', there('for-each-ref', '--format=%(objectname)', REFS));
    const haves = known.split('\n').filter(Boolean);
    if (haves.includes(commit)) return;
    if (cluster.profile.git_remote) await pushAndFetch(cluster, root, commit, repository);
    else await sendBundle(cluster, root, commit, haves, repository, control);
  };
  try {
    await send();
    await checkOut(cluster, repository, folder, commit, short);
  } catch (error) {
    if (!(await isDamaged(cluster, repository, error))) throw error;
    await resend({ cluster, root, repository, refs: REFS }, commit, control);
    await checkOut(cluster, repository, folder, commit, short);
  }
  return { repository, folder };
}

/** Absolute path of the work tree of a commit there, whether it was sent or not. @throws UserError for a shallow clone */
export async function folderOf(
  cluster: Pick<Cluster, 'profile' | 'home'>,
  root: string,
  commit: string,
): Promise<string> {
  return placeOn(cluster, 'commits', await projectName(root), commit);
}

/** The project's name there: the folder's name and the first commit, which all clones share. */
async function projectName(root: string): Promise<string> {
  if ((await git(root, 'rev-parse', '--is-shallow-repository')) === 'true') {
    throw new UserError(
      `${root} is a shallow clone, which cannot be sent: run "git fetch --unshallow" there, then submit again`,
    );
  }
  const [first = ''] = (await git(root, 'rev-list', '--max-parents=0', 'HEAD')).split('\n').sort();
  return `${path.basename(root).replace(/[^A-Za-z0-9._-]/g, '-')}-${first.slice(0, 8)}`;
}

/** Sends what the cluster lacks as one file. */
async function sendBundle(
  cluster: Cluster,
  root: string,
  commit: string,
  haves: readonly string[],
  repository: string,
  control: TransferControl,
): Promise<void> {
  // Commits that are not here (of another clone, or of a deleted branch) cannot be a base.
  const bases: string[] = [];
  for (const base of haves) {
    const isHere = await git(root, 'cat-file', '-e', `${base}^{commit}`).then(
      () => true,
      () => false,
    );
    if (isHere) bases.push(base);
  }
  if (await isBelow(root, commit, bases)) {
    // A commit below one that was sent came with it.
    const keep = ['update-ref', `${REFS}/${commit}`, commit];
    await runOn(cluster, `Keeping ${commit.slice(0, 10)}`, [...REMOTE_GIT, `--git-dir=${repository}`, ...keep]);
    return;
  }
  const name = `${commit}-${bases.length}.bundle`;
  const folder = path.resolve(root, await git(root, 'rev-parse', '--git-path', 'edm-workbench'));
  const bundle = path.join(folder, name);
  const incoming = `${repository}/incoming-${name}`;
  await mkdir(folder, { recursive: true });
  // The bundle of an interrupted upload is used again: only the same bytes can be resumed.
  if (!(await stat(bundle).catch(() => undefined))) {
    const ref = `${SHIPPING}/${commit}`;
    await git(root, 'update-ref', ref, commit);
    try {
      const part = `${bundle}.${process.pid}`;
      await git(root, 'bundle', 'create', '--quiet', part, ref, ...bases.map((base) => `^${base}`));
      await renameOver(part, bundle);
    } finally {
      await git(root, 'update-ref', '-d', ref);
    }
  }
  await cluster.files.upload(bundle, incoming, control);
  const refs = `${SHIPPING}/${commit}:${REFS}/${commit}`;
  await runOn(cluster, `Unpacking ${commit.slice(0, 10)}`, [
    ...REMOTE_GIT,
    `--git-dir=${repository}`,
    'fetch',
    '--quiet',
    '--no-tags',
    incoming,
    refs,
  ]);
  await cluster.files.remove(incoming);
  await removeFile(bundle);
}

/** Whether a commit is an ancestor of another one. */
async function isBelow(root: string, commit: string, others: readonly string[]): Promise<boolean> {
  for (const other of others) {
    const isAncestor = await git(root, 'merge-base', '--is-ancestor', commit, other).then(
      () => true,
      () => false,
    );
    if (isAncestor) return true;
  }
  return false;
}

/** Through a remote that both sides can reach. */
async function pushAndFetch(cluster: Cluster, root: string, commit: string, repository: string): Promise<void> {
  const name = cluster.profile.git_remote ?? '';
  const ref = `${REFS}/${commit}`;
  const url = await git(root, 'remote', 'get-url', '--', name).catch(() => {
    throw new UserError(
      `${root} has no git remote "${name}", which the profile of ${cluster.profile.name} names: "git remote -v" lists the remotes`,
    );
  });
  await pushCommit(root, name, commit, ref).catch((error: unknown) => {
    const words = lastLine(error instanceof GitError ? error.stderr : undefined) ?? 'no reason given';
    throw new UserError(
      `The remote "${name}" refused the commit: ${words}; check your permissions there, or remove git_remote from the profile to send it directly`,
      1,
    );
  });
  const fetch = [...REMOTE_GIT, `--git-dir=${repository}`, 'fetch', '--quiet', '--no-tags', url, `${ref}:${ref}`];
  await runOn(cluster, `Fetching from ${name}`, fetch, { env: { GIT_TERMINAL_PROMPT: '0' } });
}

/** Makes a work tree of the commit, complete and unchanged. */
async function checkOut(
  cluster: Cluster,
  repository: string,
  folder: string,
  commit: string,
  short: string,
): Promise<void> {
  const inTree = (...args: string[]): string[] => [...REMOTE_GIT, '-C', folder, ...args];
  const ready = `${repository}/worktrees/${commit}/${READY}`;
  const attempt = `Checking out ${short}`;
  if (await cluster.files.stat(ready)) {
    const changed = await askOn(cluster, inTree('status', '--porcelain', '--untracked-files=no'));
    if (changed === '') return;
    const lines = changed?.split('\n') ?? [];
    const [edited] = lines.filter((line) => !line.startsWith(' D '));
    if (edited !== undefined) {
      throw new UserError(
        `${folder} on ${cluster.profile.name} is no longer commit ${short}: ${edited.slice(3)} was changed there. ` +
          `Commit the change here if you need it, undo it there with "git checkout .", and submit again`,
        1,
      );
    }
    // Files that are missing were purged, and are restored; a folder that was removed is made again.
    await cluster.files.remove(ready);
  }
  await runOn(cluster, attempt, [...REMOTE_GIT, `--git-dir=${repository}`, 'worktree', 'prune']);
  if (!(await cluster.files.stat(`${folder}/.git`))) {
    if (await cluster.files.stat(folder)) await reattach(cluster, repository, folder, commit);
    else {
      await cluster.files.makeFolder(path.posix.dirname(folder));
      const add = ['worktree', 'add', '--quiet', '--no-checkout', '--detach', folder, commit];
      await runOn(cluster, attempt, [...REMOTE_GIT, `--git-dir=${repository}`, ...add]);
    }
  } else if ((await askOn(cluster, inTree('rev-parse', '--verify', '--quiet', 'HEAD'))) === undefined) {
    await reattach(cluster, repository, folder, commit);
  }
  await runOn(cluster, attempt, inTree('reset', '--quiet', '--hard', commit));
  await cluster.files.write(ready, '');
}
