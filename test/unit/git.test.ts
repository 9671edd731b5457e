/** No setting of a repository or a user changes what is read of it, and none starts a program. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'; // prettier-ignore
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { commitToRun } from '../../server/dispatch/commit';
import { changedPaths, codeVersion, headOf, repositoryRoot } from '../../server/git';
import { filterDrivers, git as ours, GitError, gitVersion, pushCommit } from '../../server/git-process';
import { git, repository, temporaryFolder } from '../server/workspace';

const scratch = temporaryFolder();
/** A folder in which each program that is started leaves a file of its name. */
const marks = path.join(scratch, 'marks');
const kept = new Map<string, string | undefined>();

/** A command line that leaves a mark, passes its input on, and can stand for any of git's programs. */
function marking(name: string, then = 'exec cat'): string {
  const program = path.join(scratch, `program-${name}`);
  writeFileSync(program, `#!/bin/sh\ntouch '${marks}/${name}'\n${then}\n`);
  chmodSync(program, 0o755);
  return program;
}

const setVariable = (name: string, value: string | undefined): void => {
  if (!kept.has(name)) kept.set(name, process.env[name]);
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
};

before(() => mkdirSync(marks));
beforeEach(() => {
  for (const name of readdirSync(marks)) rmSync(path.join(marks, name));
});
after(() => {
  for (const [name, value] of kept) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

/** Settings that start a program or change what is printed, as `git config` takes them. */
function hostileSettings(): [string, string][] {
  const hooks = path.join(scratch, 'hooks');
  mkdirSync(hooks, { recursive: true });
  for (const hook of [
    'pre-commit',
    'prepare-commit-msg',
    'commit-msg',
    'post-commit',
    'post-index-change',
    'reference-transaction',
    'pre-auto-gc',
    'fsmonitor-watchman',
  ]) {
    // prettier-ignore
    writeFileSync(path.join(hooks, hook), `#!/bin/sh\ntouch '${marks}/hook-${hook}'\n`, { mode: 0o755 });
  }
  return [
    ['core.hooksPath', hooks],
    ['core.fsmonitor', marking('fsmonitor')],
    ['core.pager', marking('pager')],
    ['pager.log', marking('pager-log')],
    ['core.editor', marking('editor')],
    ['core.askPass', marking('askpass')],
    ['core.sshCommand', marking('ssh')],
    ['core.gitProxy', marking('proxy')],
    ['core.alternateRefsCommand', marking('alternates')],
    ['credential.helper', `!${marking('credential')}`],
    ['diff.external', marking('diff-external')],
    ['diff.evil.command', marking('diff-command')],
    ['diff.evil.textconv', marking('textconv')],
    ['filter.evil.clean', marking('clean')],
    ['filter.evil.smudge', marking('smudge')],
    ['filter.evil.required', 'true'],
    ['filter.worse.process', marking('process')],
    ['merge.evil.driver', marking('merge')],
    ['gpg.format', 'ssh'],
    ['gpg.program', marking('gpg')],
    ['gpg.ssh.program', marking('gpg-ssh')],
    ['gpg.ssh.defaultKeyCommand', marking('key')],
    ['gpg.x509.program', marking('gpg-x509')],
    ['commit.gpgSign', 'true'],
    ['gc.auto', '1'],
    ['log.showSignature', 'true'],
    ['log.decorate', 'full'],
    ['log.date', 'relative'],
    ['log.mailmap', 'true'],
    ['format.pretty', 'oneline'],
    ['notes.displayRef', 'refs/notes/*'],
    ['color.ui', 'always'],
    ['column.ui', 'always'],
    ['core.abbrev', '40'],
    ['i18n.logOutputEncoding', 'UTF-16'],
    ['status.showUntrackedFiles', 'no'],
    ['status.relativePaths', 'true'],
    ['status.submoduleSummary', 'true'],
    ['status.branch', 'true'],
    ['diff.ignoreSubmodules', 'all'],
    ['diff.noprefix', 'true'],
    ['diff.submodule', 'log'],
    ['core.ignoreStat', 'true'],
    ['core.checkStat', 'minimal'],
    ['core.untrackedCache', 'true'],
    ['core.splitIndex', 'true'],
    ['extensions.partialClone', 'origin'],
    ['remote.origin.url', `ext::${marking('remote')} %S`],
    ['remote.origin.promisor', 'true'],
    ['remote.origin.uploadpack', marking('uploadpack')],
    ['alias.log', `!${marking('alias')}`],
  ];
}

/** A repository whose one commit carries a signature, with attributes that name the hostile drivers. */
function hostileRepository(): string {
  const root = repository({
    'a.py': 'print(1)\n',
    'a.bin': 'as committed\n',
    'b.bin': 'as committed\n',
    '.gitattributes': '*.bin filter=evil diff=evil merge=evil\nb.bin filter=worse\n',
  });
  const key = path.join(scratch, 'key');
  if (!existsSync(key)) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  git(root, '-c', 'gpg.format=ssh', '-c', `user.signingkey=${key}.pub`, 'commit', '--quiet', '--amend', '-S', '--message', 'Signed'); // prettier-ignore
  return root;
}

for (const place of ['repository', 'user'] as const) {
  test(`settings of the ${place}: one commit, 40 digits, no program`, async () => {
    const root = hostileRepository();
    const commit = git(root, 'rev-parse', 'HEAD');
    const settings = place === 'repository' ? path.join(root, '.git', 'config') : path.join(scratch, 'gitconfig');
    // Not through git here: some of these would end it.
    for (const [name, value] of hostileSettings()) execFileSync('git', ['config', '--file', settings, '--add', name, value]); // prettier-ignore
    if (place === 'user') setVariable('GIT_CONFIG_GLOBAL', settings);
    else execFileSync('git', ['config', '--file', settings, 'core.repositoryFormatVersion', '1']);
    for (const name of ['user.name', 'user.email']) execFileSync('git', ['config', '--file', settings, name, 'T']);

    assert.equal(await repositoryRoot(root), root);
    const code = await codeVersion(root, []);
    assert.match(code.commit, /^[0-9a-f]{40}$/);
    assert.deepEqual([code.commit, code.subject, code.author, code.branch, code.dirty], [commit, 'Signed', 'Test', 'main', false]); // prettier-ignore
    assert.equal(code.short, commit.slice(0, code.short.length));
    assert.ok(code.short.length >= 7 && code.short.length < 12, code.short);

    // A file under a filter whose time differs counts as changed where the filter would say otherwise, and is named.
    utimesSync(path.join(root, 'b.bin'), 1, 1);
    assert.deepEqual(await changedPaths(root, []), []);
    writeFileSync(path.join(root, 'a.bin'), 'changed\n');
    writeFileSync(path.join(root, 'new.py'), 'print(2)\n');
    assert.deepEqual((await changedPaths(root, [])).sort(), ['a.bin', 'new.py']);
    assert.deepEqual((await filterDrivers(root)).sort(), ['evil', 'worse']);
    const dirty = { root, outputs: [], code: await codeVersion(root, []) };
    await assert.rejects(commitToRun(dirty, 'refuse', 'a'), /a\.bin is under a git filter, which is not run here/);
    await assert.rejects(commitToRun(dirty, 'keep', 'a'), /a\.bin is changed, and a git filter stands/);

    git(root, '-c', 'core.hooksPath=/dev/null', '-c', 'core.fsmonitor=false', '-c', 'filter.evil.clean=', '-c', 'filter.evil.required=false', '-c', 'filter.worse.process=', '-c', 'gc.auto=0', '-c', 'core.splitIndex=false', 'checkout', '--quiet', 'a.bin'); // prettier-ignore
    for (const name of readdirSync(marks)) rmSync(path.join(marks, name));
    const keeping = { root, outputs: [], code: await codeVersion(root, []) };
    const { diff, checkout } = await commitToRun(keeping, 'keep', 'a');
    assert.match(diff ?? '', /^diff --git a\/new\.py b\/new\.py\n/);
    assert.match(checkout, /^[0-9a-f]{40}$/);
    const made = await commitToRun(keeping, 'commit', 'a on here');
    assert.equal(made.code.subject, 'Before running a on here');
    assert.deepEqual([made.code.dirty, made.checkout], [false, made.code.commit]);
    await assert.rejects(ours(root, 'fetch', 'origin'), /not allowed|no-lazy|disabled/);
    assert.deepEqual(readdirSync(marks), [], 'programs that were started');
    if (place === 'user') setVariable('GIT_CONFIG_GLOBAL', undefined);
  });
}

test('variables of the surrounding process point nowhere else', async () => {
  const [root, other] = [repository({ 'a.py': '1\n' }), repository({ 'b.py': '2\n' })];
  const commit = git(root, 'rev-parse', 'HEAD');
  for (const [name, value] of Object.entries({
    GIT_DIR: path.join(other, '.git'),
    GIT_WORK_TREE: other,
    GIT_INDEX_FILE: path.join(other, '.git', 'index'),
    GIT_OBJECT_DIRECTORY: path.join(other, '.git', 'objects'),
    GIT_NAMESPACE: 'x',
    GIT_EXTERNAL_DIFF: marking('variable-diff'),
    GIT_PAGER: marking('variable-pager'),
    GIT_TRACE: path.join(marks, 'trace'),
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'core.fsmonitor',
    GIT_CONFIG_VALUE_0: marking('variable-fsmonitor'),
    GIT_LITERAL_PATHSPECS: '1',
  }))
    setVariable(name, value);
  try {
    assert.equal(await repositoryRoot(root), root);
    const code = await codeVersion(root, ['runs']);
    assert.deepEqual([code.commit, code.dirty], [commit, false]);
    assert.deepEqual(readdirSync(marks), []);
  } finally {
    for (const name of kept.keys()) if (name.startsWith('GIT_')) setVariable(name, undefined);
  }
});

test('a file that the index claims to be unchanged is looked at', async () => {
  const root = repository({ 'a.py': 'print(1)\n', 'b.py': 'print(2)\n', 'c.py': 'print(3)\n' });
  git(root, 'update-index', '--assume-unchanged', 'a.py');
  git(root, 'update-index', '--skip-worktree', 'b.py', 'c.py');
  assert.deepEqual(await changedPaths(root, []), []);
  writeFileSync(path.join(root, 'a.py'), 'print(9)\n');
  writeFileSync(path.join(root, 'b.py'), 'print(8)\n');
  rmSync(path.join(root, 'c.py'));
  assert.deepEqual(await changedPaths(root, []), ['a.py', 'b.py'], 'c.py is not checked out');
  const index = readFileSync(path.join(root, '.git', 'index'));
  const keeping = { root, outputs: [], code: await codeVersion(root, []) };
  const { checkout } = await commitToRun(keeping, 'keep', 'a');
  assert.equal(git(root, 'show', `${checkout}:a.py`), 'print(9)');
  assert.deepEqual(readFileSync(path.join(root, '.git', 'index')), index, 'the index stays');
  await assert.rejects(commitToRun(keeping, 'commit', 'a'), /git commit in .* failed: nothing to commit/);
  writeFileSync(path.join(root, 'd.py'), 'print(4)\n');
  await assert.rejects(commitToRun(keeping, 'commit', 'a'), /a\.py and b\.py still differ/);
});

test('a change inside a submodule counts, whatever .gitmodules says; its own settings start nothing', async () => {
  const inner = repository({ 'lib.py': 'print(1)\n', '.gitattributes': '*.py filter=evil\n' });
  const root = repository({ 'a.py': 'print(1)\n' });
  git(root, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner, 'lib');
  git(root, 'config', '--file', '.gitmodules', 'submodule.lib.ignore', 'all');
  git(root, 'add', '--all');
  git(root, 'commit', '--quiet', '--message', 'With a library');
  git(path.join(root, 'lib'), 'config', 'filter.evil.clean', marking('inner-clean'));
  git(path.join(root, 'lib'), 'config', 'core.fsmonitor', marking('inner-fsmonitor'));
  assert.deepEqual(await changedPaths(root, []), []);
  writeFileSync(path.join(root, 'lib', 'lib.py'), 'print(2)\n');
  assert.deepEqual(await changedPaths(root, []), ['lib']);
  assert.deepEqual(readdirSync(marks), []);
  rmSync(path.join(root, 'lib'), { recursive: true });
  symlinkSync('.', path.join(root, 'lib'));
  assert.deepEqual(await changedPaths(root, []), ['lib'], 'a link in its place is a change, and is not followed');
});

test('a replaced commit, another work tree, a folder that ends in a space', async () => {
  const root = repository({ 'a.py': 'print(1)\n' });
  const commit = git(root, 'rev-parse', 'HEAD');
  const other = git(root, 'commit-tree', git(root, 'rev-parse', 'HEAD^{tree}'), '-m', 'Another history');
  git(root, 'replace', commit, other);
  assert.equal((await headOf(root)).subject, 'A run config');
  git(root, 'config', 'core.worktree', scratch);
  await assert.rejects(repositoryRoot(root), /name another work tree, .*: remove core\.worktree/);

  const spaced = path.join(temporaryFolder(), 'my runs ');
  mkdirSync(spaced);
  execFileSync('git', ['init', '--quiet', spaced]);
  assert.equal(await repositoryRoot(spaced), spaced);
  await assert.rejects(codeVersion(spaced, []), /has no commit yet/);
  assert.match((await gitVersion()) ?? '', /^git version /);
});

test('one file starts git', () => {
  const project = path.join(__dirname, '..', '..');
  const files = ['server', 'client'].flatMap((room) =>
    readdirSync(path.join(project, room), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => path.posix.join(room, name.split(path.sep).join('/'))),
  );
  const starting = files.filter((file) => /\(\s*['"`]git['"`]/.test(readFileSync(path.join(project, file), 'utf8')));
  assert.deepEqual(starting, ['server/git-process.ts']);
});

test('a push goes through the ssh of the user, not of the repository', async () => {
  const root = repository({ 'a.py': 'print(1)\n' });
  const commit = git(root, 'rev-parse', 'HEAD');
  git(root, 'remote', 'add', 'hub', 'ssh://hub.invalid/repository');
  git(root, 'config', 'core.sshCommand', marking('ssh-of-repository', 'exit 1'));
  git(root, 'config', 'remote.hub.receivepack', marking('receivepack'));
  const settings = path.join(scratch, 'ssh-of-user');
  writeFileSync(settings, `[core]\n\tsshCommand = ${marking('ssh-of-user', 'exit 1')}\n`);
  setVariable('GIT_CONFIG_GLOBAL', settings);
  setVariable('GIT_SSH_COMMAND', undefined);
  await assert.rejects(pushCommit(root, 'hub', commit, 'refs/heads/x'), GitError);
  assert.deepEqual(readdirSync(marks), ['ssh-of-user']);
  git(root, 'remote', 'set-url', 'hub', `ext::${marking('ext')} %S`);
  await assert.rejects(pushCommit(root, 'hub', commit, 'refs/heads/x'), /transport 'ext' not allowed/);
  assert.deepEqual(readdirSync(marks), ['ssh-of-user']);
  setVariable('GIT_CONFIG_GLOBAL', undefined);
});
