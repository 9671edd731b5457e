import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CancelledError } from '../../server/errors';
import { frechetDistance } from '../../server/fid/frechet-distance';
import { readNpy } from '../../server/numpy/npz';
import { loadStatistics, type Statistics, StatisticsAccumulator } from '../../server/fid/statistics';

const fixtures = join(__dirname, '../fixtures/fid');

/** Cases computed with fid.py's own code; `fid_svd_truth` is the nuclear norm of the centred features, exact. */
interface Case {
  name: string;
  n1: number;
  n2: number;
  fid_scipy: number;
  fid_svd_truth: number;
  trace1: number;
  trace2: number;
}
const cases = JSON.parse(readFileSync(join(fixtures, 'fid.json'), 'utf8')) as Case[];

function caseOf(name: string): Case {
  const found = cases.find((one) => one.name === name);
  assert.ok(found, name);
  return found;
}

const pair = (name: string) => {
  const side = (number: 1 | 2): Promise<Statistics> => loadStatistics(join(fixtures, `${name}.stats${number}.npz`));
  return Promise.all([side(1), side(2)]);
};

function near(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} +- ${tolerance}`);
}

for (const name of ['g64_full', 'g64_same_dist']) {
  test(`${name}: equals scipy and the truth to 1e-12 of the traces, both ways round`, async () => {
    const { fid_svd_truth, fid_scipy, trace1, trace2 } = caseOf(name);
    const [a, b] = await pair(name);
    for (const value of [await frechetDistance(a, b), await frechetDistance(b, a)]) {
      near(value, fid_svd_truth, 1e-12 * (trace1 + trace2));
      near(value, fid_scipy, 1e-12 * (trace1 + trace2));
    }
  });
}

for (const name of ['g64_rankdef_both', 'g64_rankdef_one', 'g64_n2']) {
  test(`${name}: the exact value, where scipy is off, with N known or not`, async () => {
    const { n1, n2, fid_svd_truth, fid_scipy } = caseOf(name);
    const [a, b] = await pair(name);
    const known: [Statistics, Statistics] = [
      { ...a, num: n1 },
      { ...b, num: n2 },
    ];
    for (const [x, y] of [[a, b], [b, a], known, [known[0], b], [b, known[0]], [a, known[1]]] as const) {
      near(await frechetDistance(x, y), fid_svd_truth, 1e-9 * fid_svd_truth);
    }
    assert.ok(Math.abs(fid_scipy - fid_svd_truth) > 1e-9 * fid_svd_truth, 'the fixture tells scipy from the truth');
  });
}

test('2048 dimensions, 300 and 260 images: statistics and distance from features', async () => {
  const { fid_svd_truth } = caseOf('f2048_rankdef');
  const sides: Statistics[] = [];
  for (const side of [1, 2]) {
    const { data, shape } = await readNpy(join(fixtures, `f2048_rankdef.feat${side}.u8.npy`));
    const accumulator = new StatisticsAccumulator(2048);
    await accumulator.add(
      Float32Array.from(data as Uint8Array, (value) => value / 64),
      shape[0],
    );
    sides.push(await accumulator.statistics());
  }
  near(await frechetDistance(sides[0], sides[1]), fid_svd_truth, 1e-9 * fid_svd_truth);
});

test('an injected product is used, and gives the same', async () => {
  const [a, b] = await pair('g64_full');
  const shapes: number[][] = [];
  const value = await frechetDistance(a, b, {
    matmul: (x, y, m, k, n, into = new Float64Array(m * n)) => {
      shapes.push([m, k, n]);
      for (let at = 0; at < m * n; at++) {
        const [i, j] = [Math.floor(at / n), at % n];
        into[at] = 0;
        for (let q = 0; q < k; q++) into[at] += x[i * k + q] * y[j * k + q];
      }
      return into;
    },
  });
  // The product of the factors, that with itself, and those of the reduction to a band.
  assert.deepEqual(shapes.slice(0, 2), Array(2).fill([64, 64, 64]));
  assert.ok(shapes.length > 2);
  near(value, caseOf('g64_full').fid_svd_truth, 1e-10);
});

test('an indefinite matrix whose every pair of features looks like a covariance is refused', async () => {
  const sigma = Float64Array.of(1, 0.9, -0.9, 0.9, 1, 0.9, -0.9, 0.9, 1);
  const side = { mu: new Float64Array(3), sigma };
  await assert.rejects(frechetDistance(side, side), /^UserError: sigma of the statistics is indefinite/);
});

test('degenerate sides: no variance at all, one dimension', async () => {
  const point = { mu: Float64Array.of(1, 2), sigma: new Float64Array(4) };
  const round = { mu: Float64Array.of(1, 0), sigma: Float64Array.of(1, 0, 0, 1) };
  assert.equal(await frechetDistance(point, round), 6);
  assert.equal(await frechetDistance(point, point), 0);
  const narrow = { mu: Float64Array.of(0), sigma: Float64Array.of(1) };
  const wide = { mu: Float64Array.of(0), sigma: Float64Array.of(9) };
  assert.equal(await frechetDistance(narrow, wide), 4); // (3 - 1)^2
  // A feature of almost no variance counts: v against 1 makes (1 - sqrt(v))^2.
  const v = 1e-13;
  const faint = { mu: new Float64Array(2), sigma: Float64Array.of(1e4, 0, 0, v) };
  const clear = { mu: new Float64Array(2), sigma: Float64Array.of(1e4, 0, 0, 1) };
  near(await frechetDistance(faint, clear), (1 - Math.sqrt(v)) ** 2, 1e-10);
});

test('other dimension is refused; cancelling stops a long computation', async () => {
  const [a] = await pair('g64_full');
  const other = { mu: Float64Array.of(0), sigma: Float64Array.of(1) };
  await assert.rejects(frechetDistance(a, other), /64 and of 1 dimensions/);
  const d = 1500;
  const sigma = Float64Array.from({ length: d * d }, (_, i) => (i % (d + 1) === 0 ? 1 : 0.5));
  const large = { mu: new Float64Array(d), sigma };
  await assert.rejects(frechetDistance(large, large, { signal: AbortSignal.timeout(20) }), CancelledError);
});
