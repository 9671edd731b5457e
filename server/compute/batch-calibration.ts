/** Finding a good batch size on this machine: what the lecture does with srun and nvidia-smi. */
import { execFile } from 'node:child_process';
import os from 'node:os';
import { promisify } from 'node:util';
import { recommendBatch } from '../diffusion/batch-size';
import { CPU_BATCH } from '../diffusion/generation';
import { CancelledError, messageOf } from '../errors';
import { programNamed } from '../programs';
import { nfe } from '../shared/defaults';
import type { OnProgress } from '../shared/progress';
import type { BatchPoint } from '../shared/schema-types.gen';
import { openDenoiser } from './onnx-denoiser';
import type { CalibrateTask, CalibrateSummary } from './tasks';

const MIB = 1 << 20;
/** Batch sizes tried on a GPU. */
const GPU_SIZES: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
/** Generation on a CPU never evaluates more images together: see `CPU_BATCH`. */
const CPU_SIZES = GPU_SIZES.filter((size) => size <= CPU_BATCH);
/** Time spent on one batch size, after one evaluation to warm up. */
const SECONDS_EACH = 1.5;
/** The next size needs about twice the memory: stop above this share of it. */
const MEMORY_BEFORE_NEXT = 0.45;
/** A noise level in the middle of the range; the time of an evaluation does not depend on it. */
const SIGMA = 1;

/**
 * Measures network evaluations at growing batch sizes, until memory runs short or the device refuses a size.
 * @throws UserError if not even one image can be evaluated; CancelledError
 */
export async function calibrate(
  { network, device: choice, steps }: CalibrateTask,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<CalibrateSummary> {
  const { denoiser, device, note, release } = await openDenoiser(network, choice);
  const { channels, resolution, labelDim } = denoiser;
  const sizes = device === 'cuda' ? GPU_SIZES : CPU_SIZES;
  const points: BatchPoint[] = [];
  const notes = note ? [note] : [];
  try {
    for (const [index, batch] of sizes.entries()) {
      const x = Float32Array.from(
        { length: batch * channels * resolution ** 2 },
        (_, i) => ((i * 7919) % 201) / 100 - 1,
      );
      const labels = labelDim > 0 ? new Float32Array(batch * labelDim) : undefined;
      let evaluations = -1;
      let start = 0;
      try {
        while (evaluations < 1 || performance.now() - start < SECONDS_EACH * 1000) {
          if (signal.aborted) throw new CancelledError();
          await denoiser.denoise(x, SIGMA, labels, batch);
          if (++evaluations === 0) start = performance.now();
        }
      } catch (error) {
        if (error instanceof CancelledError || points.length === 0) throw error;
        notes.push(`Batch ${batch} failed: ${messageOf(error).replace(/\s+/g, ' ').slice(0, 200)}`);
        break;
      }
      const seconds = (performance.now() - start) / 1000;
      const memory = device === 'cuda' ? await gpuMemory() : processMemory();
      points.push({ batch, rate: (batch * evaluations) / seconds / nfe(steps), ...(memory && { memory }) });
      onProgress({ phase: 'Batch sizes', done: index + 1, total: sizes.length, note: `batch ${batch}` });
      if (memory && memory.used > MEMORY_BEFORE_NEXT * memory.total) break;
    }
  } finally {
    await release();
  }
  return { points, ...recommendBatch(points), device, notes };
}

/** Memory of this process and of the machine, in MiB. */
function processMemory(): { used: number; total: number } {
  return { used: Math.round(process.memoryUsage.rss() / MIB), total: Math.round(os.totalmem() / MIB) };
}

/** Memory of the first visible GPU in MiB, as nvidia-smi reports it; undefined without nvidia-smi. */
async function gpuMemory(): Promise<{ used: number; total: number } | undefined> {
  const first = process.env.CUDA_VISIBLE_DEVICES?.split(',')[0];
  const query = [
    '--query-gpu=memory.used,memory.total',
    '--format=csv,noheader,nounits',
    ...(first ? ['-i', first] : []),
  ];
  try {
    const program = programNamed('nvidia-smi', process.cwd());
    if (program === undefined) return undefined;
    const { stdout } = await promisify(execFile)(program, query);
    const [used = NaN, total = NaN] = (stdout.split('\n')[0] ?? '').split(',').map(Number);
    return used >= 0 && total > 0 ? { used, total } : undefined;
  } catch {
    return undefined; // without nvidia-smi the rates alone show where a larger batch gains nothing
  }
}
