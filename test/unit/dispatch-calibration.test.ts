/** Batch sizes from the log of a calibration job, and its script. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { analyse } from '../../server/scripts/analyse';
import type { Scheduler } from '../../server/cluster/scheduler';
import { batchLines, predictRun, recommendBatch } from '../../server/diffusion/batch-size';
import { calibrationScript, readCalibration } from '../../server/dispatch/calibration';
import { batchEdit, calibrationsOf, saveCalibration, withBatch } from '../../server/dispatch/calibrations';
import type { Draft } from '../../server/dispatch/draft';
import { calibrationActions } from '../../server/lsp/documents';
import type { Calibration } from '../../server/shared/schema-types.gen';
import { temporaryFolder } from '../server/workspace';

const LOG = `Loading network from "net.pkl"...
calibration batch=32 images=32 milliseconds=5000
calibration batch=32 images=96 milliseconds=6000
calibration batch=32 memory=3000, 16000
calibration batch=64 images=64 milliseconds=5200
calibration batch=64 images=192 milliseconds=6480
calibration batch=64 memory=5000, 16000
calibration batch=128 images=128 milliseconds=5500
calibration batch=128 images=384 milliseconds=7987
calibration batch=128 memory=9500, 16000
calibration batch=256 images=256 milliseconds=7000
calibration batch=256 images=768 milliseconds=11000
calibration batch=256 memory=15800, 16000
calibration batch=512 images=512 milliseconds=9000
RuntimeError: CUDA out of memory
`;

test('the smallest batch that is nearly as fast, within memory; start-up taken off', () => {
  const points = readCalibration(LOG);
  assert.deepEqual(
    points.map(({ batch, rate, memory }) => [batch, Math.round(rate), memory?.used]),
    [
      [32, 64, 3000],
      [64, 100, 5000],
      [128, 103, 9500],
      [256, 128, 15800],
    ],
  );
  const { batch, reason } = recommendBatch(points);
  assert.equal(batch, 64);
  assert.match(reason, /^100 images\/s, 31 % of the memory; larger ones are at most 5 % faster$/);
  assert.match(
    recommendBatch(points.slice(3).map((point) => ({ ...point, memory: undefined }))).reason,
    /no larger one was reached/,
  );
  assert.throws(() => recommendBatch([]), /No batch size worked/);
});

test('written into the config, comments and order kept', () => {
  assert.equal(
    withBatch('network: x\nbatch: 64 # as before\nsteps: 18\n', 128),
    'network: x\nbatch: 128 # as before\nsteps: 18\n',
  );
  assert.equal(
    withBatch('name: a\nnetwork: x # vp\nsteps: 18\n', 128),
    'name: a\nnetwork: x # vp\nbatch: 128\nsteps: 18\n',
  );
  assert.equal(withBatch('network: x\r\nbatch:\r\nfid:\r\n  batch: 8\r\n', 128), 'network: x\r\nbatch: 128\r\nfid:\r\n  batch: 8\r\n'); // prettier-ignore
  assert.equal(withBatch('network: x\r\n', 128), 'network: x\r\nbatch: 128\r\n');
  assert.equal(
    withBatch('network: x\nbatch:   # to be measured\n', 128),
    'network: x\nbatch: 128   # to be measured\n',
  );
  assert.equal(batchEdit('{"network": "x"}', 128), undefined);
});

const CALIBRATION: Calibration = {
  version: 1,
  time: '2026-11-02T10:00:00Z',
  cluster: 'rysy',
  config_file: 'configs/cifar.edm.yaml',
  commit: 'a1b2c3d',
  engine: 'edm',
  network: 'net.pkl',
  gpus: 2,
  job: '42',
  log: '/home/a/x.out',
  points: readCalibration(LOG),
  ...recommendBatch(readCalibration(LOG)),
};

test('kept for its config alone, and offered where its batch size stands', async () => {
  const root = temporaryFolder();
  const file = path.join(root, 'configs', 'cifar.edm.yaml');
  await saveCalibration(root, { ...CALIBRATION, batch: 32 });
  await saveCalibration(root, CALIBRATION);
  await saveCalibration(root, {
    ...CALIBRATION,
    cluster: 'icm',
    batch: 128,
    time: '2026-11-03T10:00:00Z',
    reason: 'r',
  });
  writeFileSync(path.join(root, '.edm-workbench', 'calibrations', 'torn.json'), '{"version":');
  assert.deepEqual(
    (await calibrationsOf(file)).map(({ cluster, batch }) => [cluster, batch]),
    [
      ['icm', 128],
      ['rysy', 64],
    ],
  );
  assert.deepEqual(await calibrationsOf(path.join(root, 'cifar.edm.yaml')), []);

  const offered = async (text: string, line: number) => {
    const document = TextDocument.create('file:///cifar.edm.yaml', 'yaml', 1, text);
    const at = { line, character: 0 };
    const actions = await calibrationActions(document, { start: at, end: at }, file);
    return actions.map(({ title, edit }) => [title, ...Object.values(edit?.changes ?? {}).flat().map((one) => TextDocument.applyEdits(document, [one]))]); // prettier-ignore
  };
  const text = 'network: net.pkl\nengine: edm\ngpus: 2\nbatch: 128\nsteps: 18\n';
  assert.deepEqual(await offered(text, 3), [
    [
      `Set batch to 64, as measured on rysy: ${CALIBRATION.reason}`,
      'network: net.pkl\nengine: edm\ngpus: 2\nbatch: 64\nsteps: 18\n',
    ],
  ]);
  assert.deepEqual(await offered(text, 4), [], 'on the line of batch alone');
  assert.equal((await offered(text.replace('batch: 128\n', ''), 0)).length, 2, 'without one, on the line of network');
  for (const [from, to] of [
    ['gpus: 2', 'gpus: 4'],
    ['net.pkl', 'other.pkl'],
    ['engine: edm', 'engine: workbench'],
    ['steps: 18', 'stepss: 18'],
  ])
    assert.deepEqual(await offered(text.replace(from, to), 3), [], to);
});

test('its script ends where larger batches gain nothing, and where one fails', () => {
  const folder = temporaryFolder();
  const commit = { code: { short: 'a1b2c3d', dirty: false } };
  const draft = { config: { network: 'x', gpus: 1 }, engine: 'edm', name: 'cifar', commit } as unknown as Draft;
  const slurm = { profile: { name: 'rysy' }, scheduler: { name: 'slurm' } as Scheduler };
  // Batches of up to 4 take the same time, larger ones in proportion, by a clock that only the images move.
  const generate =
    'for word; do case $word in --batch=*) batch=${word#*=};; --seeds=*) last=${word##*-};; esac; done\n' +
    '[ "$batch" -lt "${FAILS:-999}" ] || exit 1\n' +
    'while [ ! -s "run/gpu-$batch.csv" ]; do sleep 0.01; done; echo $(($(cat clock) + 50000000 + (last + 1) * 40000000 / (batch < 4 ? batch : 4))) >clock.new\nmv clock.new clock\n';
  writeFileSync(path.join(folder, 'generate.sh'), generate);
  writeFileSync(path.join(folder, 'date'), '#!/bin/sh\ncat clock\n', { mode: 0o755 });
  writeFileSync(path.join(folder, 'clock'), '1700000000000000000\n');
  writeFileSync(path.join(folder, 'nvidia-smi'), '#!/bin/sh\necho "3000, 16000"; exec sleep 10\n', { mode: 0o755 });
  mkdirSync(path.join(folder, 'run', 'images'), { recursive: true });
  const script = calibrationScript(
    slurm,
    draft,
    { folder, run: 'run' },
    ['bash generate.sh'],
    [1, 2, 4, 8, 16, 32, 64],
  );
  const sizes = (env: object) => {
    mkdirSync(path.join(folder, 'run', 'images'), { recursive: true });
    const options = { input: script, cwd: folder, encoding: 'utf8' as const };
    const { stdout } = spawnSync('bash', [], { ...options, env: { ...process.env, PATH: `${folder}:${process.env.PATH}`, ...env } }); // prettier-ignore
    assert.match(stdout, /^calibration done$/m);
    return readCalibration(stdout);
  };
  const found = sizes({});
  assert.deepEqual(
    found.map(({ batch, memory }) => [batch, memory?.used]),
    [1, 2, 4, 8, 16].map((batch) => [batch, 3000]),
  );
  assert.equal(recommendBatch(found).batch, 4);
  assert.deepEqual(
    sizes({ FAILS: '4' }).map(({ batch }) => batch),
    [1, 2],
  );
});

test('its script has no finding on either scheduler', () => {
  const commit = { code: { short: 'a1b2c3d', dirty: false } };
  for (const name of ['slurm', 'lsf'] as const)
    for (const gpus of [0, 1, 4]) {
      const draft = { config: { network: 'x', gpus }, engine: 'edm', name: 'cifar', commit } as unknown as Draft;
      const generate = [
        'apptainer exec --nv --bind "$PWD" ./edm_latest.sif',
        'torchrun --standalone --nproc_per_node=gpu',
        'generate.py --network=x.pkl --steps=2',
      ];
      const words = gpus > 0 ? generate : ['node cli.js generate --network=x'];
      const profile = { name: 'rysy', account: 'proja' };
      const text = calibrationScript(
        { profile, scheduler: { name } as Scheduler },
        draft,
        { folder: '/home/me/w/commits/x/1', run: 'runs/a1b2c3d-cifar-calibration' },
        words,
      );
      assert.deepEqual(
        analyse(text).findings.map(({ id, message }) => `${id}: ${message}`),
        [],
        text,
      );
      assert.equal(spawnSync('bash', ['-n'], { input: text }).status, 0, text);
    }
});

test('the rate is named with its NFE, and the run is predicted at its own', () => {
  const points = [{ batch: 8, rate: 35 }];
  const chosen = recommendBatch(points, 3);
  assert.match(chosen.reason, /^35\.0 images\/s at NFE 3; /);
  const run = predictRun(35, 3, { nfe: 35, images: 50_000, tasks: 4 });
  assert.deepEqual([run.rate, Math.round(run.seconds)], [3, 4167]);
  const lines = batchLines(points, { ...chosen, nfe: 3, run });
  assert.match(lines[0], /35\.0 images\/s at NFE 3$/);
  assert.equal(lines[1], 'The run has NFE 35: about 3.00 images/s in a job, and 1 h 9 min for its 50000 images');
  assert.match(lines[2], /^batch: 8 /);
});
