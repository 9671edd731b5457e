import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { UserError } from '../errors';
import { fileDigest } from '../file-digest';
import { type OnProgress, ProgressMeter } from '../shared/progress';
import type { Detector, DetectorIdentity } from './detector';
import { metricName } from '../shared/metric-name';
import { frechetDistance } from './frechet-distance';
import {
  checkFurtherOptions,
  FeatureRows,
  furtherMetrics,
  type FurtherMetrics,
  type FurtherOptions,
} from './further-metrics';
import { DEFAULT_BATCH } from '../shared/defaults';
import { formatG } from '../shared/number-text';
import { keptFeatures, loadFeatures, saveFeatures } from './kept-features';
import { ImageSet } from '../images/image-set';
import type { Features } from './kernel-distance';
import type { MatMul } from '../linalg/matmul';
import { loadStatistics, saveStatistics, type Statistics, StatisticsAccumulator } from './statistics';

/** `fid calc`: options as fid.py's. */
export interface MeasureOptions {
  /** Folder or zip of images. */
  images: string;
  /** Reference statistics, `.npz`. */
  ref: string;
  /** How many images to take; more are a seeded random subset, fewer an error. Default: all. */
  num?: number;
  /** Seed of the subset, default 0. */
  seed?: number;
  /** Images at a time, default 64. */
  batch?: number;
  /** File for the statistics of the images. Those in it are used again if nothing has changed. */
  statsDest?: string;
  /** What else to measure. Features of the real images are computed too, unless they are saved. */
  further?: FurtherOptions;
  /** Measure only this one of equal parts of the images, in order. */
  part?: { index: number; of: number };
}

/** `fid ref`. */
export interface ReferenceOptions {
  /** Folder or zip of images, all of which are used. */
  data: string;
  /** File for the statistics, `.npz`. Those in it are used again if nothing has changed. */
  dest: string;
  batch?: number;
  /** Also save the features, next to the statistics, for metrics that need them. */
  keepFeatures?: boolean;
  /** Only these images, by path relative to `data`. */
  only?: readonly string[];
}

/** How a measurement reports progress, is cancelled, and multiplies. */
export interface MeasureControl {
  onProgress?: OnProgress;
  signal?: AbortSignal;
  /** A faster float64 product than plain JavaScript's, if there is one. */
  matmul?: MatMul;
}

/** A measured distance and what it belongs to. */
export interface Measurement extends FurtherMetrics {
  /** `FID` or `FD (<detector>)`. */
  metric: string;
  value: number;
  /** The distances of all repeats in order, of which `value` is the smallest; undefined for a single one. */
  repeats?: number[];
  /** Images measured. */
  num: number;
  detector: DetectorIdentity;
  reference: { name: string; sha256: string; num?: number };
  /** Wall-clock seconds. */
  seconds: number;
  /** Sentences that a reader of the number should know. */
  notes: string[];
}

/** What `reference` did. */
export interface ReferenceSummary {
  num: number;
  seconds: number;
  notes: string[];
}

/**
 * The Frechet distance of images to a reference, as `fid.py calc`.
 * @throws UserError for images or references that cannot be used; CancelledError
 */
export async function measure(
  detector: Detector,
  options: MeasureOptions,
  control: MeasureControl = {},
): Promise<Measurement> {
  const started = performance.now();
  const { ref, batch, statsDest, further = {} } = options;
  checkFurtherOptions(further, existsSync(keptFeatures(ref)));
  const reference = await loadStatistics(ref);
  checkReference(detector, reference, ref);
  const images = await ImageSet.open(options.images, options);
  try {
    const toReal = further.kid || further.pr;
    const rows = toReal || further.extrapolate ? new FeatureRows(images.num, detector.dimension) : undefined;
    const kept = { batch, dest: statsDest, reference, rows };
    const { statistics, reused } = await statisticsOf(detector, images, kept, control);
    const value = await frechetDistance(statistics, reference, control);
    const real = toReal ? await realFeatures(detector, { ref, real: further.real, batch }, control) : undefined;
    const besides = rows && (await furtherMetrics(rows.features, real, reference, further, control));
    const notes = [
      reused && `The images are unchanged: their statistics were taken from ${statsDest}`,
      !reference.detector && `${ref} does not state its detector: make sure that it was ${detector.name}`,
      images.num <= detector.dimension &&
        `N = ${images.num} is not more than the ${detector.dimension} dimensions of ${detector.name}: ` +
          'the distance is biased upwards; compare it at equal N only',
    ];
    return {
      metric: metricName(detector),
      value,
      num: images.num,
      detector: identityOf(detector),
      reference: { name: basename(ref), sha256: await fileDigest(ref), num: reference.num },
      seconds: (performance.now() - started) / 1000,
      notes: notes.filter((note) => typeof note === 'string'),
      ...besides,
    };
  } finally {
    images.close();
  }
}

