/** Commits to a "cluster" that is another folder of this machine: real git on both sides. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { identify, runOn, type Cluster } from '../../server/cluster/cluster';
import type { Host, HostFiles } from '../../server/cluster/host';
import { LocalHost } from '../../server/cluster/local-host';
import type { Scheduler } from '../../server/cluster/scheduler';
import { shipCommit } from '../../server/dispatch/code';
import { checkCommitted, commitToRun } from '../../server/dispatch/commit';
import type { DirtyChoice } from '../../server/dispatch/dirty-choice';
import { draftRun } from '../../server/dispatch/draft';
import { codeVersion } from '../../server/git';
import { git, repository, temporaryFolder } from '../server/workspace';

async function remoteIn(
  work: string,
  profile: object = {},
  wrap: (host: Host) => Host = (host) => host,
): Promise<Cluster> {
  const host = wrap(new LocalHost());
  const scheduler = {} as Scheduler; // nothing is submitted here
  return {
    profile: { name: 'here', local: true, work_folder: work, ...profile },
    host,
    files: host.files,
    scheduler,
    ...(await identify(host)),
  };
}

const commitNow = async (root: string, choice: DirtyChoice = 'refuse') => {
  const outputs = ['runs', '.edm-workbench'];
  return commitToRun({ root, outputs, code: await codeVersion(root, outputs) }, choice, 'a on here');
};

test('a commit arrives once; the next one sends only what is new', async () => {
  const root = repository({ 'a.edm.yaml': 'network: x.pkl\n', 'big.bin': 'x'.repeat(200_000) + Math.random() });
  const remote = await remoteIn(temporaryFolder());
  const first = await commitNow(root);
  const { folder, repository: bare } = await shipCommit(remote, root, first.checkout);
  assert.equal(readFileSync(path.join(folder, 'a.edm.yaml'), 'utf8'), 'network: x.pkl\n');
  assert.equal(git(folder, 'rev-parse', 'HEAD'), first.checkout);

  const sent: number[] = [];
  const onProgress = ({ total }: { total: number }): void => void sent.push(total);
  assert.equal((await shipCommit(remote, root, first.checkout, { onProgress })).folder, folder);
  assert.deepEqual(sent, [], 'nothing is sent again');

  writeFileSync(path.join(root, 'a.edm.yaml'), 'network: y.pkl\n');
  git(root, 'commit', '--quiet', '--all', '--message', 'Another network');
  const second = await commitNow(root);
  const later = await shipCommit(remote, root, second.checkout, { onProgress });
  assert.ok(sent.length > 0 && Math.max(...sent) < 5000, `${Math.max(...sent)} bytes for one line`);
  assert.equal(readFileSync(path.join(later.folder, 'a.edm.yaml'), 'utf8'), 'network: y.pkl\n');
  assert.equal(readFileSync(path.join(folder, 'a.edm.yaml'), 'utf8'), 'network: x.pkl\n', 'the first tree stays');

  assert.equal(git(root, 'for-each-ref', 'refs/edm-workbench'), '', 'no ref is left here');
  assert.deepEqual(readdirSync(path.join(root, '.git', 'edm-workbench')), [], 'no bundle is left here');
  assert.ok(!readdirSync(bare).some((name) => name.startsWith('incoming')), 'nor there');
});

test('an interruption at any step: the same call continues', async () => {
  const root = repository({ 'a.py': 'print(1)\n', 'b.py': 'print(2)\n' });
  const { checkout } = await commitNow(root);
  // Each command, upload and write fails once, before it did anything or after.
  for (const when of ['before', 'after']) {
    let failed = true;
    for (let step = 0; failed; step++) {
      failed = false;
      let calls = 0;
      let armed = true;
      const failing = <A extends unknown[], R>(operation: (...args: A) => Promise<R>) => {
        return async (...args: A): Promise<R> => {
          const fails = armed && calls++ === step;
          failed ||= fails;
          if (fails && when === 'before') throw new Error('connection lost');
          const result = await operation(...args);
          if (fails) throw new Error('connection lost');
          return result;
        };
      };
      const remote = await remoteIn(temporaryFolder(), {}, (host) => {
        const files = Object.assign(Object.create(host.files) as HostFiles, {
          upload: failing(host.files.upload.bind(host.files)),
          write: failing(host.files.write.bind(host.files)),
        });
        return Object.assign(Object.create(host) as Host, { run: failing(host.run.bind(host)), files });
      }).catch((error: unknown) => assert.match(String(error), /connection lost/));
      if (!remote) continue;
      await shipCommit(remote, root, checkout).catch((error: unknown) =>
        assert.match(String(error), /connection lost/),
      );
      armed = false;
      const { folder } = await shipCommit(remote, root, checkout);
      assert.equal(git(folder, 'status', '--porcelain'), '', `${when} ${step}`);
      assert.equal(readFileSync(path.join(folder, 'b.py'), 'utf8'), 'print(2)\n');
    }
  }
});

test('a work tree that was changed there is not used, one that was removed is made again', async () => {
  const root = repository({ 'generate.py': 'one\n' });
  const remote = await remoteIn(temporaryFolder());
  const { checkout } = await commitNow(root);
  const { folder } = await shipCommit(remote, root, checkout);
  mkdirSync(path.join(folder, 'runs'));
  await shipCommit(remote, root, checkout);
  writeFileSync(path.join(folder, 'generate.py'), 'two\n');
  await assert.rejects(shipCommit(remote, root, checkout), /is no longer commit .*generate\.py was changed there/);
  rmSync(folder, { recursive: true });
  assert.equal(
    readFileSync(path.join((await shipCommit(remote, root, checkout)).folder, 'generate.py'), 'utf8'),
    'one\n',
  );
});

test('a commit below one that was sent needs nothing more', async () => {
  const root = repository({ 'a.py': 'one\n' });
  const one = await commitNow(root);
  writeFileSync(path.join(root, 'a.py'), 'two\n');
  git(root, 'commit', '--quiet', '--all', '--message', 'Two');
  const remote = await remoteIn(temporaryFolder());
  await shipCommit(remote, root, (await commitNow(root)).checkout);
  const { folder } = await shipCommit(remote, root, one.checkout);
  assert.equal(readFileSync(path.join(folder, 'a.py'), 'utf8'), 'one\n');
});

test('what a purge took of the repository or the work tree is sent again', async () => {
  const root = repository({ 'generate.py': 'one\n', 'data/a.txt': 'a\n' });
  const remote = await remoteIn(temporaryFolder());
  const one = await commitNow(root);
  const { folder, repository: bare } = await shipCommit(remote, root, one.checkout);
  mkdirSync(path.join(folder, 'runs'));
  writeFileSync(path.join(folder, 'runs', 'image.png'), 'image');
  const objects = (): void => {
    for (const name of readdirSync(path.join(bare, 'objects'))) rmSync(path.join(bare, 'objects', name), { recursive: true }); // prettier-ignore
  };
  const check = async (checkout: string): Promise<void> => {
    const shipped = await shipCommit(remote, root, checkout);
    assert.equal(readFileSync(path.join(shipped.folder, 'data', 'a.txt'), 'utf8'), 'a\n');
    assert.equal(git(shipped.folder, 'rev-parse', 'HEAD'), checkout);
    assert.equal(git(shipped.folder, 'status', '--porcelain', '--untracked-files=no'), '');
    assert.equal(git(bare, 'fsck', '--connectivity-only', '--no-dangling'), '');
    assert.equal(readFileSync(path.join(folder, 'runs', 'image.png'), 'utf8'), 'image', 'results stay');
  };

  rmSync(path.join(folder, 'data'), { recursive: true });
  await check(one.checkout);
  // The objects, and a tracked file that they would restore.
  objects();
  rmSync(path.join(folder, 'generate.py'));
  await check(one.checkout);
  // The objects, where only a later commit would be sent.
  objects();
  writeFileSync(path.join(root, 'generate.py'), 'two\n');
  git(root, 'commit', '--quiet', '--all', '--message', 'Two');
  const two = await commitNow(root);
  await check(two.checkout);
  await check(one.checkout);
  // The administrative files of a work tree; the link to them; all small files of the repository.
  rmSync(path.join(bare, 'worktrees', one.checkout), { recursive: true });
  await check(one.checkout);
  rmSync(path.join(folder, '.git'));
  await check(one.checkout);
  for (const name of ['HEAD', 'config', 'refs', 'packed-refs', 'worktrees']) rmSync(path.join(bare, name), { recursive: true, force: true }); // prettier-ignore
  await check(one.checkout);
  objects();
  rmSync(path.join(bare, 'refs'), { recursive: true });
  await check(two.checkout);
  // What somebody changed is no purge.
  writeFileSync(path.join(folder, 'generate.py'), 'mine\n');
  rmSync(path.join(folder, 'data'), { recursive: true });
  await assert.rejects(shipCommit(remote, root, one.checkout), /generate\.py was changed there/);
  assert.equal(git(root, 'for-each-ref', 'refs/edm-workbench'), '', 'no ref is left here');
});

test('a git that is too old there, and one with LFS, are known', async () => {
  const root = repository({ '.gitattributes': '*.bin filter=lfs -text\n', 'w.bin': 'version https://git-lfs\n' });
  const bin = temporaryFolder();
  const old = '#!/bin/sh\n[ "$1" = --version ] && echo "git version 1.8.3.1" && exit\nexit 129\n';
  writeFileSync(path.join(bin, 'git'), old, { mode: 0o755 });
  const { checkout } = await commitNow(root);
  const aged = await remoteIn(temporaryFolder(), { setup: [`export PATH=${bin}:$PATH`] });
  await assert.rejects(
    shipCommit(aged, root, checkout),
    /git version 1\.8\.3\.1 is too old on here: 2\.9 or newer.*setup/,
  );

  // As `git lfs install` has it, with a program that cannot get the contents.
  const home = temporaryFolder();
  const filter = '[filter "lfs"]\n  clean = false\n  smudge = false\n  process = false\n  required = true\n';
  writeFileSync(path.join(home, 'gitconfig'), filter);
  const withLfs = await remoteIn(temporaryFolder(), { setup: [`export GIT_CONFIG_GLOBAL=${home}/gitconfig`] });
  const { folder } = await shipCommit(withLfs, root, checkout);
  assert.equal(readFileSync(path.join(folder, 'w.bin'), 'utf8'), 'version https://git-lfs\n');
  await shipCommit(withLfs, root, checkout);
});

test('a dirty tree: refused by name, committed, or kept as a commit nobody sees', async () => {
  const root = repository({ 'generate.py': 'one\n', '.gitignore': '*.log\n' });
  const head = git(root, 'rev-parse', 'HEAD');
  writeFileSync(path.join(root, 'generate.py'), 'two\n');
  writeFileSync(path.join(root, 'new file.py'), 'new\n');
  writeFileSync(path.join(root, 'noise.log'), 'noise\n');
  mkdirSync(path.join(root, 'runs'));
  writeFileSync(path.join(root, 'runs', 'image.png'), 'image');
  await assert.rejects(commitNow(root), /generate\.py and "?new file\.py"? are not committed: commit first, let/);

  const before = git(root, 'status', '--porcelain');
  const kept = await commitNow(root, 'keep');
  assert.equal(git(root, 'status', '--porcelain'), before, 'index and work tree are untouched');
  assert.equal(git(root, 'rev-parse', 'HEAD'), head);
  assert.ok(kept.code.dirty && kept.code.commit === head && kept.checkout !== head);
  assert.match(kept.diff ?? '', /-one\n\+two/);
  assert.match(kept.diff ?? '', /new file\.py/);
  assert.equal((await commitNow(root, 'keep')).checkout, kept.checkout, 'the same content is the same commit');
  const remote = await remoteIn(temporaryFolder());
  const { folder } = await shipCommit(remote, root, kept.checkout);
  assert.equal(readFileSync(path.join(folder, 'generate.py'), 'utf8'), 'two\n');
  assert.ok(existsSync(path.join(folder, 'new file.py')));
  assert.ok(
    !existsSync(path.join(folder, 'noise.log')) && !existsSync(path.join(folder, 'runs')),
    'ignored files and results stay',
  );
  // The stored difference alone rebuilds the tree.
  const clone = path.join(temporaryFolder(), 'clone');
  git(root, 'clone', '--quiet', root, clone);
  writeFileSync(path.join(clone, '.git', 'changes.diff'), kept.diff ?? '');
  git(clone, 'apply', path.join(clone, '.git', 'changes.diff'));
  assert.equal(readFileSync(path.join(clone, 'generate.py'), 'utf8'), 'two\n');

  git(root, 'config', 'user.name', 'Test');
  git(root, 'config', 'user.email', 'test@localhost');
  const made = await commitNow(root, 'commit');
  assert.ok(!made.code.dirty && made.checkout === git(root, 'rev-parse', 'HEAD') && made.checkout !== head);
  assert.equal(git(root, 'log', '-1', '--format=%s'), 'Before running a on here');
  assert.equal(git(root, 'ls-files', 'runs', 'noise.log'), '');
});

test('submodules and LFS are named', async () => {
  const inner = repository({ 'inner.py': '' });
  const root = repository({ '.gitattributes': '*.pkl filter=lfs diff=lfs merge=lfs -text\n', 'a.py': '' });
  git(root, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner, 'third_party');
  git(root, 'commit', '--quiet', '--message', 'A submodule');
  const { notes } = await commitNow(root);
  assert.match(notes[0], /Submodules are not sent: third_party/);
  assert.match(notes[1], /LFS arrive as pointers/);
});

test("by way of a remote: pushed and fetched; a refusal in git's words", async () => {
  const hub = path.join(temporaryFolder(), 'hub.git');
  const root = repository({ 'a.py': 'hub\n' });
  git(root, 'init', '--quiet', '--bare', hub);
  const remote = await remoteIn(temporaryFolder(), { git_remote: 'hub' });
  const { checkout } = await commitNow(root);
  await assert.rejects(shipCommit(remote, root, checkout), /has no git remote "hub"/);
  git(root, 'remote', 'add', 'hub', hub);
  writeFileSync(path.join(hub, 'hooks', 'pre-receive'), '#!/bin/sh\necho "this branch is protected" >&2\nexit 1\n', {
    mode: 0o755,
  });
  await assert.rejects(
    shipCommit(remote, root, checkout),
    /"hub" refused the commit: .*(protected|declined|failed to push)/,
  );
  rmSync(path.join(hub, 'hooks', 'pre-receive'));
  const { folder } = await shipCommit(remote, root, checkout);
  assert.equal(readFileSync(path.join(folder, 'a.py'), 'utf8'), 'hub\n');
});

test('a shallow clone says what to do', async () => {
  const root = repository({ 'a.py': 'one\n' });
  writeFileSync(path.join(root, 'a.py'), 'two\n');
  git(root, 'commit', '--quiet', '--all', '--message', 'Two');
  const shallow = path.join(temporaryFolder(), 'shallow');
  git(root, 'clone', '--quiet', '--depth=1', `file://${root}`, shallow);
  const remote = await remoteIn(temporaryFolder());
  await assert.rejects(shipCommit(remote, shallow, git(shallow, 'rev-parse', 'HEAD')), /git fetch --unshallow/);
});

test('setup lines run before git, and what they print is not taken for an answer', async () => {
  const root = repository({ 'a.py': 'one\n' });
  const remote = await remoteIn(temporaryFolder(), { setup: ['echo noise', 'export FROM_SETUP=yes'] });
  assert.equal(await runOn(remote, 'Asking', ['sh', '-c', 'echo $FROM_SETUP']), 'yes');
  const { checkout } = await commitNow(root);
  await shipCommit(remote, root, checkout);
  await assert.rejects(runOn(remote, 'Asking', ['no-such-program']), /Asking on here failed: .*no-such-program.*setup/);
});

test('what is checked out there holds the config as it was read, whatever is saved or committed in between', async () => {
  const [before, later] = ['network: x.pkl\nsteps: 4\n', 'network: x.pkl\nsteps: 8\n'];
  const root = repository({ 'a.edm.yaml': before, 'a.py': '1\n' });
  const outputs = ['runs', '.edm-workbench'];
  const config = path.join(root, 'a.edm.yaml');
  const read = async () => ({ root, outputs, configFile: 'a.edm.yaml', text: before, code: await codeVersion(root, outputs) }); // prettier-ignore

  // Committed in between: the commit that was read is the one that runs and is recorded.
  const clean = await read();
  writeFileSync(config, later);
  git(root, 'commit', '--quiet', '--all', '--message', 'steps 8');
  const { code, checkout } = await commitToRun(clean, 'refuse', 'a on here');
  assert.deepEqual([code, checkout], [clean.code, clean.code.commit]);
  await checkCommitted(clean, checkout);
  const remote = await remoteIn(temporaryFolder());
  const { folder } = await shipCommit(remote, root, checkout);
  assert.equal(readFileSync(path.join(folder, 'a.edm.yaml'), 'utf8'), before);

  // Saved in between: the commit that would be made of the tree holds another config.
  git(root, 'reset', '--quiet', '--hard', clean.code.commit);
  writeFileSync(path.join(root, 'a.py'), '2\n');
  const dirty = await read();
  writeFileSync(config, later);
  for (const choice of ['keep', 'commit'] as const) {
    const made = await commitToRun(dirty, choice, 'a on here');
    await assert.rejects(
      checkCommitted(dirty, made.checkout),
      /a\.edm\.yaml in commit \w+ is not the text that was read/,
    );
  }
  await assert.rejects(draftRun({ ...dirty, file: config, name: 'a', config: { network: 'x.pkl' } }, remote.profile, 'keep'), /While the run of a was being prepared/); // prettier-ignore

  // A config that git ignores is in no commit; line ends may differ where git converts them.
  writeFileSync(path.join(root, '.gitignore'), 'b.edm.yaml\n');
  git(root, 'add', '--all');
  git(root, 'commit', '--quiet', '--message', 'ignored');
  const head = git(root, 'rev-parse', 'HEAD');
  await checkCommitted({ root, configFile: 'b.edm.yaml', text: before }, head);
  await checkCommitted({ root, configFile: 'a.edm.yaml', text: later.replaceAll('\n', '\r\n') }, head);
});
