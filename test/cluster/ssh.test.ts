/** Logins, programs and files over real ssh servers: what users meet, and what breaks. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ConnectionLostError, type Host } from '../../server/cluster/host';
import { logOut } from '../../server/cluster/holder/held-login';
import type { ClusterProfile } from '../../server/shared/protocol';
import { TestBed } from './bed';
import { Logins, type Login } from './logins';
import { until } from '../until';

let bed: TestBed;
let logins: Logins;
let scratch: string;
before(async () => {
  bed = await TestBed.start({ accounting: false });
  logins = new Logins(bed);
  ({ scratch } = logins);
});
after(async () => {
  logins?.close();
  try {
    await logOut();
  } finally {
    await bed?.stop();
  }
});
const hostsOf = (...args: Parameters<Logins['of']>): Login => logins.of(...args);

const profile: ClusterProfile = { name: 'bed', host: 'inner' };

test('jump host with a one-time password', async () => {
  const { asked, host } = hostsOf('alice', () => [bed.otp('alice')]);
  const { stdout } = await (await host()).run(['hostname']);
  assert.equal(stdout, 'cluster\n');
  assert.equal(asked.prompts.length, 1);
  assert.match(asked.prompts[0].host, /jump host/);
  assert.match(asked.prompts[0].instruction, /authorised use only/);
  assert.match(asked.prompts[0].prompts[0].text, /Verification code/);
  assert.ok(logins.log.some((line) => /not honoured: ForwardX11 yes/.test(line)));
});

test('a wrong code, then the right one; three wrong ones', async () => {
  let tries = 0;
  const { asked, host } = hostsOf('alice', () => [tries++ ? bed.otp('alice') : '000000']);
  assert.equal((await (await host()).run(['true'])).code, 0);
  assert.equal(asked.prompts.length, 2);
  assert.match(asked.prompts[1].retry ?? '', /not right/);
  const wrong = hostsOf('alice', () => ['000000']);
  await assert.rejects(wrong.host(), /refused the answers given \(3 times\)/);
  assert.equal(wrong.asked.prompts.length, 3);
  assert.equal(wrong.hosts.state(profile).connection, 'disconnected');
});

test('password and code in one round; encrypted key', async () => {
  const bob = hostsOf('bob', ({ prompts }) =>
    prompts.map(({ text }) => (/Password/.test(text) ? 'bob-password' : bed.otp('bob'))),
  );
  assert.equal((await (await bob.host({ host: 'login' })).run(['id', '-un'])).stdout, 'bob\n');
  const locked = hostsOf('keyonly', () => ['passphrase'], { identity: 'id_ed25519_enc' });
  await (await locked.host()).run(['true']);
  assert.equal(locked.asked.prompts.length, 1);
  assert.deepEqual([...locked.asked.secrets.values()], ['passphrase']);
});

test('host keys: unknown is asked and written, changed is refused', async () => {
  const knownHosts = path.join(scratch, 'known');
  const refusing = hostsOf('keyonly', undefined, { knownHosts });
  await assert.rejects(refusing.host(), { name: 'CancelledError' });
  const trusting = hostsOf('keyonly', undefined, { knownHosts, trust: true });
  await (await trusting.host()).run(['true']);
  assert.equal(trusting.asked.hostKeys.length, 2);
  assert.match(readFileSync(knownHosts, 'utf8'), /^(\|1\|\S+ ssh-ed25519 \S+\n){2}$/);
  await hostsOf('keyonly', undefined, { knownHosts }).host();
  const wrong = readFileSync(bed.file('client', 'id_ed25519.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
  const changed = path.join(scratch, 'changed');
  appendFileSync(changed, `[127.0.0.1]:${bed.port} ${wrong}\n`);
  await assert.rejects(hostsOf('keyonly', undefined, { knownHosts: changed, trust: true }).host(), /HAS CHANGED/);
});

test('login shells that print, csh and fish', async () => {
  writeFileSync(
    bed.file('home', 'keyonly', '.bashrc'),
    'for i in $(seq 500); do echo noise $i; echo noise >&2; done\n',
  );
  for (const user of ['keyonly', 'cshuser', 'fishuser']) {
    const outcome = await (
      await hostsOf(user).host()
    ).run(['sh', '-c', 'printf "%s|" "$@"; cat; echo x >&2; exit 3', 'sh', "it's $HOME!\n", '%s'], {
      stdin: Buffer.from([0xff, 0x41]),
    });
    assert.deepEqual(outcome, { code: 3, stdout: "it's $HOME!\n|%s|\ufffdA", stderr: 'x\n' }, user);
  }
});

test('twenty programs at once, without a warning; a time limit ends the program', async () => {
  const warnings: string[] = [];
  process.on('warning', ({ message }) => warnings.push(message));
  const host = await hostsOf('keyonly').host();
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, (_, i) => host.run(['sh', '-c', `sleep 0.1; echo ${i}`])),
  );
  assert.deepEqual(
    outcomes.map(({ stdout }) => Number(stdout)),
    Array.from({ length: 20 }, (_, i) => i),
  );
  assert.deepEqual(warnings, []);
  await assert.rejects(host.run(['sleep', '4242'], { timeoutMs: 300 }), /gave no answer/);
  await until(() => host.run(['pgrep', '-x', 'sleep', '-u', 'keyonly']), 'the end of the program', ({ stdout }) => stdout === ''); // prettier-ignore
});

test('a server with two sessions: files and programs wait for a place', async () => {
  const host = await hostsOf('fishuser').host();
  const echo = async (text: string): Promise<string> => (await host.run(['sh', '-c', `sleep 1; echo ${text}`])).stdout;
  const both = Promise.all([echo('1'), echo('2')]);
  assert.match((await host.files.read('/etc/passwd', 0, 1000)).toString(), /^root:/);
  assert.deepEqual(await both, ['1\n', '2\n']);
  assert.deepEqual(await Promise.all(['3', '4', '5'].map(echo)), ['3\n', '4\n', '5\n']);
});

test('an approval that takes longer than the connection may: waited for, as ssh does', async () => {
  const pam = bed.file('etc', 'pam.d', 'sshd-login');
  const before = readFileSync(pam, 'utf8');
  writeFileSync(pam, before.replace(/^(auth.*google.*)$/m, '$1\nauth required pam_exec.so /bin/sleep 5'));
  try {
    const { host } = hostsOf('alice', () => [bed.otp('alice')], { config: 'Host *\n  ConnectTimeout 3' });
    assert.equal((await (await host()).run(['hostname'])).stdout, 'cluster\n');
  } finally {
    writeFileSync(pam, before);
  }
});

test('known_hosts cannot be written: the login goes on, and says so', async () => {
  const knownHosts = '/sys/edm-known-hosts';
  const { host } = hostsOf('keyonly', undefined, { knownHosts, config: 'Host *\n  StrictHostKeyChecking accept-new' });
  assert.equal((await (await host()).run(['hostname'])).stdout, 'cluster\n');
  assert.ok(logins.log.some((line) => /Cannot write the host key into \/sys\/edm-known-hosts.*counts for this login alone/.test(line))); // prettier-ignore
});

/** Runs something while the inner server has other settings. @param change of its configuration */
async function withServer(change: (text: string) => string, work: () => Promise<void>): Promise<void> {
  const file = bed.file('ssh', 'cluster', 'sshd_config');
  const before = readFileSync(file, 'utf8');
  const restart = async (): Promise<void> => {
    await bed.inCluster(['pkill', '-HUP', '-o', '-x', 'sshd-cluster']);
    const listens = (): Promise<{ code: number }> => bed.inCluster(['bash', '-c', 'exec 3<>/dev/tcp/cluster/22']); // prettier-ignore
    await until(listens, 'the server', ({ code }) => code === 0);
  };
  writeFileSync(file, change(before));
  await restart();
  try {
    await work();
  } finally {
    writeFileSync(file, before);
    await restart();
  }
}

