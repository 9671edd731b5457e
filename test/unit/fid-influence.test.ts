import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Detector } from '../../server/fid/detector';
import { frechetDistance } from '../../server/fid/frechet-distance';
import { Influence, standardError } from '../../server/fid/influence';
import { influenceFile } from '../../server/fid/kept-influence';
import { measure, reference } from '../../server/fid/measurement';
import { type Statistics, StatisticsAccumulator } from '../../server/fid/statistics';
import { readNpy } from '../../server/numpy/npz';
import { resultText, withError } from '../../server/shared/number-text';
import { CASES, coverage, openKept } from '../../tools/coverage-table';
import { temporaryFolder } from '../server/workspace';

const D = 8;

/** Normal numbers by Box and Muller from a linear congruential generator of 2^32 states. */
function normals(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0;
  const uniform = (): number => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) + 0.5) / 2 ** 32;
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Correlated features after a ReLU, [n, D]. @param common share of noise that is the same in `seed` whatever `scale` is */
function features(n: number, seed: number, scale: number, d = D): Float64Array {
  const normal = normals(seed);
  const rows = new Float64Array(n * d);
  for (let i = 0; i < n; i++) {
    const factors = [normal(), normal(), normal()];
    for (let j = 0; j < d; j++) {
      const shared = factors.reduce((sum, value, k) => sum + value * Math.sin(1 + j * (k + 1)), 0);
      rows[i * d + j] = Math.max(0.3 + scale * (shared * 0.5 + normal() * 0.5), 0);
    }
  }
  return rows;
}

async function statisticsOf(rows: Float64Array, d = D): Promise<Statistics> {
  const accumulator = new StatisticsAccumulator(d);
  await accumulator.add(rows, rows.length / d);
  return accumulator.statistics();
}

/** Value and psi of each image. */
async function influences(rows: Float64Array, real: Statistics, d = D): Promise<{ value: number; psi: Float64Array }> {
  const images = await statisticsOf(rows, d);
  const value = await frechetDistance(images, real);
  return { value, psi: await (await Influence.between(images, real, value)).of(rows, rows.length / d) };
}

test('the influence of an image is the change of the distance by its weight', async () => {
  const real = await statisticsOf(features(4000, 1, 1));
  const rows = features(300, 2, 1.2);
  const { psi, value } = await influences(rows, real);
  const { mu, sigma } = await statisticsOf(rows);
  const e = 1e-5;
  for (const i of [0, 7, 150, 299]) {
    // The distribution with a little more of image i: mean and covariance of the mixture.
    const x = rows.subarray(i * D, (i + 1) * D);
    const away = x.map((xj, j) => xj - mu[j]);
    const mixed = {
      mu: mu.map((m, j) => m + e * away[j]),
      sigma: sigma.map((s, at) => (1 - e) * s + e * (1 - e) * away[Math.floor(at / D)] * away[at % D]),
    };
    const slope = ((await frechetDistance(mixed, real)) - value) / e;
    assert.ok(Math.abs(slope - psi[i]) < 1e-3 * Math.max(1, Math.abs(slope)), `${slope} is not ${psi[i]}`);
  }
  assert.ok(Math.abs(psi.reduce((sum, one) => sum + one, 0) / 300) < 0.02);
});

test('a reference of lower rank has an influence too', async () => {
  const real = await statisticsOf(features(5, 1, 1));
  const rows = features(100, 2, 1.2);
  const { psi } = await influences(rows, real);
  assert.ok(psi.every(Number.isFinite));
});

/** Sets that the coverage is counted over; `ROUNDS=1000 node --import tsx --test test/unit/fid-influence.test.ts` is the full check. */
const ROUNDS = Number(process.env.ROUNDS ?? 300);

test('90 % intervals cover 86 to 94 % of distances, single and paired; pairs are much more certain', async (t) => {
  const real = await statisticsOf(features(20_000, 1, 1));
  const [single, paired]: { value: number; error: number }[][] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    // 25 images per dimension, as 50,000 of 2048.
    const a = await influences(features(25 * D, 10 + round, 1.3), real);
    const b = await influences(features(25 * D, 10 + round, 1.25), real);
    single.push({ value: a.value, error: standardError(a.psi, D) ?? NaN });
    const difference = a.psi.map((psi, i) => psi - b.psi[i]);
    paired.push({ value: a.value - b.value, error: standardError(difference, D) ?? NaN });
  }
  for (const results of [single, paired]) {
    const mean = results.reduce((sum, { value }) => sum + value, 0) / results.length;
    const covered =
      results.filter(({ value, error }) => Math.abs(value - mean) <= 1.645 * error).length / results.length;
    t.diagnostic(`${results === single ? 'single' : 'paired'}: ${(100 * covered).toFixed(1)} % of ${ROUNDS}`);
    assert.ok(covered >= 0.86 && covered <= 0.94, `${covered}`);
  }
  const mean = (results: { error: number }[]) => results.reduce((sum, { error }) => sum + error, 0) / results.length;
  assert.ok(mean(paired) < mean(single) / 4);
});

