/** The user's ssh configuration and known hosts as we read them, held against what ssh itself makes of them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { hostAliases, sshSettings, type SshSettings } from '../../server/cluster/ssh/configuration';
import { fingerprint, KnownHosts, knownHostName } from '../../server/cluster/ssh/known-hosts';

const home = mkdtempSync(path.join(os.tmpdir(), 'ssh-config-'));
after(() => rmSync(home, { recursive: true }));
const ssh = path.join(home, '.ssh');
mkdirSync(path.join(ssh, 'more', 'a.d'), { recursive: true });
const write = (name: string, text: string): string => {
  const file = path.join(ssh, name);
  writeFileSync(file, text);
  return file;
};

const FILE = write(
  'config',
  `
# first value counts
Include ${ssh}/more/*.d/*.conf
Host icm
  HostName hpc.example.org
  User = anna
  Port "2222"
Host rysy
  HostName %h.example.org
  User anna
  ProxyJump icm,bob@second:2200
  IdentityFile ~/.ssh/id_%r_%h
  IdentityFile ${ssh}/another   # a comment
  IdentitiesOnly yes
  LocalForward 8888 localhost:8889
  ServerAliveInterval 15
  ServerAliveCountMax 5
  StrictHostKeyChecking accept-new
  UserKnownHostsFile ${ssh}/one ${ssh}/two
  HashKnownHosts yes
  ForwardX11 yes
  ControlMaster auto
Host *.example.org !not.example.org
  User pattern
Match originalhost rysy user carol
  Port 4444
Match host rysy.example.org user anna,dora
  ConnectTimeout 7
Match host rysy.example.org exec "true"
  Port 5555
Match !host rysy.example.org
  NumberOfPasswordPrompts 2
Host both
  ProxyCommand nc %h %p
  ProxyJump icm
Host direct
  ProxyJump none
Match host rysy.example.org user dora
  ServerAliveInterval 99
Host rysy
  User late
Match all
  PreferredAuthentications publickey,keyboard-interactive
  IdentityAgent ~/agent.sock
`,
);
write('more/a.d/b.conf', 'Host included\n  HostName inside.example.org\n  Include deeper\nHost *\n  Compression yes\n');
write('deeper', 'Port 99\n');

/** What `ssh -G` says. */
function asked(destination: string): Map<string, string[]> {
  const text = execFileSync('ssh', ['-G', '-F', FILE, destination], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }); // prettier-ignore
  const found = new Map<string, string[]>();
  for (const line of text.split('\n').filter(Boolean)) {
    const [, key = '', value = ''] = /^(\S+) ?(.*)$/.exec(line) ?? [];
    found.set(key, [...(found.get(key) ?? []), value]);
  }
  return found;
}

const read = (destination: string): SshSettings => sshSettings(destination, { file: FILE, home, environment: {} });

test('hosts, users, ports and the rest are those that ssh finds', () => {
  for (const destination of [
    'icm',
    'carol@rysy',
    'rysy',
    'x.example.org',
    'not.example.org',
    'both',
    'direct',
    'plain',
  ]) {
    const [ours, theirs] = [read(destination), asked(destination)];
    const first = (key: string): string => theirs.get(key)?.[0] ?? '';
    // exec is not honoured: what stands below it is not ours.
    const port = destination === 'rysy' || destination === 'carol@rysy' ? ours.port : Number(first('port'));
    assert.deepEqual(
      { host: ours.hostName, user: ours.user, port: ours.port, tries: ours.passwordPrompts },
      { host: first('hostname'), user: first('user'), port, tries: Number(first('numberofpasswordprompts')) },
      destination,
    );
    assert.deepEqual(ours.proxyJump.join(','), first('proxyjump'), destination);
    const timeout = first('connecttimeout') === 'none' ? 20 : Number(first('connecttimeout'));
    assert.equal(ours.connectTimeout, timeout);
    assert.equal(ours.hashKnownHosts, first('hashknownhosts') === 'yes');
    assert.equal(ours.identitiesOnly, first('identitiesonly') === 'yes');
    assert.deepEqual(ours.methods.join(','), first('preferredauthentications'));
  }
  assert.equal(read('carol@rysy').port, 4444);
});

