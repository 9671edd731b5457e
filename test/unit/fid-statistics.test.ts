import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { DetectorIdentity } from '../../server/fid/detector';
import { readNpy, readNpz, writeNpz } from '../../server/numpy/npz';
import { loadStatistics, saveStatistics, type Statistics, StatisticsAccumulator } from '../../server/fid/statistics';
import { temporaryFolder } from '../server/workspace';

const fixtures = join(__dirname, '../fixtures/fid');
const detector: DetectorIdentity = { name: 'stub', sha256: 'ab'.repeat(32), dimension: 64, published: false };

async function features(): Promise<{ rows: Float64Array; n: number; d: number }> {
  const { data, shape } = await readNpy(join(fixtures, 'g64_full.feat1.npy'));
  return { rows: Float64Array.from(data as Float32Array), n: shape[0], d: shape[1] };
}

/** Largest difference, relative to the largest expected value. */
function difference(actual: Float64Array, expected: Float64Array): number {
  assert.equal(actual.length, expected.length);
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return actual.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0) / scale;
}

function assertEqual(actual: Statistics, expected: Statistics): void {
  assert.ok(difference(actual.mu, expected.mu) < 1e-12);
  assert.ok(difference(actual.sigma, expected.sigma) < 1e-12);
}

test('mean and covariance equal fid.py to 1e-12, for any way the features arrive', async () => {
  const { rows, n, d } = await features();
  const expected = await loadStatistics(join(fixtures, 'g64_full.stats1.npz'));
  for (const batch of [n, 1, 7, 64]) {
    const accumulator = new StatisticsAccumulator(d);
    for (let i = 0; i < n; i += batch) {
      const count = Math.min(batch, n - i);
      await accumulator.add(Float32Array.from(rows.subarray(i * d, (i + count) * d)), count);
    }
    const statistics = await accumulator.statistics();
    assert.equal(statistics.num, n);
    assertEqual(statistics, expected);
  }
});

test('many blocks: a set that comes seven times has the same mean and nearly the same covariance', async () => {
  const { rows, n, d } = await features();
  const expected = await loadStatistics(join(fixtures, 'g64_full.stats1.npz'));
  const accumulator = new StatisticsAccumulator(d);
  for (let round = 0; round < 7; round++) await accumulator.add(rows, n);
  const { mu, sigma, num } = await accumulator.statistics();
  assert.equal(num, 7 * n);
  assert.ok(difference(mu, expected.mu) < 1e-12);
  const factor = (7 * (n - 1)) / (7 * n - 1);
  const scaled = expected.sigma.map((value) => value * factor);
  assert.ok(difference(sigma, scaled) < 1e-12);
});

test('interim statistics do not disturb what follows; more than one block', async () => {
  const { rows, n, d } = await features();
  const [once, often] = [new StatisticsAccumulator(d), new StatisticsAccumulator(d)];
  for (let round = 0; round < 4; round++) {
    await once.add(rows, n);
    await often.add(rows, n);
    assert.equal((await often.statistics()).num, (round + 1) * n);
  }
  assertEqual(await often.statistics(), await once.statistics());
});

test('shards merge, also through files, into what one pass gives', async () => {
  const { rows, n, d } = await features();
  const folder = temporaryFolder();
  const whole = new StatisticsAccumulator(d);
  await whole.add(rows, n);
  const merged = new StatisticsAccumulator(d);
  const ranges: [from: number, to: number][] = [
    [0, 2],
    [2, 150],
    [150, n],
  ];
  for (const [index, [from, to]] of ranges.entries()) {
    const shard = new StatisticsAccumulator(d);
    await shard.add(rows.subarray(from * d, to * d), to - from);
    const path = join(folder, `${index}.npz`);
    await saveStatistics(path, await shard.statistics());
    merged.merge(await loadStatistics(path));
  }
  assert.equal(merged.num, n);
  assertEqual(await merged.statistics(), await whole.statistics());
});

test('digits survive a mean that is large against the spread', async () => {
  const { rows, n, d } = await features();
  const [plain, shifted] = [new StatisticsAccumulator(d), new StatisticsAccumulator(d)];
  // Multiples of 2^-20 below 2^4 shift by 2^24 without rounding, so the covariance must not change.
  const coarse = rows.map((value) => Math.round(value * 2 ** 20) / 2 ** 20);
  for (let half = 0; half < 2; half++) {
    await plain.add(coarse, n);
    await shifted.add(
      coarse.map((value) => value + 2 ** 24),
      n,
    );
  }
  assert.ok(difference((await shifted.statistics()).sigma, (await plain.statistics()).sigma) < 1e-8);
});

