/** Tasks of a compute process: opens the models, then calls `diffusion/` and `fid/`. */
import path from 'node:path';
import { generate, type Siblings } from '../diffusion/generation';
import { GRID_IMAGES, writeGrid } from '../images/grid';
import { imagePath, parseSeeds } from '../diffusion/seeds';
import { resolveSampler, samplerNotes } from '../diffusion/sampler-settings';
import { searchSchedule } from '../diffusion/schedule-search';
import { trajectory } from '../diffusion/sampler-trajectory';
import { cachePath } from '../cache-folder';
import { UserError } from '../errors';
import { compareStatistics } from '../fid/kept-statistics';
import { Journals } from '../fid/feature-pass';
import { measureRepeats, reference, type ReferenceSummary } from '../fid/measurement';
import type { MatMul } from '../linalg/matmul';
import type { OnProgress } from '../shared/progress';
import type { TrajectoryResult } from '../shared/protocol';
import { calibrate } from './batch-calibration';
import { openDenoiser, openDenoisers } from './onnx-denoiser';
import { openDetector } from './onnx-detector';
import { listSupportedBackends } from './onnx-runtime';
import { fileDigest } from '../file-digest';
import { importModel } from '../models/model-import';
import { codeNotes } from '../models/network-acceptance';
import { MATMUL_FROM_DIMENSION, openMatMul } from './onnx-matmul';
import type {
  GenerateTask,
  GenerateSummary,
  Task,
  TaskResult,
  MeasureTask,
  MeasureSummary,
  ReferenceTask,
  ScheduleSummary,
  ScheduleTask,
  TrajectoryTask,
} from './tasks';

/** Dimension assumed for a comparison, whose files are not read yet: the largest, which needs the fast product. */
const FULL_DIMENSION = 2048;

/** What a task says while it runs, and hears. */
export interface TaskLink {
  onProgress: OnProgress;
  /** Told when the network is open. */
  opened: (device: 'cpu' | 'cuda') => void;
  siblings: Siblings;
}

/** Runs one task to its end. */
export function runTask(task: Task, link: TaskLink, signal: AbortSignal): Promise<TaskResult> {
  const { onProgress } = link;
  switch (task.kind) {
    case 'load':
      return Promise.resolve({ devices: listSupportedBackends().map(({ name }) => name) });
    case 'import':
      return importModel(task.source, task.dest, { name: task.name, accept: task.accept, onProgress, signal });
    case 'generate':
      return runGenerate(task, link, signal);
    case 'calibrate':
      return calibrate(task, onProgress, signal);
    case 'trajectory':
      return runTrajectory(task, onProgress, signal);
    case 'schedule':
      return runSchedule(task, onProgress, signal);
    case 'measure':
      return runMeasure(task, onProgress, signal);
    case 'reference':
      return runReference(task, onProgress, signal);
    case 'compare':
      return withMatMul(FULL_DIMENSION, (matmul) =>
        compareStatistics(task.statistics, task.reference, { onProgress, signal, matmul }),
      );
  }
}

async function runGenerate(
  { network, device: choice, options, threads }: GenerateTask,
  { onProgress, opened: tellOpened, siblings }: TaskLink,
  signal: AbortSignal,
): Promise<GenerateSummary> {
  const seeds = parseSeeds(options.seeds);
  const [opened, sha256] = await Promise.all([openDenoisers(network, choice, threads), fileDigest(network)]);
  const { device, note } = opened[0];
  tellOpened(device);
  try {
    const rng = options.rng ?? device;
    const { grid, ...rest } = options;
    const result = await generate(
      opened.map(({ denoiser }) => denoiser),
      { ...rest, seeds, rng, network: { sha256 } },
      { onProgress, signal, siblings },
    );
    if (grid) {
      const first = [...new Set(seeds)].slice(0, GRID_IMAGES);
      await writeGrid(
        first.map((seed) => path.join(options.outdir, imagePath(seed, options.subdirs ?? false))),
        grid,
      );
    }
    const notes = [...(note ? [note] : []), ...codeNotes(opened[0].info), ...samplerNotes(options, opened[0].denoiser)];
    if (opened.length > 1) notes.push(`${opened.length} CUDA devices shared the seeds`);
    const { steps } = resolveSampler(options, opened[0].denoiser);
    return { ...result, steps, rng, device, notes };
  } finally {
    for (const { release } of opened) await release();
  }
}

async function runTrajectory(
  { network, device: choice, seeds, sampler, class: chosen, rng }: TrajectoryTask,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<TrajectoryResult> {
  const parsed = parseSeeds(seeds);
  const { denoiser, info, device, note, release } = await openDenoiser(network, choice);
  try {
    const options = { seeds: parsed, sampler, class: chosen, rng: rng ?? device };
    const result = await trajectory(denoiser, options, { onProgress, signal });
    return {
      ...result,
      rng: options.rng,
      classNames: info.class_names,
      notes: [...(note ? [note] : []), ...result.notes],
    };
  } finally {
    await release();
  }
}

async function runSchedule(
  { network, device: choice, search }: ScheduleTask,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<ScheduleSummary> {
  const { denoiser, device, note, release } = await openDenoiser(network, choice);
  try {
    const rng = search.rng ?? device;
    const found = await searchSchedule(denoiser, { ...search, rng }, { onProgress, signal });
    return { ...found, rng, device, notes: [...(note ? [note] : []), ...samplerNotes(search.sampler, denoiser)] };
  } finally {
    await release();
  }
}

async function runMeasure(task: MeasureTask, onProgress: OnProgress, signal: AbortSignal): Promise<MeasureSummary> {
  const { detector, device, note, release } = await openDetector(task.detector, task.device, task.dims);
  try {
    if (task.key === 'fid' && !detector.published) {
      throw new UserError(
        `${path.basename(task.detector)} is not the published Inception-v3 (2015-12-05), so its distance is not a FID: write fd instead of fid`,
      );
    }
    const journals = new Journals(cachePath('measuring'));
    const { images, reference: ref, num, seed, batch, stats, further, convert, repeats = 1 } = task;
    const options = { images, ref, num, seed, batch, statsDest: stats, further, convert };
    const result = await withMatMul(detector.dimension, (matmul) =>
      measureRepeats(detector, options, repeats, { onProgress, signal, matmul, journals }),
    );
    await journals.remove();
    return {
      ...result,
      device,
      notes: [...(note ? [note] : []), ...result.notes],
    };
  } finally {
    await release();
  }
}

async function runReference(
  { data, dest, batch, detector: file, device: choice, dims, keepFeatures, only, convert }: ReferenceTask,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<ReferenceSummary> {
  const { detector, note, release } = await openDetector(file, choice, dims);
  try {
    const journals = new Journals(cachePath('measuring'));
    const summary = await withMatMul(detector.dimension, (matmul) =>
      reference(detector, { data, dest, batch, keepFeatures, only, convert }, { onProgress, signal, matmul, journals }),
    );
    await journals.remove();
    return { ...summary, notes: [...(note ? [note] : []), ...summary.notes] };
  } finally {
    await release();
  }
}

/** Calls `work` with a fast float64 product if the features are long enough for it to pay. */
async function withMatMul<T>(dimension: number, work: (matmul?: MatMul) => Promise<T>): Promise<T> {
  if (dimension < MATMUL_FROM_DIMENSION) return work();
  const { matmul, release } = await openMatMul();
  try {
    return await work(matmul);
  } finally {
    await release();
  }
}
