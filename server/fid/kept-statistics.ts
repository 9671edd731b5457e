/** Statistics that are there already: adding those of several jobs, and comparing two without an image. */
import { basename } from 'node:path';
import { UserError } from '../errors';
import { fileDigest } from '../file-digest';
import type { DetectorIdentity } from './detector';
import { metricName } from '../shared/metric-name';
import { frechetDistance } from './frechet-distance';
import { checkReference, type MeasureControl } from './measurement';
import { loadStatistics, saveStatistics, type Statistics, StatisticsAccumulator } from './statistics';

/** The distance of statistics to a reference. */
export interface Comparison {
  /** `FID` or `FD (<detector>)`. */
  metric: string;
  value: number;
  /** Images behind the statistics; absent in fid.py's files. */
  num?: number;
  /** Absent in fid.py's files. */
  detector?: DetectorIdentity;
  reference: { name: string; sha256: string; num?: number };
  notes: string[];
}

/**
 * Adds the statistics of parts of a set, e.g. of the shards of several jobs: the same as of the whole in one pass, to
 * rounding.
 * @param files two or more
 * @returns how many images that is
 * @throws UserError for statistics of different detectors, of unknown numbers of images, or of the same images twice
 */
export async function mergeStatistics(files: readonly string[], dest: string): Promise<number> {
  if (files.length < 2) throw new UserError('Give two or more statistics files to merge');
  const parts: Statistics[] = [];
  for (const file of files) parts.push(await loadStatistics(file));
  const [first] = parts;
  const accumulator = new StatisticsAccumulator(first.mu.length);
  for (const [i, part] of parts.entries()) {
    if (part.num === undefined) {
      throw new UserError(`${files[i]} does not say of how many images it is: it cannot be merged`);
    }
    if (part.mu.length !== first.mu.length || part.detector?.sha256 !== first.detector?.sha256) {
      const [a, b] = [first, part].map(({ detector, mu }) => detector?.name ?? `an unknown detector of ${mu.length}`);
      throw new UserError(`${files[0]} was made with ${a}, ${files[i]} with ${b}: they cannot be merged`);
    }
    const twin = parts.findIndex(({ source }) => source !== undefined && source === part.source);
    if (twin >= 0 && twin < i) throw new UserError(`${files[twin]} and ${files[i]} are of the same images`);
    accumulator.merge(part);
  }
  const merged = await accumulator.statistics();
  await saveStatistics(dest, { ...merged, detector: first.detector });
  return accumulator.num;
}

/**
 * The Frechet distance of statistics that were kept: a second reference costs no second look at the images.
 * @throws UserError for files that cannot be read or do not compare; CancelledError
 */
export async function compareStatistics(file: string, ref: string, control: MeasureControl = {}): Promise<Comparison> {
  const [statistics, reference] = [await loadStatistics(file), await loadStatistics(ref)];
  const { detector, num } = statistics;
  const notes: string[] = [];
  if (detector) checkReference(detector, reference, ref);
  const unknown = [file, ref].filter((_, i) => ![statistics, reference][i].detector);
  if (unknown.length > 0) {
    notes.push(`${unknown.join(' and ')} do not say which detector made them: make sure it was the same`);
  }
  const known = detector ?? reference.detector;
  return {
    metric: known ? metricName(known) : 'FD (unknown detector)',
    value: await frechetDistance(statistics, reference, control),
    num,
    detector,
    reference: { name: basename(ref), sha256: await fileDigest(ref), num: reference.num },
    notes,
  };
}
