/**
 * The table of solvers in server/model/MODEL_CARD.md: `npx tsx tools/solver-table.ts [N]`. Frechet distances of the embedded model's
 * images over the number of network evaluations, every solver from the same seeds; the standard errors and the paired differences
 * to Heun at 35 are those of a bootstrap over seeds. A row is printed as soon as it is known.
 */
import path from 'node:path';
import { openDenoiser } from '../server/compute/onnx-denoiser';
import { openDetector } from '../server/compute/onnx-detector';
import { sampleBatch } from '../server/diffusion/batch-sampling';
import { stepTable } from '../server/diffusion/noise-schedule';
import { resolveSampler } from '../server/diffusion/sampler-settings';
import { frechetDistance } from '../server/fid/frechet-distance';
import { loadStatistics, type Statistics, StatisticsAccumulator } from '../server/fid/statistics';
import { quantize } from '../server/images/image';
import { nfe } from '../server/shared/defaults';
import type { SamplerOptions } from '../server/shared/sampler-options';

const MODEL = path.join(__dirname, '..', 'server', 'model');
const EVALUATIONS = [5, 6, 8, 10, 12, 18, 35];
const BATCH = 16;
const RESAMPLES = 20;
const SOLVERS: readonly SamplerOptions[] = [
  { solver: 'dpmpp-2m' },
  { solver: 'heun' },
  { solver: 'ipndm', order: 4 },
  { solver: 'unipc', order: 3 },
  { solver: 'dpmpp-3m' },
  { solver: 'deis', order: 3 },
  { solver: 'euler' },
  { solver: 'ab', order: 4 },
  { solver: 'sde-dpmpp-2m' },
];

/** Options with that many evaluations; undefined where the solver cannot make so many. */
function withEvaluations(options: SamplerOptions, count: number): SamplerOptions | undefined {
  const steps = options.solver === 'heun' ? (count + 1) / 2 : count;
  return Number.isInteger(steps) && nfe(steps, options.solver) === count ? { ...options, steps } : undefined;
}

async function main(num: number): Promise<void> {
  const { denoiser } = await openDenoiser(path.join(MODEL, 'denoiser.onnx'), 'cpu');
  const { detector } = await openDetector(path.join(MODEL, 'detector.onnx'), 'cpu');
  const reference = await loadStatistics(path.join(MODEL, 'reference.npz'));
  const d = detector.dimension;

  const featuresOf = async (options: SamplerOptions): Promise<Float32Array> => {
    const table = stepTable(resolveSampler(options, denoiser), (sigma) => denoiser.roundSigma(sigma));
    const features = new Float32Array(num * d);
    for (let start = 0; start < num; start += BATCH) {
      const seeds = Array.from({ length: Math.min(BATCH, num - start) }, (_, i) => start + i);
      const { images } = await sampleBatch(denoiser, table, seeds, { rng: 'cpu' });
      const side = denoiser.resolution;
      const pixels = Buffer.concat(seeds.map((_, i) => quantize(images, i, 1, side).pixels));
      features.set(await detector.features(new Uint8Array(pixels), seeds.length, 1, side, side), start * d);
    }
    return features;
  };
  const statistics = async (features: Float32Array, chosen?: Int32Array): Promise<Statistics> => {
    const sums = new StatisticsAccumulator(d);
    const rows = new Float32Array(num * d);
    for (let i = 0; i < num; i++) {
      const from = chosen ? chosen[i]! : i;
      rows.set(features.subarray(from * d, (from + 1) * d), i * d);
    }
    await sums.add(rows, num);
    return sums.statistics();
  };
  // The same resamples of seeds for every row, so that differences are paired. A fixed linear congruential generator.
  let state = 1;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const resamples = Array.from({ length: RESAMPLES }, () => Int32Array.from({ length: num }, () => next() * num));
  const distances = async (features: Float32Array): Promise<number[]> => {
    const values = [await frechetDistance(await statistics(features), reference)];
    for (const chosen of resamples) values.push(await frechetDistance(await statistics(features, chosen), reference));
    return values;
  };

  const heun = await distances(await featuresOf({ steps: 18 }));
  console.log(
    `N = ${num}, seeds 0-${num - 1}\n\n| solver | NFE | FD | standard error | minus Heun at 35 |\n|---|---|---|---|---|`,
  );
  for (const count of EVALUATIONS) {
    for (const solver of SOLVERS) {
      const options = withEvaluations(solver, count);
      if (!options) continue;
      const found = options.solver === 'heun' && count === 35 ? heun : await distances(await featuresOf(options));
      const differences = found.map((value, i) => value - heun[i]!);
      const order = options.order ? ` ${options.order}` : '';
      console.log(
        `| ${options.solver}${order} | ${count} | ${found[0]!.toPrecision(4)} | ${deviation(found.slice(1)).toFixed(3)} | ${differences[0]!.toFixed(3)} +- ${deviation(differences.slice(1)).toFixed(3)} |`,
      );
    }
  }
}

/** Standard deviation of a sample. */
function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}

void main(Number(process.argv[2] ?? 1000));
