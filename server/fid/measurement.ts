import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { detectorRecord, detectorWarning, isSameDetector } from '../detector-identity';
import { CancelledError, UserError } from '../errors';
import { forEachBatch, type Journals } from './feature-pass';
import { checkDestination, checkSets } from './early-checks';
import { InterimDistance } from './interim-distance';
import { fileDigest } from '../file-digest';
import { type OnProgress, ProgressMeter } from '../shared/progress';
import type { Detector, DetectorIdentity } from './detector';
import { metricName } from '../shared/metric-name';
import { FeatureFile } from './feature-file';
import { frechetDistance, type Gaussian } from './frechet-distance';
import { Influence, LEAST_PER_DIMENSION, standardError } from './influence';
import { keptError, saveInfluence } from './kept-influence';
import {
  checkFurtherOptions,
  FeatureRows,
  furtherMetrics,
  type FurtherMetrics,
  type FurtherOptions,
} from './further-metrics';
import { keptFeatures, loadFeatures, saveFeatures } from './kept-features';
import { CONTENT_DIGEST, ImageSet } from '../images/image-set';
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
  /** Convert images of other kinds (palette, alpha, WebP, BMP) instead of refusing them. */
  convert?: boolean;
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
  /** As of `MeasureOptions`. */
  convert?: boolean;
}

/** How a measurement reports progress, is cancelled, and multiplies. */
export interface MeasureControl {
  onProgress?: OnProgress;
  signal?: AbortSignal;
  /** A faster float64 product than plain JavaScript's, if there is one. */
  matmul?: MatMul;
  /** Where features are kept until it ends; without it an interrupted one begins anew. */
  journals?: Journals;
}

