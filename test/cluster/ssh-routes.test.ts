/** Ways to a host that ssh's configuration names: agents, several jumps, commands, forwards, and whom we trust. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { ClusterProfile } from '../../server/shared/protocol';
import { freePort, TestBed } from './bed';
import { Logins } from './logins';
import { until } from '../until';

let bed: TestBed;
let logins: Logins;
let agent: ChildProcess;
let socket: string;
before(async () => {
  bed = await TestBed.start({ accounting: false });
  logins = new Logins(bed);
  socket = path.join(logins.scratch, 'agent');
  agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  await until(listed, 'the agent', ({ length }) => length === 0);
});
after(async () => {
  agent?.kill();
  logins?.close();
  await bed?.stop();
});

/** Keys that the agent has; `[-1]` while there is no agent. */
function listed(): unknown[] {
  try {
    return execFileSync('ssh-add', ['-l'], { env: { ...process.env, SSH_AUTH_SOCK: socket } })
      .toString()
      .split('\n');
  } catch (error) {
    return (error as { status?: number }).status === 1 ? [] : [-1];
  }
}
function add(...files: string[]): void {
  for (const file of files)
    execFileSync('ssh-add', ['-q', file], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: 'ignore' });
}
/** The key of the bed as the agent alone has it: only its public half lies where the configuration points to. */
function publicHalf(): string {
  const file = path.join(logins.scratch, 'half');
  copyFileSync(bed.file('client', 'id_ed25519.pub'), `${file}.pub`);
  return file;
}
const profile: ClusterProfile = { name: 'bed', host: 'inner' };

test('a real ssh-agent: its keys alone, one among many picked by its public half, and an agent that is gone', async () => {
  const strange = Array.from({ length: 7 }, (_, i) => path.join(logins.scratch, `strange${i}`));
  for (const file of strange) execFileSync('ssh-keygen', ['-q', '-N', '', '-t', 'ed25519', '-f', file]);
  add(bed.file('client', 'id_ed25519'));
  const any = `Host *\n  IdentityAgent ${socket}\n  IdentitiesOnly no\n  IdentityFile ${logins.scratch}/nothing\n`;
  const alone = logins.of('keyonly', undefined, { config: any, identity: 'nothing' });
  assert.equal((await (await alone.host()).run(['id', '-un'])).stdout, 'keyonly\n');

  execFileSync('ssh-add', ['-q', '-D'], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: 'ignore' });
  add(...strange, bed.file('client', 'id_ed25519'));
  // The server gives up after six keys: only the one whose public half is named may be offered.
  for (const named of [publicHalf(), `${publicHalf()}.pub`]) {
    const config = `Host *\n  IdentityAgent ${socket}\n  IdentitiesOnly yes\n  IdentityFile ${named}\n`;
    const picked = logins.of('keyonly', undefined, { config, identity: 'nothing' });
    assert.equal((await (await picked.host()).run(['id', '-un'])).stdout, 'keyonly\n');
    assert.deepEqual(picked.asked.prompts, []);
  }
  const gone = logins.of('keyonly', undefined, { config: `Host *\n  IdentityAgent ${socket}.gone\n` });
  assert.equal((await (await gone.host()).run(['true'])).code, 0, 'the key in the file is tried all the same');
  assert.ok(logins.log.some((line) => /ssh agent at .*gone does not answer/.test(line)));
});

test('two jumps, each with its own settings; a loop of jumps ends', async () => {
  const config =
    'Host first\n  HostName 127.0.0.1\n' +
    `  Port ${bed.port}\nHost second\n  HostName cluster\nHost third\n  HostName 127.77.0.2\n  ProxyJump first,keyonly@second\n` +
    'Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n';
  const third = logins.of('cshuser', undefined, { config: `${config}Host first second\n  User keyonly\n` });
  const host = await third.host({ host: 'third' });
  assert.equal((await host.run(['id', '-un'])).stdout, 'cshuser\n');
  assert.ok((await bed.inCluster(['pgrep', '-u', '60003', '-x', 'sshd-cluster'])).stdout, 'by way of the second');
  await assert.rejects(third.host({ name: 'loop', host: 'a' }), /goes through more than 8 hosts/);
});

