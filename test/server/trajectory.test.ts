/** The denoising trajectory and import, as an editor asks for them. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { PNG } from 'pngjs';
import { CancellationTokenSource } from 'vscode-languageserver-protocol/node';
import * as protocol from '../../server/shared/protocol';
import { TestServer } from './connection';
import { ROOT, temporaryFolder } from './workspace';

const NETWORK = 'embedded:fashion-mnist';

let server: TestServer;
before(async () => {
  server = await TestServer.start();
});
after(() => server.stop());

test('a trajectory ends with the pixels that generate writes', async () => {
  const base = temporaryFolder();
  const seen: protocol.Progress[] = [];
  const listener = server.connection.onProgress(protocol.runProgress, 'way', (progress) => {
    seen.push(progress);
  });
  const found = await server.connection.sendRequest(protocol.trajectoryRequest, {
    network: NETWORK,
    seeds: '4-6',
    sampler: { steps: 4 },
    base,
    progressToken: 'way',
  });
  listener.dispose();
  assert.deepEqual(found.seeds, [4, 5, 6]);
  assert.equal(found.steps.length, 5);
  assert.deepEqual(
    found.steps.map(({ nfe }) => nfe),
    [2, 4, 6, 7, 7],
  );
  assert.ok(seen.some(({ done, total }) => done === 4 && total === 4));

  const { folder } = await server.connection.sendRequest(protocol.generateRequest, {
    network: NETWORK,
    seeds: '4-6',
    steps: 4,
    outdir: 'images',
    base,
  });
  const pixels = (png: Buffer): Buffer => PNG.sync.read(png).data;
  found.seeds.forEach((seed, i) => {
    const written = pixels(readFileSync(path.join(folder, `00000${seed}.png`)));
    const of = (step: protocol.TrajectoryStep): Buffer => pixels(Buffer.from(step.images[i], 'base64'));
    assert.deepEqual(of(found.steps[4]), written);
    assert.notDeepEqual(of(found.steps[0]), written);
    assert.equal(PNG.sync.read(Buffer.from(found.steps[0].images[i], 'base64')).width, found.resolution);
  });
});

test('too many seeds are refused in one line; a trajectory can be cancelled', async () => {
  const params = { network: NETWORK, sampler: { steps: 200 }, base: temporaryFolder() };
  await assert.rejects(
    server.connection.sendRequest(protocol.trajectoryRequest, { ...params, seeds: '0-16' }),
    /^Error: 17 seeds: a trajectory shows at most 16/,
  );
  const cancel = new CancellationTokenSource();
  const listener = server.connection.onProgress(protocol.runProgress, 'cancelled', () => cancel.cancel());
  await assert.rejects(
    server.connection.sendRequest(
      protocol.trajectoryRequest,
      { ...params, seeds: '0-15', progressToken: 'cancelled' },
      cancel.token,
    ),
    /Cancelled/,
  );
  listener.dispose();
});

test('import says what it made, and the network is of use', async () => {
  const folder = temporaryFolder();
  const source = path.join(ROOT, 'test', 'fixtures', 'nets', 'vp-ddpmpp-u-r8.pkl');
  const dest = path.join(folder, 'network.onnx');
  const { text } = await server.connection.sendRequest(protocol.importRequest, { source, dest });
  assert.match(text, /^VPPrecond, SongUNet, 8x8, \d+ parameters$/);
  const sampler = { steps: 2, solver: 'euler' } as const;
  const params = { network: 'network.onnx', seeds: '0', sampler, base: folder };
  const { steps, classes } = await server.connection.sendRequest(protocol.trajectoryRequest, params);
  assert.deepEqual([steps.length, steps[2].nfe, classes], [3, 2, undefined]);
  // A step to noise level 0 goes onto D.
  assert.deepEqual(steps[2].images, steps[1].images);
});

test('import refuses in one line what is no model, and leaves no file', async () => {
  const folder = temporaryFolder();
  const source = path.join(folder, 'network.pkl');
  copyFileSync(path.join(ROOT, 'package.json'), source);
  const dest = path.join(folder, 'network.onnx');
  await assert.rejects(
    server.connection.sendRequest(protocol.importRequest, { source, dest }),
    /Cannot import .*network\.pkl/,
  );
  assert.ok(!existsSync(dest));
});
