/** Sampling a batch of images from their seeds; random numbers are drawn in generate.py's order. Pure. */
import type { Denoiser } from './denoiser';
import { torchGenerator } from './torch-random';
import type { RngDevice } from '../shared/sampler-options';
import { sample, type SamplerProgress } from './sampler';
import type { StepTable } from './noise-schedule';

export interface BatchOptions {
  rng: RngDevice;
  /** The class of all images; drawn for each image if undefined. Ignored by unconditional networks. */
  class?: number;
  /** Images in every network evaluation, at least the number of seeds; the others are zeros. */
  rows?: number;
  onStep?: (progress: SamplerProgress) => void;
  signal?: AbortSignal;
}

/** Samples before quantisation: images [n, channels, resolution, resolution], and each image's class if conditional. */
export interface Batch {
  images: Float64Array;
  classes?: number[];
}

/**
 * Samples the images of `seeds` together. Each seed has its own generator, which draws first the latents, then the class
 * (even if `class` overrides it), then the noise of each step.
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
  const labels = classes && oneHot(classes, rows, labelDim);

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

/** One-hot rows [rows, labelDim]; rows without a class are zero. */
function oneHot(classes: readonly number[], rows: number, labelDim: number): Float32Array {
  const labels = new Float32Array(rows * labelDim);
  for (const [row, label] of classes.entries()) labels[row * labelDim + label] = 1;
  return labels;
}
