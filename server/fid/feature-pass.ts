/** All images of a set through a detector, one batch after the other. */
import { CancelledError, UserError } from '../errors';
import { removeFile } from '../held-file';
import { CONTENT_DIGEST, type ImageBatch, type ImageSet } from '../images/image-set';
import { DEFAULT_BATCH } from '../shared/defaults';
import type { Detector } from './detector';
import { FeatureJournal } from './feature-journal';

/** How a pass is controlled. */
export interface PassOptions {
  batch?: number;
  signal?: AbortSignal;
  /** Where features are kept until the measurement ends, so that it can be continued. */
  journals?: Journals;
}

/** Features that are kept while a measurement is under way. */
export class Journals {
  private readonly used: string[] = [];

  constructor(readonly folder: string) {}

  /** @returns undefined where nothing can be kept */
  async open(detector: Detector, measurement: Readonly<Record<string, unknown>>): Promise<FeatureJournal | undefined> {
    const journal = await FeatureJournal.open(this.folder, detector, measurement);
    if (journal) this.used.push(journal.path);
    return journal;
  }

  /** Removes what was kept: the measurement is complete. */
  async remove(): Promise<void> {
    for (const path of this.used) await removeFile(path);
  }
}

/**
 * Calls `take` with the features of one batch after the other. What an earlier pass over the same images had computed before
 * it was interrupted is taken from its journal.
 * @throws UserError naming an image that cannot be used; CancelledError, which says what is kept
 */
export async function forEachBatch(
  detector: Detector,
  images: ImageSet,
  { batch = DEFAULT_BATCH, signal, journals }: PassOptions,
  take: (features: Float32Array, n: number) => Promise<void>,
): Promise<void> {
  const about = { images: images.path, num: images.num, channels: detector.channels, pixels: CONTENT_DIGEST };
  const journal = await journals?.open(detector, about);
  try {
    await pass(detector, images, { batch, signal, journal }, take);
  } catch (error) {
    if (error instanceof CancelledError) throw new CancelledError(keptText(journal?.num ?? 0, images.num));
    throw error;
  } finally {
    await journal?.close();
  }
}

function keptText(kept: number, num: number): string {
  if (kept === 0) return 'Cancelled: nothing is kept of the measurement';
  return `Cancelled: the features of ${kept} of ${num} images are kept; run the same command again to continue`;
}

async function pass(
  detector: Detector,
  images: ImageSet,
  { batch, signal, journal }: { batch: number; signal?: AbortSignal; journal?: FeatureJournal },
  take: (features: Float32Array, n: number) => Promise<void>,
): Promise<void> {
  const batches = images.batches(batch, detector.channels, signal);
  // While the detector computes one batch, the next one is read and decoded.
  let running = Promise.resolve();
  try {
    for await (const next of batches) {
      checkResolution(detector, images.path, next);
      await running;
      running = featuresOf(detector, next, journal).then((features) => take(features, next.n));
      running.catch(() => undefined); // awaited above, but perhaps only after the next batch has been decoded
    }
    await running;
  } finally {
    // Whatever ended the loop, the detector must be idle when it is released. The loop's error is the one to report.
    await running.catch(() => undefined);
  }
}

/** Features of a batch [n, dimension], of which the journal may have some. */
async function featuresOf(detector: Detector, batch: ImageBatch, journal?: FeatureJournal): Promise<Float32Array> {
  const { data, n, channels, height, width, digests } = batch;
  if (!journal) return detector.features(data, n, channels, height, width);
  const d = detector.dimension;
  const all = new Float32Array(n * d);
  const missing: number[] = [];
  for (const [i, digest] of digests.entries()) {
    const found = await journal.find(digest);
    if (found) all.set(found, i * d);
    else missing.push(i);
  }
  if (missing.length === 0) return all;
  const size = data.length / n;
  const rest = missing.length === n ? data : new Uint8Array(missing.length * size);
  if (rest !== data) missing.forEach((i, at) => rest.set(data.subarray(i * size, (i + 1) * size), at * size));
  const fresh = await detector.features(rest, missing.length, channels, height, width);
  await journal.add(missing.map((i) => digests[i]!), fresh); // prettier-ignore
  missing.forEach((i, at) => all.set(fresh.subarray(at * d, (at + 1) * d), i * d));
  return all;
}

function checkResolution({ name, resolution }: Detector, path: string, { height, width }: ImageBatch): void {
  if (resolution === undefined || (height === resolution && width === resolution)) return;
  const taken = `the detector ${name} takes ${resolution} x ${resolution}`;
  throw new UserError(`The images in ${path} are ${width} x ${height}, ${taken}: choose another detector`);
}