test('one host in all its settings', () => {
  const rysy = read('rysy');
  assert.deepEqual(rysy.identityFiles, [`${ssh}/id_anna_rysy.example.org`, `${ssh}/another`]);
  assert.deepEqual(rysy.proxyJump, ['icm', 'bob@second:2200']);
  assert.deepEqual(rysy.localForwards, [{ from: { host: '127.0.0.1', port: 8888 }, to: { host: 'localhost', port: 8889 } }]); // prettier-ignore
  assert.deepEqual([rysy.aliveInterval, rysy.aliveCountMax, rysy.connectTimeout], [15, 5, 7]);
  assert.deepEqual([rysy.strictHostKeys, rysy.knownHosts.slice(0, 2)], ['accept-new', [`${ssh}/one`, `${ssh}/two`]]);
  assert.equal(rysy.agent, `${home}/agent.sock`);
  assert.deepEqual(rysy.ignored, ['Compression yes', 'ForwardX11 yes', 'Match host rysy.example.org exec true']);
  assert.deepEqual(rysy.withoutEffect, ['ControlMaster auto']);
});

test('files that are included, relative and by wildcards in any part', () => {
  const { hostName, port } = read('included');
  assert.deepEqual([hostName, port], ['inside.example.org', 99]);
  assert.deepEqual(hostAliases({ file: FILE, home }), ['included', 'icm', 'rysy', 'both', 'direct']);
  write('loop', `Include ${ssh}/loop\n`);
  assert.throws(() => sshSettings('x', { file: path.join(ssh, 'loop'), home }), /Include goes deeper than 16 files/);
});

test('ProxyCommand and ProxyJump: the first counts; agents by name, by variable, none', () => {
  assert.equal(read('both').proxyCommand, 'nc both 22');
  const agent = (value: string, environment: NodeJS.ProcessEnv = {}): string | undefined =>
    sshSettings('x', { file: write('agent', `IdentityAgent ${value}\n`), home, environment }).agent;
  assert.equal(agent('none', { SSH_AUTH_SOCK: '/a' }), undefined);
  assert.equal(agent('SSH_AUTH_SOCK', { SSH_AUTH_SOCK: '/a' }), '/a');
  assert.equal(agent('$OTHER', { SSH_AUTH_SOCK: '/a', OTHER: '/b' }), '/b');
  assert.throws(() => sshSettings('x', { file: write('bad', 'Port twenty\n'), home }), /Port twenty is not a number/);
  assert.throws(() => sshSettings('-oProxyCommand=x', { home }), /is not a host name/);
});

test('known hosts: plain, hashed by ssh-keygen, another port, revoked, of an authority', async () => {
  const keys = ['one', 'two'].map((name) => {
    execFileSync('ssh-keygen', ['-q', '-N', '', '-t', 'ed25519', '-C', 'x', '-f', path.join(ssh, name)]);
    return readFileSync(path.join(ssh, `${name}.pub`), 'utf8')
      .split(' ')
      .slice(0, 2)
      .join(' ');
  });
  const [one, two] = keys.map((key) => Buffer.from(key.split(' ')[1], 'base64'));
  const printed = execFileSync('ssh-keygen', ['-l', '-f', path.join(ssh, 'one.pub')], { encoding: 'utf8' });
  assert.equal(fingerprint(one), printed.split(' ')[1]);
  const file = write('known', `plain,[other]:2222,*.example.org,!bad.example.org ${keys[0]}\n`);
  execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
  writeFileSync(
    file,
    `hashed ${keys[0]}\n@revoked * ${keys[1]}\n@cert-authority *.site.org ${keys[0]}\n*.example.org,!bad.example.org ${keys[0]}\n# a comment\n`,
    { flag: 'a' },
  );
  const known = new KnownHosts([file, path.join(ssh, 'nothing there')]);
  const verdict = (host: string, key = one, port = 22): string => known.judge(knownHostName(host, port), key).verdict;
  assert.deepEqual([verdict('plain'), verdict('Plain'), verdict('other', one, 2222), verdict('other')], ['known', 'known', 'known', 'unknown']); // prettier-ignore
  assert.deepEqual([verdict('a.example.org'), verdict('bad.example.org')], ['known', 'unknown']);
  assert.deepEqual([verdict('plain', two), verdict('nowhere', two)], ['revoked', 'revoked']);
  assert.equal(verdict('node.site.org'), 'authority');
  assert.equal(verdict('nowhere'), 'unknown');
  assert.match(known.judge('plain', two).where ?? '', /known:\d+$/);
  await known.add('new', one, true);
  assert.equal(execFileSync('ssh-keygen', ['-F', 'new', '-f', file], { encoding: 'utf8' }).includes(keys[0]), true);
});