test('digits survive first vectors that are unlike the rest', async () => {
  const { rows, n, d } = await features();
  const first = rows.subarray(0, 2 * d).map((value) => value + 30);
  const streamed = new StatisticsAccumulator(d);
  await streamed.add(first, 2);
  await streamed.add(rows, n);
  // In two passes, about the mean itself.
  const all = Float64Array.of(...first, ...rows);
  const mu = new Float64Array(d);
  for (let at = 0; at < all.length; at++) mu[at % d] += all[at] / (n + 2);
  const sigma = new Float64Array(d * d);
  for (let at = 0; at < sigma.length; at++) {
    const [i, j] = [Math.floor(at / d), at % d];
    for (let v = 0; v < all.length; v += d) sigma[at] += ((all[v + i] - mu[i]) * (all[v + j] - mu[j])) / (n + 1);
  }
  assertEqual(await streamed.statistics(), { mu, sigma });
});

test('an injected product takes the place of our own', async () => {
  const { rows, n, d } = await features();
  let calls = 0;
  const accumulator = new StatisticsAccumulator(
    d,
    (a, b, m, k, columns, into = new Float64Array(m * columns), plus) => {
      calls++;
      for (let at = 0; at < m * columns; at++) {
        into[at] = plus?.[at] ?? 0;
        for (let q = 0; q < k; q++) into[at] += a[Math.floor(at / columns) * k + q] * b[(at % columns) * k + q];
      }
      return into;
    },
  );
  await accumulator.add(rows, n);
  assertEqual(await accumulator.statistics(), await loadStatistics(join(fixtures, 'g64_full.stats1.npz')));
  assert.equal(calls, 1);
});

test('files keep number, detector and source; those of fid.py lack them', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'stats.npz');
  const plain = await loadStatistics(join(fixtures, 'g64_full.stats1.npz'));
  assert.deepEqual([plain.num, plain.detector, plain.source], [undefined, undefined, undefined]);
  const full: Statistics = { ...plain, num: 400, detector, source: 'sha256:1234' };
  await saveStatistics(path, full);
  assert.deepEqual(await loadStatistics(path), full);
  assert.deepEqual([...(await readNpz(path)).keys()], ['mu', 'sigma', 'num', 'detector', 'source']);
});

test('wrong files are refused by name and reason', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'bad.npz');
  const mu = { dtype: 'float64' as const, shape: [2], data: Float64Array.of(0, 0) };
  const sigma = { dtype: 'float64' as const, shape: [2, 2], data: Float64Array.of(1, 0, 0, 1) };
  await writeNpz(path, new Map([['mu', mu]]));
  await assert.rejects(loadStatistics(path), /bad\.npz has no floating-point array "sigma": it has mu/);
  await writeNpz(path, new Map(Object.entries({ mu, sigma: { ...sigma, shape: [4] } })));
  await assert.rejects(loadStatistics(path), /bad\.npz: sigma has shape \(4\) where mu has 2 values/);
  await writeNpz(path, new Map(Object.entries({ mu: { ...mu, data: Float64Array.of(NaN, 0) }, sigma })));
  await assert.rejects(loadStatistics(path), /not finite/);
  for (const [values, message] of [
    [[1, 0.5, 0.4, 1], /bad\.npz: sigma is not symmetric: \[1, 0\] is 0\.4, \[0, 1\] is 0\.5/],
    [[1, 2, 2, 1], /bad\.npz: sigma is not a covariance \(indefinite\)/],
    [[-1, 0, 0, 1], /bad\.npz: sigma\[0, 0\] is -1/],
  ] as const) {
    await writeNpz(path, new Map(Object.entries({ mu, sigma: { ...sigma, data: Float64Array.from(values) } })));
    await assert.rejects(loadStatistics(path), message);
  }
  const unknown = new StatisticsAccumulator(64);
  const plain = await loadStatistics(join(fixtures, 'g64_full.stats1.npz'));
  assert.throws(() => unknown.merge(plain), /without their number/);
  await assert.rejects(unknown.statistics(), /at least two feature vectors, not 0/);
});
