/** What comes back: the results as soon as a run is over, the images when they are wanted. */
import { execFile } from 'node:child_process';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { TransferControl } from '../cluster/host';
import { UserError } from '../errors';
import { appendRecord, recordId } from '../history/store';
import { readManifest } from '../history/samples';
import { jsonOf } from '../runs/folder';
import { writeAtomically } from '../atomic-file';
import type { Dispatch, HistoryRecord, RunManifest } from '../schema-types.gen';
import type { Ledger } from './ledger';
import type { Remote } from './remote';
import type { Outcome } from './track';

const run = promisify(execFile);

/** Files of a run folder that come at once; logs and scripts come with them. */
const RESULTS = ['grid.png', 'stats.npz', 'log.txt', 'changes.diff', 'plan.json', 'edm.json'];
const SCRIPTS_AND_LOGS = /^(?:generate|fid|finish)[^/]*\.(?:sh|out)$/;

/**
 * Fetches the results of a run that is over and records its number, once.
 * @returns the dispatch as it then stands; whoever calls this holds it
 */
export async function pullResults(
  ledger: Ledger,
  remote: Remote,
  dispatch: Dispatch,
  outcome: Outcome,
  control: TransferControl = {},
): Promise<Dispatch> {
  const local = await localFolder(ledger.root, dispatch);
  dispatch.local = path.relative(ledger.root, local).split(path.sep).join('/');
  dispatch.ended ??= new Date().toISOString();
  dispatch.state = 'ended';
  await ledger.save(dispatch);
  const from = `${dispatch.folder}/${dispatch.run}`;
  for (const { name, facts } of await remote.files.list(from)) {
    if (facts.kind !== 'file' || !(RESULTS.includes(name) || SCRIPTS_AND_LOGS.test(name))) continue;
    await remote.files.download(`${from}/${name}`, path.join(local, name), control);
  }
  const records = outcome.state === 'complete' ? await recordResults(ledger, dispatch, outcome) : [];
  const manifest = manifestOf(dispatch, outcome, records);
  await writeAtomically(path.join(local, 'run.json'), Buffer.from(`${jsonOf(manifest)}\n`));
  dispatch.fetched = [...new Set([...dispatch.fetched, 'results' as const])];
  dispatch.state = outcome.state;
  if (outcome.error) dispatch.error = outcome.error;
  if (outcome.log) dispatch.log = outcome.log;
  await ledger.save(dispatch);
  return dispatch;
}

/** The folder of a dispatch here: a new one beside whatever lies there already. */
async function localFolder(root: string, dispatch: Dispatch): Promise<string> {
  if (dispatch.local) return path.join(root, dispatch.local);
  // The folder's name there ends in the dispatch's token; here a number will do.
  const base = path.join(root, dispatch.run.replace(/-[a-z0-9]{6}$/, ''));
  for (let number = 1; ; number++) {
    const folder = number === 1 ? base : `${base}-${number}`;
    if (existsSync(folder) && (await readManifest(folder))?.dispatch !== dispatch.token) continue;
    await mkdir(path.join(folder, 'images'), { recursive: true });
    await writeFile(path.join(path.dirname(folder), '.gitignore'), '*\n', { flag: 'wx' }).catch(() => undefined);
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

/**
 * Fetches the images of a run, all in one archive that is resumed and checked.
 * @throws UserError where they would not fit, naming how much is missing
 */
export async function pullImages(
  ledger: Ledger,
  remote: Remote,
  dispatch: Dispatch,
  control: TransferControl = {},
): Promise<Dispatch> {
  if (dispatch.fetched.includes('images')) return dispatch;
  if (!dispatch.local)
    throw new UserError(`The run ${dispatch.name} has no results here yet: pull it when it is over`, 1);
  const local = path.join(ledger.root, dispatch.local);
  const from = `${dispatch.folder}/${dispatch.run}`;
  const archive = `${from}/images.tar`;
  if (!(await remote.files.stat(archive))) {
    const part = `${archive}.part`;
    await remote.do('Packing the images', ['tar', '-C', from, '-cf', part, 'images']);
    await remote.files.rename(part, archive);
  }
  const { size = 0 } = (await remote.files.stat(archive)) ?? {};
  await demandRoom(local, 2 * size);
  const target = path.join(local, 'images.tar');
  await remote.files.download(archive, target, control);
  // tar knows `-C` everywhere; Windows has had it since 2018.
  await run('tar', ['-xf', target, '-C', local]).catch((error: unknown) => {
    throw new UserError(
      `Unpacking ${target} failed: ${(error as { stderr?: string }).stderr?.trim() ?? String(error)}`,
    );
  });
  await rm(target);
  await remote.files.remove(archive);
  dispatch.fetched = [...new Set([...dispatch.fetched, 'images' as const])];
  await ledger.save(dispatch);
  return dispatch;
}

/** The archive and what is in it, before anything is sent. */
async function demandRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes) return;
  const mega = (n: number): string => `${Math.ceil(n / 1e6)} MB`;
  throw new UserError(
    `The images and their archive take ${mega(bytes)}, and ${folder} has ${mega(free)} free: free some space, then pull again`,
    1,
  );
}