/**
 * Writes reference statistics of images, as `fid.py ref` does; fid.py can read them.
 * @throws UserError; CancelledError
 */
export async function reference(
  detector: Detector,
  { data, dest, batch, keepFeatures, only }: ReferenceOptions,
  control: MeasureControl = {},
): Promise<ReferenceSummary> {
  const started = performance.now();
  const images = await ImageSet.open(data, { only });
  try {
    const rows = keepFeatures ? new FeatureRows(images.num, detector.dimension) : undefined;
    const { reused, statistics } = await statisticsOf(detector, images, { batch, dest, rows }, control);
    if (rows) await saveFeatures(keptFeatures(dest), rows.features, statistics);
    const notes = reused ? [`The images are unchanged: ${dest} is up to date`] : [];
    return { num: images.num, seconds: (performance.now() - started) / 1000, notes };
  } finally {
    images.close();
  }
}

/**
 * The Frechet distance of equal parts of the images, one after the other, as in the paper, which reports the smallest
 * distance of three times 50,000 images (Karras et al. 2022, appendix F). All distances are returned.
 * @throws UserError as `measure`; CancelledError
 */
export async function measureRepeats(
  detector: Detector,
  options: Omit<MeasureOptions, 'part'>,
  repeats: number,
  control: MeasureControl = {},
): Promise<Measurement> {
  if (repeats === 1) return measure(detector, options, control);
  const all: Measurement[] = [];
  for (let index = 0; index < repeats; index++) {
    const which = `${index + 1} of ${repeats}`;
    all.push(
      await measure(
        detector,
        {
          ...options,
          part: { index, of: repeats },
          statsDest: options.statsDest?.replace(/(\.npz)?$/, `-${index + 1}.npz`),
        },
        {
          ...control,
          onProgress: (progress) => control.onProgress?.({ ...progress, phase: `${progress.phase} ${which}` }),
        },
      ),
    );
  }
  const least = all.reduce((best, one) => (one.value < best.value ? one : best));
  const notes = new Set(all.flatMap((one) => one.notes));
  const seconds = all.reduce((sum, one) => sum + one.seconds, 0);
  return { ...least, repeats: all.map(({ value }) => value), seconds, notes: [...notes] };
}

function identityOf({ name, sha256, dimension, published }: DetectorIdentity): DetectorIdentity {
  return { name, sha256, dimension, published };
}

/**
 * Checks that statistics were made with the same detector; features of different detectors cannot be compared.
 * @throws UserError if they were not, or have another dimension
 */
export function checkReference(detector: DetectorIdentity, { mu, detector: maker }: Statistics, ref: string): void {
  const advice = 'make a reference with: edm-workbench fid ref --data IMAGES --dest R.npz, and the same detector';
  if (mu.length !== detector.dimension) {
    const found = `${ref} has ${mu.length} dimensions${maker ? ` (${maker.name})` : ''}`;
    throw new UserError(`${found}, the detector ${detector.name} ${detector.dimension}: ${advice}`);
  }
  if (maker && maker.sha256 !== detector.sha256) {
    const text = ({ name, sha256 }: DetectorIdentity): string => `${name} (sha256 ${sha256.slice(0, 12)})`;
    throw new UserError(`${ref} was made with the detector ${text(maker)}, not with ${text(detector)}: ${advice}`);
  }
}

function checkResolution({ name, resolution }: Detector, path: string, height: number, width: number): void {
  if (resolution === undefined || (height === resolution && width === resolution)) return;
  const taken = `the detector ${name} takes ${resolution} x ${resolution}`;
  throw new UserError(`The images in ${path} are ${width} x ${height}, ${taken}: choose another detector`);
}

