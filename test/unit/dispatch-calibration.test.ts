/** Batch sizes from the log of a calibration job, and its script. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { analyse } from '../../server/batch';
import type { Scheduler } from '../../server/cluster/scheduler';
import { recommendBatch } from '../../server/diffusion/batch-size';
import { calibrationScript, readCalibration, withBatch } from '../../server/dispatch/calibration';
import type { Draft } from '../../server/dispatch/draft';

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
        'runs/a1b2c3d-cifar-calibration',
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
