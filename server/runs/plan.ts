import { createHash } from 'node:crypto';
import path from 'node:path';
import { readFile } from 'node:fs/promises';
import { parseSeeds } from '../diffusion/seeds';
import { CHOICE_OPTIONS, NUMBER_OPTIONS, type SamplerOptions } from '../shared/sampler-options';
import type { RngDevice } from '../shared/sampler-options';
import { messageOf, UserError } from '../errors';
import { codeVersion, repositoryRoot } from '../git';
import { STATE_FOLDER } from '../history/history-store';
import { fileDigest } from '../file-digest';
import { readModelInfo } from '../models/model-file';
import type { DenoiserInfo } from '../models/model-info';
import type { TaskControl } from '../shared/progress';
import type { CodeVersion, NetworkIdentity, RunConfig } from '../shared/schema-types.gen';
import { CONFIG_SUFFIX, readConfig } from './config';
import { checkFiles } from './diagnose';
import { detectorName, findInput, inputName } from './inputs';

/** What exactly a run will do: the config with every path found, every name resolved, and the commit it belongs to. */
export interface RunPlan {
  name: string;
  /** Top of the repository. */
  root: string;
  /** The config, relative to `root`. */
  configFile: string;
  config: RunConfig;
  code: CodeVersion;
  /** Absolute folder that holds the run folders. */
  outdir: string;
  network: { file: string; info: DenoiserInfo; identity: NetworkIdentity };
  /** Sampler options that the config gives. */
  sampler: SamplerOptions;
  rng?: RngDevice;
  seeds: string;
  /** Number of distinct seeds. */
  images: number;
  metric?: MetricPlan;
  /** Digest of all that decides the images. */
  fingerprint: string;
}

/** One measurement, with its files found. */
export interface MetricPlan {
  /** `fid` demands the published Inception-v3. */
  key: 'fd' | 'fid';
  reference: string;
  detector: string;
  num?: number;
  seed: number;
  batch: number;
  repeats: number;
}

/** The sampler options among a config's keys. */
export function samplerOptions(config: RunConfig): SamplerOptions {
  const given = [...NUMBER_OPTIONS, ...CHOICE_OPTIONS]
    .filter((key) => config[key] !== undefined)
    .map((key) => [key, config[key]]);
  return Object.fromEntries(given) as SamplerOptions;
}

/**
 * Plans a run; networks, detectors and references are downloaded and imported where they must be.
 * @param file absolute path of a `*.edm.yaml`
 * @throws UserError for anything wrong with the config, its files or the repository
 */
export async function planRun(file: string, control: TaskControl = {}): Promise<RunPlan> {
  const base = path.dirname(file);
  const config = await loadConfig(file);
  const root = await repositoryRoot(base);
  const outdir = path.resolve(root, config.outdir ?? 'runs');
  const networkFile = await findInput(config.network, 'network', base, control);
  const [code, info, sha256] = await Promise.all([
    codeVersion(root, outputsOf(config, root)),
    readModelInfo(networkFile),
    fileDigest(networkFile),
  ]);
  if (info.kind !== 'denoiser') throw new UserError(`${config.network} is a detector, not a denoiser`);

  const seeds = String(config.seeds ?? '0-63');
  const metric = config.fd ?? config.fid;
  const identity: NetworkIdentity = {
    name: inputName(config.network),
    sha256,
    source_sha256: info.source_sha256,
    ...(info.training_commit ? { training_commit: info.training_commit } : {}),
  };
  const sampler = samplerOptions(config);
  const decides = {
    network: sha256,
    sampler,
    seeds,
    class: config.class,
    rng: config.rng ?? config.device ?? 'auto',
    subdirs: config.subdirs,
  };
  return {
    name: config.name ?? path.basename(file).slice(0, -CONFIG_SUFFIX.length),
    root,
    configFile: path.relative(root, file).split(path.sep).join('/'),
    config,
    code,
    outdir,
    network: { file: networkFile, info, identity },
    sampler,
    rng: config.rng,
    seeds,
    images: new Set(parseSeeds(seeds)).size,
    metric: metric && {
      key: config.fd ? 'fd' : 'fid',
      reference: await findInput(metric.reference, 'reference', base, control),
      detector: await findInput(detectorName(metric), 'detector', base, control),
      num: metric.num,
      seed: metric.seed ?? 0,
      batch: metric.batch ?? 64,
      repeats: metric.repeats ?? 1,
    },
    fingerprint: createHash('sha256').update(JSON.stringify(decides)).digest('hex').slice(0, 16),
  };
}

/** Folders relative to the repository's top whose content is results, not code. */
export function outputsOf({ outdir = 'runs' }: RunConfig, root: string): string[] {
  const inside = path.relative(root, path.resolve(root, outdir)).split(path.sep).join('/');
  return [STATE_FOLDER, ...(inside === '' || inside.startsWith('..') ? [] : [inside])];
}

/** Reads a config that must be right; the first thing wrong is the error, with its line. */
export async function loadConfig(file: string): Promise<RunConfig> {
  if (!file.endsWith(CONFIG_SUFFIX))
    throw new UserError(`${file} is not a run config: its name must end in ${CONFIG_SUFFIX}`);
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UserError(`${file} cannot be read: ${messageOf(error)}`);
  });
  const { config, problems, place } = readConfig(text);
  const all = config ? [...problems, ...(await checkFiles(config, path.dirname(file))).map(place)] : problems;
  const wrong = all.filter((problem) => problem.severity === 'error' || problem.id === 'no-file');
  if (config && wrong.length === 0) return config;
  const { range, message } = wrong[0];
  const others = wrong.length > 1 ? ` (and ${wrong.length - 1} more)` : '';
  throw new UserError(`${file}:${range.start.line + 1}: ${message}${others}`);
}
