/**
 * A fine teacher's trajectories and the cheapest way through its noise levels in few steps: dynamic programming in the manner of
 * Chen et al. 2024, "On the Trajectory Regularity of ODE-based Diffusion Sampling" (arXiv 2405.11326, section 4: GITS). Pure.
 */
import type { RngDevice } from '../shared/sampler-options';
import { sampleBatch } from './batch-sampling';
import type { Denoiser } from './denoiser';
import { CPU_BATCH } from './generation';
import { stepTable } from './noise-schedule';
import { resolveSampler } from './sampler-settings';
import { splitSeeds } from './seeds';

/** What a teacher draws. */
export interface TeacherInputs {
  rng: RngDevice;
  /** The class of all images; drawn for each seed if undefined. */
  class?: number;
  signal?: AbortSignal;
  /** Called with the evaluations of each step. */
  onEvaluations?: (count: number) => void;
}

/** Trajectories of a few seeds on a fine grid of M noise levels. */
export interface Trajectories {
  /** The state x at each level and D(x; sigma) there, M arrays [seeds, size]. */
  states: Float32Array[];
  denoised: Float32Array[];
  /** The images, [seeds, size]. */
  images: Float32Array;
  /** Values of an image. */
  size: number;
}

/**
 * Samples `seeds` with Heun's method on all levels of `grid`.
 * @param keep whether states are kept, 8 bytes a value and level; otherwise only the images
 * @throws CancelledError
 */
export async function teach(
  denoiser: Denoiser,
  seeds: readonly number[],
  grid: readonly number[],
  { keep, ...inputs }: TeacherInputs & { keep: boolean },
): Promise<Trajectories> {
  const size = denoiser.channels * denoiser.resolution ** 2;
  const table = stepTable(resolveSampler({ sigmas: grid }, denoiser), (sigma) => denoiser.roundSigma(sigma));
  const room = (): Float32Array[] => (keep ? grid.map(() => new Float32Array(seeds.length * size)) : []);
  const [states, denoised] = [room(), room()];
  const images = new Float32Array(seeds.length * size);
  let from = 0;
  for (const part of splitSeeds(seeds, CPU_BATCH)) {
    const offset = from * size;
    const { images: made } = await sampleBatch(denoiser, table, part, {
      rng: inputs.rng,
      class: inputs.class,
      rows: denoiser.batchDependent ? CPU_BATCH : undefined,
      signal: inputs.signal,
      onStep: ({ step, xFirst, denoised: first }) => {
        states[step - 1]?.set(xFirst, offset);
        denoised[step - 1]?.set(first, offset);
        inputs.onEvaluations?.(part.length * (step < grid.length ? 2 : 1));
      },
    });
    images.set(made, offset);
    from += part.length;
  }
  return { states, denoised, images, size };
}

/**
 * The error of one Euler step between any two levels of the teacher, and from any to 0: the root of the mean square over an
 * image's values between the step and the teacher, mean over images.
 * @returns [from][to], `to` 0 ... M with M the level 0; NaN where `to` is not below `from`
 */
export function eulerErrors({ states, denoised, images, size }: Trajectories, grid: readonly number[]): Float64Array[] {
  const count = images.length / size;
  return grid.map((sigma, i) => {
    const row = new Float64Array(grid.length + 1).fill(NaN);
    const [x, d] = [states[i]!, denoised[i]!];
    for (let j = i + 1; j <= grid.length; j++) {
      const r = (grid[j] ?? 0) / sigma;
      const target = states[j] ?? images;
      let sum = 0;
      for (let n = 0; n < count; n++) {
        let squares = 0;
        for (let k = n * size; k < (n + 1) * size; k++) squares += (r * x[k]! + (1 - r) * d[k]! - target[k]!) ** 2;
        sum += Math.sqrt(squares / size);
      }
      row[j] = sum / count;
    }
    return row;
  });
}

/** How the errors of steps are added up. */
export interface PathCosts {
  /** Steps, the one to 0 among them. */
  steps: number;
  /** What is left of an error after each further step; above 1 it grows, so that early errors weigh more. */
  carried: number;
  /** Power of a step's error: a solver of higher order makes less of small ones. */
  power: number;
}

/**
 * The way from the first level to 0 in a number of steps with the least sum of costs, by dynamic programming.
 * @param errors as of `eulerErrors`, M rows
 * @returns indices of the `steps` levels visited, rising from 0; the step to 0 follows the last
 */
export function cheapestPath(errors: readonly Float64Array[], { steps, carried, power }: PathCosts): number[] {
  const end = errors.length;
  const cost = (from: number, to: number): number => errors[from]![to]! ** power;
  // With n steps left, from each level: the least cost, and where it leads.
  let least = Array.from({ length: end }, (_, i) => cost(i, end));
  const nexts: number[][] = [];
  for (let left = 2; left <= steps; left++) {
    const next: number[] = new Array<number>(end).fill(-1);
    const before = least;
    least = before.map((_, i) => {
      let best = Infinity;
      for (let j = i + 1; j < end; j++) {
        // An error at a step is carried through those that follow it.
        const value = cost(i, j) * carried ** (left - 1) + before[j]!;
        if (value < best) [best, next[i]] = [value, j];
      }
      return best;
    });
    nexts.unshift(next);
  }
  const path = [0];
  for (const next of nexts) path.push(next[path.at(-1)!]!);
  return path;
}
