/** Images from seeds to files: what generate.py does, resumable and safe to share between processes. */
import { join } from 'node:path';
import { CancelledError, UserError } from '../errors';
import { ProgressMeter, type OnProgress } from '../shared/progress';
import { sampleBatch } from './batch-sampling';
import type { Denoiser } from './denoiser';
import { quantize } from '../images/image';
import { writeAtomically } from '../atomic-file';
import { hasImage, openImageFolder, type GenerationSettings } from './image-folder';
import { encodePng } from '../images/png';
import type { RngDevice } from '../shared/sampler-options';
import { resolveSampler } from './sampler-settings';
import type { SamplerOptions } from '../shared/sampler-options';
import { stepTable } from './noise-schedule';
import { SeedBlocks } from './seed-blocks';
import { imagePath, splitSeeds } from './seeds';

/** The options of generate.py, under its names. */
export interface GenerateOptions extends SamplerOptions {
  /** Folder for the images; made if missing. */
  outdir: string;
  /** As from `parseSeeds`; a seed that occurs twice is made once. */
  seeds: readonly number[];
  /** A sub-folder per thousand seeds. */
  subdirs?: boolean;
  /** The class of all images, 0 <= class < labelDim; drawn for each seed if undefined. */
  class?: number;
  /** Largest number of images sampled together >= 1 (64). */
  batch?: number;
  /** Whose random numbers: torch's on the CPU (the default) or on CUDA. */
  rng?: RngDevice;
  /** The network's identity, kept with the images. */
  network: { sha256: string };
}

export interface GenerateResult {
  /** Images written by this call. */
  written: number;
  /** Images that were there already. */
  skipped: number;
  /** Written images with NaN or infinite samples, e.g. of a diverged network; such pixels are black, as generate.py has it. */
  notFinite: number;
  /** Network evaluations per image. */
  nfe: number;
  seconds: number;
}

/** Images sampled together where nothing else is asked for. */
export const DEFAULT_BATCH = 64;
/**
 * Images sampled together where the results do not depend on it. ONNX Runtime's CPU kernels are as fast per image at 8
 * to 16 images as at 64 or faster (measured: 6.8, 4.2 and 9.0 ms at 8, 16 and 64 images of a small DDPM++), and a
 * cancelled or killed run loses less.
 */
export const CPU_BATCH = 16;

/**
 * Makes one PNG file per seed in `outdir`. Files that exist are kept; memory does not grow with the number of seeds.
 *
 * An image's bytes depend on its seed and the settings, not on the seeds made with it. Random numbers and sampler treat
 * every image by itself; for the network, ONNX Runtime's CPU kernels were measured to give identical bits for every
 * batch size from 1 to 64 (seven networks, three noise levels), and where a device's kernels are chosen by the batch
 * size (`denoiser.batchDependent`) every evaluation is padded to the same number of rows.
 *
 * Several denoisers share out the seeds among themselves, whoever is free takes the next: one for each device, where
 * generate.py's ranks under torchrun have theirs dealt out beforehand. They must be copies of one network.
 *
 * @param denoisers at least one
 * @throws UserError before any work for options that fit neither each other nor the network nor the images in
 *   `outdir`, later for a full or failing disk; finished images stay
 * @throws CancelledError once `signal` is aborted, at the next network evaluation; finished images stay
 */
