/** One login for everything: commands and windows of one user share it, and what ends it ends it for all. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { Client } from 'ssh2';
import type { HolderFacts, HolderPlace } from '../../server/cluster/holder/holder-place';
import * as protocol from '../../server/shared/protocol';
import { statePath } from '../../server/state-folder';
import { TestServer } from '../server/connection';
import { ROOT } from '../server/workspace';
import { TestBed, type BedUser } from './bed';
import { Commands, type Ran } from './commands';
import { until } from '../until';

const CLUSTERS = 'clusters:\n  - {name: bed, host: inner}\n';
const HELD = '#!/bin/bash\n#SBATCH --hold\ntrue\n';
const NEEDS_TERMINAL = /Cannot ask for "Verification code" without a terminal/;

let bed: TestBed;
let commands: Commands;
before(async () => {
  bed = await TestBed.start({ accounting: false });
  commands = new Commands(bed);
  await commands.give('alice', CLUSTERS);
});
after(async () => {
  await commands?.run('alice', 'logout');
  commands?.close();
  await bed?.stop();
});
beforeEach(async () => {
  await commands.run('alice', 'logout');
});

const right = (): string => bed.otp('alice');
const login = (...more: string[]): ReturnType<Commands['onTerminal']> =>
  commands.onTerminal('alice', [right], 'login', '--cluster', 'bed', ...more);
async function loggedIn(): Promise<void> {
  const { status, stderr } = await login();
  assert.equal(status, 0, stderr);
}
const queue = (): Promise<Ran> => commands.run('alice', 'queue', '--cluster', 'bed', '--json');
/** How often a code was accepted. */
function codes(): number {
  const log = bed.file('log', 'sshd-login.log');
  const text = existsSync(log) ? readFileSync(log, 'utf8') : '';
  return text.split('Accepted keyboard-interactive/pam for alice').length - 1;
}

const folder = (): string => path.join(statePath('logins'), readdirSync(statePath('logins'))[0]);
/** The holders that have left a file. */
function holders(): { id: string; facts: HolderFacts; place: HolderPlace }[] {
  const ids = readdirSync(folder()).flatMap((name) => /^([0-9a-f]{16})\.json$/.exec(name)?.[1] ?? []);
  return ids.map((id) => {
    const file = path.join(folder(), id);
    const facts = JSON.parse(readFileSync(`${file}.json`, 'utf8')) as HolderFacts;
    return {
      id,
      facts,
      place: { folder: folder(), id, socket: `${file}.sock`, facts: `${file}.json`, pace: `${file}.pace` },
    };
  });
}
/** Processes of holders that run. */
const running = (): string[] =>
  execFileSync('ps', ['-eo', 'pid,args'])
    .toString()
    .split('\n')
    .filter((line) => line.includes('holder.js') && line.includes(folder()));

test('one code for a hundred calls, some at once', { timeout: 600_000 }, async (t) => {
  const before = codes();
  const first = await login();
  assert.deepEqual([first.status, first.asked], [0, 1], first.stderr);
  assert.match(first.stdout, /^Logged in to bed until .*\d\d:\d\d if it is not used, later if it is: /);
  const begun = performance.now();
  for (let wave = 0; wave < 25; wave++) {
    const four = await Promise.all(Array.from({ length: 4 }, queue));
    for (const { status, stdout, stderr } of four) assert.deepEqual([status, stdout, stderr], [0, '[]\n', '']);
  }
  t.diagnostic(`${Math.round((performance.now() - begun) / 25)} ms for four calls at once`);
  assert.equal(codes() - before, 1);
  assert.equal(running().length, 1);
  const modes = [folder(), holders()[0].place.socket, holders()[0].place.facts].map(
    (file) => lstatSync(file).mode & 0o777,
  );
  assert.deepEqual(modes, [0o700, 0o600, 0o600]);
  const files = readdirSync(folder())
    .map((name) => path.join(folder(), name))
    .filter((file) => lstatSync(file).isFile());
  assert.ok(!files.some((file) => readFileSync(file, 'utf8').includes('PRIVATE')), 'no key on the disk');
  assert.ok(!readdirSync(folder()).some((name) => name.startsWith('proof-')), 'proofs are taken away');
});