/** Programs and files of a host, one after the other and at once. */
async function worksWith(host: Host): Promise<void> {
  const echo = async (text: string): Promise<string> =>
    (await host.run(['sh', '-c', `sleep 0.3; echo ${text}`])).stdout;
  const file = `/home/keyonly/file-${randomBytes(4).toString('hex')}`;
  await host.files.write(file, 'one\n');
  assert.equal(await echo('1'), '1\n');
  assert.equal(String(await host.files.read(file)), 'one\n');
  const [two, three, facts] = await Promise.all([echo('2'), echo('3'), host.files.stat(file)]);
  assert.deepEqual([two, three, facts?.size], ['2\n', '3\n', 4]);
  const local = path.join(scratch, 'large');
  writeFileSync(local, randomBytes(3_000_000));
  await host.files.upload(local, `${file}.large`);
  await host.files.download(`${file}.large`, `${local}.back`);
  assert.ok(readFileSync(`${local}.back`).equals(readFileSync(local)));
}

test('a server that allows one session, and one without sftp: files go through commands', async () => {
  /** The same through a holder; each has another configuration, and so another holder. */
  const kept = (): Promise<Host> => hostsOf('keyonly', undefined, { isKept: true }).host();
  const single = (text: string): string => `${text}\nMatch User keyonly\n  MaxSessions 1\n`;
  await withServer(single, async () => {
    await worksWith(await hostsOf('keyonly').host());
    await worksWith(await kept());
  });
  assert.ok(logins.log.some((line) => /it allows one session at a time: files go through commands/.test(line)));
  const without = (text: string): string => text.replace(/^Subsystem.*$/m, '');
  await withServer(without, async () => {
    await worksWith(await hostsOf('keyonly').host());
    await worksWith(await kept());
  });
  assert.ok(logins.log.some((line) => /offers no sftp: .*: files go through commands/.test(line)));
});

