/** A measurement of images as a record: which repository and commit it is filed under, and what the images tell. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { canonicalPath, isSamePlace, placeIn } from '../canonical-path';
import { UserError } from '../errors';
import { changedPaths, headOf, repositoryRoot } from '../git';
import { GENERATION_FILE } from '../diffusion/image-folder';
import { appendRecord, recordId, STATE_FOLDER } from '../history/history-store';
import type { MeasureSummary } from '../compute/tasks';
import type { CodeVersion, HistoryRecord } from '../shared/schema-types.gen';
import { provenanceOf, type Provenance } from './provenance';

/** Where a measurement will be filed, read before it begins: what is committed meanwhile made no image of it. */
export interface Filing {
  /** Top of the repository. */
  root: string;
  /** The images, relative to `root`, with forward slashes. */
  run: string;
  /** The commit of the run that made the images where their folder tells, otherwise the one checked out. */
  code: CodeVersion;
  provenance: Provenance;
}

/**
 * The repository and the commit of a measurement.
 * @param images absolute path of a folder or zip
 * @param elsewhere folder whose repository is taken where the images are in none
 * @param written absolute path of a file that the measurement writes, which does not make the tree dirty
 * @throws UserError where there is no repository, or one without commits
 */
export async function filingOf(images: string, elsewhere?: string, written?: string): Promise<Filing> {
  const place = canonicalPath(images);
  const isFolder = await stat(place).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const root = await repositoryRoot(isFolder ? place : path.dirname(place)).catch((error: unknown) => {
    if (elsewhere === undefined || !(error instanceof UserError)) throw error;
    return repositoryRoot(elsewhere);
  });
  const run = placeIn(root, place) || '.';
  const provenance = await provenanceOf(images);
  const code = provenance.code ?? (await versionBeside(root, run, written));
  return { root, run, code, provenance };
}

/** Files of results by their names; anything else in a folder of images may be code. */
const RESULT = /\.(?:png|jpe?g|npz|zip)$/i;
const RESULT_FILES = new Set([GENERATION_FILE, 'run.json', 'log.txt']);

/** The commit that is checked out; images do not make its tree dirty, and neither do the history and `written`. */
async function versionBeside(root: string, run: string, written?: string): Promise<CodeVersion> {
  const { commit, short, ...rest } = await headOf(root);
  const isResult = (file: string): boolean =>
    (written !== undefined && isSamePlace(path.join(root, file), written)) ||
    ((run === '.' || file === run || file.startsWith(`${run}/`)) &&
      (RESULT.test(file) || RESULT_FILES.has(path.posix.basename(file))));
  const changed = (await changedPaths(root, [STATE_FOLDER])).filter((file) => !isResult(file));
  return { commit, short, dirty: changed.length > 0, ...rest };
}

/**
 * Enters a measurement into the history, once.
 * @param measured with the reference as records name it
 * @throws UserError where the history cannot be written
 */
export async function fileMeasurement({ root, run, code, provenance }: Filing, measured: MeasureSummary) {
  const { metric, value, standard_error, repeats, num, converted, detector, reference, device, seconds } = measured;
  const record: Omit<HistoryRecord, 'id'> = {
    version: 1,
    time: new Date().toISOString(),
    run,
    ...provenance,
    code,
    metric,
    value,
    ...(standard_error !== undefined && { standard_error }),
    ...(repeats && { repeats }),
    num,
    ...(converted && { converted }),
    detector,
    reference,
    device,
    seconds: { measure: Math.round(seconds * 100) / 100 },
  };
  return appendRecord(root, { ...record, id: recordId(record) });
}

/** Why there is no record: the number is told all the same. @throws any error that is no UserError */
export function unfiled(error: unknown): UserError {
  if (error instanceof UserError) return error;
  throw error;
}
