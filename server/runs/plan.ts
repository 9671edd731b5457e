import { createHash } from 'node:crypto';
import path from 'node:path';
import { countSeeds } from '../diffusion/seeds';
import { UserError } from '../errors';
import { fileDigest } from '../file-digest';
import { readModelInfo } from '../models/model-file';
import type { DenoiserInfo } from '../models/model-info';
import { DEFAULT_BATCH, DEFAULT_SEEDS } from '../shared/defaults';
import type { TaskControl } from '../shared/progress';
import { solverDefaults } from '../diffusion/sampler-settings';
import type { RngDevice, SamplerOptions } from '../shared/sampler-options';
import type { CodeVersion, MetricConfig, NetworkIdentity, RunConfig } from '../shared/schema-types.gen';
import { fetchInput, resolveDetector, resolveInput } from './input';
import { outdirOf } from './outdir';
import { samplerOptions } from './sampler-options';
import type { RunSource } from './source';

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
  /** What records call the reference where it is not its file's name. */
  referenceName?: string;
  detector: string;
  num?: number;
  seed: number;
  batch: number;
  repeats: number;
}

/**
 * Plans a run; networks, detectors and references are downloaded and imported where they must be.
 * @param source the config and its commit, read before anything slow began
 * @throws UserError for inputs that cannot be found, fetched or imported; CancelledError
 */
export async function planRun(source: RunSource, control: TaskControl = {}): Promise<RunPlan> {
  const { config, root } = source;
  const base = path.dirname(source.file);
  const input = resolveInput(config.network, 'network', base);
  const networkFile = await fetchInput(input, control, config.accept_source);
  const [info, sha256] = await Promise.all([readModelInfo(networkFile), fileDigest(networkFile)]);
  if (info.kind !== 'denoiser') throw new UserError(`${config.network} is a detector, not a denoiser`);

  const seeds = String(config.seeds ?? DEFAULT_SEEDS);
  const metric = config.fd ?? config.fid;
  const identity: NetworkIdentity = {
    name: input.name,
    sha256,
    source_sha256: info.source_sha256,
    ...(info.training_commit ? { training_commit: info.training_commit } : {}),
    ...(info.code === 'accepted' ? { accepted_code: info.code_differs ?? [] } : {}),
  };
  const given = samplerOptions(config);
  const sampler = { ...given, ...solverDefaults(given) };
  const decides = {
    network: sha256,
    sampler,
    seeds,
    class: config.class,
    rng: config.rng ?? config.device ?? 'auto',
    subdirs: config.subdirs,
  };
  return {
    name: source.name,
    root,
    configFile: source.configFile,
    config,
    code: source.code,
    outdir: outdirOf(config.outdir, root),
    network: { file: networkFile, info, identity },
    sampler,
    rng: config.rng,
    seeds,
    images: countSeeds(seeds),
    metric: metric && (await planMetric(metric, config.fd ? 'fd' : 'fid', base, control)),
    fingerprint: createHash('sha256').update(JSON.stringify(decides)).digest('hex').slice(0, 16),
  };
}

async function planMetric(
  metric: MetricConfig,
  key: MetricPlan['key'],
  base: string,
  control: TaskControl,
): Promise<MetricPlan> {
  const reference = resolveInput(metric.reference, 'reference', base);
  const detector = resolveDetector(metric, base);
  return {
    key,
    reference: await fetchInput(reference, control),
    detector: await fetchInput(detector, control),
    // Records call a reference as the user did where the file's own name says nothing: `reference.npz`, a name in a cache.
    ...(reference.kind !== 'file' && { referenceName: reference.name }),
    num: metric.num,
    seed: metric.seed ?? 0,
    batch: metric.batch ?? DEFAULT_BATCH,
    repeats: metric.repeats ?? 1,
  };
}
