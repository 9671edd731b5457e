import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { PNG } from 'pngjs';
import { CancellationTokenSource } from 'vscode-languageserver-protocol/node';
import * as protocol from '../../server/shared/protocol';
import { TestServer } from './connection';
import { git, repository, SMALL_CONFIG, temporaryFolder } from './workspace';

const LONG_CONFIG = 'network: embedded:fashion-mnist\nseeds: 0-499\nsteps: 18\nbatch: 8\ndevice: cpu\n';

let server: TestServer;
before(async () => {
  server = await TestServer.start();
});
after(() => server.stop());

const images = (folder: string): string[] =>
  readdirSync(path.join(folder, 'images'))
    .filter((name) => name.endsWith('.png'))
    .sort();

/** The pids of the compute children of the server. */
function computeChildren(): number[] {
  const table = execFileSync('ps', ['-eo', 'pid,ppid,args'], { encoding: 'utf8' });
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent, ...args]) => Number(parent) === server.process.pid && args.join(' ').includes('worker.js'))
    .map(([pid]) => Number(pid));
}

test('a run: images, number, manifest, record and progress', async () => {
  const root = repository({ 'garments.edm.yaml': SMALL_CONFIG });
  const seen: protocol.Progress[] = [];
  const listener = server.connection.onProgress(protocol.runProgress, 'one', (progress) => {
    seen.push(progress);
  });
  const config = path.join(root, 'garments.edm.yaml');
  const { folder, manifest, records } = await server.connection.sendRequest(protocol.runRequest, {
    config,
    progressToken: 'one',
  });
  listener.dispose();

  const short = git(root, 'rev-parse', '--short', 'HEAD');
  assert.equal(folder, path.join(root, 'runs', `${short}-garments`));
  assert.equal(images(folder).length, 8);
  assert.deepEqual(readdirSync(folder).sort(), ['grid.png', 'images', 'log.txt', 'run.json', 'stats.npz']);
  assert.equal(manifest.status, 'complete');
  assert.deepEqual(JSON.parse(readFileSync(path.join(folder, 'run.json'), 'utf8')), manifest);
  const [record] = records;
  assert.equal(record.metric, 'FD (fashion-mnist)');
  assert.ok(record.value > 0 && record.num === 8 && record.sampler?.nfe === 3);
  assert.equal(record.code.commit, git(root, 'rev-parse', 'HEAD'));
  assert.equal(record.code.subject, 'A run config');
  assert.ok(!record.code.dirty && record.run === `runs/${short}-garments`);
  assert.ok(seen.some(({ phase, done }) => phase === 'Generating' && done === 8));
  assert.equal(git(root, 'status', '--porcelain', 'runs'), '', 'run folders do not show in git status');

  const { records: kept, problems } = await server.connection.sendRequest(protocol.historyRequest, { folder: root });
  assert.deepEqual([kept, problems], [[record], []]);

  // The same again: nothing is made or recorded twice.
  const again = await server.connection.sendRequest(protocol.runRequest, { config });
  assert.equal(again.folder, folder);
  assert.equal(again.records[0].id, record.id);
  const lines = readFileSync(path.join(root, '.edm-workbench', 'history.jsonl'), 'utf8')
    .trim()
    .split('\n');
  assert.equal(lines.length, 1);
});

test('samples: each image knows its seed and class', async () => {
  const root = repository({ 'garments.edm.yaml': SMALL_CONFIG.replace('steps: 2', 'steps: 2\nclass: 9') });
  const { folder } = await server.connection.sendRequest(protocol.runRequest, {
    config: path.join(root, 'garments.edm.yaml'),
  });
  const samples = await server.connection.sendRequest(protocol.samplesRequest, { folder });
  assert.deepEqual(
    samples.images.map(({ seed }) => seed),
    [0, 1, 2, 3, 4, 5, 6, 7],
  );
  assert.equal(samples.classNames?.[9], 'Ankle boot');
  const [details, outside] = await server.connection.sendRequest(protocol.sampleDetailsRequest, {
    folder: samples.folder,
    files: [samples.images[3].file, '../../garments.edm.yaml'],
  });
  assert.deepEqual(details, { file: '000003.png', width: 28, height: 28, seed: 3, class: 9 });
  assert.equal(outside.problem, 'outside the folder');
});

