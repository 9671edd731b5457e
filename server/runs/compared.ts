/** What `fid compare` is given: runs, records of the history, or statistics. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { parseSeeds } from '../diffusion/seeds';
import { isSamePlace } from '../canonical-path';
import { UserError } from '../errors';
import { incomparable, type Distance } from '../fid/difference';
import { standardError } from '../fid/influence';
import { loadInfluence } from '../fid/kept-influence';
import { repositoryRoot } from '../git';
import { readHistory } from '../history/history-store';
import type { HistoryRecord } from '../shared/schema-types.gen';
import { readManifest } from './manifest';

/** A distance with what is known of its images. */
export interface Measured extends Distance {
  /** `<commit>-<name>`, or the statistics' file. */
  label: string;
  /** Full hash; undefined for statistics. */
  commit?: string;
  /** As generate.py takes them; undefined where they are not known. */
  seeds?: string;
  /** Where the statistics of the images may lie, absolute. */
  statistics: readonly string[];
}

/**
 * The distances of a run folder, of a folder of images in one, or of records of the history of the repository around `cwd`.
 * @param name a folder, or the beginning of a record's id or commit (4 or more digits), or a run's name
 * @throws UserError where there is nothing of that name, or more than one run
 */
export async function measuredBy(name: string, cwd: string): Promise<Measured[]> {
  const folder = path.resolve(cwd, name);
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory()) {
    const own = await readManifest(folder);
    const run = own ? folder : path.dirname(folder);
    const { results = [] } = own ?? (await readManifest(run)) ?? {};
    const measured = results.map((result) => measuredOf(result, [run]));
    // Images that `fid calc` measured later have records only.
    const records = measured.length > 0 ? [] : await recordsOf((record, root) => isSamePlace(path.resolve(root, record.run), folder), folder); // prettier-ignore
    if (measured.length + records.length === 0) {
      throw new UserError(
        `${name} holds no measured run: measure it with edm-workbench fid calc, or name a run's folder`,
      );
    }
    return [...measured, ...records];
  }
  const matches = await recordsOf((record) => isOf(record, name), cwd);
  const labels = new Set(matches.map(({ label }) => label));
  if (labels.size === 1) return matches;
  const which = labels.size > 1 ? `several runs: ${[...labels].slice(0, 8).join(', ')}` : 'no run folder and no record of the history'; // prettier-ignore
  throw new UserError(`${name} is ${which}; name a run's folder, a record's id, or <commit>-<name>`);
}

/** Whether a record is of this name: the beginning of its id or commit (4 or more digits), its run's name, or both. */
export function isOf({ id, code, name: run }: HistoryRecord, name: string): boolean {
  const isBegun = (whole: string): boolean => /^[\da-f]{4,}$/.test(name) && whole.startsWith(name);
  return isBegun(id) || isBegun(code.commit) || run === name || `${code.short}-${run}` === name;
}

/** Records of the history around a folder. */
async function recordsOf(
  matches: (record: HistoryRecord, root: string) => boolean,
  folder: string,
): Promise<Measured[]> {
  const root = await repositoryRoot(folder).catch(() => undefined);
  if (root === undefined) return [];
  const { records } = await readHistory(root);
  return records
    .filter((record) => matches(record, root))
    .map((record) => {
      // The run's folder, or its images.
      const run = path.resolve(root, record.run);
      return measuredOf(record, [run, path.dirname(run)]);
    });
}

/** A record's distance. @param folders where the statistics of its images may lie, absolute */
export function measuredOf(record: HistoryRecord, folders: readonly string[]): Measured {
  const { code, name, metric, value, standard_error, num, detector, reference, seeds } = record;
  const statistics = folders.map((folder) => path.join(folder, 'stats.npz'));
  return {
    label: `${code.short}${code.dirty ? '-dirty' : ''}-${name}`,
    commit: code.commit,
    ...{ metric, value, standard_error, num, detector, reference, seeds, statistics },
  };
}

/**
 * The pairs of both that can be compared, the last measured first.
 * @throws UserError where there are none, with the reason for the last of each
 */
export function comparablePairs(a: readonly Measured[], b: readonly Measured[]): [Measured, Measured][] {
  const pairs = a.toReversed().flatMap((one): [Measured, Measured][] => {
    const other = b.findLast((candidate) => incomparable(one, candidate) === undefined);
    return other ? [[one, other]] : [];
  });
  if (pairs.length > 0) return pairs;
  const [lastA, lastB] = [a.at(-1), b.at(-1)];
  throw new UserError((lastA && lastB && incomparable(lastA, lastB)) ?? 'Nothing was measured');
}

/**
 * Influences of the images of both in pairs, or why they cannot be paired.
 * @param isAssured whether somebody says that seeds which are not known are the same
 */
export async function pairedInfluences(
  a: Measured,
  b: Measured,
  isAssured = false,
): Promise<readonly [Float64Array, Float64Array] | { why: string }> {
  const why = seedsDiffer(a, b, isAssured);
  if (why !== undefined) return { why };
  const [psiA, psiB] = [await influenceOf(a), await influenceOf(b)];
  if (psiA && psiB) return [psiA, psiB];
  const without = [psiA ? [] : a.label, psiB ? [] : b.label].flat().join(' and ');
  return { why: `of ${without} the influence of each image was not kept (influence.npy beside stats.npz)` };
}

function seedsDiffer(a: Measured, b: Measured, isAssured: boolean): string | undefined {
  if (a.seeds === undefined || b.seeds === undefined) return isAssured ? undefined : 'their seeds are not known';
  const seeds = (list: string): number[] => [...new Set(parseSeeds(list))].sort((x, y) => x - y);
  const [ofA, ofB] = [seeds(a.seeds), seeds(b.seeds)];
  if (ofA.length !== a.num || ofB.length !== b.num) return 'not all of their images were measured';
  return ofA.every((seed, i) => seed === ofB[i]) ? undefined : `A has the seeds ${a.seeds}, B ${b.seeds}`;
}

/** psi as it was kept for this very measurement: its error is the stated one. */
async function influenceOf(side: Measured): Promise<Float64Array | undefined> {
  const { num, detector, reference, standard_error: stated } = side;
  for (const file of side.statistics) {
    const psi = await loadInfluence(file, reference.sha256).catch(() => undefined);
    const error = psi?.length === num ? standardError(psi, detector.dimension) : undefined;
    if (psi && error !== undefined && (stated === undefined || Math.abs(error / stated - 1) < 1e-9)) return psi;
  }
  return undefined;
}
