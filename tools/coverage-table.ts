/**
 * The coverage of standard errors in docs/metrics.md: `npx tsx tools/coverage-table.ts [--rounds 1000] [--pool 1024]`. Images of
 * the embedded model, of the same seeds by several samplers, with and without churn, are a population: their features, which
 * are kept in build/coverage-pool.npz, are drawn from with replacement, and each draw gets its distances and their errors. It is
 * counted how often the 90 % interval holds the mean of all draws. A row is printed as soon as it is known.
 */
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openDenoiser } from '../server/compute/onnx-denoiser';
import { openDetector } from '../server/compute/onnx-detector';
import { openMatMul } from '../server/compute/onnx-matmul';
import { sampleBatch } from '../server/diffusion/batch-sampling';
import { stepTable } from '../server/diffusion/noise-schedule';
import { resolveSampler } from '../server/diffusion/sampler-settings';
import { frechetDistance } from '../server/fid/frechet-distance';
import { Influence, standardError } from '../server/fid/influence';
import { loadStatistics, type Statistics, StatisticsAccumulator } from '../server/fid/statistics';
import { quantize } from '../server/images/image';
import type { MatMul } from '../server/linalg/matmul';
import { type NpyArray, readNpz, writeNpz } from '../server/numpy/npz';
import type { SamplerOptions } from '../server/shared/sampler-options';

const MODEL = path.join(__dirname, '..', 'server', 'model');
const POOL = path.join(__dirname, '..', 'build', 'coverage-pool.npz');
const BATCH = 16;
/** Dimensions from which the fast product pays here. */
const MATMUL_FROM = 64;
/** Standard errors on either side of a 90 % interval. */
const Z = 1.6448536;

/** Samplers of the pool, by the names of their arrays. All start at the same noise of a seed. */
export const SAMPLERS: Readonly<Record<string, SamplerOptions>> = {
  plain: { steps: 5 },
  other: { steps: 6 },
  churn: { steps: 5, S_churn: 10 },
  churn_other: { steps: 6, S_churn: 10 },
};

/** What is counted: one sampler, or the second's difference to the first on the same images of the draw. */
export const CASES: readonly (readonly [string] | readonly [string, string])[] = [
  ['plain'],
  ['churn'],
  ['plain', 'other'],
  ['plain', 'churn'],
  ['churn', 'churn_other'],
];

/** Features by sampler, each [images, dimension]. */
export interface Pool {
  readonly dimension: number;
  readonly images: number;
  readonly features: ReadonlyMap<string, Float32Array>;
}

/** How the intervals of one case did. */
export interface Coverage {
  /** Names of the samplers, joined. */
  readonly name: string;
  /** Share of draws whose 90 % interval holds the mean of all draws' values, 0 to 1. */
  readonly covered: number;
  /** Mean of the errors over the standard deviation of the values: 1 if errors are right. */
  readonly ratio: number;
}

/**
 * Draws `num` images `rounds` times, with replacement, the same images for all samplers.
 * @param reference statistics that distances are to
 */
export async function coverage(
  pool: Pool,
  reference: Statistics,
  num: number,
  rounds: number,
  matmul?: MatMul,
): Promise<Coverage[]> {
  const results = CASES.map((): { value: number; error: number }[] => []);
  const next = uniform(num);
  for (let round = 0; round < rounds; round++) {
    const chosen = Int32Array.from({ length: num }, () => Math.floor(next() * pool.images));
    const one = new Map<string, { value: number; psi: Float64Array }>();
    for (const [name, features] of pool.features) one.set(name, await measured(features, chosen, reference, matmul));
    for (const [i, [first, second]] of CASES.entries()) {
      const [a, b] = [one.get(first)!, one.get(second ?? first)!];
      const psi = second === undefined ? a.psi : b.psi.map((value, k) => value - a.psi[k]!);
      const value = second === undefined ? a.value : b.value - a.value;
      results[i]!.push({ value, error: standardError(psi, pool.dimension) ?? NaN });
    }
  }
  return CASES.map((names, i) => counted(names.join(' and '), results[i]!));
}

function counted(name: string, results: readonly { value: number; error: number }[]): Coverage {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const centre = mean(results.map(({ value }) => value));
  const deviation = Math.sqrt(mean(results.map(({ value }) => (value - centre) ** 2)));
  const held = results.filter(({ value, error }) => Math.abs(value - centre) <= Z * error);
  return {
    name,
    covered: held.length / results.length,
    ratio: mean(results.map(({ error }) => error)) / deviation,
  };
}

async function measured(
  features: Float32Array,
  chosen: Int32Array,
  reference: Statistics,
  matmul?: MatMul,
): Promise<{ value: number; psi: Float64Array }> {
  const d = reference.mu.length;
  const rows = new Float32Array(chosen.length * d);
  for (const [row, from] of chosen.entries()) rows.set(features.subarray(from * d, (from + 1) * d), row * d);
  const sums = new StatisticsAccumulator(d, matmul);
  await sums.add(rows, chosen.length);
  const images = await sums.statistics();
  const value = await frechetDistance(images, reference, { matmul });
  const influence = await Influence.between(images, reference, value, { matmul });
  return { value, psi: await influence.of(rows, chosen.length) };
}

