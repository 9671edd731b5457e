/** A run divided among the tasks of a job array: which seeds each task makes and which images it measures. Pure. */
import { imagePath, parseSeeds, seedsText } from '../diffusion/seeds';
import { UserError } from '../errors';
import { subsetIndices } from '../numpy/numpy-random';
import type { RunPlan } from './plan';

/** One task's share. */
export interface Shard {
  /** Seed list, as `--seeds` takes it. */
  seeds: string;
  images: number;
  /** Those of its images that count for the distance, relative to the image folder; all of them unless `num` is less. */
  measured: string[];
}

/**
 * The shares of all tasks, equal to one image, in the order of the seeds.
 * @throws UserError where a task would have fewer than two images to measure, which have no statistics
 */
export function shardsOf(
  { seeds, config, metric }: Pick<RunPlan, 'seeds' | 'config' | 'metric'>,
  tasks: number,
): Shard[] {
  if (metric && metric.repeats > 1)
    throw new UserError('Repeated measurements cannot be divided among tasks yet: submit without repeats, or run here');
  const all = [...new Set(parseSeeds(seeds))];
  const subdirs = config.subdirs ?? false;
  const names = all.map((seed) => imagePath(seed, subdirs)).sort();
  // The same choice as over the whole folder: sorted by name, then fid.py's seeded shuffle.
  const num = Math.min(metric?.num ?? names.length, names.length);
  const chosen = new Set(subsetIndices(names.length, num, metric?.seed ?? 0).map((index) => names[index]));
  const shards = Array.from({ length: tasks }, (_, k) => {
    const own = all.slice(Math.floor((k * all.length) / tasks), Math.floor(((k + 1) * all.length) / tasks));
    const measured = own.map((seed) => imagePath(seed, subdirs)).filter((name) => chosen.has(name));
    return { seeds: seedsText(own), images: own.length, measured };
  });
  const fewest = Math.min(...shards.map(({ images, measured }) => (metric ? measured.length : images + 1)));
  if (fewest < 2) {
    throw new UserError(
      `${tasks} tasks are too many for ${metric ? num : all.length} images: each task needs at least ${metric ? 'two to measure' : 'one'}; use fewer tasks`,
    );
  }
  return shards;
}
