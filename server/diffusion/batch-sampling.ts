/** A batch of images from their seeds, in the order in which generate.py draws its random numbers. Pure. */
import type { Denoiser } from './denoiser';
import { torchGenerator } from './torch-random';
import type { RngDevice } from '../shared/sampler-options';
import { sample, type SamplerProgress } from './sampler';
import type { StepTable } from './noise-schedule';

export interface BatchOptions {
  rng: RngDevice;
  /** The class of all images; drawn for each image if undefined. For conditional networks only. */
  class?: number;
  /** Rows of every network evaluation, at least the number of seeds: missing ones are padded with zeros. */
  rows?: number;
  onStep?: (progress: SamplerProgress) => void;
  signal?: AbortSignal;
}

/** Samples before quantisation: images [n, channels, resolution, resolution]; a class per image if conditional. */
export interface Batch {
  images: Float64Array;
  classes?: number[];
}

/**
 * Draws the images of `seeds` together. Each seed has its own generator: first the latents, then the class (drawn even
 * where `class` overrides it), then the noise of each step.
 * @throws CancelledError once `signal` is aborted
 */
export async function sampleBatch(
  denoiser: Denoiser,
  table: StepTable,
  seeds: readonly number[],
  { rng, class: chosen, rows = seeds.length, onStep, signal }: BatchOptions,
): Promise<Batch> {
  const { channels, resolution, labelDim } = denoiser;
  const size = channels * resolution ** 2;
  const generators = seeds.map((seed) => torchGenerator(rng, seed));
  const latents = new Float32Array(seeds.length * size);
  for (const [i, generator] of generators.entries()) latents.set(generator.randnFloat32(size), i * size);
  const drawn = labelDim > 0 ? generators.map((generator) => generator.randint(labelDim)) : undefined;
  const classes = drawn?.map((label) => chosen ?? label);
  const labels = classes && new Float32Array(rows * labelDim);
  for (const [i, label] of classes?.entries() ?? []) labels![i * labelDim + label] = 1;

  const images = await sample({
    table,
    latents,
    denoise: async (x, sigma) => {
      const padded = new Float32Array(rows * size);
      padded.set(x);
      return (await denoiser.denoise(padded, sigma, labels, rows)).subarray(0, x.length);
    },
    noise: () => {
      const noise = new Float64Array(seeds.length * size);
      for (const [i, generator] of generators.entries()) noise.set(generator.randnFloat64(size), i * size);
      return noise;
    },
    onStep,
    signal,
  });
  return { images, classes };
}
