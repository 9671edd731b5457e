/** Accounts without a name, repositories of somebody else, and the places of ssh's files on Windows. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, mock, test } from 'node:test';
import { accountName, homeFolder } from '../../server/account';
import { sshSettings, systemFolder } from '../../server/cluster/ssh/configuration';
import { withoutTilde } from '../../server/cluster/ssh/directives';
import { GitError } from '../../server/git-process';
import { hasNoCommit, refusalOf } from '../../server/git-refusals';
import { headOf, repositoryRoot } from '../../server/git';
import { examine } from '../../server/runs/doctor';
import { ROOT, temporaryFolder } from '../server/workspace';

afterEach(() => mock.restoreAll());

/** As libuv answers for an account that the system does not know. */
function noEntry(): never {
  const message = 'A system error occurred: uv_os_get_passwd returned ENOENT (no such file or directory)';
  throw Object.assign(new Error(message), { code: 'ERR_SYSTEM_ERROR', errno: -2, syscall: 'uv_os_get_passwd' });
}

test('an account without an entry in passwd has the name of $USER, or an error in one line', () => {
  mock.method(os, 'userInfo', noEntry);
  mock.method(os, 'homedir', noEntry);
  assert.equal(accountName({ USER: 'me' }), 'me');
  assert.equal(accountName({ USER: '', LOGNAME: 'me too' }), 'me too');
  assert.throws(
    () => accountName({}),
    /^UserError: This account \(UID \d+\) has no name on this machine: set USER, or name the user of the host/,
  );
  assert.throws(homeFolder, /^UserError: This account \(UID \d+\) has no home .*: set HOME/);
  const [file, home] = [path.join(temporaryFolder(), 'config'), '/home/me'];
  writeFileSync(file, 'Host named\n  User other\nHost counted\n  User x\n  ProxyCommand nc %h %p\n');
  const environment = { USER: 'me' };
  assert.equal(sshSettings('somehost', { file, home, environment }).user, 'me');
  // Where the name is not asked for, it need not be known.
  for (const alias of ['named', 'counted', 'you@somehost']) sshSettings(alias, { file, home, environment: {} });
  assert.throws(() => sshSettings('somehost', { file, home, environment: {} }), /set USER, or name the user/);
});

const cannotChange = process.getuid?.() === 0 ? false : 'another account can only be taken as root';

test('a process of a UID without an entry tells its name, or one line', { skip: cannotChange }, () => {
  const folder = temporaryFolder();
  chmodSync(folder, 0o777);
  const script = path.join(ROOT, 'server', 'account.ts');
  const program = `const { accountName } = require(${JSON.stringify(script)}); try { console.log(accountName()) } catch (error) { console.log(String(error)) }`;
  const run = (env: NodeJS.ProcessEnv): string =>
    spawnSync(process.execPath, ['--import', 'tsx', '-e', program], {
      ...{ uid: 54321, gid: 54321, cwd: ROOT, encoding: 'utf8' as const },
      env: { PATH: process.env.PATH, HOME: folder, TMPDIR: folder, ...env },
    }).stdout.trim();
  assert.equal(run({ USER: 'someone' }), 'someone');
  assert.match(run({}), /^UserError: This account \(UID 54321\) has no name/);
});

test("a repository of another user is refused in git's words, with its cure", { skip: cannotChange }, async () => {
  const folder = temporaryFolder();
  const inner = path.join(folder, 'with space');
  mkdirSync(inner);
  execFileSync('git', ['init', '-q', inner]);
  for (const place of [inner, path.join(inner, '.git')]) chownSync(place, 65534, 65534);
  const expected = `detected dubious ownership in repository at '${inner}'. It belongs to another user; if you trust it, run "git config --global --add safe.directory ${inner}"`;
  await assert.rejects(
    repositoryRoot(inner),
    (error: Error) => error.message.includes(expected) && !/git init|\n/.test(error.message),
  );
  const told = (await examine(inner)).find(({ topic }) => topic === 'Repository');
  assert.match(told?.remedy ?? '', /safe\.directory/);
});

test('the git of macOS that is not installed is no missing repository; what is not known stays in git’s words', async () => {
  const refusal = (stderr: string): string => refusalOf('/x', new GitError('/x', ['rev-parse'], 1, stderr, '')).message;
  const shim =
    'xcrun: error: invalid active developer path (/Library/Developer/CommandLineTools), missing xcrun at: /Library/Developer/CommandLineTools/usr/bin/xcrun\n';
  assert.match(
    refusal(shim),
    /^git of macOS does not run: xcrun: error: invalid active developer path .*xcode-select --install/,
  );
  assert.match(
    refusal("xcode-select: note: no developer tools were found at '/Applications/Xcode.app', requesting install.\n"),
    /xcode-select --install/,
  );
  assert.match(refusal('fatal: not a git repository (or any of the parent directories): .git\n'), /run "git init"/);
  assert.equal(
    refusal('fatal: bad config line 3 in file .git/config\n'),
    'git rev-parse in /x failed: fatal: bad config line 3 in file .git/config',
  );
  const empty = temporaryFolder();
  execFileSync('git', ['init', '-q', empty]);
  await assert.rejects(headOf(empty), /has no commit yet/);
  assert.ok(!hasNoCommit(new GitError('/x', ['log'], 128, 'fatal: bad object HEAD\n', '')));
});

test("on Windows ssh's system files are those of ProgramData, and never of the current drive", () => {
  assert.equal(systemFolder('win32', { ProgramData: 'D:\\Data' }), 'D:\\Data\\ssh');
  for (const ProgramData of [undefined, '', '\\ProgramData', 'Data', 'D:Data', '/etc'])
    assert.equal(systemFolder('win32', { ProgramData }), 'C:\\ProgramData\\ssh');
  assert.equal(systemFolder('linux', { ProgramData: 'D:\\Data' }), '/etc/ssh');
  assert.equal(systemFolder('darwin', {}), '/etc/ssh');
  const home = temporaryFolder();
  const files = { home, environment: { USER: 'me', ProgramData: 'D:\\Data' } };
  const settings = sshSettings('a', { ...files, platform: 'win32' });
  const site = settings.knownHosts.filter((file) => !file.startsWith(home));
  assert.deepEqual(
    site.map((file) => file.replaceAll('/', '\\')),
    ['D:\\Data\\ssh\\ssh_known_hosts', 'D:\\Data\\ssh\\ssh_known_hosts2'],
  );
  // That of this machine, where it has one, is not read for Windows.
  assert.deepEqual([...settings.withoutEffect, ...settings.ignored], []);
  if (existsSync('/etc/ssh/ssh_config'))
    assert.deepEqual(sshSettings('a', files).knownHosts.slice(-2), [
      '/etc/ssh/ssh_known_hosts',
      '/etc/ssh/ssh_known_hosts2',
    ]);
  assert.equal(withoutTilde('~\\.ssh\\id', 'C:\\Users\\me'), 'C:\\Users\\me\\.ssh\\id');
});
