/** Stochastic sampling (Karras et al. 2022, algorithm 2, generalised by section C.2), from a step table. Pure. */
import { CancelledError } from '../errors';
import type { StepTable } from './noise-schedule';

/** The sampler's state after a step; the arrays are valid until the next one. */
export interface SamplerProgress {
  /** Steps done, 1 <= step <= steps. */
  step: number;
  steps: number;
  /** Network evaluations done and to do in all, per image. */
  nfe: number;
  totalNfe: number;
  /** Noise level of the step's first evaluation. */
  sigma: number;
  /** Noise level after the step; 0 after the last. */
  sigmaNext: number;
  /** D(x; sigma), the network's estimate of the noise-free images at that noise level. */
  denoised: Float32Array | Float64Array;
  /** The images' state after the step. */
  x: Float64Array;
}

/** What a sampler computes with. */
export interface SamplerInputs {
  table: StepTable;
  /** Standard normal numbers, one for each value of the batch. */
  latents: ArrayLike<number>;
  /** D(x; sigma) of a batch shaped like the latents. */
  denoise: (x: Float64Array, sigma: number) => Promise<Float32Array | Float64Array>;
  /** Fresh standard normal numbers in the shape of the latents; asked for once per step, first to `table.noisySteps`. */
  noise: () => Float64Array;
  onStep?: (progress: SamplerProgress) => void;
  /** Checked before each network evaluation. */
  signal?: AbortSignal;
}

/**
 * Draws one batch of images. The state is kept in double precision, as generate.py does.
 * @returns the images, mostly in -1..1
 * @throws CancelledError once `signal` is aborted
 */
export async function sample(inputs: SamplerInputs): Promise<Float64Array> {
  const { table, latents, noise, onStep, signal } = inputs;
  let nfe = 0;
  const denoise = (x: Float64Array, sigma: number) => {
    if (signal?.aborted) throw new CancelledError();
    nfe++;
    return inputs.denoise(x, sigma);
  };

  // Plain loops: with the map method of typed arrays, a sampler takes four times as long.
  const size = latents.length;
  let x = new Float64Array(size);
  for (let k = 0; k < size; k++) x[k] = table.initial * latents[k]!;
  for (const [i, { rescale, noise: amplitude, first, h, second, sigmaNext }] of table.steps.entries()) {
    const xHat = new Float64Array(size);
    for (let k = 0; k < size; k++) xHat[k] = rescale * x[k]!;
    // Steps without noise draw numbers too if a later step has noise, so that it gets the generator in the right state.
    if (i < table.noisySteps) {
      const epsilon = noise();
      for (let k = 0; k < size; k++) xHat[k]! += amplitude * epsilon[k]!;
    }

    const denoised = await denoise(unscale(xHat, first.scale), first.sigma);
    const slope = new Float64Array(size);
    for (let k = 0; k < size; k++) slope[k] = first.xFactor * xHat[k]! - first.denoisedFactor * denoised[k]!;
    if (second) {
      const { alpha } = table;
      const weight = 1 / (2 * alpha);
      const xTry = new Float64Array(size);
      for (let k = 0; k < size; k++) xTry[k] = xHat[k]! + alpha * h * slope[k]!;
      const denoisedTry = await denoise(unscale(xTry, second.scale), second.sigma);
      for (let k = 0; k < size; k++) {
        const slopeTry = second.xFactor * xTry[k]! - second.denoisedFactor * denoisedTry[k]!;
        slope[k] = (1 - weight) * slope[k]! + weight * slopeTry;
      }
    }
    x = new Float64Array(size);
    for (let k = 0; k < size; k++) x[k] = xHat[k]! + h * slope[k]!;
    const { sigma } = first;
    onStep?.({ step: i + 1, steps: table.steps.length, nfe, totalNfe: table.nfe, sigma, sigmaNext, denoised, x });
  }
  return x;
}

function unscale(x: Float64Array, scale: number): Float64Array {
  return scale === 1 ? x : x.map((value) => value / scale);
}
