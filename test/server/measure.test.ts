import assert from 'node:assert/strict';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import * as protocol from '../../server/shared/protocol';
import { TestServer } from './connection';
import { git, repository, temporaryFolder } from './workspace';

const CONFIG = `network: embedded:fashion-mnist
seeds: 0-7
steps: 2
device: cpu
fd:
  reference: embedded:fashion-mnist
  repeats: 2
`;

let server: TestServer;
before(async () => {
  server = await TestServer.start();
});
after(() => server.stop());

const measure = (images: string): Promise<protocol.MeasureResult> =>
  server.connection.sendRequest(protocol.measureRequest, {
    images,
    reference: 'embedded:fashion-mnist',
    base: path.dirname(images),
  });

test('repeats: the least of equal parts is the result, manifest and history keep all', async () => {
  const root = repository({ 'twice.edm.yaml': CONFIG });
  const { folder, manifest, records } = await server.connection.sendRequest(protocol.runRequest, {
    config: path.join(root, 'twice.edm.yaml'),
  });
  const [{ repeats, value, num }] = records;
  assert.equal(repeats?.length, 2);
  assert.equal(value, Math.min(...repeats));
  assert.equal(num, 4);
  assert.deepEqual(manifest.results?.[0].repeats, repeats);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.npz')),
    ['stats-1.npz', 'stats-2.npz'],
  );
});

test('a measured folder enters the history with what its images tell of themselves', async () => {
  const root = repository({ 'one.edm.yaml': CONFIG.replace(/fd:[^]*/, '') });
  const { folder, manifest } = await server.connection.sendRequest(protocol.runRequest, {
    config: path.join(root, 'one.edm.yaml'),
  });
  // The images of a run belong to its commit, whatever is checked out when they are measured.
  git(root, 'commit', '--quiet', '--allow-empty', '--message', 'Later');
  const { record, value, published } = await measure(path.join(folder, 'images'));
  assert.ok(record && published === undefined);
  assert.equal(record.value, value);
  assert.deepEqual(
    [record.name, record.run, record.code, record.network, record.seeds, record.num],
    ['one', path.relative(root, path.join(folder, 'images')), manifest.code, manifest.network, '0-7', 8],
  );
  assert.deepEqual([record.sampler?.steps, record.sampler?.nfe, record.sampler?.rng], [2, 3, 'cpu']);
  assert.equal(record.detector.sha256.length, 64);
  assert.equal(record.reference.name, 'embedded:fashion-mnist');
  assert.equal(record.seconds.generate, undefined);

  // Copied elsewhere they still know their network, by its digest, and their seeds; the commit is today's.
  const copied = path.join(root, 'copied');
  cpSync(path.join(folder, 'images'), copied, { recursive: true });
  const second = (await measure(copied)).record;
  assert.deepEqual(
    [second?.name, second?.run, second?.code.subject, second?.code.dirty, second?.network?.sha256, second?.seeds],
    ['copied', 'copied', 'Later', false, manifest.network.sha256, '0-7'],
  );

  // Without the settings nothing is known of them, and nothing is made up.
  rmSync(path.join(copied, 'generation.json'));
  const third = (await measure(copied)).record;
  assert.deepEqual([third?.network, third?.sampler, third?.seeds], [undefined, undefined, undefined]);

  const history = await server.connection.sendRequest(protocol.historyRequest, { folder: root });
  assert.deepEqual([history.records, history.problems, history.published], [[record, second, third], [], {}]);
});

test('outside a repository the number is told, and why the history has nothing of it', async () => {
  const folder = path.join(temporaryFolder(), 'images');
  cpSync(path.join(__dirname, '../fixtures/fid/images/run'), folder, { recursive: true });
  await assert.rejects(measure(folder), /choose another detector/);
  const root = repository({ 'one.edm.yaml': CONFIG.replace(/fd:[^]*/, '') });
  const run = await server.connection.sendRequest(protocol.runRequest, { config: path.join(root, 'one.edm.yaml') });
  rmSync(folder, { recursive: true });
  cpSync(path.join(run.folder, 'images'), folder, { recursive: true });
  const { record, value, notes } = await measure(folder);
  assert.ok(value > 0 && record === undefined);
  assert.match(notes[notes.length - 1], /^Not in the history: .* is not in a git repository/);
});
