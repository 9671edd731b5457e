/** Statistics as other programs leave them: what is read, what is said, what is refused. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zipSync, type Zippable } from 'fflate';
import { UserError } from '../../server/errors';
import { frechetDistance } from '../../server/fid/frechet-distance';
import { compareStatistics } from '../../server/fid/kept-statistics';
import { loadStatistics, type Statistics, StatisticsAccumulator } from '../../server/fid/statistics';
import { formatNpy, type NpyArray } from '../../server/numpy/npy';
import { temporaryFolder } from '../server/workspace';

const pickles = join(__dirname, '../fixtures/fid/pickles');
const folder = temporaryFolder();

/** Repeatable numbers, about normal. */
function normal(count: number, seed: number): Float64Array {
  let state = seed * 2654435761;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Float64Array.from({ length: count }, () => uniform() + uniform() + uniform() + uniform() - 2);
}

/** Correlated features [n, d]. */
function features(n: number, d: number, seed: number): Float64Array {
  const [x, mix] = [normal(n * d, seed), normal(d * d, 99)];
  return Float64Array.from({ length: n * d }, (_, at) => {
    const [row, j] = [Math.floor(at / d), at % d];
    let sum = 0.5;
    for (let q = 0; q < d; q++) sum += x[row * d + q] * (mix[q * d + j] + (q === j ? 1 : 0));
    return sum;
  });
}

async function statisticsOf(values: Float64Array, n: number): Promise<Statistics> {
  const accumulator = new StatisticsAccumulator(values.length / n);
  await accumulator.add(values, n);
  return accumulator.statistics();
}

const float64 = (shape: number[], data: Float64Array): NpyArray => ({ dtype: 'float64', shape, data });
const float32 = (shape: number[], data: ArrayLike<number>): NpyArray => ({ dtype: 'float32', shape, data: Float32Array.from(data) }); // prettier-ignore

async function npz(name: string, arrays: Record<string, NpyArray | Uint8Array>, level: 0 | 6 = 0): Promise<string> {
  const entries: Zippable = {};
  for (const [key, array] of Object.entries(arrays))
    entries[`${key}.npy`] = [array instanceof Uint8Array ? array : formatNpy(array), { level }];
  const path = join(folder, name);
  await writeFile(path, zipSync(entries));
  return path;
}

const near = (actual: number, expected: number, relative: number): void =>
  assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `${actual} is not ${expected}`);

test("pickles of EDM2, of every protocol, are read by dimension; StyleGAN's sums and plain dicts too", async () => {
  const truth = await loadStatistics(join(pickles, 'edm2.npz'));
  const dino = await loadStatistics(join(pickles, 'dinov2.npz'));
  for (const protocol of [2, 4, 5]) {
    const path = join(pickles, `edm2-protocol${protocol}.pkl`);
    const first = await loadStatistics(path);
    assert.deepEqual([first.mu, first.sigma, first.num], [truth.mu, truth.sigma, 50]);
    assert.match(first.notes?.[0] ?? '', /fid of 6 dimensions and fd_dinov2 of 4 dimensions: fid was taken$/);
    assert.deepEqual((await loadStatistics(path, { dimension: 4 })).sigma, dino.sigma);
    await assert.rejects(
      loadStatistics(path, { dimension: 5 }),
      /no mean and covariance of 5 dimensions: it has fid of 6/,
    );
    const compared = await compareStatistics(join(pickles, 'dinov2.npz'), path);
    assert.ok(Math.abs(compared.value) < 1e-12);
    assert.ok(compared.notes.some((note) => /fd_dinov2 was taken$/.test(note)));
  }
  const plain = await loadStatistics(join(pickles, 'plain.pkl'));
  assert.deepEqual(plain.mu, truth.mu);
  assert.ok(plain.sigma.every((value, at) => Math.abs(value - truth.sigma[at]) <= 1e-6 * Math.abs(truth.sigma[at])));
  const sums = await loadStatistics(join(pickles, 'stylegan.pkl'));
  near(sums.sigma[7], truth.sigma[7], 1e-12);
  assert.equal(sums.num, 50);
});

test('a pickle that names code, or is cut off, is refused, and nothing of it runs', async () => {
  await assert.rejects(loadStatistics(join(pickles, 'hostile.pkl')), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /refused to load "posix\.system", which no file of statistics contains\. Nothing/);
    return true;
  });
  const handle = await open(join(pickles, 'edm2-protocol4.pkl'));
  const bytes = await handle.readFile();
  await handle.close();
  const cut = join(folder, 'cut.pkl');
  for (const length of [3, 60, bytes.length - 40]) {
    await writeFile(cut, bytes.subarray(0, length));
    await assert.rejects(loadStatistics(cut), /cut\.pkl is cut off or damaged/);
  }
});