test('three commands at once without a login: one of them is asked', async () => {
  const before = codes();
  const all = await Promise.all(
    [1, 2, 3].map(() => commands.onTerminal('alice', [right], 'queue', '--cluster', 'bed')),
  );
  assert.deepEqual(all.map(({ status }) => status), [0, 0, 0], all.map(({ stderr }) => stderr).join('\n')); // prettier-ignore
  assert.equal(all.reduce((sum, { asked }) => sum + asked, 0), 1); // prettier-ignore
  assert.equal(codes() - before, 1);
  assert.equal(running().length, 1);
});

test('who gives up leaves the question to the next; wrong answers are asked for again in place', async () => {
  const given = await commands.onTerminal('alice', [], 'login', '--cluster', 'bed');
  assert.equal(given.status, 130, given.stderr);
  assert.match(given.stderr, /Cancelled: not logged in to bed/);
  const wrong = await commands.onTerminal('alice', [() => '000000', right], 'login', '--cluster', 'bed', '--json');
  assert.deepEqual([wrong.status, wrong.asked], [0, 2], wrong.stderr);
  assert.match(wrong.stderr, /That was not right: try again/);
  const { until: end } = JSON.parse(wrong.stdout) as { until: string };
  assert.ok(Math.abs(Date.parse(end) - Date.now() - 4 * 3600_000) < 60_000);
  assert.match((await commands.run('alice', 'logout', '--cluster', 'bed')).stdout, /^Logged out of inner$/m);
  assert.match((await commands.run('alice', 'logout', '--cluster', 'bed')).stdout, /^There was no login to bed$/m);
  assert.match((await queue()).stderr, NEEDS_TERMINAL);
});

test('a holder that is killed during submissions: the next call asks once, and each script is there once or not at all', { timeout: 300_000 }, async (t) => {
  for (const [index, delay] of [0, 100, 200, 400].entries()) {
    await loggedIn();
    const { said, name } = await killedWhileSubmitting('alice', `killed${index}`, delay);
    const next = await commands.onTerminal('alice', [right], 'queue', '--cluster', 'bed', '--json');
    assert.deepEqual([next.status, next.asked], [0, 1], next.stderr);
    const there = (JSON.parse(next.stdout) as protocol.Job[]).filter((job) => job.name === name).map(({ id }) => id);
    const told = [said.stdout, next.stderr].join('\n');
    t.diagnostic(`killed ${delay} ms later: ${there.length} jobs; ${said.stderr.trim().split('\n').at(-1)} | ${told.trim().split('\n').at(-1)}`);
    assert.ok(there.length <= 1, `${there.length} jobs`);
    for (const id of there) assert.match(told, new RegExp(`^${id}$|job ${id}`, 'm'), told);
    if (there.length === 0) assert.match(told, new RegExp(`${name}: The connection was lost before|${name} was not submitted`));
    await commands.run('alice', 'logout');
  }
}); // prettier-ignore

test('the same with a key: the command logs in again by itself, and the job is there once', async () => {
  await commands.give('keyonly', CLUSTERS);
  await commands.run('keyonly', 'login', '--cluster', 'bed');
  const { said, name } = await killedWhileSubmitting('keyonly', 'key', 100);
  assert.equal(said.status, 0, said.stderr);
  const jobs = JSON.parse(
    (await commands.run('keyonly', 'queue', '--cluster', 'bed', '--json')).stdout,
  ) as protocol.Job[];
  assert.deepEqual(jobs.filter((job) => job.name === name).map(({ id }) => id), [said.stdout.trim()]); // prettier-ignore
  await commands.run('keyonly', 'logout');
});

/** Submits a script, and kills the holder when its submission is under way. @param delay in ms after that */
async function killedWhileSubmitting(user: BedUser, word: string, delay: number): Promise<{ said: Ran; name: string }> {
  const name = `${word}.slurm`;
  writeFileSync(path.join(commands.home(user), name), HELD);
  const submission = commands.run(user, 'submit', name, '--cluster', 'bed');
  const pending = path.join(commands.home(user), '.edm-workbench', 'local');
  const isUnderWay = (): boolean =>
    existsSync(pending) && readdirSync(pending).some((file) => file.endsWith('.submission.json'));
  await until(isUnderWay, 'the submission');
  await new Promise((resolve) => setTimeout(resolve, delay));
  const [holder] = holders();
  assert.ok(holder);
  process.kill(holder.facts.pid, 'SIGKILL');
  return { said: await submission, name };
}