test('so they do for images of the embedded model, also under churn', async (t) => {
  // Features of 1,024 seeds on 8 directions: `npx tsx tools/coverage-table.ts --dimension 8 --keep FILE`.
  const { pool, reference: real } = await openKept(join(__dirname, '../fixtures/fid/coverage-pool.npz'));
  const results = await coverage(pool, real, 25 * pool.dimension, ROUNDS);
  assert.equal(results.length, CASES.length);
  for (const { name, covered, ratio } of results) {
    t.diagnostic(`${name}: ${(100 * covered).toFixed(1)} % of ${ROUNDS}, errors ${ratio.toFixed(2)} of the deviation`);
    assert.ok(covered >= 0.86 && covered <= 0.94, `${name}: ${covered}`);
  }
});

/** Detector of two features: mean and a corner of the picture. */
const corner: Detector = {
  name: 'corner',
  sha256: 'ab'.repeat(32),
  dimension: 2,
  published: false,
  channels: 3,
  features(images, n) {
    const size = images.length / n;
    return Promise.resolve(
      Float32Array.from({ length: 2 * n }, (_, at) => {
        const one = images.subarray(Math.floor(at / 2) * size, (Math.floor(at / 2) + 1) * size);
        return at % 2 ? one[0] / 64 : one.reduce((sum, value) => sum + value, 0) / size / 64;
      }),
    );
  },
};

test('a measurement has its standard error; it is kept beside the statistics, for the reference it was measured against', async () => {
  const folder = temporaryFolder();
  const images = join(__dirname, '../fixtures/fid/images/run');
  const [ref, other] = [join(folder, 'R.npz'), join(folder, 'other.npz')];
  await reference(corner, { data: images, dest: ref });
  await reference(corner, {
    data: images,
    dest: other,
    only: ['default/000000.png', 'default/000001.png', 'default/000002.png'],
  });
  const statsDest = join(folder, 'stats.npz');
  const options = { images, ref, num: 12, statsDest };
  const first = await measure(corner, options);
  assert.ok(first.standard_error);
  assert.equal(influenceFile(statsDest), join(folder, 'influence.npy'));
  const { data, shape } = await readNpy(influenceFile(statsDest));
  assert.deepEqual(shape, [12]);
  assert.equal(standardError(data as Float64Array, 2), first.standard_error);
  const again = await measure(corner, options);
  assert.deepEqual([again.value, again.standard_error], [first.value, first.standard_error]);
  const against = await measure(corner, { ...options, ref: other });
  assert.equal(against.standard_error, undefined);
  assert.match(against.notes.join(), /No standard error: .*stats\.npz was measured against another reference/);
  await rm(influenceFile(statsDest));
  assert.equal((await measure(corner, options)).standard_error, undefined);
  const few = await measure(corner, { images, ref, num: 4 });
  assert.equal(few.standard_error, undefined);
  assert.match(few.notes.join(), /No standard error: more than 4 images are needed for 2 dimensions, here are 4/);
  assert.ok(!existsSync(join(folder, 'R.influence.npy')));
});

test('a value is shown to the digits that its error leaves', () => {
  const cases: [number, number | undefined, string][] = [
    [1.9712345, 0.0196, '1.97 +- 0.02'],
    [2.9103, 0.0124, '2.910 +- 0.012'],
    [31.2734, 2.7, '31 +- 3'],
    [31.2734, 0.096, '31.3 +- 0.1'],
    [2.91034, undefined, '2.91034'],
    [0, 0, '0'],
    [1234.5, 120, '1235 +- 120'],
  ];
  for (const [value, error, text] of cases) assert.equal(withError(value, error), text);
  assert.equal(
    resultText({ metric: 'FID', num: 50000, value: 1.9712, standard_error: 0.0196 }),
    'FID, N = 50000: 1.97 +- 0.02',
  );
});
