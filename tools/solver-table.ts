/**
 * The table of solvers in server/model/MODEL_CARD.md: `npx tsx tools/solver-table.ts [N]`. Frechet distances of the embedded model's
 * images over the number of network evaluations, every solver from the same seeds, with standard errors and paired differences to
 * Heun at 35 from the influence of each image. Rows are kept in build/solver-table, so that an interrupted table goes on;
 * `npx tsx tools/solver-table.ts N 1/2` only makes every second row that is missing, for several processes at once. A row is kept by
 * the files of the model, not by the code of the samplers: remove the folder after a change there.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { openDenoiser } from '../server/compute/onnx-denoiser';
import { openDetector } from '../server/compute/onnx-detector';
import { sampleBatch } from '../server/diffusion/batch-sampling';
import { stepTable } from '../server/diffusion/noise-schedule';
import { resolveSampler } from '../server/diffusion/sampler-settings';
import { frechetDistance } from '../server/fid/frechet-distance';
import { Influence, standardError } from '../server/fid/influence';
import { loadStatistics, StatisticsAccumulator } from '../server/fid/statistics';
import { quantize } from '../server/images/image';
import { nfe } from '../server/shared/defaults';
import type { SamplerOptions } from '../server/shared/sampler-options';

const MODEL = path.join(__dirname, '..', 'server', 'model');
const ROWS = path.join(__dirname, '..', 'build', 'solver-table');
const EVALUATIONS = [5, 6, 8, 10, 12, 18, 35];
const BATCH = 16;
/** In the order in which they are made. */
const SOLVERS: readonly SamplerOptions[] = [
  { solver: 'dpmpp-2m' },
  { solver: 'heun' },
  { solver: 'deis', order: 3 },
  { solver: 'ipndm', order: 4 },
  { solver: 'unipc', order: 3 },
  { solver: 'dpmpp-3m' },
  { solver: 'ab', order: 4 },
  { solver: 'sde-dpmpp-2m' },
  { solver: 'euler' },
];

/** A cell of the table. */
interface Cell {
  name: string;
  count: number;
  options: SamplerOptions;
}

/** Options with that many evaluations; undefined where the solver cannot make so many. */
function withEvaluations(options: SamplerOptions, count: number): SamplerOptions | undefined {
  const steps = options.solver === 'heun' ? (count + 1) / 2 : count;
  return Number.isInteger(steps) && nfe(steps, options.solver) === count ? { ...options, steps } : undefined;
}

/** All cells; that to which the others are compared, Heun at 35, comes first. */
function cells(): Cell[] {
  const all = SOLVERS.flatMap((solver) =>
    EVALUATIONS.flatMap((count) => {
      const options = withEvaluations(solver, count);
      return options ? [{ name: `${solver.solver}${solver.order ? `-${solver.order}` : ''}`, count, options }] : [];
    }),
  );
  const isBase = ({ name, count }: Cell): boolean => name === 'heun' && count === 35;
  return [...all.filter(isBase), ...all.filter((cell) => !isBase(cell))];
}

type Measure = (options: SamplerOptions) => Promise<Float64Array>;

/** @returns a function that gives the distance of `num` images, followed by the influence of each */
async function measure(num: number): Promise<Measure> {
  const { denoiser } = await openDenoiser(path.join(MODEL, 'denoiser.onnx'), 'cpu');
  const { detector } = await openDetector(path.join(MODEL, 'detector.onnx'), 'cpu');
  const reference = await loadStatistics(path.join(MODEL, 'reference.npz'));
  const { dimension } = detector;
  const side = denoiser.resolution;
  return async (options) => {
    const table = stepTable(resolveSampler(options, denoiser), (sigma) => denoiser.roundSigma(sigma));
    const features = new Float32Array(num * dimension);
    const sums = new StatisticsAccumulator(dimension);
    for (let start = 0; start < num; start += BATCH) {
      const seeds = Array.from({ length: Math.min(BATCH, num - start) }, (_, i) => start + i);
      const { images } = await sampleBatch(denoiser, table, seeds, { rng: 'cpu' });
      const pixels = Buffer.concat(seeds.map((_, i) => quantize(images, i, 1, side).pixels));
      features.set(await detector.features(new Uint8Array(pixels), seeds.length, 1, side, side), start * dimension);
    }
    await sums.add(features, num);
    const statistics = await sums.statistics();
    const value = await frechetDistance(statistics, reference);
    const influence = await Influence.between(statistics, reference, value);
    return Float64Array.of(value, ...(await influence.of(features, num)));
  };
}

async function main(num: number, part: number, parts: number): Promise<void> {
  const digest = createHash('sha256');
  for (const name of ['denoiser.onnx', 'detector.onnx', 'reference.npz'])
    digest.update(readFileSync(path.join(MODEL, name)));
  const folder = path.join(ROWS, `${digest.digest('hex').slice(0, 12)}-${num}`);
  mkdirSync(folder, { recursive: true });
  let measured: Measure | undefined;
  const row = async ({ name, count, options }: Cell): Promise<Float64Array> => {
    const file = path.join(folder, `${name}-${count}.f64`);
    try {
      const bytes = readFileSync(file);
      return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    } catch {
      measured ??= await measure(num);
      const values = await measured(options);
      writeFileSync(`${file}.new`, values);
      renameSync(`${file}.new`, file);
      return values;
    }
  };
  const all = cells();
  if (parts > 1) {
    for (const cell of all.filter((_, at) => at % parts === part - 1)) await row(cell);
    return;
  }
  console.log(
    `N = ${num}, seeds 0-${num - 1}\n\n| solver | NFE | FD | standard error | minus Heun at 35 |\n|---|---|---|---|---|`,
  );
  const dimension = (await loadStatistics(path.join(MODEL, 'reference.npz'))).mu.length;
  const error = (psi: Float64Array): string => standardError(psi, dimension)?.toFixed(3) ?? '-';
  const base = await row(all[0]!);
  for (const cell of all) {
    const values = await row(cell);
    const difference = values.map((value, at) => value - base[at]!);
    console.log(
      `| ${cell.name} | ${cell.count} | ${values[0]!.toPrecision(4)} | ${error(values.subarray(1))} | ${difference[0]!.toFixed(3)} +- ${error(difference.subarray(1))} |`,
    );
  }
}

const [part, parts] = (process.argv[3] ?? '1/1').split('/').map(Number);
void main(Number(process.argv[2] ?? 1000), part!, parts!);