/** A measured distance and what it belongs to. */
export interface Measurement extends FurtherMetrics {
  /** `FID` or `FD (<detector>)`. */
  metric: string;
  value: number;
  /** Of the value at N images; undefined where it is not known. */
  standard_error?: number;
  /** The distances of all repeats in order, of which `value` is the smallest; undefined for a single one. */
  repeats?: number[];
  /** Images measured. */
  num: number;
  /** How many of them were converted, by kind; undefined where none was. */
  converted?: Record<string, number>;
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
  /** False where the statistics were there already, of the same images and detector. */
  written: boolean;
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
  const reference = await loadStatistics(ref, { dimension: detector.dimension, matmul: control.matmul });
  checkReference(detector, reference, ref);
  const images = await ImageSet.open(options.images, options);
  try {
    if (statsDest !== undefined) await checkDestination(statsDest, [ref]);
    await checkSets(images.num, detector, ref, further);
    const toReal = further.kid || further.pr;
    const rows = toReal || further.extrapolate ? new FeatureRows(images.num, detector.dimension) : undefined;
    const again =
      images.num > LEAST_PER_DIMENSION * detector.dimension ? await FeatureFile.create(detector.dimension) : undefined;
    const kept = { batch, dest: statsDest, reference, rows, again };
    const sha256 = await fileDigest(ref);
    const { value, reused, error, projected, converted } = await distanceOf(
      detector,
      images,
      { ...kept, sha256 },
      control,
    ).finally(() => again?.close());
    const real = toReal
      ? await realFeatures(detector, { ref, real: further.real, batch, convert: options.convert }, control)
      : undefined;
    const besides = rows && (await furtherMetrics(rows.features, real, reference, further, control));
    const notes = [
      detectorWarning(detector),
      ...(reference.notes ?? []),
      ...images.notes,
      ...(converted ? [convertedText(converted)] : []),
      ...projected.map((side) => projectedText(side === 'reference' ? ref : 'the images')),
      typeof error === 'string' && `No standard error: ${error}`,
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
      ...(converted && { converted }),
      detector: detectorRecord(detector),
      reference: { name: basename(ref), sha256, num: reference.num },
      ...(typeof error === 'number' && { standard_error: error }),
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
  { data, dest, batch, keepFeatures, only, convert }: ReferenceOptions,
  control: MeasureControl = {},
): Promise<ReferenceSummary> {
  const started = performance.now();
  await checkDestination(dest, [data]);
  const images = await ImageSet.open(data, { only, convert });
  try {
    const rows = keepFeatures ? new FeatureRows(images.num, detector.dimension) : undefined;
    const { reused, statistics } = await statisticsOf(detector, images, { batch, dest, rows }, control);
    if (rows) await saveFeatures(keptFeatures(dest), rows.features, statistics);
    const { converted } = statistics;
    const warning = detectorWarning(detector);
    const notes = [
      ...(warning ? [warning] : []),
      ...images.notes,
      ...(converted ? [convertedText(converted)] : []),
      ...(reused ? [`The images are unchanged: ${dest} is up to date`] : []),
    ];
    return { num: images.num, written: !reused, seconds: (performance.now() - started) / 1000, notes };
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
  if (maker && !isSameDetector(maker, detector)) {
    const text = ({ name, sha256 }: DetectorIdentity): string => `${name} (sha256 ${sha256.slice(0, 12)})`;
    throw new UserError(`${ref} was made with the detector ${text(maker)}, not with ${text(detector)}: ${advice}`);
  }
}

/** The note that images were converted. @param kinds how many of each */
export function convertedText(kinds: Readonly<Record<string, number>>): string {
  const counts = Object.entries(kinds).map(([kind, count]) => `${count} ${kind}`);
  return `Images were converted (--convert), which fid.py refuses or reads in another way: ${counts.join(', ')}`;
}

/** That a covariance was projected. @param whose file, or words for it */
export function projectedText(whose: string): string {
  return (
    `The covariance of ${whose} is indefinite by rounding, as float32 ones of few images are: it was projected, ` +
    'that is, directions that are not larger than the rounding noise were left out'
  );
}

/** Features of the real images, in order: those saved next to the reference if they are of these images, or computed. */
async function realFeatures(
  detector: Detector,
  { ref, real, batch, convert }: { ref: string; real?: string; batch?: number; convert?: boolean },
  control: MeasureControl,
): Promise<Features> {
  const kept = await loadFeatures(keptFeatures(ref), detector);
  if (real === undefined) {
    if (kept) return kept.features;
    throw new UserError(
      `${keptFeatures(ref)} was made with another detector than ${detector.name}: add --real DIR|ZIP`,
    );
  }
  const images = await ImageSet.open(real, { convert });
  try {
    if (kept && kept.source === (await images.digest(control.signal))) return kept.features;
    const rows = new FeatureRows(images.num, detector.dimension);
    const meter = new ProgressMeter('Measuring real images', images.num, control.onProgress);
    await forEachBatch(detector, images, { ...control, batch }, (features) => {
      rows.add(features);
      meter.update(rows.features.n);
      return Promise.resolve();
    });
    return rows.features;
  } finally {
    images.close();
  }
}

/** Where statistics are kept, what they are compared with while they grow, and what else takes the features. */
interface StatisticsOptions {
  batch?: number;
  dest?: string;
  reference?: Statistics;
  rows?: FeatureRows;
  again?: FeatureFile;
}

/**
 * The distance of images, and its standard error or why there is none.
 * @param options `sha256` of the reference's file
 */
async function distanceOf(
  detector: Detector,
  images: ImageSet,
  options: StatisticsOptions & { reference: Statistics; sha256: string },
  control: MeasureControl,
): Promise<{
  value: number;
  reused: boolean;
  error: number | string;
  projected: ('images' | 'reference')[];
  converted?: Record<string, number>;
}> {
  const { again, dest, reference, sha256 } = options;
  const { statistics, reused } = await statisticsOf(detector, images, options, control);
  const projected: ('images' | 'reference')[] = [];
  const onProjected = (side: Gaussian): void => void projected.push(side === reference ? 'reference' : 'images');
  const value = await frechetDistance(statistics, reference, { ...control, onProjected });
  const result = { value, reused, projected, converted: statistics.converted };
  const { dimension } = detector;
  if (!again) {
    const needed = `more than ${LEAST_PER_DIMENSION * dimension} images are needed for ${dimension} dimensions`;
    return { ...result, error: `${needed}, here are ${images.num}` };
  }
  if (reused) {
    const error = dest === undefined ? undefined : await keptError(dest, sha256, dimension);
    return {
      ...result,
      error: error ?? `${dest} was measured against another reference; measure again without it to know it`,
    };
  }
  if (again.problem !== undefined)
    return { ...result, error: `features could not be kept meanwhile: ${again.problem}` };
  const total = images.num;
  control.onProgress?.({ phase: 'Measuring', done: total, total, note: 'Standard error: derivative of the distance' });
  const influence = await Influence.between(statistics, reference, value, control);
  const psi = new Float64Array(images.num);
  let done = 0;
  for await (const { features, count } of again.rows()) {
    if (control.signal?.aborted) throw new CancelledError();
    psi.set(await influence.of(features, count), done);
    done += count;
    const note = `Standard error: ${done} images looked at again`;
    control.onProgress?.({ phase: 'Measuring', done: total, total, note });
  }
  const error = standardError(psi, dimension) ?? 'too few images';
  // A record with such a number could not be read again.
  if (typeof error === 'number' && !Number.isFinite(error)) return { ...result, error: 'it came out as no number' };
  if (dest !== undefined) await saveInfluence(dest, statistics, psi, sha256);
  return { ...result, error };
}

/**
 * Statistics of a set of images: those saved at `dest` if they are still valid, or measured and saved there.
 * @param options `rows` and `again` take the features themselves, which saved statistics do not have
 */
async function statisticsOf(
  detector: Detector,
  images: ImageSet,
  { batch, dest, reference, rows, again }: StatisticsOptions,
  control: MeasureControl,
): Promise<{ statistics: Statistics; reused: boolean }> {
  const saved = dest === undefined || rows ? undefined : await savedStatistics(dest);
  if (saved && (await isStatisticsOf(saved, detector, images, control))) return { statistics: saved, reused: true };
  const accumulator = new StatisticsAccumulator(detector.dimension, control.matmul);
  const meter = new ProgressMeter('Measuring', images.num, control.onProgress);
  const interim = reference && new InterimDistance(detector.published ? 'FID' : 'FD', reference, control);
  await forEachBatch(detector, images, { ...control, batch }, async (features, n) => {
    await accumulator.add(features, n);
    rows?.add(features);
    await again?.add(features);
    meter.update(accumulator.num, await interim?.note(accumulator));
  });
  const source = await images.digest(control.signal);
  const converted = images.converted.size > 0 ? Object.fromEntries(images.converted) : undefined;
  const statistics = {
    ...(await accumulator.statistics()),
    detector: detectorRecord(detector),
    source,
    ...(converted && { converted }),
  };
  if (dest !== undefined) await saveStatistics(dest, statistics);
  return { statistics, reused: false };
}

/** Whether saved statistics are of these images, by their bytes, and of this detector. The images are read for it. */
async function isStatisticsOf(
  { detector: maker, mu, num, source, converted }: Statistics,
  detector: Detector,
  images: ImageSet,
  { onProgress, signal }: MeasureControl,
): Promise<boolean> {
  if (num !== images.num || mu.length !== detector.dimension || (converted && !images.converts)) return false;
  if (!maker || !isSameDetector(maker, detector) || !source?.startsWith(CONTENT_DIGEST)) return false;
  onProgress?.({ phase: 'Comparing with the images measured before', done: 0, total: images.num });
  return source === (await images.digest(signal));
}

/** The statistics at `dest`; undefined if they cannot be read, since they will be replaced. */
async function savedStatistics(dest: string): Promise<Statistics | undefined> {
  try {
    return await loadStatistics(dest);
  } catch {
    return undefined;
  }
}
