import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { UserError } from '../../server/errors';
import type { Detector } from '../../server/fid/detector';
import { FeatureRows, furtherLines } from '../../server/fid/further-metrics';
import { measure, reference, type MeasureOptions } from '../../server/fid/measure';
import { Graph } from '../../server/onnx/graph';
import type { MeasureSummary } from '../../server/onnx/jobs';
import { writeModel } from '../../server/onnx/model-file';
import { inScratch } from './onnx-fixtures';

const ROOT = path.join(__dirname, '../..');
const IMAGES = path.join(ROOT, 'test/fixtures/fid/images/run');

/** Means of the channels: three features. */
const means: Detector = {
  name: 'means',
  sha256: 'cd'.repeat(32),
  dimension: 3,
  published: false,
  channels: 3,
  features: (images, n) => {
    const plane = images.length / (3 * n);
    const mean = (at: number): number =>
      images.subarray(at * plane, (at + 1) * plane).reduce((a, b) => a + b, 0) / plane / 16;
    return Promise.resolve(Float32Array.from({ length: 3 * n }, (_, i) => mean(i)));
  },
};

test('kernel distance, precision and recall, and the extrapolation come from the features of the same pass', async () => {
  const ref = inScratch('further.npz');
  await reference(means, { data: IMAGES, dest: ref });
  const statsDest = inScratch('further-stats.npz');
  const options: MeasureOptions = { images: IMAGES, ref, num: 16, statsDest };
  const plain = await measure(means, options);
  assert.deepEqual([plain.kid, plain.precision_recall, plain.extrapolation], [undefined, undefined, undefined]);

  // Although the statistics are there by now: the metrics need the features themselves.
  const further = { kid: true, pr: true, extrapolate: true, real: IMAGES };
  const { value, kid, precision_recall, extrapolation } = await measure(means, { ...options, further });
  assert.equal(value, plain.value);
  assert.deepEqual(precision_recall, { precision: 1, recall: 1, k: 3 });
  // The unbiased estimate of a set against itself: its off-diagonal mean less the mean of all, hence negative.
  assert.ok(kid && kid.size === 16 && kid.subsets === 100 && kid.mean < 0 && kid.std < 1e-9 * -kid.mean);
  assert.deepEqual(
    extrapolation?.points.map(({ num }) => num),
    [2, 4, 6, 8, 10, 12, 14, 16],
  );
  const { points } = extrapolation;
  assert.ok(Math.abs(points[7].value - value) < 1e-9 && points[0].value > points[7].value && extrapolation.slope > 0);
});

test('the kernel distance is never called by the name of the published one', () => {
  const metrics = { kid: { mean: 0.5, std: 0.25, subsets: 100, size: 1000 } };
  assert.deepEqual(furtherLines({ metric: 'FID', ...metrics }), ['KID: 0.5 +- 0.25 (100 subsets of 1000)']);
  assert.deepEqual(furtherLines({ metric: 'FD (x)', ...metrics }), ['KD (x): 0.5 +- 0.25 (100 subsets of 1000)']);
});

test('what cannot be told is refused before anything is measured', async () => {
  const options = { images: IMAGES, ref: 'none.npz' };
  await assert.rejects(
    measure(means, { ...options, further: { kid: true } }),
    new UserError(
      '--kid compares with the features of real images, which a reference does not hold: add --real DIR|ZIP',
    ),
  );
  await assert.rejects(measure(means, { ...options, further: { pr: true } }), /^UserError: --pr compares/);
  assert.throws(() => new FeatureRows(300_000, 2048), /Features of 300000 images take 2\.3 GiB, at most 2 are kept/);
});

test('command line: import, fid ref and fid calc with everything beside; the number stays the last line', async () => {
  const graph = new Graph('mean');
  const images = graph.input('images', 'uint8', ['N', 3, 'H', 'W']);
  const pixels = graph.node('Cast', 'pixels', [images], { to: 1 });
  graph.output(graph.node('ReduceMean', 'features', [pixels], { axes: [2, 3], keepdims: 0 }), 'float32', ['N', 3]);
  await writeModel(inScratch('mean.onnx'), graph.toModel({}));
  const cli = (...args: string[]): string => {
    const command = ['--import', 'tsx', path.join(ROOT, 'server/cli.ts'), ...args];
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: ROOT, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return stdout.trim();
  };
  const [detector, ref] = [inScratch('mean-detector.onnx'), inScratch('mean.npz')];
  const name = /detector (mean-[0-9a-f]{8}), 3 features; its distance is shown as FD \(mean-/.exec(
    cli('import', inScratch('mean.onnx'), '-o', detector),
  )?.[1];
  assert.ok(name);
  cli('fid', 'ref', '--data', IMAGES, '--dest', ref, '--detector', detector, '--device', 'cpu');
  const calc = ['fid', 'calc', '--images', IMAGES, '--num', '16', '--ref', ref, '--detector', detector];
  const further = ['--device', 'cpu', '--kid', '--pr', '--real', IMAGES, '--extrapolate'];
  const lines = cli(...calc, ...further).split('\n');
  assert.match(lines[0], /^KD \(mean-.*\): -\S+ \+- \S+ \(100 subsets of 16\)$/);
  assert.equal(lines[1], 'Precision 1, recall 1 (k = 3)');
  assert.equal(lines[2].slice(0, lines[2].indexOf(':')), `FD (${name}), N = 2`);
  assert.match(lines[10], /^FD \(.*\), N to infinity: \S+ \+- \S+$/);
  assert.equal(lines.length, 13);
  assert.match(lines[12], /^-?\d\S*$/);
  const summary = JSON.parse(cli(...calc, ...further, '--json')) as MeasureSummary;
  assert.equal(summary.kid?.size, 16);
  assert.equal(summary.precision_recall?.recall, 1);
  assert.equal(summary.extrapolation?.points.length, 8);
});