test('of a reference with images inside, mean and covariance alone are read; other arrays do not matter', async () => {
  const { mu, sigma } = await statisticsOf(features(40, 5, 1), 40);
  const other = Buffer.from(formatNpy(float64([2], Float64Array.of(1, 2))));
  other.write('<U4', other.indexOf('<f8'), 'latin1'); // a type that cannot be read
  const path = await npz('adm.npz', { arr_0: other, mu: float64([5], mu), sigma: float64([5, 5], sigma) });
  assert.deepEqual((await loadStatistics(path)).sigma, sigma);
  // The images' bytes are damaged, which only reading them would show.
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(8, 7), 0, 8, 160);
  await file.close();
  assert.deepEqual((await loadStatistics(path)).mu, mu);
  const names = await npz('names.npz', { m: float64([1, 5], mu), s: float64([5, 5], sigma) });
  assert.deepEqual((await loadStatistics(names)).mu, mu);
});

test('features in place of statistics (pool_3, feats) give their mean and covariance, and it is said', async () => {
  const values = features(300, 7, 2);
  const truth = await statisticsOf(values, 300);
  for (const [name, level] of [
    ['pool_3', 0],
    ['feats', 6],
  ] as const) {
    // prettier-ignore
    const path = await npz(`${name}.npz`, { [name]: float64([300, 1, 7], values), logits: float32([1], [3]) }, level);
    const { mu, sigma, num, notes } = await loadStatistics(path);
    assert.deepEqual([mu, sigma, num], [truth.mu, truth.sigma, 300]);
    assert.match(notes?.[0] ?? '', new RegExp(`has features \\(${name}\\) of 300 images`));
  }
  const one = await npz('one.npz', { pool_3: float32([1, 4], [1, 2, 3, 4]) });
  await assert.rejects(loadStatistics(one), /pool_3 has features of 1 images, and 2 are needed/);
  const none = await npz('none.npz', { labels: float32([2], [1, 2]) });
  await assert.rejects(
    loadStatistics(none),
    /neither mean and covariance \(mu, sigma\) nor features \(pool_3\): it has labels/,
  );
});

test('float32 statistics of few images are projected, which is said, and come to the exact distance', async () => {
  const [n, d] = [40, 96];
  const [a, b] = [await statisticsOf(features(n, d, 5), n), await statisticsOf(features(900, d, 6), 900)];
  const truth = await frechetDistance(a, b);
  const path = await npz('few.npz', { mu: float32([d], a.mu), sigma: float32([d, d], a.sigma) });
  const ref = await npz('many.npz', { mu: float64([d], b.mu), sigma: float64([d, d], b.sigma) });
  const { value, notes } = await compareStatistics(path, ref);
  near(value, truth, 2e-5);
  assert.ok(
    notes.some((note) => /few\.npz is indefinite by rounding.*it was projected/.test(note)),
    notes.join(),
  );
  // Of many images float32 is definite: nothing is projected, nothing said.
  const single = await npz('single.npz', { mu: float32([d], b.mu), sigma: float32([d, d], b.sigma) });
  const plain = await compareStatistics(single, ref);
  assert.ok(Math.abs(plain.value) < 1e-4 && !plain.notes.some((note) => note.includes('projected')));
  // Computed in float32, kept in float64.
  const wide = await npz('wide.npz', { mu: float64([d], a.mu), sigma: float64([d, d], Float64Array.from(Float32Array.from(a.sigma))) }); // prettier-ignore
  near((await compareStatistics(wide, ref)).value, truth, 1e-3);
});

test('variances that rounding made negative are taken as 0, which is said; larger ones are an error', async () => {
  const { mu, sigma } = await statisticsOf(features(60, 4, 8), 60);
  const spoil = (variance: number, with0: number): Float64Array => {
    const copy = sigma.slice();
    for (let j = 0; j < 4; j++) copy[2 * 4 + j] = copy[j * 4 + 2] = j === 0 ? with0 : 0;
    copy[2 * 4 + 2] = variance;
    return copy;
  };
  const load = async (values: Float64Array) =>
    loadStatistics(await npz('spoilt.npz', { mu: float64([4], mu), sigma: float64([4, 4], values) }));
  for (const [variance, with0] of [
    [-1e-15, 0],
    [-2e-14, 1e-15],
    [1e-17, 1e-8],
  ] as const) {
    // prettier-ignore
    const { sigma: read, notes } = await load(spoil(variance, with0));
    assert.deepEqual(read, spoil(0, 0));
    assert.match(notes?.[0] ?? '', /^A variance in .*spoilt\.npz of .* by rounding: taken as 0$/);
  }
  assert.equal((await load(spoil(1e-17, 3e-15))).notes, undefined);
  await assert.rejects(load(spoil(-1e-3, 0)), /sigma\[2, 2\] is -0\.001: a variance is not negative/);
  await assert.rejects(load(spoil(1e-3, 5)), /indefinite|not a covariance/);
});
