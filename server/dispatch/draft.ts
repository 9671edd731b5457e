/** What will be sent, before anything is sent: config, commit, seeds, inputs, scripts. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { workFolderOf } from '../cluster/cluster';
import { DEFAULT_SEEDS } from '../shared/defaults';
import type { SchedulerName } from '../shared/scheduler-name';
import { parseSeeds } from '../diffusion/seeds';
import { cacheName } from '../download/download-cache';
import { UserError } from '../errors';
import { JOB_KEYS } from '../jobs/job-options';
import { fileDigest } from '../file-digest';
import type { TaskControl } from '../shared/progress';
import type { ClusterProfile } from '../shared/protocol';
import { fetchFile, resolveInput } from '../runs/input';
import { planRun, type RunPlan } from '../runs/plan';
import { checkUnchanged, type RunSource } from '../runs/source';
import { shardsOf } from '../runs/shards';
import type { Dispatch, RunConfig } from '../shared/schema-types.gen';
import { checkCommitted, commitToRun, type CommitToRun } from './commit';
import type { DirtyChoice } from './dirty-choice';
import { jobScripts, type JobScript } from './script';
import { programName, safeName } from './stage';

/** A file that a job reads. */
export interface JobInput {
  /** Path here; absent for an address that the nodes fetch themselves. */
  file?: string;
  /** Name in the run folder's inputs, or the address. */
  name: string;
}

/** A run that is ready to be sent: its config as it was read, and the commit it is of. */
export interface Draft extends RunSource {
  engine: 'edm' | 'workbench';
  commit: CommitToRun;
  seeds: string;
  images: number;
  fingerprint: string;
  /** Engine workbench only. */
  plan?: RunPlan;
  /** Engine edm only; the detector where the nodes are offline, under dnnlib's name of it. */
  inputs: { network?: JobInput; reference?: JobInput; detector?: JobInput };
}

/** Where fid.py fetches its detector from. */
export const DETECTOR_URL =
  'https://api.ngc.nvidia.com/v2/models/nvidia/research/stylegan3/versions/1/files/metrics/inception-2015-12-05.pkl';

/**
 * Settles the commit of a run and finds its inputs.
 * @param source config and commit, read before the cluster was opened
 * @throws UserError for anything wrong with the inputs, the repository or the choice, and where the config or the commit
 *   changed since they were read
 */
export async function draftRun(
  source: RunSource,
  profile: ClusterProfile,
  dirty: DirtyChoice,
  control: TaskControl = {},
): Promise<Draft> {
  await checkUnchanged(source);
  const { config, name } = source;
  const commit = await commitToRun(source, dirty, `${name} on ${profile.name}`);
  await checkCommitted(source, commit.checkout);
  const seeds = String(config.seeds ?? DEFAULT_SEEDS);
  const common = { ...source, code: commit.code, commit, seeds, images: new Set(parseSeeds(seeds)).size };
  if (config.engine !== 'edm') {
    const plan = await planRun(common, control);
    shardsOf(plan, config.tasks ?? 1);
    return { ...common, engine: 'workbench', fingerprint: plan.fingerprint, plan, inputs: {} };
  }
  const inputs = await edmInputs(config, path.dirname(source.file), profile, control);
  // What a job asks for decides no image; account has always been counted.
  const asked = Object.fromEntries(JOB_KEYS.filter((key) => key !== 'account').map((key) => [key, undefined]));
  const decides = { ...config, name: undefined, batch: undefined, time: undefined, ...asked };
  const digest = createHash('sha256')
    .update(JSON.stringify([decides, inputs]))
    .digest('hex');
  return { ...common, engine: 'edm', fingerprint: digest.slice(0, 16), inputs };
}

/**
 * Looks again at a run that was prepared a while ago. A commit that was made for it is what is checked out now.
 * @throws UserError where config or commit changed since
 */
export async function checkPrepared(source: RunSource, { commit }: Pick<Draft, 'commit'>): Promise<void> {
  await checkUnchanged({ ...source, code: commit.code });
}

/** The files that generate.py and fid.py read. An address stays an address where the nodes can fetch it. */
async function edmInputs(
  config: RunConfig,
  base: string,
  profile: ClusterProfile,
  control: TaskControl,
): Promise<Draft['inputs']> {
  const offline = profile.nodes_online === false;
  const input = async (given: string, role: 'network' | 'reference'): Promise<JobInput> => {
    const found = resolveInput(given, role, base);
    if (found.kind === 'embedded')
      throw new UserError(
        `Engine edm reads pickles and .npz files, and only the workbench knows ${given}: choose engine workbench`,
      );
    if (found.kind === 'url' && !offline) return { name: found.url };
    if (role === 'network' && !/\.pkl$/i.test(found.name))
      throw new UserError(
        `generate.py reads a .pkl file, and ${given} is not one: name the pickle, or choose engine workbench`,
      );
    return { file: await fetchFile(found, control), name: safeName(found.name) };
  };
  const network = await input(config.network, 'network');
  if (!config.fid) return { network };
  const reference = await input(config.fid.reference, 'reference');
  if (!offline) return { network, reference };
  const detector = resolveInput(config.fid.detector ?? DETECTOR_URL, 'detector', base);
  return {
    network,
    reference,
    detector: {
      file: await fetchFile(detector, control),
      name: `downloads/${cacheName(DETECTOR_URL, 'inception-2015-12-05.pkl')}`,
    },
  };
}

/**
 * `a1b2c3d-garments`, with `-dirty` where the tree was. A name may be that of a file, and it becomes part of paths and
 * lines of scripts there: characters that mean something in one are replaced.
 */
export function labelOf({ commit, name }: Pick<Draft, 'commit' | 'name'>): string {
  return `${commit.code.short}-${name.replace(/[^A-Za-z0-9._-]/g, '-')}${commit.code.dirty ? '-dirty' : ''}`;
}

/** Run folder relative to the work tree there: its name has the commit and the dispatch. */
export function runFolderOf(draft: Draft, token: string): string {
  const [, outdir = 'runs'] = draft.outputs;
  return `${outdir.replace(/[^A-Za-z0-9._/-]/g, '-')}/${labelOf(draft)}-${token.slice(0, 6)}`;
}

/** The scripts of a run, both as shown and as submitted. @param place absolute work tree there, and the run folder in it */
export async function scriptsOf(
  draft: Draft,
  profile: ClusterProfile,
  scheduler: SchedulerName,
  { folder, run }: Pick<Dispatch, 'folder' | 'run'>,
): Promise<JobScript[]> {
  const { network, reference, detector } = draft.inputs;
  const place = (input: JobInput | undefined): string | undefined =>
    input && (input.file ? `${run}/inputs/${input.name}` : input.name);
  return jobScripts({
    scheduler,
    profile,
    config: draft.config,
    label: labelOf(draft),
    folder,
    run,
    seeds: draft.seeds,
    network: place(network) ?? '',
    reference: place(reference),
    num: draft.images,
    downloads: detector && `${run}/inputs`,
    workbench: draft.engine === 'workbench' ? `${workFolderOf(profile)}/workbench/${await programName()}` : '',
  });
}

/** SHA-256 of an input; undefined for an address. */
export async function digestOf(input: JobInput | undefined): Promise<string | undefined> {
  return input?.file === undefined ? undefined : fileDigest(input.file);
}
