/** When a host is connected to by OpenSSH, one row a reason; and what OpenSSH asks and says, in our words. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { understand } from '../../server/cluster/openssh/questions';
import { failedLogin } from '../../server/cluster/openssh/refusals';
import { versionProblem } from '../../server/cluster/openssh/ssh-program';
import { encode, messagesOf, Reader } from '../../server/cluster/openssh/wire';
import { RefusedAnswerError } from '../../server/cluster/ssh/authentication';
import { configurationFor, transportWords, type Transport } from '../../server/cluster/transport';
import { reasonForOpenssh, type TransportFacts } from '../../server/cluster/transport-reasons';

const plain: TransportFacts = { alias: 'icm', own: [], site: [], keys: [], agent: [], hasTicket: false };
const reason = (facts: Partial<TransportFacts>): string | undefined => reasonForOpenssh([{ ...plain, ...facts }]);

test('what ssh2 can do is left to it', () => {
  const keys = [
    { file: '/k', type: 'ssh-ed25519', hasCertificate: false },
    { file: '/other', hasCertificate: false },
  ];
  const own = ['ForwardX11 yes', 'DynamicForward 1080', 'GSSAPIAuthentication no', 'PKCS11Provider none', 'CanonicalizeHostname no', 'AddressFamily any']; // prettier-ignore
  assert.equal(reason({ keys, own, agent: ['ssh-rsa', 'ecdsa-sha2-nistp256'], hasTicket: true }), undefined);
  // What Debian and Fedora write for everybody.
  const site = ['GSSAPIAuthentication yes', 'Match final all', 'Ciphers aes256-gcm@openssh.com', 'KexAlgorithms x'];
  assert.equal(reason({ site }), undefined);
  assert.equal(reasonForOpenssh([]), undefined);
});

test('each reason is said', () => {
  const key = (type: string, hasCertificate = false): TransportFacts['keys'] => [{ file: '/k', type, hasCertificate }];
  const cases: [Partial<TransportFacts>, RegExp][] = [
    [{ master: '/s' }, /^you have a connection to icm open$/],
    [{ keys: key('ssh-ed25519', true) }, /^the key \/k has a certificate$/],
    [{ keys: key('ssh-ed25519-cert-v01@openssh.com') }, /certificate/],
    [{ keys: key('sk-ssh-ed25519@openssh.com') }, /^the key \/k is on a security key$/],
    [{ agent: ['ssh-rsa', 'ssh-rsa-cert-v01@openssh.com'] }, /^your agent has a certificate$/],
    [{ agent: ['sk-ecdsa-sha2-nistp256@openssh.com'] }, /^your agent has a key that is on a security key$/],
    [{ authority: '/known_hosts:3' }, /^icm is known by a certificate authority \(\/known_hosts:3\)$/],
    [{ site: ['GSSAPIAuthentication yes'], hasTicket: true }, /GSSAPIAuthentication yes/],
    [{ site: ['CanonicalizeHostname always'] }, /CanonicalizeHostname/],
    ...[
      'CertificateFile ~/x-cert.pub',
      'gssapiauthentication=yes',
      'Match exec "true"',
      'ProxyCommand nc %C %h',
      'PKCS11Provider "/lib/p11.so"',
      'KexAlgorithms +diffie-hellman-group1-sha1',
      'HostKeyAlgorithms +ssh-rsa',
      'KnownHostsCommand /bin/keys %H',
      'BindInterface tun0',
      'AddressFamily inet6',
    ].map((line): [Partial<TransportFacts>, RegExp] => [
      { own: ['ForwardX11 yes', line] },
      new RegExp(`^your ssh configuration of icm says "${line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}"$`),
    ]),
  ];
  for (const [facts, words] of cases) assert.match(reason(facts) ?? 'ssh2', words);
  // A jump host counts as the host itself.
  const jump = { ...plain, alias: 'login', keys: key('sk-ssh-ed25519@openssh.com') };
  assert.match(reasonForOpenssh([jump, plain]) ?? '', /security key/);
});

test('what a configuration leads to, before anything is connected', async (context) => {
  const home = mkdtempSync(path.join(os.tmpdir(), 'edm-transport-'));
  context.after(() => rmSync(home, { recursive: true, force: true }));
  const file = path.join(home, 'config');
  const files = { file, home, environment: { PATH: process.env.PATH, KRB5CCNAME: path.join(home, 'none') } };
  const key = path.join(home, 'key');
  writeFileSync(
    file,
    `Host plain\n  IdentityFile ${key}\nHost far\n  ProxyJump near\nHost near\n  CertificateFile x\n`,
  );
  const words = (host: string, transport: Transport = 'auto') => transportWords(transport, host, files);
  assert.equal(await words('plain'), undefined);
  assert.equal(await words('plain', 'openssh'), 'by OpenSSH');
  assert.match((await words('far')) ?? '', /your ssh configuration of near says "CertificateFile x"/);
  assert.equal(await words('far', 'ssh2'), undefined);
  writeFileSync(`${key}-cert.pub`, '');
  assert.match((await words('plain')) ?? '', /the key \S+key has a certificate/);
  rmSync(`${key}-cert.pub`);
  writeFileSync(`${key}.pub`, 'sk-ssh-ed25519@openssh.com AAAA\n');
  assert.match((await words('plain')) ?? '', /the key \S+key is on a security key/);
  // Nothing that could be an option reaches ssh.
  await assert.rejects(configurationFor('openssh', '-oProxyCommand=x', files), /begins with "-"|not a host name/);
});

test('questions of OpenSSH 8.4 to 10, understood', () => {
  const of = (text: string, hint = ''): ReturnType<typeof understand> => understand({ text, hint });
  const unknown = (place: string): string =>
    `The authenticity of host '${place}' can't be established.\nED25519 key fingerprint is SHA256:abc/+1.\nThis key is not known by any other names.\nAre you sure you want to continue connecting (yes/no/[fingerprint])? `;
  const hostKey = { kind: 'host-key', algorithm: 'ED25519', fingerprint: 'SHA256:abc/+1' };
  assert.deepEqual(of(unknown('[10.0.0.1]:2222 ([10.0.0.1]:2222)')), { ...hostKey, host: '10.0.0.1', port: 2222 });
  assert.deepEqual(of(unknown('login.site.org (10.0.0.1)')), { ...hostKey, host: 'login.site.org', port: 22 });
  const newer = unknown('a (b)').replace('fingerprint is SHA256:abc/+1.', 'fingerprint is: SHA256:abc/+1');
  assert.deepEqual(of(newer), { ...hostKey, host: 'a', port: 22 });
  assert.deepEqual(of('(alice@login) Verification code: '), { kind: 'answer', text: 'Verification code: ', host: 'login' }); // prettier-ignore
  assert.deepEqual(of("alice@login's password: "), { kind: 'answer', text: "alice@login's password: ", host: 'login' });
  assert.deepEqual(of('Verification code: '), { kind: 'answer', text: 'Verification code: ' });
  const phrase = of("Enter passphrase for key '/home/a b/k': ");
  assert.ok(phrase.kind === 'key' && phrase.text === 'Passphrase of the key /home/a b/k: ');
  const pin = of('Enter PIN for ED25519-SK key /k: ');
  assert.ok(pin.kind === 'key' && pin.text === 'PIN of your security key, for /k: ');
  assert.deepEqual(of('Confirm user presence for key ED25519-SK SHA256:x', 'none'), { kind: 'notice', text: 'Touch your security key now (ED25519-SK SHA256:x)' }); // prettier-ignore
  assert.equal(of('Allow use of key k?', 'confirm').kind, 'confirm');
});

test('refusals in the words of other logins', () => {
  const login = { role: 'login (jump host)', user: 'alice', refused: 3, wasAsked: true };
  const say = (said: string, facts = login): string => failedLogin(said, 255, facts).message;
  assert.ok(failedLogin('alice@x: Permission denied (publickey,password).', 255, login) instanceof RefusedAnswerError);
  assert.match(say('alice@x: Permission denied (publickey).'), /refused the answers given \(3 times\)/);
  const keys = { ...login, wasAsked: false };
  assert.equal(say('alice@x: Permission denied (publickey,password).', keys), 'login (jump host) refuses alice: none of your keys was accepted (it takes publickey, password)'); // prettier-ignore
  assert.match(
    say('ssh: connect to host x port 22: Connection refused'),
    /^Cannot reach .* \(x:22\): Connection refused$/,
  );
  const changed = '@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@\nThe fingerprint for the ED25519 key sent by the remote host is\nSHA256:abc.\nOffending ED25519 key in /k:7\nHost key verification failed.\n'; // prettier-ignore
  assert.match(
    say(changed),
    /THE HOST KEY OF login \(jump host\) HAS CHANGED: it is ED25519 SHA256:abc, but \/k:7 says/,
  );
  assert.equal(say(' \n'), 'login (jump host): ssh ended with 255 and without a word');
  assert.equal(say('kex: no match\n'), 'login (jump host): kex: no match');
});

test('releases that can be asked', () => {
  for (const version of ['OpenSSH_8.4p1', 'OpenSSH_9.2p1', 'OpenSSH_10.0p2']) assert.equal(versionProblem(version), undefined); // prettier-ignore
  for (const version of ['OpenSSH_8.3p1', 'OpenSSH_7.9p1'])
    assert.match(versionProblem(version) ?? '', /8\.4 or newer/);
  assert.match(versionProblem(undefined) ?? '', /not OpenSSH/);
});

test('messages are put together and taken apart wherever they are cut', () => {
  const inner = encode(98, true, 'exit-status', 255, Buffer.from([0, 1]));
  const stream = Buffer.concat([encode(inner), encode(Buffer.alloc(0)), encode(inner)]);
  for (let at = 0; at <= stream.length; at++) {
    const got: Buffer[] = [];
    const receive = messagesOf(
      (message) => void got.push(Buffer.from(message)),
      () => assert.fail(),
    );
    receive(stream.subarray(0, at));
    receive(stream.subarray(at));
    assert.deepEqual(got, [inner, Buffer.alloc(0), inner]);
  }
  const words = new Reader(inner);
  assert.deepEqual([words.number(), words.bool(), words.text(), words.number()], [98, true, 'exit-status', 255]);
  assert.deepEqual(words.string(), Buffer.from([0, 1]));
  assert.throws(() => new Reader(encode(9)).string(), RangeError);
  let broken = 0;
  messagesOf(
    () => assert.fail(),
    () => void broken++,
  )(Buffer.from([255, 255, 255, 255, 0]));
  assert.equal(broken, 1);
});
