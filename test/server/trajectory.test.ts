/** The denoising trajectory and import, as an editor asks for them. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
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
    seeds: '4-6',
    from: { network: NETWORK, keys: '4', base },
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
  const params = { from: { network: NETWORK, keys: 'steps: 200', base: temporaryFolder() } };
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

test('a config is sampled as it says, keys as a config with them; what a config would be refused for is refused', async () => {
  const base = temporaryFolder();
  const config = path.join(base, 'a.edm.yaml');
  writeFileSync(path.join(base, 'levels.txt'), '80 10 1 0.1');
  writeFileSync(config, `network: ${NETWORK}\nsolver: ipndm\norder: 2\nsigmas: levels.txt\nclass: 3\nseeds: 0-999\n`);
  const of = (from: protocol.TrajectorySource) => server.connection.sendRequest(protocol.trajectoryRequest, { seeds: '7', from });
  const found = await of({ config });
  assert.deepEqual([found.classes, found.sampler?.solver, found.steps.map(({ sigma }) => sigma)], [[3], 'ipndm', [80, 10, 1, 0.1, 0]]);
  const keys = 'solver: ipndm, order: 2, sigmas: [80, 10, 1, 0.1], class: 3';
  assert.deepEqual((await of({ network: NETWORK, keys, base })).steps, found.steps);
  const wrong: [keys: string, message: RegExp][] = [
    ['solver: heum', /"solver: heum" are not keys of a run config: solver must be one of heun/],
    ['solver: dpmpp-2m, S_churn: 3', /S_churn 3: dpmpp-2m does not take it/],
    ['steps: 3 }, x: {', /are not keys of a run config/],
    ['outdir: x', /outdir does not change how an image is sampled/],
    ['sigmas: levels.txt, steps: 3', /steps 3: sigmas has 4 noise levels/],
    ['sigmas: none.txt', /none.txt/],
  ];
  for (const [text, message] of wrong) await assert.rejects(of({ network: NETWORK, keys: text, base }), message, text);
}); // prettier-ignore

test('import says what it made, and the network is of use', async () => {
  const folder = temporaryFolder();
  const source = path.join(ROOT, 'test', 'fixtures', 'nets', 'vp-ddpmpp-u-r8.pkl');
  const dest = path.join(folder, 'network.onnx');
  const { text } = await server.connection.sendRequest(protocol.importRequest, { source, dest });
  assert.match(
    text,
    /^VPPrecond, SongUNet, 8x8, \d+ parameters\. The network's file carries no source, [^.]* is not known$/,
  );
  const from = { network: 'network.onnx', keys: 'steps: 2, solver: euler', base: folder };
  const { steps, classes } = await server.connection.sendRequest(protocol.trajectoryRequest, { seeds: '0', from });
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