/** Numbers of 0 to 1 from a linear congruential generator of 2^32 states (Numerical Recipes). */
function uniform(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

/** Features and statistics on the first directions of a fixed rotation: a smaller pool of the same images. */
export function projected(pool: Pool, reference: Statistics, dimension: number): { pool: Pool; reference: Statistics } {
  const d = pool.dimension;
  // The directions of a discrete cosine transform are orthonormal and mix all features.
  const basis = Float64Array.from({ length: dimension * d }, (_, at) => {
    const [k, j] = [Math.floor(at / d), at % d];
    return Math.cos((Math.PI * (j + 0.5) * k) / d) * Math.sqrt((k ? 2 : 1) / d);
  });
  const along = (vector: ArrayLike<number>, start: number, k: number): number => {
    let sum = 0;
    for (let j = 0; j < d; j++) sum += vector[start + j]! * basis[k * d + j]!;
    return sum;
  };
  const features = [...pool.features].map(([name, values]): [string, Float32Array] => [
    name,
    Float32Array.from({ length: pool.images * dimension }, (_, at) =>
      along(values, Math.floor(at / dimension) * d, at % dimension),
    ),
  ]);
  const mu = Float64Array.from({ length: dimension }, (_, k) => along(reference.mu, 0, k));
  const half = Float64Array.from({ length: d * dimension }, (_, at) =>
    along(reference.sigma, Math.floor(at / dimension) * d, at % dimension),
  );
  const sigma = Float64Array.from({ length: dimension * dimension }, (_, at) => {
    const [k, l] = [Math.floor(at / dimension), at % dimension];
    let sum = 0;
    for (let j = 0; j < d; j++) sum += basis[k * d + j]! * half[j * dimension + l]!;
    return sum;
  });
  return {
    pool: { dimension, images: pool.images, features: new Map(features) },
    reference: { ...reference, mu, sigma },
  };
}

/** Reads the pool, or makes and keeps it. @param images seeds from 0 */
async function openPool(images: number): Promise<Pool> {
  if (existsSync(POOL)) {
    const arrays = await readNpz(POOL);
    const kept = [...arrays].map(([name, { data }]): [string, Float32Array] => [name, data as Float32Array]);
    const shape = arrays.get('plain')?.shape ?? [];
    if (shape[0] === images) return { dimension: shape[1]!, images, features: new Map(kept) };
  }
  const { detector, release } = await openDetector(path.join(MODEL, 'detector.onnx'), 'cpu');
  const denoisers = await openDenoiser(path.join(MODEL, 'denoiser.onnx'), 'cpu');
  const { denoiser } = denoisers;
  const [d, side] = [detector.dimension, denoiser.resolution];
  const features = new Map<string, Float32Array>();
  for (const [name, options] of Object.entries(SAMPLERS)) {
    const table = stepTable(resolveSampler(options, denoiser), (sigma) => denoiser.roundSigma(sigma));
    const rows = new Float32Array(images * d);
    for (let start = 0; start < images; start += BATCH) {
      const seeds = Array.from({ length: Math.min(BATCH, images - start) }, (_, i) => start + i);
      const { images: samples } = await sampleBatch(denoiser, table, seeds, { rng: 'cpu' });
      const pixels = Buffer.concat(seeds.map((_, i) => quantize(samples, i, 1, side).pixels));
      rows.set(await detector.features(new Uint8Array(pixels), seeds.length, 1, side, side), start * d);
    }
    features.set(name, rows);
    console.log(`${name}: ${images} images`);
  }
  await Promise.all([release(), denoisers.release()]);
  mkdirSync(path.dirname(POOL), { recursive: true });
  const pool: Pool = { dimension: d, images, features };
  await writeNpz(POOL, arraysOf(pool));
  return pool;
}

function arraysOf({ dimension, images, features }: Pool): Map<string, NpyArray> {
  const shape = (): number[] => [images, dimension];
  return new Map([...features].map(([name, data]) => [name, { dtype: 'float32', shape: shape(), data }]));
}

/** Keeps a pool with its reference, for a test. */
async function keep(file: string, pool: Pool, { mu, sigma }: Statistics): Promise<void> {
  const d = pool.dimension;
  const arrays = arraysOf(pool);
  arrays
    .set('mu', { dtype: 'float64', shape: [d], data: mu })
    .set('sigma', { dtype: 'float64', shape: [d, d], data: sigma });
  await writeNpz(file, arrays);
}

/** A pool and its reference, as `--keep FILE` leaves them. */
export async function openKept(file: string): Promise<{ pool: Pool; reference: Statistics }> {
  const arrays = await readNpz(file);
  const [mu, sigma] = ['mu', 'sigma'].map((name) => arrays.get(name)!.data as Float64Array) as [
    Float64Array,
    Float64Array,
  ];
  const names = [...arrays.keys()].filter((name) => name in SAMPLERS);
  const features = new Map(names.map((name) => [name, arrays.get(name)!.data as Float32Array]));
  const [images = 0] = arrays.get(names[0]!)!.shape;
  return { pool: { dimension: mu.length, images, features }, reference: { mu, sigma } };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '1000' },
      pool: { type: 'string', default: '1024' },
      dimension: { type: 'string' },
      keep: { type: 'string' },
      'per-dimension': { type: 'string', default: '4,8,25' },
    },
  });
  const whole = await openPool(Number(values.pool));
  const real = await loadStatistics(path.join(MODEL, 'reference.npz'));
  const dimension = Number(values.dimension ?? whole.dimension);
  const { pool, reference } =
    dimension === whole.dimension ? { pool: whole, reference: real } : projected(whole, real, dimension);
  if (values.keep) return keep(path.resolve(values.keep), pool, reference);
  const product = dimension < MATMUL_FROM ? undefined : await openMatMul();
  console.log('| dimensions | N / dimension | images of | 90 % intervals that hold | error / deviation |');
  for (const per of values['per-dimension'].split(',').map(Number)) {
    for (const { name, covered, ratio } of await coverage(
      pool,
      reference,
      per * dimension,
      Number(values.rounds),
      product?.matmul,
    ))
      console.log(`| ${dimension} | ${per} | ${name} | ${(100 * covered).toFixed(1)} % | ${ratio.toFixed(2)} |`);
  }
  await product?.release();
}

if (require.main === module) void main();
