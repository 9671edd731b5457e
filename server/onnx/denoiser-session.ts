import { Tensor } from 'onnxruntime-node';
import type { Denoiser } from '../diffusion/denoiser';
import { UserError } from '../errors';
import type { DenoiserInfo } from './model-info';
import { readModelInfo } from './model-file';
import { openSession, type DeviceChoice } from './session';

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
 * @throws UserError for a file that is not an ONNX denoiser or whose inputs are not those of one
 */
export async function openDenoiser(file: string, choice: DeviceChoice): Promise<OpenDenoiser> {
  const info = await readModelInfo(file);
  if (info.kind !== 'denoiser')
    throw new UserError(`${file} is a detector, not a denoiser: give a network made by "edm-workbench import"`);
  const { session, device, note } = await openSession(file, choice);
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
      const feeds: Record<string, Tensor> = {
        x: new Tensor('float32', x, [n, channels, resolution, resolution]),
        sigma: new Tensor('float32', [sigma], [1]),
      };
      if (labelDim > 0)
        feeds.class_labels = new Tensor('float32', labels ?? new Float32Array(n * labelDim), [n, labelDim]);
      const { denoised } = await session.run(feeds);
      return denoised.data as Float32Array;
    },
  };
  return { denoiser, info, device, note, release: () => session.release() };
}

/** The level of `u` (float32 values) closest to float32(sigma); of two equally close ones the first, as argmin does. */
function nearest(u: readonly number[], sigma: number): number {
  const target = Math.fround(sigma);
  let best = u[0];
  for (const level of u) if (Math.abs(level - target) < Math.abs(best - target)) best = level;
  return best;
}
