/** Generation and measurement on their own, without a config: the palette's short ways. */
import path from 'node:path';
import { UserError } from '../errors';
import { fileMeasurement, filingOf, unfiled } from './measured';
import { provenanceOf } from './provenance';
import { publishedText } from '../history/published-fids';
import { compute } from '../compute/compute-process';
import { generateImages } from '../compute/pool';
import { modelText } from '../models/model-text';
import { DEFAULT_BATCH } from '../shared/defaults';
import type { TaskControl } from '../shared/progress';
import type {
  GenerateParams,
  GenerateResult,
  ImportParams,
  ImportResult,
  MeasureParams,
  MeasureResult,
} from '../shared/protocol';
import { fetchInput, resolveDetector, resolveInput } from './input';

/** Generates images into `outdir` (relative to `base`). */
export async function generateInto(
  params: GenerateParams,
  { onProgress, signal }: TaskControl,
): Promise<GenerateResult> {
  const { network, outdir, base, seeds, steps } = params;
  if (!outdir) throw new UserError('Generate: give a folder for the images');
  const folder = path.resolve(base, outdir);
  const { written, skipped, notes } = await generateImages(
    {
      kind: 'generate',
      network: await fetchInput(resolveInput(network, 'network', base), { onProgress, signal }),
      device: 'auto',
      options: { outdir: folder, seeds, steps, class: params.class, grid: `${folder}-grid.png` },
    },
    { onProgress, signal },
  );
  return { folder, written, skipped, notes };
}

/** Makes an ONNX file of a network or detector. */
export async function importInto(
  { source, dest }: ImportParams,
  { onProgress, signal }: TaskControl,
): Promise<ImportResult> {
  return { text: modelText(await compute({ kind: 'import', source, dest }, onProgress, signal)) };
}

/**
 * Measures a folder or zip of images. Inside a git repository the result enters its history: with the run or the
 * settings that made the images where the folder tells, and the commit of that run or the one checked out.
 */
export async function measureImages(
  params: MeasureParams,
  { onProgress, signal }: TaskControl,
): Promise<MeasureResult> {
  const { images, reference, detector, num, base } = params;
  const folder = path.resolve(base, images);
  const referenceInput = resolveInput(reference, 'reference', base);
  const filing = await filingOf(folder).catch(unfiled);
  const measured = await compute(
    {
      kind: 'measure',
      key: 'fd',
      images: folder,
      reference: await fetchInput(referenceInput, { onProgress, signal }),
      detector: await fetchInput(resolveDetector({ reference, detector }, base), { onProgress, signal }),
      device: 'auto',
      num,
      seed: 0,
      batch: DEFAULT_BATCH,
    },
    onProgress,
    signal,
  );
  const named = { ...measured, reference: { ...measured.reference, name: referenceInput.name } };
  const { metric, value, notes } = measured;
  const outcome = { metric, value, num: measured.num, detector: measured.detector, reference: named.reference };
  const provenance = filing instanceof UserError ? await provenanceOf(folder) : filing.provenance;
  const published = publishedText({ ...named, ...provenance });
  const record = filing instanceof UserError ? filing : await fileMeasurement(filing, named).catch(unfiled);
  if (record instanceof UserError)
    return { ...outcome, published, notes: [...notes, `Not in the history: ${record.message}`] };
  return { ...outcome, published, notes, record };
}