export async function generate(
  denoisers: readonly Denoiser[],
  options: GenerateOptions,
  { onProgress, signal }: { onProgress?: OnProgress; signal?: AbortSignal } = {},
): Promise<GenerateResult> {
  const started = performance.now();
  const { outdir, seeds, subdirs = false, class: chosen, batch = DEFAULT_BATCH, rng = 'cpu', network } = options;
  if (!Number.isInteger(batch) || batch < 1) throw new UserError(`--batch ${batch}: must be an integer of at least 1`);
  const [denoiser] = denoisers;
  checkNetwork(denoiser, chosen);
  const sampler = resolveSampler(options, denoiser);
  const table = stepTable(sampler, (sigma) => denoiser.roundSigma(sigma));
  const settings: GenerationSettings = {
    network_sha256: network.sha256,
    ...sampler,
    // JSON has no infinity.
    S_max: sampler.S_max === Infinity ? 'inf' : sampler.S_max,
    class: chosen ?? null,
    rng,
    subdirs,
  };

  const pathOf = (seed: number): string => imagePath(seed, subdirs);
  const wanted = [...new Set(seeds)];
  const present = await openImageFolder(outdir, settings, wanted.map(pathOf));
  const missing = wanted.filter((seed) => !present.has(pathOf(seed)));
  const meter = new ProgressMeter('Generating', wanted.length, onProgress, present.size);
  const size = denoiser.batchDependent ? batch : Math.min(batch, CPU_BATCH);
  let written = 0;
  let notFinite = 0;
  let done = present.size;
  meter.update(done);
  const blocks = new SeedBlocks(outdir, missing);
  const failure = new AbortController();
  const stop = AbortSignal.any([failure.signal, ...(signal ? [signal] : [])]);

  /** Makes what nobody has made yet, until nothing is left. */
  const work = async (own: Denoiser): Promise<void> => {
    while (blocks.left > 0) {
      if (stop.aborted) throw new CancelledError();
      const claimed = await blocks.claim(size);
      try {
        // Other processes write images too: those that are there now are not ours to make.
        const there = await Promise.all(claimed.seeds.map((seed) => hasImage(outdir, pathOf(seed))));
        const todo = claimed.seeds.filter((_, i) => !there[i]);
        done += claimed.seeds.length - todo.length;
        for (const part of splitSeeds(todo, size)) {
          const { images, classes } = await sampleBatch(own, table, part, {
            rng,
            class: chosen,
            rows: own.batchDependent ? size : undefined,
            signal: stop,
            onStep: ({ step, steps }) => meter.update(done, `step ${step} of ${steps}, batch of ${part.length}`),
          });
          const write = async (seed: number, i: number): Promise<void> => {
            const length = images.length / part.length;
            if (!images.subarray(i * length, (i + 1) * length).every(Number.isFinite)) notFinite++;
            const image = quantize(images, i, own.channels, own.resolution);
            await writeAtomically(join(outdir, pathOf(seed)), encodePng(image, textOf(settings, seed, classes?.[i])));
            written++;
            done++;
          };
          // Together: on a network's file system each waits for the disk.
          await Promise.all(part.map(write));
        }
      } finally {
        await claimed.release();
      }
      meter.update(done);
    }
  };
  await allOrNone(denoisers.map(work), failure);
  await blocks.close();
  return {
    written,
    skipped: wanted.length - written,
    notFinite,
    nfe: table.nfe,
    seconds: (performance.now() - started) / 1000,
  };
}

/** Waits for all; once one fails the others are stopped, and its error is thrown when they have ended. */
async function allOrNone(tasks: readonly Promise<void>[], failure: AbortController): Promise<void> {
  let first: { error: unknown } | undefined;
  const ended = tasks.map((task) =>
    task.catch((error: unknown) => {
      first ??= { error };
      failure.abort();
    }),
  );
  await Promise.all(ended);
  if (first) throw first.error;
}

/**
 * Whether images can be made of what a network gives.
 * @param chosen the class of all images, if one was given
 * @throws UserError for other channels than 1 and 3, and for a class that the network does not have
 */
export function checkNetwork({ labelDim, channels }: Denoiser, chosen: number | undefined): void {
  if (channels !== 1 && channels !== 3) {
    throw new UserError(
      `The network makes images of ${channels} channels; only 1 (grayscale) and 3 (RGB) can be written`,
    );
  }
  if (chosen === undefined) return;
  if (labelDim === 0) throw new UserError(`--class ${chosen}: the network is unconditional; leave --class out`);
  if (!Number.isInteger(chosen) || chosen < 0 || chosen >= labelDim) {
    throw new UserError(`--class ${chosen}: the network's classes are 0 to ${labelDim - 1}`);
  }
}

/** What an image says of itself in its tEXt chunks: its seed, its class, and the settings. */
function textOf(settings: GenerationSettings, seed: number, label: number | undefined): Record<string, string> {
  const own = { seed, ...settings, class: label ?? null };
  return Object.fromEntries(
    Object.entries(own)
      .filter(([name, value]) => value !== null && name !== 'subdirs')
      .map(([name, value]) => [name, String(value)]),
  );
}