test('a ProxyCommand, whatever it prints on stderr; one that fails; LocalForward', async () => {
  const own = path.join(logins.scratch, 'for-ssh');
  writeFileSync(
    own,
    `Host login\n  HostName 127.0.0.1\n  Port ${bed.port}\n  User keyonly\n  IdentityFile ${bed.file('client', 'id_ed25519')}\n` +
      `  IdentityAgent none\n  UserKnownHostsFile ${bed.file('client', 'known_hosts')}\n`,
  );
  const port = await freePort();
  const config =
    `Host by-command\n  HostName cluster\n  ProxyCommand ssh -F ${own} -W %h:%p login\n  LocalForward ${port} cluster:22\n` +
    'Host failing\n  ProxyCommand sh -c "echo no way >&2; exit 1"\n';
  const { hosts, host } = logins.of('keyonly', undefined, { config });
  const there = await host({ host: 'by-command' });
  assert.equal((await there.run(['hostname'])).stdout, 'cluster\n');
  const greeting = await new Promise<string>((resolve, reject) => {
    const through = net.connect(port, '127.0.0.1', () => undefined).on('error', reject);
    through.once('data', (chunk) => (through.destroy(), resolve(chunk.toString())));
  });
  assert.match(greeting, /^SSH-2\.0-OpenSSH/);
  await hosts.disconnect('bed');
  const processes = (): string => execFileSync('ps', ['-eo', 'args']).toString();
  await until(processes, 'the end of the command', (all) => !all.includes(`ssh -F ${own} -W`));
  await assert.rejects(host({ name: 'other', host: 'failing' }), /failing/);
  await until(() => logins.log.includes('ProxyCommand of failing: no way'), 'what the command said');
});

test('whom we trust: revoked, known by an authority alone, unknown under yes, accept-new', async () => {
  const [key] = readFileSync(bed.file('ssh', 'login', 'host_ed25519.pub'), 'utf8').split(' login');
  const where = `[127.0.0.1]:${bed.port}`;
  const knownHosts = path.join(logins.scratch, 'judged');
  const knowing = (line: string, config = ''): ReturnType<Logins['of']> => {
    writeFileSync(knownHosts, line);
    return logins.of('keyonly', undefined, { knownHosts, config });
  };
  const login = { host: 'login', transport: 'ssh2' } as const;
  await assert.rejects(
    knowing(`@revoked * ${key}\n${where} ${key}\n`).host(login),
    /is revoked at .*:1: do not log in/,
  );
  await assert.rejects(
    knowing(`@cert-authority ${where} ${key}\n`).host(login),
    /only by a certificate authority .* ssh2 cannot check: set transport: openssh/,
  );
  await assert.rejects(
    knowing('', 'StrictHostKeyChecking yes').host(login),
    /unknown, and StrictHostKeyChecking is yes/,
  );
  const fresh = knowing('', 'StrictHostKeyChecking accept-new\nHashKnownHosts no');
  await (await fresh.host(login)).run(['true']);
  assert.deepEqual(fresh.asked.hostKeys, []);
  assert.ok(readFileSync(knownHosts, 'utf8').startsWith(`${where} ssh-`));
});

test('a banner of 500 lines before the code, and what is not honoured is named', async () => {
  writeFileSync(
    bed.file('etc', 'banner'),
    Array.from({ length: 500 }, (_, i) => `rule ${i + 1} of the site\n`).join(''),
  );
  const config =
    'Host inner\n  CertificateFile ~/x-cert.pub\n  ControlMaster auto\nMatch exec "true"\n  Compression yes\n';
  const { asked, host } = logins.of('alice', () => [bed.otp('alice')], { config });
  assert.equal((await (await host({ ...profile, transport: 'ssh2' })).run(['hostname'])).stdout, 'cluster\n');
  assert.match(asked.prompts[0].instruction, /rule 1 of the site[\s\S]*rule 500 of the site/);
  const said = logins.log.join('\n');
  assert.match(said, /configuration of inner: not honoured: CertificateFile ~\/x-cert\.pub; Match exec true/);
  assert.match(said, /configuration of inner: without effect on commands: ControlMaster auto/);
});