test('windows, a window that is killed, and commands have one login; a logout is shown in the tree', { timeout: 300_000 }, async () => {
  const before = codes();
  const prompts: protocol.PromptParams[] = [];
  const window = async (): Promise<{ server: TestServer; infos: protocol.ClusterInfo[] }> => {
    const server = await TestServer.start(['env', `HOME=${commands.home('alice')}`]);
    const infos: protocol.ClusterInfo[] = [];
    server.connection.onRequest(protocol.promptRequest, (params) => (prompts.push(params), [right()]));
    server.connection.onNotification(protocol.clusterNotification, (info) => void infos.push(info));
    await server.connection.sendRequest(protocol.clustersRequest, { folders: [commands.home('alice')] });
    const info = await server.connection.sendRequest(protocol.connectRequest, { cluster: 'bed' });
    assert.equal(info.connection, 'connected');
    return { server, infos };
  };
  const first = await window();
  first.server.process.kill('SIGKILL');
  first.server.stop();
  const others = [await window(), await window()];
  assert.equal((await queue()).status, 0);
  assert.deepEqual([prompts.length, codes() - before], [1, 1]);
  const [asking] = others as [(typeof others)[0]];
  await asking.server.connection.sendRequest(protocol.logoutRequest, { cluster: 'bed' });
  assert.equal((await commands.run('alice', 'logout')).stdout, 'There was no login\n');
  for (const { server, infos } of others) {
    await until(() => infos.at(-1), 'the logout', (info) => info?.connection === 'disconnected');
    assert.equal(infos.at(-1)?.message, server === asking.server ? undefined : 'Logged out');
    server.stop();
  }
  await until(running, 'the end of the holder', ({ length }) => length === 0);
  assert.deepEqual(holders(), []);
}); // prettier-ignore

