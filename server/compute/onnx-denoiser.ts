import { type InferenceSession, Tensor } from './onnx-runtime';
import type { Denoiser } from '../diffusion/denoiser';
import { UserError } from '../errors';
import { cpuModel } from '../models/cpu-model';
import type { DenoiserInfo } from '../models/model-info';
import { readModelInfo } from '../models/model-file';
import type { DeviceChoice } from './devices';
import { floatsOf, openOnnxSession } from './onnx-session';
import { imagesTogether } from '../models/winograd';

/** A denoiser on ONNX Runtime, with its file's metadata. */
export interface OpenDenoiser {
  denoiser: Denoiser;
  info: DenoiserInfo;
  device: 'cpu' | 'cuda';
  note?: string;
  release: () => Promise<void>;
}

/**
 * Opens a denoiser's ONNX file.
 * @param gpu index of the CUDA device among the visible ones; the first unless given
 * @param threads of one evaluation on the CPU; as many as cores may be used unless given
 * @throws UserError for a file that is not an ONNX denoiser or does not have a denoiser's inputs
 */
export async function openDenoiser(
  file: string,
  choice: DeviceChoice,
  { gpu, threads }: { gpu?: number; threads?: number } = {},
): Promise<OpenDenoiser> {
  const info = await readModelInfo(file);
  if (info.kind !== 'denoiser')
    throw new UserError(`${file} is a detector, not a denoiser: give a network made by "edm-workbench import"`);
  const { convolutions = [] } = info;
  const { session, device, note, isCpuForm } = await openOnnxSession(file, choice, {
    gpu,
    threads,
    cpuForm: () => cpuModel(file, convolutions),
  });
  const expected = info.label_dim > 0 ? ['class_labels', 'sigma', 'x'] : ['sigma', 'x'];
  if ([...session.inputNames].sort().join() !== expected.join() || session.outputNames.join() !== 'denoised') {
    throw new UserError(
      `${file} is not a denoiser: its inputs are ${session.inputNames.join(', ')}, expected ${expected.join(', ')}; import the network with "edm-workbench import"`,
    );
  }
  const together = isCpuForm ? imagesTogether(info.img_resolution) : undefined;
  const denoiser = denoiserOf(info, session, { together, batchDependent: device === 'cuda' });
  return { denoiser, info, device, note, release: () => session.release() };
}

/** @param together largest number of images evaluated at once; undefined: all */
function denoiserOf(
  info: DenoiserInfo,
  session: InferenceSession,
  { together, batchDependent }: { together?: number; batchDependent: boolean },
): Denoiser {
  const { img_resolution: resolution, img_channels: channels, label_dim: labelDim, u } = info;
  const size = channels * resolution ** 2;
  const evaluate = async (
    x: Float32Array,
    sigma: number,
    labels: Float32Array,
    rows: number,
  ): Promise<Float32Array> => {
    const feeds: Record<string, Tensor> = {
      x: new Tensor('float32', x, [rows, channels, resolution, resolution]),
      sigma: new Tensor('float32', [sigma], [1]),
    };
    if (labelDim > 0) feeds.class_labels = new Tensor('float32', labels, [rows, labelDim]);
    return floatsOf(await session.run(feeds), 'denoised');
  };
  return {
    resolution,
    channels,
    labelDim,
    sigmaMin: info.sigma_min,
    sigmaMax: info.sigma_max,
    batchDependent,
    roundSigma: u ? (sigma) => nearestLevel(u, sigma) : (sigma) => sigma,
    async denoise(x, sigma, labels, n) {
      const classes = labels ?? new Float32Array(n * labelDim);
      const part = (from: number, to: number): Promise<Float32Array> => {
        const own = classes.subarray(from * labelDim, to * labelDim);
        return evaluate(x.subarray(from * size, to * size), sigma, own, to - from);
      };
      if (together === undefined || n <= together) return part(0, n);
      const denoised = new Float32Array(n * size);
      for (let from = 0; from < n; from += together) {
        denoised.set(await part(from, Math.min(from + together, n)), from * size);
      }
      return denoised;
    },
  };
}

/**
 * Opens a denoiser once for every visible CUDA device (CUDA_VISIBLE_DEVICES counts), or once on the CPU, where
 * several processes share the cores (`pool.ts`). CUDA refuses the first device that does not exist, which ends the loop.
 * @throws UserError as openDenoiser for the first device
 */
export async function openDenoisers(
  file: string,
  choice: DeviceChoice,
  threads?: number,
): Promise<[OpenDenoiser, ...OpenDenoiser[]]> {
  const opened: [OpenDenoiser, ...OpenDenoiser[]] = [await openDenoiser(file, choice, { threads })];
  if (opened[0].device === 'cpu') return opened;
  for (let gpu = 1; ; gpu++) {
    const next = await openDenoiser(file, 'cuda', { gpu, threads }).catch(() => undefined);
    if (!next) return opened;
    opened.push(next);
  }
}

/** The level of `u` (float32 values) closest to float32(sigma); of two equally close ones the first, as argmin does. */
function nearestLevel(u: readonly number[], sigma: number): number {
  const target = Math.fround(sigma);
  return u.reduce((best, level) => (Math.abs(level - target) < Math.abs(best - target) ? level : best));
}
