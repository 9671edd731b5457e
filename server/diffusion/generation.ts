/** Generating images into a folder, as generate.py does; resumable, and safe for several processes at once. */
import { join } from 'node:path';
import { writeAtomically } from '../atomic-file';
import { CancelledError, UserError } from '../errors';
import { quantize } from '../images/image';
import { encodePng } from '../images/png';
import { DEFAULT_BATCH } from '../shared/defaults';
import { ProgressMeter, type TaskControl } from '../shared/progress';
import { optionText, type RngDevice, type SamplerOptions, type SamplerSettings } from '../shared/sampler-options';
import { sampleBatch } from './batch-sampling';
import type { Denoiser } from './denoiser';
import { hasImage, openImageFolder, type GenerationSettings } from './image-folder';
import { type StepTable, stepTable } from './noise-schedule';
import { resolveSampler } from './sampler-settings';
import { SeedBlocks } from './seed-blocks';
import { imagePath, splitSeeds } from './seeds';

/** The options of generate.py, with its names. */
export interface GenerateOptions extends SamplerOptions {
  /** Folder for the images; created if missing. */
  outdir: string;
  /** As from `parseSeeds`; a seed that occurs twice is made once. */
  seeds: readonly number[];
  /** A subfolder per thousand seeds. */
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

/** Images of one run that a process has made, as it tells the others that make images of the same run. */
export interface MadeImages {
  /** Blocks of seeds whose images are all there now. */
  blocks: string[];
  /** Images written since this was told last, and those of them with NaN or infinite samples. */
  written: number;
  notFinite: number;
}

/**
 * How several processes of one run know of each other. Claims alone keep them from making an image twice; this spares them
 * from looking whether images of others are there, and from waiting for a claim that has ended.
 */
export interface Siblings {
  /** Told after each block. */
  made: (images: MadeImages) => void;
  /** Registers the one who is told what the others have made. */
  onMade: (listener: (blocks: readonly string[]) => void) => void;
}

export interface GenerateResult {
  /** Images written by this call. */
  written: number;
  /** Images that existed already. */
  skipped: number;
  /** Written images with NaN or infinite samples, e.g. of a diverged network; such pixels are black, as in generate.py. */
  notFinite: number;
  /** Network evaluations per image. */
  nfe: number;
  seconds: number;
}

/**
 * Most images sampled together if the results do not depend on it. ONNX Runtime's CPU kernels are as fast per image at 8
 * to 16 images as at 64 or faster (measured: 6.8, 4.2 and 9.0 ms at 8, 16 and 64 images of a small DDPM++), and a
 * cancelled or killed run loses less.
 */
export const CPU_BATCH = 16;

/**
 * Makes one PNG file per seed in `outdir`. Files that exist are kept; memory does not grow with the number of seeds.
 *
 * An image's bytes depend on its seed and the settings, not on the other seeds. Random numbers and sampler treat every
 * image separately; for the network, ONNX Runtime's CPU kernels were measured to give identical bits for every
 * batch size from 1 to 64 (seven networks, three noise levels), and if a device chooses its kernels by the batch
 * size (`denoiser.batchDependent`), every evaluation is padded to the same number of images.
 *
 * Several denoisers, one for each device, share the seeds: whichever is free takes the next ones (generate.py's ranks
 * under torchrun get theirs beforehand). They must be copies of one network.
 *
 * @param denoisers at least one
 * @throws UserError before any work for options that contradict each other, the network or the images in `outdir`, later
 *   for a full or failing disk; finished images stay
 * @throws CancelledError once `signal` is aborted, at the next network evaluation; finished images stay
 */
export async function generate(
  denoisers: readonly Denoiser[],
  options: GenerateOptions,
  control: TaskControl & { siblings?: Siblings } = {},
): Promise<GenerateResult> {
  const started = performance.now();
  const { outdir, seeds, subdirs = false, class: chosen, batch = DEFAULT_BATCH, rng = 'cpu', network } = options;
  if (!Number.isInteger(batch) || batch < 1) throw new UserError(`--batch ${batch}: must be an integer of at least 1`);
  const [denoiser] = denoisers;
  if (!denoiser) throw new RangeError('Generation needs at least one denoiser');
  checkNetwork(denoiser, chosen);
  const sampler = resolveSampler(options, denoiser);
  const table = stepTable(sampler, (sigma) => denoiser.roundSigma(sigma));
  const settings: GenerationSettings = {
    network_sha256: network.sha256,
    ...recordedSampler(sampler),
    class: chosen ?? null,
    rng,
    subdirs,
  };

  const wanted = [...new Set(seeds)];
  const pathOf = (seed: number): string => imagePath(seed, subdirs);
  const present = await openImageFolder(outdir, settings, wanted.map(pathOf));
  const missing = wanted.filter((seed) => !present.has(pathOf(seed)));
  const meter = new ProgressMeter('Generating', wanted.length, control.onProgress, present.size);
  const size = denoiser.batchDependent ? batch : Math.min(batch, CPU_BATCH);
  const work = { outdir, subdirs, settings, table, rng, class: chosen, size, meter };
  const filler = new FolderFiller(work, new SeedBlocks(outdir, missing), present.size, control.siblings);
  await filler.run(denoisers, control.signal);
  return {
    written: filler.written,
    skipped: wanted.length - filler.written,
    notFinite: filler.notFinite,
    nfe: table.nfe,
    seconds: (performance.now() - started) / 1000,
  };
}

/** Settings as JSON values: it has no infinity, and lists are compared as words. */
function recordedSampler(sampler: SamplerSettings): GenerationSettings {
  const plain = (value: unknown): string | number =>
    typeof value === 'number' && Number.isFinite(value) ? value : optionText(value);
  return Object.fromEntries(Object.entries(sampler).map(([name, value]) => [name, plain(value)]));
}

/** What is the same for every batch of a run. */
interface BatchWork {
  outdir: string;
  subdirs: boolean;
  settings: GenerationSettings;
  table: StepTable;
  rng: RngDevice;
  class: number | undefined;
  /** Largest number of images sampled together. */
  size: number;
  meter: ProgressMeter;
}

/** Makes the images of all blocks that no other process makes, and counts them. */
class FolderFiller {
  written = 0;
  notFinite = 0;
  /** What the siblings know of. */
  private told = { written: 0, notFinite: 0 };

