import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { UserError } from '../../server/errors';
import type { Detector } from '../../server/fid/detector';
import { compareStatistics, mergeStatistics } from '../../server/fid/kept-statistics';
import { FeatureRows, furtherLines } from '../../server/fid/further-metrics';
import { keptFeatures } from '../../server/fid/kept-features';
import { measure, measureRepeats, reference, type MeasureOptions } from '../../server/fid/measurement';
import { loadStatistics, saveStatistics } from '../../server/fid/statistics';
import { Graph } from '../../server/models/onnx-graph';
import type { MeasureSummary } from '../../server/compute/tasks';
import { writeModel } from '../../server/models/model-file';
import { inScratch } from './network-fixtures';

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
  assert.ok(kid && kid.size === 16 && kid.subsets === 1 && kid.mean < 0 && kid.std === 0);
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
      '--kid compares with the features of real images, which a reference does not have: add --real DIR|ZIP, ' +
        'or make the reference with fid ref --keep-features',
    ),
  );
  await assert.rejects(measure(means, { ...options, further: { pr: true } }), /^UserError: --pr compares/);
  assert.throws(() => new FeatureRows(300_000, 2048), /Features of 300000 images take 2\.3 GiB, at most 2 are kept/);
});

test('features kept beside a reference stand for its images, and only for those', async () => {
  const ref = inScratch('kept.npz');
  await reference(means, { data: IMAGES, dest: ref, keepFeatures: true });
  let seen = 0;
  const counting: Detector = { ...means, features: (...images) => ((seen += images[1]), means.features(...images)) };
  const options = { images: IMAGES, ref, num: 16 };
  const fresh = await measure(means, { ...options, ref: await plainCopy(ref), further: { kid: true, real: IMAGES } });
  for (const real of [undefined, IMAGES]) {
    seen = 0;
    const { kid } = await measure(counting, { ...options, further: { kid: true, real } });
    assert.deepEqual(kid, fresh.kid);
    assert.equal(seen, 16);
  }
  // Other images than those kept, or another detector: what was kept does not count.
  seen = 0;
  const others = inScratch('others');
  cpSync(IMAGES, others, { recursive: true });
  await measure(counting, { ...options, further: { pr: true, real: others } });
  assert.equal(seen, 16, 'a copy has the same images');
  const names = readdirSync(others, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.png'));
  copyFileSync(path.join(others, names[0]), path.join(others, names[1]));
  seen = 0;
  await measure(counting, { ...options, further: { pr: true, real: others } });
  assert.equal(seen, 32);
  const other = { ...means, sha256: 'ef'.repeat(32) };
  const unnamed = inScratch('unnamed.npz');
  const { mu, sigma, num } = await loadStatistics(ref);
  await saveStatistics(unnamed, { mu, sigma, num });
  copyFileSync(keptFeatures(ref), keptFeatures(unnamed));
  await assert.rejects(
    measure(other, { ...options, ref: unnamed, further: { kid: true } }),
    /unnamed\.features\.npz was made with another detector than means: add --real DIR\|ZIP$/,
  );
});

/** The statistics without the features beside them. */
async function plainCopy(ref: string): Promise<string> {
  const copy = inScratch('plain.npz');
  await saveStatistics(copy, await loadStatistics(ref));
  return copy;
}

test('repeats: equal parts in order, the least counts, all are kept with their statistics', async () => {
  const ref = inScratch('repeats.npz');
  await reference(means, { data: IMAGES, dest: ref });
  const statsDest = inScratch('repeats-stats.npz');
  const phases = new Set<string>();
  const onProgress = ({ phase }: { phase: string }): void => void phases.add(phase);
  const all = (await measure(means, { images: IMAGES, ref })).num;
  const result = await measureRepeats(means, { images: IMAGES, ref, statsDest }, 2, { onProgress });
  assert.equal(result.num, all / 2);
  assert.deepEqual([...phases], ['Measuring 1 of 2', 'Measuring 2 of 2']);
  const parts = await Promise.all(
    [0, 1].map((index) => measure(means, { images: IMAGES, ref, part: { index, of: 2 } })),
  );
  assert.deepEqual(
    result.repeats,
    parts.map(({ value }) => value),
  );
  assert.notEqual(parts[0].value, parts[1].value);
  assert.equal(result.value, Math.min(parts[0].value, parts[1].value));
  await assert.rejects(
    measureRepeats(means, { images: IMAGES, ref }, 5),
    new RegExp(`has ${all} images, which cannot be divided into 5 equal parts$`),
  );

  // The two parts' statistics add up to those of the whole.
  const merged = inScratch('merged.npz');
  const shards = ['repeats-stats-1.npz', 'repeats-stats-2.npz'].map(inScratch);
  assert.equal(await mergeStatistics(shards, merged), all);
  const [sum, whole] = [await loadStatistics(merged), await loadStatistics(ref)];
  for (const key of ['mu', 'sigma'] as const) {
    const scale = Math.max(...whole[key].map(Math.abs));
    sum[key].forEach((value, i) => assert.ok(Math.abs(value - whole[key][i]) <= 1e-12 * scale));
  }
  const { metric, value, num } = await compareStatistics(shards[0], ref);
  assert.deepEqual([metric, value, num], ['FD (means)', parts[0].value, all / 2]);

  // So do their converted images, which are told wherever the merged number is.
  assert.equal(sum.converted, undefined);
  const counts: Record<string, number>[] = [{ WebP: 2, BMP: 1 }, { WebP: 3 }];
  for (const [i, converted] of counts.entries()) {
    const file = inScratch(`converted-${i}.npz`);
    await saveStatistics(file, { ...(await loadStatistics(shards[i])), converted });
    shards.push(file);
  }
  await mergeStatistics(shards.splice(2), merged);
  assert.deepEqual((await loadStatistics(merged)).converted, { WebP: 5, BMP: 1 });
  assert.match((await compareStatistics(merged, ref)).notes.join(), /Images were converted .*: 5 WebP, 1 BMP/);

  const renamed = inScratch('renamed.npz');
  await saveStatistics(renamed, { ...whole, detector: { ...whole.detector!, name: 'x', sha256: '00' } });
  const bare = inScratch('bare.npz');
  await saveStatistics(bare, { mu: whole.mu, sigma: whole.sigma });
  const refusals: [string[], RegExp][] = [
    [[shards[0]], /^UserError: Give two or more statistics files to merge$/],
    [[shards[0], shards[0]], /repeats-stats-1\.npz are of the same images$/],
    [[shards[0], renamed], /was made with means, .*renamed\.npz with x: they cannot be merged$/],
    [[shards[0], bare], /bare\.npz does not state its number of images/],
  ];
  for (const [files, message] of refusals) await assert.rejects(mergeStatistics(files, merged), message);
  await assert.rejects(compareStatistics(shards[0], renamed), /was made with the detector x .*, not with means/);
  assert.match((await compareStatistics(shards[0], bare)).notes[0], /bare\.npz do not state their detector/);
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
  assert.match(lines[0], /^KD \(mean-.*\): -\S+ \(all 16 images at once: .*\)$/);
  assert.equal(lines[1], 'Precision 1, recall 1 (k = 3)');
  assert.equal(lines[2].slice(0, lines[2].indexOf(':')), `FD (${name}), N = 2`);
  assert.match(lines[10], /^FD \(.*\), N to infinity: \S+ \+- \S+$/);
  assert.equal(lines.length, 13);
  assert.match(lines[12], /^-?\d\S*$/);
  const summary = JSON.parse(cli(...calc, ...further, '--json')) as MeasureSummary;
  assert.equal(summary.kid?.size, 16);
  assert.equal(summary.precision_recall?.recall, 1);
  assert.equal(summary.extrapolation?.points.length, 8);

  // A second reference, and shards, without looking at the images again.
  const stats = inScratch('cli-stats.npz');
  const all = ['fid', 'calc', '--images', IMAGES, '--ref', ref, '--detector', detector, '--device', 'cpu'];
  const repeated = cli(...all, '--num', '8', '--repeats', '2', '--stats', stats).split('\n');
  assert.match(repeated[0], /^Least of \S+, \S+$/);
  const [one, two, sum] = [inScratch('cli-stats-1.npz'), inScratch('cli-stats-2.npz'), inScratch('cli-all.npz')];
  assert.match(cli('fid', 'merge', one, two, '-o', sum), /^Statistics of 16 images written to /);
  const lone = cli('fid', 'calc', '--stats', one, '--ref', ref).split('\n');
  assert.ok(repeated[0].includes(lone[lone.length - 1]));
});
