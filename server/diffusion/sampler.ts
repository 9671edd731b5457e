/** Stochastic sampling (Karras et al. 2022, algorithm 2, generalised by section C.2) and its successors, from a step table. Pure. */
import { CancelledError } from '../errors';
import type { Update } from './multistep';
import type { OdePoint, StepTable } from './noise-schedule';

/** Denoised images of a batch. */
type Denoised = Float32Array | Float64Array;

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
  /** Evaluations that the step combined. */
  order: number;
  /** Fresh noise of the step, where the solver has it. */
  eta?: number;
  /** Where the step's first evaluation was made, at `sigma`. */
  xFirst: Float64Array;
  /** D(xFirst; sigma), the network's estimate of the noise-free images at that noise level. */
  denoised: Denoised;
  /** The images' state after the step. */
  x: Float64Array;
}

/** What a sampler computes with. */
export interface SamplerInputs {
  table: StepTable;
  /** Standard normal numbers, one for each value of the batch. */
  latents: ArrayLike<number>;
  /** D(x; sigma) of a batch shaped like the latents. */
  denoise: (x: Float64Array, sigma: number) => Promise<Denoised>;
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

  const size = latents.length;
  let x = new Float64Array(size);
  /** The state that the last step started from. */
  let base = x;
  /** What is remembered of the evaluations, the newest first. */
  const memory: Float64Array[] = [];
  for (let k = 0; k < size; k++) x[k] = table.initial * latents[k]!;
  for (const [i, step] of table.steps.entries()) {
    const { rescale, noise: amplitude, first, correct, update, second, noiseAfter, sigmaNext, order, eta } = step;
    let xHat = new Float64Array(size);
    for (let k = 0; k < size; k++) xHat[k] = rescale * x[k]!;
    // Steps without noise draw numbers too if a later step has noise, so that it gets the generator in the right state.
    const epsilon = i < table.noisySteps ? noise() : undefined;
    if (epsilon) addNoise(xHat, amplitude, epsilon);

    const xFirst = xHat;
    const denoised = await denoise(unscale(xFirst, first.scale), first.sigma);
    remember(memory, table.memory, point(first, xHat, denoised));
    if (correct) xHat = combine(correct, base, memory, denoised);
    base = xHat;
    x = combine(update, base, memory, denoised);
    if (second) {
      const denoisedTry = await denoise(unscale(x, second.point.scale), second.point.sigma);
      remember(memory, table.memory, point(second.point, x, denoisedTry));
      x = combine(second.update, base, memory, denoisedTry);
    }
    if (epsilon && noiseAfter !== 0) addNoise(x, noiseAfter, epsilon);
    const { sigma } = first;
    onStep?.({ step: i + 1, steps: table.steps.length, nfe, totalNfe: table.nfe, sigma, sigmaNext, order, eta, xFirst, denoised, x }); // prettier-ignore
  }
  return x;
}

// Plain loops below: with the map method of typed arrays, a sampler takes four times as long.

function unscale(x: Float64Array, scale: number): Float64Array {
  return scale === 1 ? x : x.map((value) => value / scale);
}

function addNoise(x: Float64Array, amplitude: number, epsilon: Float64Array): void {
  for (let k = 0; k < x.length; k++) x[k]! += amplitude * epsilon[k]!;
}

/** What is remembered of an evaluation. */
function point({ xFactor, denoisedFactor }: OdePoint, x: Float64Array, denoised: Denoised): Float64Array {
  const value = new Float64Array(x.length);
  for (let k = 0; k < x.length; k++) value[k] = xFactor * x[k]! - denoisedFactor * denoised[k]!;
  return value;
}

function remember(memory: Float64Array[], most: number, newest: Float64Array): void {
  memory.unshift(newest);
  memory.length = Math.min(memory.length, most);
}

/** An update of `multistep.ts`. */
function combine(
  { keep, gain, weights, denoised: direct }: Update,
  base: Float64Array,
  memory: readonly Float64Array[],
  denoised: Denoised,
): Float64Array<ArrayBuffer> {
  const size = base.length;
  const mixed = new Float64Array(size);
  for (const [j, weight] of weights.entries()) {
    const remembered = memory[j]!;
    for (let k = 0; k < size; k++) mixed[k]! += weight * remembered[k]!;
  }
  const x = new Float64Array(size);
  for (let k = 0; k < size; k++) x[k] = keep * base[k]! + gain * mixed[k]!;
  if (direct !== undefined) for (let k = 0; k < size; k++) x[k]! += direct * denoised[k]!;
  return x;
}
