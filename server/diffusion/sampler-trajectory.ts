/** The sampler's steps from noise to images, for a few seeds. Pure. */
import { UserError } from '../errors';
import { DEFAULT_BATCH } from '../shared/defaults';
import { ProgressMeter, type TaskControl } from '../shared/progress';
import type { TrajectoryResult, TrajectoryStep } from '../shared/protocol';
import { sampleBatch } from './batch-sampling';
import type { Denoiser } from './denoiser';
import { checkNetwork } from './generation';
import { quantize } from '../images/image';
import { encodePng } from '../images/png';
import type { RngDevice } from '../shared/sampler-options';
import { resolveSampler, samplerNotes } from './sampler-settings';
import { SOLVER_FACTS } from '../shared/solvers';
import type { SamplerOptions } from '../shared/sampler-options';
import { stepTable } from './noise-schedule';

/** Most seeds, that is, rows of the panel. */
const MAX_SEEDS = 16;
/** Most images of one result, all of which are in memory, here and in the editor. */
const MAX_IMAGES = 4096;

export interface TrajectoryOptions {
  /** As from `parseSeeds`, at most 16; a seed that occurs twice is shown once. */
  seeds: readonly number[];
  sampler: SamplerOptions;
  /** The class of all images, 0 <= class < labelDim; drawn for each seed if undefined. */
  class?: number;
  rng: RngDevice;
}

/**
 * Samples the images of `seeds` together, exactly as `generate` does, and keeps D(x; sigma) of every step's first
 * evaluation. With the linear schedule and no scaling, a deterministic Euler step is x_next = r x + (1 - r) D; the last
 * one has r = 0 and ends at D.
 * @throws UserError for options that contradict each other or the network, and for too many images
 * @throws CancelledError once `signal` is aborted
 */
export async function trajectory(
  denoiser: Denoiser,
  { seeds: given, sampler, class: chosen, rng }: TrajectoryOptions,
  { onProgress, signal }: TaskControl = {},
): Promise<Omit<TrajectoryResult, 'classNames' | 'rng'>> {
  const seeds = [...new Set(given)];
  if (seeds.length > MAX_SEEDS) {
    throw new UserError(`${seeds.length} seeds: a trajectory shows at most ${MAX_SEEDS}; give fewer, e.g. 0-3`);
  }
  checkNetwork(denoiser, chosen);
  const { channels, resolution } = denoiser;
  const settings = resolveSampler(sampler, denoiser);
  const table = stepTable(settings, (sigma) => denoiser.roundSigma(sigma));
  const count = seeds.length * (table.steps.length + 1);
  if (count > MAX_IMAGES) {
    throw new UserError(
      `${table.steps.length} steps of ${seeds.length} seeds are ${count} images; at most ${MAX_IMAGES} are shown: take fewer steps or seeds`,
    );
  }

  const pictures = (x: ArrayLike<number>): string[] =>
    seeds.map((_, i) => encodePng(quantize(x, i, channels, resolution)).toString('base64'));
  const meter = new ProgressMeter('Sampling step', table.steps.length, onProgress);
  const steps: TrajectoryStep[] = [];
  const { images, classes } = await sampleBatch(denoiser, table, seeds, {
    rng,
    class: chosen,
    rows: denoiser.batchDependent ? DEFAULT_BATCH : undefined,
    signal,
    onStep: ({ step, nfe, sigma, sigmaNext, order, eta, denoised }) => {
      steps.push({
        sigma,
        sigmaNext,
        r: sigmaNext / sigma,
        nfe,
        order,
        ...(eta !== undefined && { eta }),
        images: pictures(denoised),
      });
      meter.update(step);
    },
  });
  steps.push({ sigma: 0, nfe: table.nfe, images: pictures(images) });
  const { solver } = settings;
  const { title, formula } = SOLVER_FACTS[solver];
  return {
    seeds,
    classes,
    resolution,
    steps,
    sampler: { solver, title, formula, options: sampler },
    notes: samplerNotes(sampler, denoiser),
  };
}