  /** @param done images that exist already */
  constructor(
    private readonly work: BatchWork,
    private readonly blocks: SeedBlocks,
    private done: number,
    private readonly siblings?: Siblings,
  ) {
    siblings?.onMade((names) => {
      this.done += blocks.settle(names);
      work.meter.update(this.done);
    });
  }

  /** Every denoiser takes the next free blocks until none is left. */
  async run(denoisers: readonly Denoiser[], signal?: AbortSignal): Promise<void> {
    this.work.meter.update(this.done);
    const failure = new AbortController();
    const stop = signal ? AbortSignal.any([failure.signal, signal]) : failure.signal;
    try {
      await allOrNone(
        denoisers.map((denoiser) => this.runOn(denoiser, stop)),
        failure,
      );
    } catch (error) {
      throw error instanceof CancelledError ? new CancelledError(keptText(this.done)) : error;
    }
    await this.blocks.close();
  }

  private async runOn(denoiser: Denoiser, signal: AbortSignal): Promise<void> {
    const { outdir, subdirs, size, meter } = this.work;
    while (this.blocks.left > 0) {
      if (signal.aborted) throw new CancelledError();
      const claimed = await this.blocks.claim(size);
      try {
        // Other processes may have written some of these images since the folder was read.
        const exists = await Promise.all(claimed.seeds.map((seed) => hasImage(outdir, imagePath(seed, subdirs))));
        const todo = claimed.seeds.filter((_, i) => !exists[i]);
        this.done += claimed.seeds.length - todo.length;
        for (const part of splitSeeds(todo, size)) await this.makeBatch(denoiser, part, signal);
      } finally {
        await claimed.release();
      }
      this.tell(claimed.blocks);
      meter.update(this.done);
    }
  }

  private tell(blocks: string[]): void {
    if (!this.siblings || blocks.length === 0) return;
    const { written, notFinite } = this;
    this.siblings.made({ blocks, written: written - this.told.written, notFinite: notFinite - this.told.notFinite });
    this.told = { written, notFinite };
  }

  private async makeBatch(denoiser: Denoiser, seeds: readonly number[], signal: AbortSignal): Promise<void> {
    const { outdir, subdirs, settings, table, rng, class: chosen, size, meter } = this.work;
    const { images, classes } = await sampleBatch(denoiser, table, seeds, {
      rng,
      class: chosen,
      rows: denoiser.batchDependent ? size : undefined,
      signal,
      onStep: ({ step, steps }) => meter.update(this.done, `step ${step} of ${steps}, batch of ${seeds.length}`),
    });
    const length = images.length / seeds.length;
    const write = async (seed: number, i: number): Promise<void> => {
      if (!images.subarray(i * length, (i + 1) * length).every(Number.isFinite)) this.notFinite++;
      const image = quantize(images, i, denoiser.channels, denoiser.resolution);
      const file = join(outdir, imagePath(seed, subdirs));
      await writeAtomically(file, encodePng(image, textOf(settings, seed, classes?.[i])));
      this.written++;
      this.done++;
    };
    // At once: on a network file system each write waits for the disk. All have ended before a failure is told, so that
    // nothing is still being written then.
    const written = await Promise.allSettled(seeds.map(write));
    const failed = written.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }
}

/** What a cancelled generation leaves. @param done images in the folder, of this and earlier runs */
function keptText(done: number): string {
  if (done === 0) return 'Cancelled: no image was finished';
  return `Cancelled: ${done === 1 ? 'the finished image is' : `${done} finished images are`} kept; run the same command again to continue`;
}

/** Waits for all. If one fails, the others are stopped, and its error is thrown when they have ended. */
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
 * Checks that a network's outputs can be written as images.
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

/** The tEXt chunks of an image: its seed, its class, and the settings. */
function textOf(settings: GenerationSettings, seed: number, label: number | undefined): Record<string, string> {
  const own = { seed, ...settings, class: label ?? null };
  return Object.fromEntries(
    Object.entries(own)
      .filter(([name, value]) => value !== null && name !== 'subdirs')
      .map(([name, value]) => [name, String(value)]),
  );
}