test('what can be refused here is refused before a code is asked for', async (t) => {
  const home = commands.home('alice');
  const git = (...args: string[]): unknown => execFileSync('git', ['-C', home, '-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args]); // prettier-ignore
  git('init', '-q');
  const network = 'network: https://example.org/model.pkl\nengine: edm\n';
  writeFileSync(path.join(home, '.gitignore'), '*\n!*.edm.yaml\n');
  writeFileSync(path.join(home, 'clean.edm.yaml'), network);
  writeFileSync(path.join(home, 'missing.edm.yaml'), 'network: nothing.pkl\nengine: edm\n');
  git('add', '-A');
  git('commit', '-qm', 'configs');
  const cases: [args: string[], said: RegExp][] = [
    [['submit', 'clean.edm.yaml'], /Engine edm needs .* for apptainer, and the profile of bed names none/],
    [['submit', 'clean.edm.yaml', '--dry-run'], /Engine edm needs .* for apptainer/],
    [['submit', 'missing.edm.yaml'], /nothing\.pkl/],
    [['submit', 'none.edm.yaml'], /Cannot read \S+none\.edm\.yaml/],
    [['submit', 'none.slurm'], /Cannot read \S+none\.slurm/],
    [['cluster', 'calibrate', 'clean.edm.yaml'], /Engine edm needs .* for apptainer/],
    [['container', 'build', '--file', 'none.Dockerfile'], /Cannot read \S+none\.Dockerfile/],
    [['snapshot', '-o', 'no/such.json'], /Cannot write \S+such\.json on this machine: no such file or folder/],
    [['queue', '--cluster', 'bde'], /No cluster is named "bde"/],
  ];
  const refused = async (args: string[], said: RegExp): Promise<void> => {
    const on = args.includes('--cluster') ? [] : ['--cluster', 'bed'];
    const ran = await commands.onTerminal('alice', [], ...args, ...on);
    assert.deepEqual([ran.status, ran.asked], [2, 0], ran.stderr);
    assert.match(ran.stderr, said);
  };
  for (const [args, said] of cases) await t.test(args.join(' '), () => refused(args, said));
  writeFileSync(path.join(home, 'clean.edm.yaml'), `${network}seeds: 0-3\n`);
  await t.test('uncommitted', () =>
    refused(['submit', 'clean.edm.yaml'], /clean\.edm\.yaml is not committed: commit first/),
  );
  assert.deepEqual(running(), [], 'nothing was started for it');
});

test('a login that nobody uses ends; one that is never kept is asked for each time', async () => {
  await commands.give('alice', 'clusters:\n  - {name: bed, host: inner, login_idle: 0.05}\n  - {name: alone, host: inner, login_idle: 0}\n'); // prettier-ignore
  await loggedIn();
  assert.equal(running().length, 1);
  await until(running, 'its end', ({ length }) => length === 0);
  assert.deepEqual(holders(), []);
  assert.match((await queue()).stderr, NEEDS_TERMINAL);
  for (let i = 0; i < 2; i++)
    assert.equal((await commands.onTerminal('alice', [right], 'queue', '--cluster', 'alone')).asked, 1);
  assert.match((await commands.onTerminal('alice', [right], 'login', '--cluster', 'alone')).stderr, /Error: The login to alone was right, and is not kept: its profile says login_idle: 0/); // prettier-ignore
  await commands.give('alice', CLUSTERS);
});

test('other settings of ssh: an earlier login is not used, which is said, and logout ends it too', async () => {
  await loggedIn();
  await commands.give('alice', CLUSTERS, ['ServerAliveInterval 29']);
  const other = await login();
  assert.deepEqual([other.status, other.asked], [0, 1]);
  assert.match(other.stderr, /A login to inner stands and is not used: it was made with other settings of ssh/);
  assert.equal(running().length, 2);
  assert.equal((await commands.run('alice', 'logout')).stdout, 'Logged out of inner, inner\n');
  await until(running, 'their end', ({ length }) => length === 0);
  await commands.give('alice', CLUSTERS);
});

test("another user's socket is not used, and another user is not let in", async () => {
  await loggedIn();
  const [{ place, facts }] = holders() as [ReturnType<typeof holders>[0]];
  chownSync(place.socket, 60_002, 60_002);
  const refused = await commands.onTerminal('alice', [right], 'queue', '--cluster', 'bed');
  assert.deepEqual([refused.status, refused.asked], [0, 1], 'the command logs in for itself');
  assert.match(refused.stderr, /This login is not kept for other windows and commands: .*\.sock belongs to another user: it is not used/); // prettier-ignore
  chownSync(place.socket, 0, 0);
  writeFileSync(place.facts, JSON.stringify({ ...facts, key: 'AAAA' }));
  const strange = await commands.onTerminal('alice', [right], 'queue', '--cluster', 'bed');
  assert.deepEqual([strange.status, strange.asked], [0, 1]);
  assert.match(strange.stderr, /What answers in place of process \d+ does not show the key of our login/);
  writeFileSync(place.facts, JSON.stringify(facts));
  assert.equal((await queue()).status, 0);

  const enter = (name: string): Promise<string> =>
    new Promise((resolve) => {
      const client = new Client();
      client.on('ready', () => (client.end(), resolve('let in'))).on('error', () => resolve('refused'));
      client.on('close', () => resolve('refused'));
      client.connect({ sock: net.connect(place.socket), username: name, authHandler: ['none'], readyTimeout: 20_000 });
    });
  const proof = (letter: string, owner: number): string => {
    const name = `proof-${letter.repeat(32)}`;
    writeFileSync(path.join(place.folder, name), '', { mode: 0o600 });
    chownSync(path.join(place.folder, name), owner, owner);
    return name;
  };
  assert.equal(await enter(proof('a', 60_002)), 'refused');
  assert.equal(await enter(`proof-${'b'.repeat(32)}`), 'refused', 'no such proof');
  assert.equal(await enter('../allowed-clusters'), 'refused');
  const own = proof('c', 0);
  assert.equal(await enter(own), 'let in');
  assert.equal(await enter(own), 'refused', 'a proof counts once');

  // Something that listens in its place, as after a restart of the machine with the same process number.
  process.kill(facts.pid, 'SIGKILL');
  await until(running, 'its end', ({ length }) => length === 0);
  writeFileSync(place.facts, JSON.stringify({ ...facts, pid: process.pid }));
  assert.equal((await login()).asked, 1, 'what is left of a dead one is replaced');
  assert.equal((await queue()).status, 0);
});

test('two holders that start at the same moment: one wins, and both are fine', async () => {
  await loggedIn();
  const [{ place }] = holders() as [ReturnType<typeof holders>[0]];
  await commands.run('alice', 'logout');
  await until(running, 'the end', ({ length }) => length === 0);
  const start = JSON.stringify({ place, destination: 'inner', cluster: 'bed', files: {} });
  const starts = Array.from({ length: 4 }, () => {
    const child = spawn(process.execPath, [path.join(ROOT, 'dist', 'holder.js'), start], {
      env: { ...process.env, HOME: commands.home('alice') },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return new Promise<string>((resolve) => child.stdout.once('data', (line: Buffer) => resolve(line.toString())));
  });
  assert.deepEqual(new Set(await Promise.all(starts)), new Set(['{"ready":true}\n']));
  await until(running, 'one of them', ({ length }) => length === 1);
  assert.equal((await login()).asked, 1);
  assert.equal(running().length, 1);
});