test('uncommitted changes show in the folder and the record; edited again, the first folder stays', async () => {
  const root = repository({ 'garments.edm.yaml': SMALL_CONFIG });
  const config = path.join(root, 'garments.edm.yaml');
  const short = git(root, 'rev-parse', '--short', 'HEAD');
  appendFileSync(config, 'rho: 5\n');
  const first = await server.connection.sendRequest(protocol.runRequest, { config });
  assert.equal(path.basename(first.folder), `${short}-garments-dirty`);
  assert.ok(first.records[0].code.dirty);
  appendFileSync(config, 'sigma_max: 40\n');
  const second = await server.connection.sendRequest(protocol.runRequest, { config });
  assert.equal(path.basename(second.folder), `${short}-garments-dirty-2`);
  assert.equal(images(first.folder).length, 8);
});

test('cancel leaves whole images only, and running again continues', { timeout: 240_000 }, async () => {
  const root = repository({ 'long.edm.yaml': LONG_CONFIG });
  const config = path.join(root, 'long.edm.yaml');
  const source = new CancellationTokenSource();
  const some = new Promise<void>((resolve) => {
    server.connection.onProgress(protocol.runProgress, 'cancel', ({ done }) => {
      if (done >= 8) resolve();
    });
  });
  const running = server.connection.sendRequest(protocol.runRequest, { config, progressToken: 'cancel' }, source.token);
  const ended = assert.rejects(running, /Cancelled/);
  await some;
  source.cancel();
  await ended;

  const short = git(root, 'rev-parse', '--short', 'HEAD');
  const folder = path.join(root, 'runs', `${short}-long`);
  const made = images(folder);
  assert.ok(made.length >= 8 && made.length < 500, `${made.length} images`);
  for (const name of made) assert.equal(PNG.sync.read(readFileSync(path.join(folder, 'images', name))).width, 28);
  const manifest = JSON.parse(readFileSync(path.join(folder, 'run.json'), 'utf8')) as protocol.RunManifest;
  assert.equal(manifest.status, 'cancelled');
  assert.deepEqual(computeChildren(), []);

  const token = new CancellationTokenSource();
  const continued = new Promise<number>((resolve) => {
    server.connection.onProgress(protocol.runProgress, 'continue', ({ done }) => resolve(done));
  });
  const second = server.connection.sendRequest(protocol.runRequest, { config, progressToken: 'continue' }, token.token);
  const secondEnded = assert.rejects(second);
  assert.ok((await continued) >= made.length, 'the second run starts where the first stopped');
  token.cancel();
  await secondEnded;
});

test('a crash of the compute process is one clear error, and the server lives', { timeout: 120_000 }, async () => {
  const root = repository({ 'long.edm.yaml': LONG_CONFIG });
  const started = new Promise<void>((resolve) => {
    server.connection.onProgress(protocol.runProgress, 'crash', () => resolve());
  });
  const running = server.connection.sendRequest(protocol.runRequest, {
    config: path.join(root, 'long.edm.yaml'),
    progressToken: 'crash',
  });
  const failed = assert.rejects(
    running,
    /compute process was killed by SIGSEGV while generating.*run again to continue/,
  );
  await started;
  for (const pid of computeChildren()) process.kill(pid, 'SIGSEGV');
  await failed;
  const { records } = await server.connection.sendRequest(protocol.historyRequest, { folder: root });
  assert.deepEqual(records, []);
});

test('what cannot run says so in one line', async () => {
  const run = (config: string) => server.connection.sendRequest(protocol.runRequest, { config });
  const bare = temporaryFolder();
  const config = path.join(bare, 'a.edm.yaml');
  writeFileSync(config, SMALL_CONFIG);
  await assert.rejects(run(config), /is not in a git repository.*git init/);

  git(bare, 'init', '--quiet');
  await assert.rejects(run(config), /has no commit yet/);

  const root = repository({
    'missing.edm.yaml': 'network: nowhere.onnx\n',
    'broken.edm.yaml': 'network: broken.onnx\n',
    'broken.onnx': 'this is not a model',
    'wrong.edm.yaml': 'network: embedded:fashion-mnist\nsteps: 1\n',
    'blocked.edm.yaml': 'network: embedded:fashion-mnist\noutdir: blocked\n',
    blocked: 'a file where the run folders should be',
  });
  await assert.rejects(run(path.join(root, 'missing.edm.yaml')), /missing\.edm\.yaml:1: nowhere\.onnx does not exist/);
  await assert.rejects(run(path.join(root, 'broken.edm.yaml')), /broken\.edm\.yaml:1: .*broken\.onnx/);
  await assert.rejects(run(path.join(root, 'wrong.edm.yaml')), /wrong\.edm\.yaml:2: steps must be at least 2/);
  await assert.rejects(run(path.join(root, 'blocked.edm.yaml')), /Cannot write the run folder/);
  mkdirSync(path.join(root, 'empty'));
  await assert.rejects(
    server.connection.sendRequest(protocol.samplesRequest, { folder: path.join(root, 'empty') }),
    /There is no PNG or JPEG image/,
  );
});
