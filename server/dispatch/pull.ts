/** Fetching from the cluster: the results as soon as a run is over, the images when they are wanted. */
import { mkdir, readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Cluster } from '../cluster/cluster';
import type { TransferControl } from '../cluster/host';
import { writeGrid } from '../images/grid';
import { imagePath, parseSeeds } from '../diffusion/seeds';
import { placeIn } from '../canonical-path';
import { placeInside } from '../containment';
import { messageOf, UserError } from '../errors';
import { makeIgnoredFolder } from '../ignored-folder';
import { resultText } from '../shared/number-text';
import { appendRecord, recordId } from '../history/history-store';
import { readManifest } from '../runs/manifest';
import { jsonOf } from '../runs/folder';
import { writeAtomically } from '../atomic-file';
import type { Dispatch, HistoryRecord, RunManifest } from '../shared/schema-types.gen';
import { fetchImages, imagesOf, type ImageTransfer } from './image-pull';
import type { Ledger } from './ledger';
import type { Outcome } from './track';

/** Files of a run folder that are fetched at once, together with logs and scripts. */
const RESULTS = ['grid.png', 'stats.npz', 'log.txt', 'changes.diff', 'plan.json', 'edm.json'];
/** Number of images of engine edm that are fetched with the results. */
const FIRST_IMAGES = 64;
/** The names of scripts and logs as our scripts give them. */
const SCRIPTS_AND_LOGS = /^(?:generate|fid|finish)[\w.-]*\.(?:sh|out)$/;
/** The largest file that comes by itself, in bytes. */
const LARGEST_RESULT = 512 << 20;

/**
 * Fetches the results of a run that is over and records its number, once.
 * @returns the changed dispatch; the caller must hold it
 */
export async function pullResults(
  ledger: Ledger,
  cluster: Cluster,
  dispatch: Dispatch,
  outcome: Outcome,
  control: TransferControl = {},
): Promise<Dispatch> {
  const local = await localFolder(ledger.root, dispatch);
  dispatch.local = placeIn(ledger.root, local);
  dispatch.ended ??= new Date().toISOString();
  dispatch.state = 'ended';
  await ledger.save(dispatch);
  const from = `${dispatch.folder}/${dispatch.run}`;
  for (const { name, facts } of await cluster.files.list(from)) {
    if (facts.kind !== 'file' || !(RESULTS.includes(name) || SCRIPTS_AND_LOGS.test(name))) continue;
    if (facts.size > LARGEST_RESULT) {
      const note = `${name} has ${Math.round(facts.size / 1e6)} MB and was left in ${from} on ${cluster.profile.name}`;
      dispatch.notes = [...new Set([...dispatch.notes, note])];
      continue;
    }
    await cluster.files.download(`${from}/${name}`, path.join(local, name), control);
  }
  if (outcome.state === 'complete' && dispatch.engine === 'edm')
    await firstImages({ ledger, cluster, dispatch, control }, outcome, local);
  const records = outcome.state === 'complete' ? await recordResults(ledger, dispatch, outcome) : [];
  if (records.length > 0) dispatch.result = records.map(resultText).join('; ');
  const manifest = manifestOf(dispatch, outcome, records);
  await writeAtomically(path.join(local, 'run.json'), Buffer.from(`${jsonOf(manifest)}\n`));
  dispatch.fetched = [...new Set([...dispatch.fetched, 'results' as const])];
  dispatch.state = outcome.state;
  // What an earlier look has found counts no more.
  for (const key of ['error', 'fix', 'log', 'log_line', 'unsettled'] as const) delete dispatch[key];
  if (!outcome.isFinal) dispatch.unsettled = true;
  if (outcome.error) dispatch.error = outcome.error;
  if (outcome.fix) dispatch.fix = outcome.fix;
  if (outcome.log) {
    dispatch.log = outcome.log;
    const number = await lineOf(path.join(local, path.posix.basename(outcome.log)), outcome.line);
    if (number !== undefined) dispatch.log_line = number;
  }
  await ledger.save(dispatch);
  return dispatch;
}

/** 1-based number of the last such line of a file. */
async function lineOf(file: string, line: string | undefined): Promise<number | undefined> {
  const text = line === undefined ? undefined : await readFile(file, 'utf8').catch(() => undefined); // it may have stayed there
  const lines = text?.split('\n') ?? [];
  const at = lines.lastIndexOf(line ?? '');
  return at < 0 ? undefined : at + 1;
}

