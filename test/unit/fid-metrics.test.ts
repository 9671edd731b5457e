import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { extrapolate } from '../../server/fid/extrapolation';
import { frechetDistance } from '../../server/fid/frechet-distance';
import { drawSubsets, type Features, kernelDistance, type SubsetPair } from '../../server/fid/kernel-distance';
import { type NpyArray, readNpz } from '../../server/numpy/npz';
import { NumpyRandom } from '../../server/numpy/numpy-random';
import { precisionRecall, squaredRadii } from '../../server/fid/precision-recall';
import { StatisticsAccumulator } from '../../server/fid/statistics';

const fixtures = join(__dirname, '../fixtures/fid');

interface Side {
  key: string;
  mu: number;
  sigma: number;
  sha256: string;
}
interface KidCase {
  nA: number;
  nB: number;
  d: number;
  subset_size: number;
  subsets: number;
  A: Side;
  B: Side;
  torch_fidelity_float64: { kernel_inception_distance_mean: number; kernel_inception_distance_std: number };
  per_subset_float64: number[];
  cleanfid_kernel_distance_feats1A_feats2B_float64: number;
}
interface PrcCase {
  float64: { precision: number; recall: number };
}
/** Computed by torch-fidelity and clean-fid in float64. */
const metrics = JSON.parse(readFileSync(join(fixtures, 'metrics.json'), 'utf8')) as {
  kid_64: KidCase;
  kid_2048: KidCase;
  prc: Record<`k${1 | 3 | 5}`, PrcCase>;
  fid_64: { fid: number; mean_term: number; trace_a: number; trace_b: number };
  fid_2048: { fid: number };
};
const arrays = readNpz(join(fixtures, 'metrics.npz'));

async function arrayOf(name: string): Promise<NpyArray> {
  const array = (await arrays).get(name);
  assert.ok(array, name);
  return array;
}

async function featuresOf(name: string): Promise<Features> {
  const { data, shape } = await arrayOf(name);
  assert.ok(data instanceof Float32Array);
  return { data, n: shape[0], dimension: shape[1] };
}

const fmix = (h: number): number => {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};

/** The generated features of the fixtures, checked against their sha256. */
function generate({ key, mu, sigma, sha256 }: Side, n: number, dimension: number): Features {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193);
  let counter = fmix(hash ^ 20151205);
  const data = Float32Array.from({ length: n * dimension }, () => {
    const a = fmix(counter);
    const b = fmix((a + 0x6a09e667) | 0);
    counter = (counter + 0x9e3779b9) | 0;
    const sum = (a & 65535) + (a >>> 16) + (b & 65535) + (b >>> 16) - 131070;
    return Math.max(0, mu + sigma * (sum / 37837.227));
  });
  assert.equal(createHash('sha256').update(Buffer.from(data.buffer)).digest('hex'), sha256);
  return { data, n, dimension };
}

function near(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} +- ${tolerance}`);
}

for (const d of [64, 2048] as const) {
  const kid = metrics[`kid_${d}`];
  const a = () => generate(kid.A, kid.nA, d);
  const b = () => generate(kid.B, kid.nB, d);

  test(`kernel distance, ${d} dimensions: torch-fidelity's draws, subsets, mean and deviation`, async () => {
    const options = { subsets: kid.subsets, size: kid.subset_size, random: new NumpyRandom(2020) };
    const pairs = [...drawSubsets(kid.nA, kid.nB, options)];
    for (const [side, name] of [
      ['a', `tf_idx1_${d}`],
      ['b', `tf_idx2_${d}`],
    ] as const) {
      assert.deepEqual(
        pairs.flatMap((pair) => [...(pair[side] as number[])]),
        Array.from((await arrayOf(name)).data, Number),
      );
    }
    const { mean, std, subsets } = await kernelDistance(a(), b(), pairs);
    kid.per_subset_float64.forEach((value, i) => near(subsets[i], value, 1e-12));
    near(mean, kid.torch_fidelity_float64.kernel_inception_distance_mean, 1e-12);
    near(std, kid.torch_fidelity_float64.kernel_inception_distance_std, 1e-12);
  });

  test(`kernel distance, ${d} dimensions: clean-fid's subsets`, async () => {
    const rows = async (name: string) => Array.from((await arrayOf(name)).data, Number);
    const [first, second] = [await rows(`cf_idx_feats1_${d}`), await rows(`cf_idx_feats2_${d}`)];
    const pairs: SubsetPair[] = Array.from({ length: kid.subsets }, (_, i) => ({
      a: first.slice(i * kid.subset_size, (i + 1) * kid.subset_size),
      b: second.slice(i * kid.subset_size, (i + 1) * kid.subset_size),
    }));
    const { mean } = await kernelDistance(a(), b(), pairs);
    near(mean, kid.cleanfid_kernel_distance_feats1A_feats2B_float64, 1e-12);
  });

  test(`Frechet distance of the same features, ${d} dimensions`, async () => {
    const sides = await Promise.all(
      [a(), b()].map(async ({ data, n, dimension }) => {
        const accumulator = new StatisticsAccumulator(dimension);
        await accumulator.add(data, n);
        return accumulator.statistics();
      }),
    );
    const { fid } = metrics[`fid_${d}`];
    near(await frechetDistance(sides[0], sides[1]), fid, 1e-9 * fid);
  });
}

