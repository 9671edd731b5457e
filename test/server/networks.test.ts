/** Networks as their authors publish them, given to the command line and to run configs. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import type { HistoryRecord } from '../../server/shared/schema-types.gen';
import { FileServer } from '../unit/download-server';
import { repository, ROOT, temporaryFolder, type Ran } from './workspace';

const NET = path.join(ROOT, 'test', 'fixtures', 'nets', 'vp-ddpmpp-u-r8.pkl');
let server: FileServer;
let folder: string;

before(async () => {
  folder = temporaryFolder();
  process.env.XDG_CACHE_HOME = path.join(folder, 'cache');
  server = await FileServer.start(readFileSync(NET));
});
after(() => server.stop());

/** As `cli`, but this process goes on serving files meanwhile. */
function run(cwd: string, ...args: string[]): Promise<Ran> {
  const child = spawn(process.execPath, [path.join(ROOT, 'dist', 'cli.js'), ...args], { cwd });
  const out = { stdout: '', stderr: '' };
  child.stdout.on('data', (data: Buffer) => (out.stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (out.stderr += data.toString()));
  return new Promise((resolve) => child.on('exit', (status) => resolve({ status, ...out })));
}

const FAST = ['--seeds', '0-3', '--steps', '2', '--device', 'cpu'];

test('generate takes a pickle, and the same one by its address', async () => {
  const first = await run(folder, 'generate', '--network', NET, '--outdir', 'a', ...FAST);
  assert.equal(first.stdout, '4 images written to a\n', first.stderr);
  const url = server.url('vp-ddpmpp-u-r8.pkl');
  const second = await run(folder, 'generate', '--network', url, '--outdir', 'b', ...FAST);
  assert.equal(second.stdout, '4 images written to b\n', second.stderr);
  assert.match(second.stderr, /Downloading MB of vp-ddpmpp-u-r8\.pkl/);
  for (const name of ['000000.png', 'generation.json'])
    assert.deepEqual(readFileSync(path.join(folder, 'a', name)), readFileSync(path.join(folder, 'b', name)));
  await run(folder, 'generate', '--network', url, '--outdir', 'c', ...FAST);
  assert.equal(server.requests.length, 1);
  const models = readdirSync(path.join(folder, 'cache', 'edm-workbench', 'models'));
  assert.equal(models.length, 1);
});

test('a run config names a network by its address; checking it fetches nothing', async () => {
  const url = server.url('another.pkl');
  const config = `network: ${url}\nseeds: 0-3\nsteps: 2\ndevice: cpu\n`;
  const root = repository({ 'net.edm.yaml': config });
  server.requests.length = 0;
  assert.deepEqual(await run(root, 'lint', 'net.edm.yaml'), { status: 0, stdout: '', stderr: '' });
  assert.equal(server.requests.length, 0);
  const { status, stdout, stderr } = await run(root, 'run', 'net.edm.yaml', '--json');
  assert.equal(status, 0, stderr);
  const { manifest } = JSON.parse(stdout) as { manifest: { network: NonNullable<HistoryRecord['network']> } };
  assert.equal(manifest.network.name, 'another.pkl');
});

test('a web page in place of a network is one line and exit status 2', async () => {
  server.next.push({ type: 'text/html' });
  const url = server.url('sign-in');
  const { status, stdout, stderr } = await run(folder, 'generate', '--network', url, '--outdir', 'd', ...FAST);
  assert.equal(status, 2);
  assert.equal(stdout, '');
  assert.equal(stderr, `Error: ${url} answered with a web page, not with a network: check the address\n`);
});