/** generate.py makes no grid, so one is made here from the first images. */
async function firstImages(transfer: ImageTransfer, { manifest }: Outcome, local: string): Promise<void> {
  const { dispatch } = transfer;
  const seeds = [...new Set(parseSeeds(dispatch.seeds))].slice(0, FIRST_IMAGES);
  const subdirs = manifest?.config.subdirs === true;
  await fetchImages(transfer, imagesOf(seeds, subdirs));
  const files = seeds.map((seed) => path.join(local, 'images', imagePath(seed, subdirs)));
  await writeGrid(files, path.join(local, 'grid.png')).catch((error: unknown) => {
    dispatch.notes = [...new Set([...dispatch.notes, `Cannot make the grid: ${messageOf(error)}`])];
  });
}

/** The folder of a dispatch here; where another folder has its name, a number is added. */
async function localFolder(root: string, dispatch: Dispatch): Promise<string> {
  if (dispatch.local) return placeInside(root, dispatch.local);
  // The folder's name there ends with the dispatch's token; here a number is enough.
  const base = dispatch.run.replace(/-[a-z0-9]{6}$/, '');
  for (let number = 1; ; number++) {
    const folder = await placeInside(root, number === 1 ? base : `${base}-${number}`);
    if (existsSync(folder) && (await readManifest(folder))?.dispatch !== dispatch.token) continue;
    await makeIgnoredFolder(path.dirname(folder));
    await mkdir(path.join(folder, 'images'), { recursive: true });
    return folder;
  }
}

async function recordResults(ledger: Ledger, dispatch: Dispatch, outcome: Outcome): Promise<HistoryRecord[]> {
  const made = outcome.manifest?.results ?? [];
  const records = made.map((record) => {
    const here = { ...record, run: dispatch.local ?? record.run };
    return { ...here, id: recordId(here) };
  });
  return Promise.all(records.map((record) => appendRecord(ledger.root, record)));
}

function manifestOf(dispatch: Dispatch, { manifest, state, error }: Outcome, results: HistoryRecord[]): RunManifest {
  const { name, created, config_file, code, seeds, images, fingerprint, cluster, token } = dispatch;
  return {
    version: 1,
    name,
    started: created,
    config_file,
    config: {},
    network: { name: 'unknown', sha256: '' },
    ...manifest,
    code,
    seeds,
    images,
    fingerprint,
    status: state,
    ...(error && { error }),
    cluster,
    dispatch: token,
    results,
  };
}

/** Which images are wanted: all, or those of some seeds as in `0-999`. */
export type ImageChoice = 'all' | { seeds: string };

/**
 * Fetches images of a run in one archive; a download is resumed and checked. What the archive has beside them is left
 * out, and named in the dispatch's notes.
 * @throws UserError where the disk has not enough space, with the sizes; for seeds that the run does not have
 */
export async function pullImages(
  ledger: Ledger,
  cluster: Cluster,
  dispatch: Dispatch,
  choice: ImageChoice = 'all',
  control: TransferControl = {},
): Promise<Dispatch> {
  if (dispatch.fetched.includes('images')) return dispatch;
  if (!dispatch.local)
    throw new UserError(`The results of ${dispatch.name} are not here yet: pull the run when it is over`, 1);
  const transfer = { ledger, cluster, dispatch, control };
  const own = new Set(parseSeeds(dispatch.seeds));
  if (choice !== 'all') {
    const foreign = parseSeeds(choice.seeds).find((seed) => !own.has(seed));
    if (foreign !== undefined)
      throw new UserError(`The run ${dispatch.name} has no seed ${foreign}: its seeds are ${dispatch.seeds}`);
    const manifest = await readManifest(await placeInside(ledger.root, dispatch.local));
    await fetchImages(transfer, imagesOf(parseSeeds(choice.seeds), manifest?.config.subdirs === true));
    return dispatch;
  }
  const isWhole = await fetchImages(transfer, { names: ['images'], seeds: own });
  // An image that was refused is still wanted: another pull asks for it again.
  if (isWhole) dispatch.fetched = [...new Set([...dispatch.fetched, 'images' as const])];
  await ledger.save(dispatch);
  return dispatch;
}
