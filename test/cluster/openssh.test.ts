/** Logins by the system's OpenSSH: one code for everything, a ControlMaster of the user, certificates, and what is lost. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { logOut } from '../../server/cluster/holder/held-login';
import { ConnectionLostError } from '../../server/cluster/host';
import type { ClusterProfile, PromptParams } from '../../server/shared/protocol';
import { ownState } from './allow';
import { TestBed } from './bed';
import { Logins, type Login } from './logins';
import { until } from '../until';

const openssh: ClusterProfile = { name: 'bed', host: 'inner', transport: 'openssh' };
let bed: TestBed;
let logins: Logins;
before(async () => {
  ownState();
  bed = await TestBed.start({ accounting: false });
  logins = new Logins(bed);
});
after(async () => {
  await logOut();
  logins?.close();
  await bed?.stop();
});

const stateOf = ({ hosts }: Pick<Login, 'hosts'>): string => hosts.state(openssh).connection;
const code = (): string[] => [bed.otp('alice')];
/** How often somebody was let in on the jump host. */
const entered = (user: string): number =>
  readFileSync(bed.file('log', 'sshd-login.log'), 'utf8').split(new RegExp(`Accepted \\S+ for ${user} `)).length - 1;

test('one code, asked in our words, for windows and commands; a logout ends it', async () => {
  const answered: PromptParams[] = [];
  const first = logins.of('alice', (asked) => (answered.push(asked), answered.length === 1 ? ['000000'] : code()), { isKept: true }); // prettier-ignore
  const host = await first.host(openssh);
  assert.equal(answered.length, 2, 'a wrong code, then the right one');
  const [asked, again] = answered;
  assert.match(asked.host, /login \(jump host\)/);
  assert.match(asked.instruction, /authorised use only/);
  assert.match(asked.prompts[0].text, /^Verification code/);
  assert.match(again.retry ?? '', /not right/);
  assert.match(first.hosts.state(openssh).by ?? '', /^OpenSSH \d/);
  const others = Array.from({ length: 3 }, () => logins.of('alice', () => null, { isKept: true }));
  const hosts = [host, ...(await Promise.all(others.map((one) => one.host(openssh))))];
  const lines = await Promise.all(
    Array.from({ length: 40 }, (_, i) => hosts[i % hosts.length].run(['echo', String(i)])),
  );
  assert.deepEqual(lines.map(({ stdout }) => stdout), Array.from({ length: 40 }, (_, i) => `${i}\n`)); // prettier-ignore
  assert.deepEqual([answered.length, ...others.map((one) => one.asked.prompts.length)], [2, 0, 0, 0]);
  const words = ['a b', '"', "'", '$HOME', '\\', 'ä\n'];
  assert.equal((await host.run(['printf', '[%s]', ...words])).stdout, words.map((word) => `[${word}]`).join(''));
  for (const exit of [7, 255]) assert.equal((await host.run(['sh', '-c', `exit ${exit}`])).code, exit);
  assert.equal((await host.run(['sh', '-c', 'kill -9 $$'])).code, 137);
  const masters = (): string => execFileSync('ps', ['-eo', 'args']).toString();
  assert.match(masters(), /ssh -M -N -T -x -S /);
  assert.deepEqual((await logOut(['inner'])).failed, []);
  await until(
    () => [first, ...others].map(stateOf),
    'the logout',
    (all) => all.every((one) => one === 'disconnected'),
  );
  await until(masters, 'the end of ssh', (all) => !/ssh -M -N -T -x -S /.test(all));
});