test('a connection cut while a program runs, and while idle', async () => {
  const { hosts, host } = hostsOf('keyonly');
  const there = await host();
  const running = there.run(['sleep', '3000']);
  running.catch(() => undefined);
  await until(
    () => bed.inCluster(['pgrep', '-x', '-f', 'sleep 3000']),
    'the program',
    ({ code }) => code === 0,
  );
  assert.ok((await bed.cut('keyonly', 'sshd-cluster')) > 0);
  await assert.rejects(running, ConnectionLostError);
  const connected = ({ hosts: theirs }: Pick<Login, 'hosts'>) => theirs.state(profile).connection === 'connected';
  await until(() => connected({ hosts }), 'the silent reconnect');
  assert.equal((await there.run(['echo', 'back'])).stdout, 'back\n');

  const alice = hostsOf('alice', () => [bed.otp('alice')]);
  const hers = await alice.host();
  // The loss may last a moment only.
  let lost = false;
  alice.hosts.onState(() => (lost ||= !connected(alice)));
  await bed.cut('alice', 'sshd-cluster');
  await until(() => lost, 'the loss behind the jump host');
  await until(() => connected(alice), 'the way over the jump host that stands');
  assert.equal((await hers.run(['echo', 'back'])).stdout, 'back\n');
  await bed.cut('alice', 'sshd-login');
  await until(() => alice.hosts.state(profile).connection === 'lost', 'the loss of the jump host');
  assert.match(alice.hosts.state(profile).message ?? '', /reconnect to log in again/);
  await assert.rejects(hers.run(['true']), ConnectionLostError);
  assert.equal(alice.asked.prompts.length, 1, 'nobody was asked again');
  assert.equal((await (await alice.host()).run(['true'])).code, 0);
});

test('files: 50 MB interrupted twice, resumed, checked; a full disk', async () => {
  const { hosts, host } = hostsOf('keyonly');
  const there = await host();
  const local = path.join(scratch, 'big');
  writeFileSync(local, randomBytes(50e6));
  const resumedAt: number[] = [];
  for (let cut = 0; cut < 2; cut++) {
    let killed = false;
    const sending = there.files.upload(local, '/home/keyonly/in/big', {
      onProgress({ done }) {
        if (done > 12e6 * (cut + 1) && !killed) {
          killed = true;
          // Nothing more is sent until the server is gone: however fast this machine is, the file is not all there.
          const [program, ...args] = [...bed.inside('root'), 'pkill', '-KILL', '-u', 'keyonly', '-x', 'sshd-cluster'];
          spawnSync(program, args);
        }
      },
    });
    // Lost in the middle of a piece it fails; between two pieces it goes on over the connection that comes after.
    await sending.catch((error: unknown) => assert.ok(error instanceof ConnectionLostError));
    assert.ok(killed);
    await until(() => hosts.state(profile).connection === 'connected', 'the reconnect');
  }
  await there.files.upload(local, '/home/keyonly/in/big', { onProgress: ({ done }) => resumedAt.push(done) });
  assert.ok(resumedAt[0] > 8e6, `resumed at ${resumedAt[0]}`);
  assert.ok(readFileSync(bed.file('home/keyonly/in/big')).equals(readFileSync(local)));
  const back = path.join(scratch, 'back');
  await there.files.download('/home/keyonly/in/big', back);
  assert.ok(readFileSync(back).equals(readFileSync(local)));
  assert.deepEqual(
    (await there.files.list('/home/keyonly/in')).map(({ name }) => name),
    ['big'],
  );
  await bed.inCluster([
    'sh',
    '-c',
    'mkdir /home/keyonly/small; mount -t tmpfs -o size=2m,mode=777 tmpfs /home/keyonly/small',
  ]);
  await assert.rejects(there.files.upload(local, '/home/keyonly/small/big'), /the disk is full/);
  await assert.rejects(there.files.write('/home/keyonly/small/big', randomBytes(3e6)), /the disk is full/);
});

test('a session of files that the server ends alone is opened anew', async () => {
  const there = await hostsOf('keyonly').host();
  await there.files.write('/home/keyonly/kept', 'x');
  await assert.rejects(there.files.stat('/home/keyonly/a\0b'), ConnectionLostError); // sftp-server ends itself at NUL
  assert.equal(String(await there.files.read('/home/keyonly/kept')), 'x');
});

test('a second ssh on the login host', async () => {
  const { host } = hostsOf('keyonly');
  const there = await host({ host: 'login', via: 'rysy' });
  assert.equal((await there.run(['sh', '-c', 'hostname; printf %s "$1"', 'sh', "a'b\n!"])).stdout, "cluster\na'b\n!");
  const content = randomBytes(3e6);
  const local = path.join(scratch, 'hop');
  writeFileSync(local, content, { mode: 0o755 });
  await there.files.upload(local, '/home/keyonly/hop file');
  assert.deepEqual(await there.files.read('/home/keyonly/hop file'), content);
  assert.equal((await there.files.stat('/home/keyonly/hop file'))?.mode, 0o644);
  const nowhere = await host({ name: 'other', host: 'login', via: 'nosuch' });
  await assert.rejects(nowhere.run(['true']), /nosuch ended before true could start \(255\).*nosuch/);
});

test('no secret was logged', () => {
  const text = logins.log.join('\n');
  for (const secret of ['bob-password', 'passphrase', '000000', bed.otp('alice')])
    assert.ok(!text.includes(secret), secret);
});
