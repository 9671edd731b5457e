/** Programs and files through a holder: what passes is what would have passed without one, for several callers at once. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { logOut } from '../../server/cluster/holder/held-login';
import type { Host } from '../../server/cluster/host';
import { ownState } from './allow';
import { TestBed } from './bed';
import { Logins, type Login } from './logins';
import { until } from '../until';

let bed: TestBed;
let logins: Logins;
before(async () => {
  ownState();
  bed = await TestBed.start({ accounting: false });
  logins = new Logins(bed);
});
after(async () => {
  try {
    await logOut();
  } finally {
    logins?.close();
    await bed?.stop();
  }
});

/** Logins of one user that share one. */
const several = (user: string, count: number): Login[] =>
  Array.from({ length: count }, () => logins.of(user, undefined, { isKept: true }));

/** How often a user has logged in on the cluster's own host. */
const accepted = (user: string): number =>
  readFileSync(bed.file('log', 'sshd-cluster.log'), 'utf8').split(`Accepted publickey for ${user} `).length - 1;

test('arguments, input, output, exit codes and cancelling are those of the host', async () => {
  const host = await several('keyonly', 1)[0].host();
  const words = ['a b', '"', "'", '$HOME', '\\', 'ä\n'];
  assert.equal((await host.run(['printf', '[%s]', ...words])).stdout, words.map((word) => `[${word}]`).join(''));
  const long = Array.from({ length: 10_000 }, (_, i) => `word${i}`);
  assert.equal((await host.run(['sh', '-c', 'echo "$#"', 'sh', ...long])).stdout, '10000\n', 'longer than a message');
  const bytes = randomBytes(5 << 20);
  const chunks: Buffer[] = [];
  const code = await host.stream(['cat'], (chunk) => void chunks.push(chunk), { stdin: bytes });
  assert.ok(code === 0 && Buffer.concat(chunks).equals(bytes));
  const both = await host.run(['sh', '-c', 'head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; exit 7']);
  assert.deepEqual([both.code, both.stdout.length, both.stderr.length], [7, 3_000_000, 3_000_000]);
  // Each stream waits for room again and again, and neither is cut, sent twice or mixed with the other.
  const some = (sign: string): string => `head -c 10000 /dev/zero | tr '\\0' ${sign}`;
  const mixed = await host.run(['sh', '-c', `for i in $(seq 400); do ${some('a')}; ${some('b')} >&2; done`]);
  assert.deepEqual([mixed.stdout === 'a'.repeat(4_000_000), mixed.stderr === 'b'.repeat(4_000_000)], [true, true]);
  assert.equal((await host.run(['sh', '-c', 'kill -9 $$'])).code, 137);
  const cancelled = new AbortController();
  const endless = host.run(['sleep', '4711'], { signal: cancelled.signal });
  const isRunning = async (): Promise<boolean> => (await bed.inCluster(['pgrep', '-f', 'sleep 4711'])).code === 0;
  await until(isRunning, 'the program');
  cancelled.abort();
  await assert.rejects(endless, { name: 'CancelledError' });
  await until(isRunning, 'its end', (running) => !running);
  await assert.rejects(host.run(['sleep', '60'], { timeoutMs: 300 }), /gave no answer within/);
});

test('where the host allows two channels, three callers with programs and files wait for each other', async () => {
  const hosts = await Promise.all(several('fishuser', 3).map(({ host }) => host()));
  assert.equal(accepted('fishuser'), 1, 'one login');
  const work = async (host: Host, index: number): Promise<void> => {
    const here = path.join(logins.scratch, `up${index}`);
    const content = randomBytes(3_000_000 + index);
    writeFileSync(here, content);
    const there = `/home/fishuser/file${index}`;
    const told = Promise.all(
      Array.from({ length: 5 }, async (_, i) => assert.equal((await host.run(['echo', `${i}`])).stdout, `${i}\n`)),
    );
    await host.files.upload(here, there);
    await host.files.download(there, `${here}.back`);
    assert.ok(readFileSync(`${here}.back`).equals(content));
    assert.equal((await host.files.stat('/home/fishuser/none'))?.size, undefined);
    await assert.rejects(host.files.read('/root/x'), /permission denied|no such file/);
    await told;
  };
  await Promise.all(hosts.map(work));
  assert.equal(accepted('fishuser'), 1);
});

test('a connection that is lost is told to all, comes back once, and a logout leaves none', async () => {
  const users = several('cshuser', 3);
  const hosts = await Promise.all(users.map(({ host }) => host()));
  const before = accepted('cshuser');
  const waiting = hosts.map((host) => host.run(['sleep', '60']).then(String, (error: Error) => error.message));
  const asleep = async (): Promise<number> =>
    (await bed.inCluster(['pgrep', '-u', '60003,60004', '-fx', 'sleep 60'])).stdout.split('\n').length - 1;
  await until(asleep, 'the programs', (count) => count === 3);
  await bed.cut('cshuser', 'sshd-cluster');
  const lost = 'The connection to inner was lost before the answer came';
  assert.deepEqual(await Promise.all(waiting), [lost, lost, lost]);
  const state = (): string[] => users.map(({ hosts }) => hosts.state({ name: 'bed', host: 'inner' }).connection);
  await until(state, 'the new connection', (all) => all.every((one) => one === 'connected'));
  assert.equal(accepted('cshuser'), before + 1, 'one connection for all');
  for (const host of hosts) assert.equal((await host.run(['echo', 'again'])).stdout, 'again\n');
  assert.deepEqual((await logOut(['inner'])).failed, []);
  await until(state, 'the logout', (all) => all.every((one) => one === 'disconnected'));
  assert.equal(users[0].hosts.state({ name: 'bed', host: 'inner' }).message, 'Logged out');
  await assert.rejects(hosts[0].run(['true']), /Logged out/);
});
