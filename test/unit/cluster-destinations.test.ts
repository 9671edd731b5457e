/** Names of hosts and users that mean something to a shell: refused as ssh refuses them, and never run by a ProxyCommand. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { Hosts } from '../../server/cluster/hosts';
import { readProfiles } from '../../server/cluster/profiles';
import { sshSettings } from '../../server/cluster/ssh/configuration';
import { destinationProblem } from '../../server/cluster/ssh/destination';
import { UserError } from '../../server/errors';

const folder = mkdtempSync(path.join(os.tmpdir(), 'destinations-'));
after(() => rmSync(folder, { recursive: true }));

/** What OpenSSH's valid_hostname and valid_ruser say; the one exception is ours and stricter. */
const VERDICTS: readonly [destination: string, refused: boolean, stricter?: true][] = [
  ['gw2', false],
  ['anna@gw2', false],
  ['DOMAIN\\anna@gw2', false],
  ['anna@example.org@gw2', false],
  ['anna.b-c_d+e@gw2', false],
  ['#anna~!*@gw2', false],
  ['a$(touch${IFS}PWNED)@gw2', true],
  ['a`touch PWNED`@gw2', true],
  ['a;touch@gw2', true],
  ['a&b@gw2', true],
  ['a|b@gw2', true],
  ['a<b@gw2', true],
  ['a>b@gw2', true],
  ['a{b,c}@gw2', true],
  ["a'b@gw2", true],
  ['a"b@gw2', true],
  ['a\\@gw2', true],
  ['a -oProxyCommand=x@gw2', true],
  ['-a@gw2', true],
  ['a\nb@gw2', true],
  ['a\x1bb@gw2', true],
  ['$HOME@gw2', true, true],
  ['-oProxyCommand=touch', true],
  ['anna@-oProxyCommand=touch', true],
  ['anna@gw2;x', true],
  ['anna@$(x)', true],
  ['anna@g`x`', true],
  ['anna@a\\b', true],
  ['anna@a b', true],
  ['anna@a\tb', true],
  ['anna@{a}', true],
  ["anna@a'b", true],
  ['anna@a|b', true],
];

test('destinations are refused where ssh refuses them', () => {
  const ssh = (destination: string): { status: number | null; stderr: string } =>
    spawnSync('ssh', ['-F', '/dev/null', '-G', '--', destination], { encoding: 'utf8' });
  // The rules came with 9.6, and to older versions with updates of their distributions.
  const knowsRules = /invalid characters/.test(ssh('a;b@h').stderr);
  for (const [destination, refused, stricter] of VERDICTS) {
    assert.equal(destinationProblem(destination) !== undefined, refused, JSON.stringify(destination));
    // Of control characters in users, only newer versions take notice.
    if (!knowsRules || stricter || /\p{Cc}/u.test(destination)) continue;
    assert.equal(ssh(destination).status !== 0, refused, `ssh on ${JSON.stringify(destination)}`);
  }
});

test('every key of a profile that names a host is checked, with its line', () => {
  for (const key of ['host', 'via', 'transfer_host']) {
    const text = `clusters:\n  - name: gw\n    host: gw\n    ${key}: "a$(touch$\{IFS}PWNED)@gw2"\n`;
    const { profiles, problems } = readProfiles(key === 'host' ? text.replace('    host: gw\n', '') : text);
    assert.deepEqual(profiles, []);
    assert.match(
      problems[0]?.message ?? '',
      new RegExp(`^${key} of cluster "gw": .*the name of the user has characters`),
    );
    assert.equal(problems[0]?.range?.start.line, key === 'host' ? 2 : 3);
  }
});

/** A configuration whose ProxyCommand hands all its tokens to a shell, and leaves a file where the shell ran. */
function configuration(lines: string): { file: string; ran: string; pwned: string } {
  const place = mkdtempSync(path.join(folder, 'c-'));
  const [file, ran, pwned] = ['config', 'RAN', 'PWNED'].map((name) => path.join(place, name)) as [
    string,
    string,
    string,
  ];
  const proxy = `ProxyCommand sh -c "touch ${ran}; exit 1" -- %r %h %n %p %k`;
  writeFileSync(file, `${lines.replaceAll('PWNED', pwned)}\nHost *\n  ${proxy}\n`);
  return { file, ran, pwned };
}

const connect = async (host: string, file: string, via?: string): Promise<unknown> => {
  const prompter = { prompt: () => null, hostKey: () => false, secret: () => null } as never;
  const hosts = new Hosts(prompter, () => undefined, { file, home: folder, environment: {} });
  return hosts.host({ name: 'gw', host, via }, true).catch((error: unknown) => error);
};

test('the shell of a ProxyCommand runs for an honest user, and no shell for a dishonest one', async () => {
  const honest = configuration('Host gw2\n  HostName 127.0.0.1');
  await connect('anna@gw2', honest.file);
  assert.ok(existsSync(honest.ran), 'this test can see a ProxyCommand run');
  const T = '$(touch$IFS' + 'PWNED)';
  const attacks: [destination: string, lines: string, via?: string][] = [
    [`a${T}@gw2`, 'Host gw2\n  HostName 127.0.0.1'],
    ['gw2', `Host gw2\n  User "a\`touch PWNED\`"`],
    ['gw2', 'Host gw2\n  User a;touch${IFS}PWNED;'],
    ['gw2', 'Host gw2\n  HostName x;touch${IFS}PWNED;'],
    ['gw2', 'Host gw2\n  HostName %h|touch${IFS}PWNED'],
    ['gw2', 'Host gw2\n  HostName -oProxyCommand=touch'],
    ['gw2', 'Host gw2\n  HostKeyAlias x;touch${IFS}PWNED;'],
    ['gw2', 'Host gw2\n  ProxyJump ok@gw3,a;touch@gw4'],
    ['gw2', 'Host gw2\n  ProxyJump ssh://a;touch@gw4'],
    ['gw2', 'Host gw2\n  ProxyJump -oProxyCommand=touch'],
    ['gw2', 'Host gw2\n  ProxyJump gw3\nHost gw3\n  User a;touch${IFS}PWNED;'],
    ['gw2', 'Host gw2\n  Port 0'],
    ['gw2:70000', 'Host gw2\n  HostName 127.0.0.1'],
    ['gw2', 'Host gw2\n  HostName 127.0.0.1', '-oProxyCommand=touch'],
    ['gw2', 'Host gw2\n  HostName 127.0.0.1', 'a;b@rysy'],
  ];
  for (const [destination, lines, via] of attacks) {
    const { file, ran, pwned } = configuration(lines);
    const said = await connect(destination, file, via);
    assert.ok(said instanceof UserError && !/\n/.test(said.message), `${destination} ${lines}: ${String(said)}`);
    assert.ok(!existsSync(ran) && !existsSync(pwned), `${destination} ${lines}: a shell ran`);
  }
  assert.equal(sshSettings('gw2', { file: honest.file, home: folder }).hostName, '127.0.0.1');
});