for (const k of [1, 3, 5] as const) {
  test(`precision and recall, k = ${k}: radii and shares of torch-fidelity`, async () => {
    const [generated, real] = [await featuresOf('prc_gen'), await featuresOf('prc_real')];
    assert.deepEqual(await precisionRecall(generated, real, k), metrics.prc[`k${k}`].float64);
    for (const [features, name] of [
      [generated, `prc_radius_gen_k${k}`],
      [real, `prc_radius_real_k${k}`],
    ] as const) {
      const radii = (await squaredRadii(features, k)).map(Math.sqrt);
      const expected = (await arrayOf(name)).data;
      radii.forEach((radius, i) => near(radius, Number(expected[i]), 1e-12 * radius));
    }
  });
}

test('what cannot be measured is refused', async () => {
  const [generated, real] = [await featuresOf('prc_gen'), await featuresOf('prc_real')];
  await assert.rejects(precisionRecall(generated, real, 120), /120 images have no 120-th nearest/);
  assert.throws(
    () => [...drawSubsets(10, 20, { size: 11, random: new NumpyRandom(0) })],
    /Subsets of 11 from 10 and 20/,
  );
  await assert.rejects(kernelDistance(real, { ...real, dimension: 32 }, []), /64 and of 32 dimensions/);
  assert.throws(() => extrapolate([{ num: 5, value: 1 }]), /two different numbers/);
});

test('extrapolation finds the line, and its error from the scatter', () => {
  const exact = extrapolate([1000, 2000, 5000].map((num) => ({ num, value: 3 + 700 / num })));
  near(exact.value, 3, 1e-12);
  near(exact.slope, 700, 1e-9);
  near(exact.standardError, 0, 1e-12);
  // numpy.polyfit(1/N, value, 1, cov=True) of these four points.
  const points = [
    { num: 100, value: 12.1 },
    { num: 200, value: 7.4 },
    { num: 400, value: 5.2 },
    { num: 800, value: 3.9 },
  ];
  const fitted = extrapolate(points);
  near(fitted.value, 2.786956521739132, 1e-9);
  near(fitted.slope, 930.7826086956522, 1e-9);
  near(fitted.standardError, 0.0656219337207858, 1e-9);
});

test('extrapolating the distance of growing samples comes nearer the truth than the largest sample', async () => {
  // Two sets of one distribution: the true distance is 0.
  const { data, dimension } = generate(metrics.kid_64.A, 200, 64);
  const d = 8;
  const wide = Float32Array.from({ length: (data.length / dimension) * 8 * d }, (_, i) => data[i]);
  const n = wide.length / d;
  const distance = async (num: number) => {
    const sides = [];
    for (const start of [0, n / 2]) {
      const accumulator = new StatisticsAccumulator(d);
      await accumulator.add(wide.subarray(start * d, (start + num) * d), num);
      sides.push(await accumulator.statistics());
    }
    return { num, value: await frechetDistance(sides[0], sides[1]) };
  };
  const points = await Promise.all([50, 100, 200, 400, 800].map(distance));
  const { value, slope } = extrapolate(points);
  assert.ok(slope > 0 && Math.abs(value) < points[4].value / 2, `${value} from ${JSON.stringify(points)}`);
});