/** Features of the real images, in order: those saved next to the reference if they are of these images, or computed. */
async function realFeatures(
  detector: Detector,
  { ref, real, batch }: { ref: string; real?: string; batch?: number },
  control: MeasureControl,
): Promise<Features> {
  const kept = await loadFeatures(keptFeatures(ref), detector);
  if (real === undefined) {
    if (kept) return kept.features;
    throw new UserError(
      `${keptFeatures(ref)} was made with another detector than ${detector.name}: add --real DIR|ZIP`,
    );
  }
  const images = await ImageSet.open(real);
  try {
    if (kept && kept.source === images.digest) return kept.features;
    const rows = new FeatureRows(images.num, detector.dimension);
    const meter = new ProgressMeter('Measuring real images', images.num, control.onProgress);
    await forEachBatch(detector, images, batch, control, (features) => {
      rows.add(features);
      meter.update(rows.features.n);
      return Promise.resolve();
    });
    return rows.features;
  } finally {
    images.close();
  }
}

/**
 * Statistics of a set of images: those saved at `dest` if they are still valid, or measured and saved there.
 * @param options `rows` takes the features themselves, which saved statistics do not have
 */
async function statisticsOf(
  detector: Detector,
  images: ImageSet,
  { batch, dest, reference, rows }: { batch?: number; dest?: string; reference?: Statistics; rows?: FeatureRows },
  control: MeasureControl,
): Promise<{ statistics: Statistics; reused: boolean }> {
  const source = images.digest;
  const saved = dest === undefined || rows ? undefined : await savedStatistics(dest);
  if (saved?.source === source && saved.detector?.sha256 === detector.sha256 && saved.num === images.num) {
    return { statistics: saved, reused: true };
  }
  const accumulator = new StatisticsAccumulator(detector.dimension, control.matmul);
  const meter = new ProgressMeter('Measuring', images.num, control.onProgress);
  const interim = reference && new InterimDistance(detector.published ? 'FID' : 'FD', reference, control);
  await forEachBatch(detector, images, batch, control, async (features, n) => {
    await accumulator.add(features, n);
    rows?.add(features);
    meter.update(accumulator.num, await interim?.note(accumulator));
  });
  const statistics = { ...(await accumulator.statistics()), detector: identityOf(detector), source };
  if (dest !== undefined) await saveStatistics(dest, statistics);
  return { statistics, reused: false };
}

/** Calls `take` with the features of one batch after the other. */
async function forEachBatch(
  detector: Detector,
  images: ImageSet,
  batch = DEFAULT_BATCH,
  { signal }: MeasureControl,
  take: (features: Float32Array, n: number) => Promise<void>,
): Promise<void> {
  const batches = images.batches(batch, detector.channels, signal);
  // While the detector computes one batch, the next one is read and decoded.
  let running = Promise.resolve();
  try {
    for await (const { data, n, channels, height, width } of batches) {
      checkResolution(detector, images.path, height, width);
      await running;
      running = detector.features(data, n, channels, height, width).then((features) => take(features, n));
      running.catch(() => undefined); // awaited above, but perhaps only after the next batch has been decoded
    }
    await running;
  } finally {
    // Whatever ended the loop, the detector must be idle when it is released. The loop's error is the one to report.
    await running.catch(() => undefined);
  }
}

/** The statistics at `dest`; undefined if they cannot be read, since they will be replaced. */
async function savedStatistics(dest: string): Promise<Statistics | undefined> {
  try {
    return await loadStatistics(dest);
  } catch {
    return undefined;
  }
}

/** Shortest time between two interim distances, in ms. */
const INTERIM_INTERVAL = 5000;
/** Largest share of the time that interim distances may take. */
const INTERIM_SHARE = 0.02;
/** Time of one distance, in ms per cubed dimension: 5 s at 2048, 1 ms at 128. */
const INTERIM_COST = 5e3 / 2048 ** 3;

/** The distance so far, for the progress of long measurements. How often depends on its cost: at 2048 dimensions every four minutes. */
class InterimDistance {
  private last = performance.now();
  private latest: string | undefined;

  constructor(
    private readonly name: 'FID' | 'FD',
    private readonly reference: Statistics,
    private readonly control: MeasureControl,
  ) {}

  /** The latest interim distance; a new one if enough time has passed. */
  async note(accumulator: StatisticsAccumulator): Promise<string | undefined> {
    const cost = INTERIM_COST * accumulator.dimension ** 3;
    const due = this.last + Math.max(INTERIM_INTERVAL, cost / INTERIM_SHARE);
    if (performance.now() < due || accumulator.num < 2) return this.latest;
    const value = await frechetDistance(await accumulator.statistics(), this.reference, this.control);
    this.last = performance.now();
    this.latest = `${this.name} so far ${formatG(value)} (N = ${accumulator.num}, not final)`;
    return this.latest;
  }
}
