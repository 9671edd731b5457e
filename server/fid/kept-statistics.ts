/** Saved statistics: merging those of several tasks, and comparing two without looking at images. */
import { basename } from 'node:path';
import { isSameDetector } from '../detector-identity';
import { UserError } from '../errors';
import { fileDigest } from '../file-digest';
import type { DetectorIdentity } from './detector';
import { metricName } from '../shared/metric-name';
import { frechetDistance } from './frechet-distance';
import { checkReference, convertedText, type MeasureControl, projectedText } from './measurement';
import { loadStatistics, saveStatistics, type Statistics, StatisticsAccumulator } from './statistics';

/** The distance of statistics to a reference. */
export interface Comparison {
  /** `FID` or `FD (<detector>)`. */
  metric: string;
  value: number;
  /** Images measured; fid.py's files do not state it. */
  num?: number;
  /** What made the features; fid.py's files do not state it. */
  detector?: DetectorIdentity;
  reference: { name: string; sha256: string; num?: number };
  notes: string[];
}

/**
 * Merges the statistics of parts of a set, e.g. of the tasks of a job array. Except for rounding, the result is that of
 * the whole set in one pass.
 * @param files two or more
 * @returns the number of images
 * @throws UserError for statistics of different detectors, of unknown numbers of images, or of the same images twice
 */
export async function mergeStatistics(files: readonly string[], dest: string): Promise<number> {
  const parts: Statistics[] = [];
  for (const file of files) parts.push(await loadStatistics(file));
  const [first] = parts;
  if (!first || parts.length < 2) throw new UserError('Give two or more statistics files to merge');
  const accumulator = new StatisticsAccumulator(first.mu.length);
  for (const [i, part] of parts.entries()) {
    if (part.num === undefined) {
      throw new UserError(`${files[i]} does not state its number of images: it cannot be merged`);
    }
    if (part.mu.length !== first.mu.length || !haveSameDetector(part, first)) {
      const maker = ({ detector, mu }: Statistics): string =>
        detector?.name ?? `an unknown detector of ${mu.length} features`;
      throw new UserError(
        `${files[0]} was made with ${maker(first)}, ${files[i]} with ${maker(part)}: they cannot be merged`,
      );
    }
    const twin = parts.findIndex(({ source }) => source !== undefined && source === part.source);
    if (twin >= 0 && twin < i) throw new UserError(`${files[twin]} and ${files[i]} are of the same images`);
    accumulator.merge(part);
  }
  const merged = await accumulator.statistics();
  const converted = convertedIn(parts);
  await saveStatistics(dest, { ...merged, detector: first.detector, ...(converted && { converted }) });
  return accumulator.num;
}

/** How many images of all parts were converted, by kind; undefined where none was. */
function convertedIn(parts: readonly Statistics[]): Statistics['converted'] {
  const counts = new Map<string, number>();
  for (const { converted = {} } of parts)
    for (const [kind, count] of Object.entries(converted)) counts.set(kind, (counts.get(kind) ?? 0) + count);
  return counts.size > 0 ? Object.fromEntries(counts) : undefined;
}

/** Whether both name the same detector, or neither names one. */
function haveSameDetector({ detector: a }: Statistics, { detector: b }: Statistics): boolean {
  return a && b ? isSameDetector(a, b) : a === b;
}

/**
 * The Frechet distance of saved statistics to a reference, without looking at the images again.
 * @throws UserError for files that cannot be read or compared; CancelledError
 */
export async function compareStatistics(file: string, ref: string, control: MeasureControl = {}): Promise<Comparison> {
  const { matmul } = control;
  const other = await loadStatistics(ref, { matmul });
  const statistics = await loadStatistics(file, { matmul, dimension: other.mu.length });
  // A file that has several is read again for the dimension of the other, which may be the only one of its kind.
  const same = other.mu.length === statistics.mu.length;
  const reference = same ? other : await loadStatistics(ref, { matmul, dimension: statistics.mu.length });
  const { detector, num } = statistics;
  const { converted } = statistics;
  const notes = [
    ...(statistics.notes ?? []),
    ...(reference.notes ?? []),
    ...(converted ? [convertedText(converted)] : []),
  ];
  if (detector) checkReference(detector, reference, ref);
  const unknown = [detector ? [] : file, reference.detector ? [] : ref].flat();
  if (unknown.length > 0) {
    notes.push(`${unknown.join(' and ')} do not state their detector: make sure that it was the same`);
  }
  const known = detector ?? reference.detector;
  return {
    metric: known ? metricName(known) : 'FD (unknown detector)',
    value: await frechetDistance(statistics, reference, {
      ...control,
      onProjected: (side) => notes.push(projectedText(side === reference ? ref : file)),
    }),
    num,
    detector,
    reference: { name: basename(ref), sha256: await fileDigest(ref), num: reference.num },
    notes,
  };
}
