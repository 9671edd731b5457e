/** Generation and measurement on their own, without a config or a repository: the palette's short ways. */
import path from 'node:path';
import { UserError } from '../errors';
import { compute } from '../onnx/compute';
import type { TaskControl } from '../progress';
import type { GenerateParams, GenerateResult, MeasureParams, MeasureResult } from '../protocol';
import { detectorName, findInput } from './inputs';

/** Generates images into `outdir` (relative to `base`). */
export async function generateInto(
  params: GenerateParams,
  { onProgress, signal }: TaskControl,
): Promise<GenerateResult> {
  const { network, outdir, base, seeds, steps } = params;
  if (!outdir) throw new UserError('Generate: give a folder for the images');
  const folder = path.resolve(base, outdir);
  const { written, skipped, notes } = await compute(
    {
      kind: 'generate',
      network: await findInput(network, 'network', base, { onProgress, signal }),
      device: 'auto',
      options: { outdir: folder, seeds, steps, class: params.class, grid: `${folder}-grid.png` },
    },
    onProgress,
    signal,
  );
  return { folder, written, skipped, notes };
}

/** Measures a folder or zip of images. */
export async function measureImages(
  params: MeasureParams,
  { onProgress, signal }: TaskControl,
): Promise<MeasureResult> {
  const { images, reference, detector, num, base } = params;
  const { metric, value, notes, ...rest } = await compute(
    {
      kind: 'measure',
      key: 'fd',
      images: path.resolve(base, images),
      reference: await findInput(reference, 'reference', base, { onProgress, signal }),
      detector: await findInput(detectorName({ reference, detector }), 'detector', base, { onProgress, signal }),
      device: 'auto',
      num,
      seed: 0,
      batch: 64,
    },
    onProgress,
    signal,
  );
  return { metric, value, num: rest.num, detector: rest.detector, reference: rest.reference, notes };
}
