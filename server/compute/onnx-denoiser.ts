import { Tensor } from 'onnxruntime-node';
import type { Denoiser } from '../diffusion/denoiser';
import { UserError } from '../errors';
import { cpuModel } from '../models/cpu-model';
import type { DenoiserInfo } from '../models/model-info';
import { readModelInfo } from '../models/model-file';
import { openOnnxSession, type DeviceChoice } from './onnx-session';
import { imagesTogether } from '../models/winograd';

/** A denoiser on ONNX Runtime, with what its file says of itself. */
export interface OpenDenoiser {
  denoiser: Denoiser;
  info: DenoiserInfo;
  device: 'cpu' | 'cuda';
  note?: string;
  release: () => Promise<void>;
}

/**
 * Opens a denoiser's ONNX file.
 * @param gpu number of the CUDA device among those that are visible
 * @throws UserError for a file that is not an ONNX denoiser or whose inputs are not those of one
 */
export async function openDenoiser(file: string, choice: DeviceChoice, gpu = 0): Promise<OpenDenoiser> {
  const info = await readModelInfo(file);
  if (info.kind !== 'denoiser')
    throw new UserError(`${file} is a detector, not a denoiser: give a network made by "edm-workbench import"`);
  const { convolutions = [] } = info;
  const { session, device, note, isCpuForm } = await openOnnxSession(file, choice, {
    gpu,
    cpuForm: () => cpuModel(file, convolutions),
  });
  const expected = info.label_dim > 0 ? ['class_labels', 'sigma', 'x'] : ['sigma', 'x'];
  if ([...session.inputNames].sort().join() !== expected.join() || session.outputNames.join() !== 'denoised') {
    throw new UserError(
      `${file} is not a denoiser: its inputs are ${session.inputNames.join(', ')}, expected ${expected.join(', ')}; import the network with "edm-workbench import"`,
    );
  }
  const { img_resolution: resolution, img_channels: channels, label_dim: labelDim, u } = info;
  const denoiser: Denoiser = {
    resolution,
    channels,
    labelDim,
    sigmaMin: info.sigma_min,
    sigmaMax: info.sigma_max,
    batchDependent: device === 'cuda',
    roundSigma: u ? (sigma) => nearest(u, sigma) : (sigma) => sigma,
    async denoise(x, sigma, labels, n) {
      const size = channels * resolution ** 2;
      const together = isCpuForm ? imagesTogether(resolution) : n;
      const parts: Float32Array[] = [];
      for (let from = 0; from < n; from += together) {
        const rows = Math.min(together, n - from);
        const feeds: Record<string, Tensor> = {
          x: new Tensor('float32', x.subarray(from * size, (from + rows) * size), [
            rows,
            channels,
            resolution,
            resolution,
          ]),
          sigma: new Tensor('float32', [sigma], [1]),
        };
        if (labelDim > 0) {
          const own = labels?.subarray(from * labelDim, (from + rows) * labelDim) ?? new Float32Array(rows * labelDim);
          feeds.class_labels = new Tensor('float32', own, [rows, labelDim]);
        }
        parts.push((await session.run(feeds)).denoised.data as Float32Array);
      }
      if (parts.length === 1) return parts[0];
      const denoised = new Float32Array(n * size);
      parts.forEach((part, i) => denoised.set(part, i * together * size));
      return denoised;
    },
  };
  return { denoiser, info, device, note, release: () => session.release() };
}

/**
 * Opens a denoiser once for every visible CUDA device (CUDA_VISIBLE_DEVICES counts), or once on the CPU, which one
 * session fills. CUDA itself says which device is one too many.
 * @throws UserError as openDenoiser, of the first
 */
export async function openDenoisers(file: string, choice: DeviceChoice): Promise<OpenDenoiser[]> {
  const opened = [await openDenoiser(file, choice)];
  if (opened[0].device === 'cpu') return opened;
  for (let gpu = 1; ; gpu++) {
    const next = await openDenoiser(file, 'cuda', gpu).catch(() => undefined);
    if (!next) return opened;
    opened.push(next);
  }
}

/** The level of `u` (float32 values) closest to float32(sigma); of two equally close ones the first, as argmin does. */
function nearest(u: readonly number[], sigma: number): number {
  const target = Math.fround(sigma);
  let best = u[0];
  for (const level of u) if (Math.abs(level - target) < Math.abs(best - target)) best = level;
  return best;
}