test('three wrong codes; a host key that is unknown, and one that has changed', async () => {
  const wrong = logins.of('alice', () => ['000000']);
  await assert.rejects(wrong.host(openssh), /refused the answers given \(3 times\)/);
  assert.equal(wrong.asked.prompts.length, 3);
  const gone = logins.of('alice', () => null);
  await assert.rejects(gone.host(openssh), { name: 'CancelledError' });
  const knownHosts = path.join(logins.scratch, 'known');
  await assert.rejects(logins.of('keyonly', undefined, { knownHosts }).host(openssh), { name: 'CancelledError' });
  const trusting = logins.of('keyonly', undefined, { knownHosts, trust: true });
  assert.equal((await (await trusting.host(openssh)).run(['hostname'])).stdout, 'cluster\n');
  assert.equal(trusting.asked.hostKeys.length, 2);
  assert.match(trusting.asked.hostKeys[0], /^SHA256:/);
  const other = readFileSync(bed.file('client', 'id_ed25519.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
  writeFileSync(knownHosts, `[127.0.0.1]:${bed.port} ${other}\n`);
  await assert.rejects(logins.of('keyonly', undefined, { knownHosts, trust: true }).host(openssh), /THE HOST KEY OF login \(jump host\) HAS CHANGED: it is .*known:1 says/); // prettier-ignore
});

test('a job and files, alone and through a holder', async () => {
  for (const isKept of [false, true]) {
    const host = await logins.of('keyonly', undefined, { isKept }).host(openssh);
    const home = '/home/keyonly';
    const script = path.join(logins.scratch, `job-${isKept}.sh`);
    writeFileSync(script, '#!/bin/bash\n#SBATCH --output=out-%j.txt\nhostname\n');
    await host.files.upload(script, `${home}/job.sh`);
    const { stdout, stderr } = await host.run(['sbatch', '--parsable', 'job.sh'], { cwd: home });
    const id = /^\d+$/m.exec(stdout)?.[0];
    assert.ok(id, stderr);
    const out = `${home}/out-${id}.txt`;
    await until(() => host.files.stat(out), 'the output', (facts) => (facts?.size ?? 0) > 0); // prettier-ignore
    assert.match((await host.files.read(out)).toString(), /^[cg]\d\n$/);
    const big = path.join(logins.scratch, 'big');
    writeFileSync(big, randomBytes(6_000_000));
    await host.files.upload(big, `${home}/big`);
    await host.files.download(`${home}/big`, `${big}.back`);
    assert.ok(readFileSync(`${big}.back`).equals(readFileSync(big)));
    await host.files.remove(`${home}/big`);
    const cancelled = new AbortController();
    const endless = host.run(['sleep', '4712'], { signal: cancelled.signal });
    const runs = async (): Promise<boolean> => (await bed.inCluster(['pgrep', '-fx', 'sleep 4712'])).code === 0;
    await until(runs, 'the program');
    cancelled.abort();
    await assert.rejects(endless, { name: 'CancelledError' });
    await until(runs, 'its end', (running) => !running);
  }
});

test('a connection that is cut is told, and mended without a code while the jump host stands', async () => {
  const alice = logins.of('alice', code);
  const host = await alice.host(openssh);
  const running = host.run(['sleep', '3001']);
  running.catch(() => undefined);
  await until(
    () => bed.inCluster(['pgrep', '-fx', 'sleep 3001']),
    'the program',
    (found) => found.code === 0,
  );
  assert.ok((await bed.cut('alice', 'sshd-cluster')) > 0);
  await assert.rejects(running, ConnectionLostError);
  await until(
    () => stateOf(alice),
    'the way over the jump host that stands',
    (state) => state === 'connected',
  );
  assert.equal((await host.run(['echo', 'back'])).stdout, 'back\n');
  await bed.cut('alice', 'sshd-login');
  await until(
    () => stateOf(alice),
    'the loss of the jump host',
    (state) => state === 'lost',
  );
  await until(() => alice.hosts.state(openssh).message, 'what to do', (said) => /reconnect to log in again/.test(said ?? '')); // prettier-ignore
  await assert.rejects(host.run(['true']), ConnectionLostError);
  assert.equal(alice.asked.prompts.length, 1, 'nobody was asked again');
  assert.equal((await (await alice.host(openssh)).run(['true'])).code, 0);
});

/** A ControlMaster as somebody opens one: by ssh, with a code. */
async function openMaster(file: string, host: string, socket: string): Promise<ChildProcess> {
  const askpass = path.join(logins.scratch, 'askpass');
  writeFileSync(askpass, `#!/bin/sh\necho ${bed.otp('alice')}\n`, { mode: 0o700 });
  const env = { ...process.env, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' };
  const ssh = spawn('ssh', ['-F', file, '-M', '-N', '-S', socket, host], { env, stdio: 'ignore' });
  await until(() => existsSync(socket), 'the ControlMaster');
  return ssh;
}

test('a ControlMaster of the user is used without a code, stays when we go, and its end is told', async () => {
  const socket = path.join(logins.scratch, 'mine');
  const config = `Host inner\n  ControlPath ${socket}`;
  const file = path.join(logins.scratch, 'opener');
  writeFileSync(file, bed.sshConfig('alice'));
  const ssh = await openMaster(file, 'inner', socket);
  const before = entered('alice');
  try {
    for (const isKept of [false, true]) {
      // Chosen by itself.
      const user = logins.of('alice', () => null, { config, isKept });
      const host = await user.host();
      assert.match(user.hosts.state(openssh).by ?? '', /by the connection that you have open .* because you have a connection to inner open/); // prettier-ignore
      const all = await Promise.all(Array.from({ length: 20 }, (_, i) => host.run(['echo', String(i)])));
      assert.deepEqual(all.map(({ stdout }) => stdout), Array.from({ length: 20 }, (_, i) => `${i}\n`)); // prettier-ignore
      assert.equal((await host.run(['sh', '-c', 'exit 255'])).code, 255);
      const large = await host.run(['sh', '-c', 'cat | tr a b; echo x >&2'], { stdin: 'a'.repeat(3_000_000) });
      assert.ok(large.stdout === 'b'.repeat(3_000_000) && large.stderr === 'x\n');
      await host.files.write('/home/alice/kept', 'content');
      assert.equal(String(await host.files.read('/home/alice/kept')), 'content');
      assert.equal(user.asked.prompts.length, 0);
      user.hosts.close();
    }
    await logOut();
    assert.equal(ssh.exitCode, null, 'the master is the user’s');
    const last = logins.of('alice', () => null, { config });
    const host = await last.host();
    const running = host.run(['sleep', '3002']);
    running.catch(() => undefined);
    await until(
      () => bed.inCluster(['pgrep', '-fx', 'sleep 3002']),
      'the program',
      (found) => found.code === 0,
    );
    ssh.kill('SIGKILL');
    await assert.rejects(running, ConnectionLostError);
    await until(
      () => stateOf(last),
      'the loss',
      (state) => state === 'lost' || state === 'disconnected',
    );
    assert.equal(last.asked.prompts.length, 0);
  } finally {
    ssh.kill();
  }
  assert.equal(entered('alice'), before, 'nobody else was let in');
});

test('a certificate: chosen by itself, and said', async () => {
  const at = (name: string): string => path.join(logins.scratch, name);
  for (const name of ['ca', 'certified']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)]);
  execFileSync('ssh-keygen', ['-q', '-s', at('ca'), '-I', 'student', '-n', 'keyonly', '-V', '+1h', at('certified.pub')]); // prettier-ignore
  const sshd = bed.file('ssh', 'cluster', 'sshd_config');
  const trusted = bed.file('etc', 'ca.pub');
  writeFileSync(trusted, readFileSync(at('ca.pub')));
  writeFileSync(sshd, `TrustedUserCAKeys ${trusted}\n${readFileSync(sshd, 'utf8')}`);
  await bed.inCluster(['pkill', '-HUP', '-o', '-x', 'sshd-cluster']);
  const listens = (): Promise<{ code: number }> => bed.inCluster(['bash', '-c', 'exec 3<>/dev/tcp/cluster/22']);
  await until(listens, 'the server', (found) => found.code === 0);
  const config = `Host inner\n  IdentityFile ${at('certified')}`;
  const user = logins.of('keyonly', undefined, { config });
  assert.equal((await (await user.host()).run(['hostname'])).stdout, 'cluster\n');
  assert.match(user.hosts.state(openssh).by ?? '', /^OpenSSH .*, because the key \S*certified has a certificate$/);
  assert.ok(logins.log.some((line) => /^Connecting to inner by OpenSSH, because .*certificate/.test(line)));
  assert.match(readFileSync(bed.file('log', 'sshd-cluster.log'), 'utf8'), /Accepted publickey for keyonly .*ED25519-CERT .*ID student/); // prettier-ignore
});

test('no secret was logged', () => {
  const text = logins.log.join('\n');
  for (const secret of ['000000', bed.otp('alice')]) assert.ok(!text.includes(secret), secret);
});
