/** The denoising trajectory of a run config, or of a network and a few keys. */
import path from 'node:path';
import { compute } from '../compute/compute-process';
import { UserError } from '../errors';
import { SAMPLER_OPTIONS } from '../shared/sampler-options';
import type { TaskControl } from '../shared/progress';
import type { TrajectoryParams, TrajectoryResult, TrajectorySource } from '../shared/protocol';
import type { RunConfig } from '../shared/schema-types.gen';
import { readConfig } from './config';
import { checkLevels } from './diagnose';
import { fetchInput, resolveInput } from './input';
import { withLevels } from './levels-file';
import { samplerOptions } from './sampler-options';
import { readConfigFile } from './source';

/**
 * The denoising trajectory of a few seeds; writes nothing but what `fetchInput` keeps.
 * @throws UserError for inputs and options that cannot be used; CancelledError
 */
export async function denoisingTrajectory(
  { seeds, from }: TrajectoryParams,
  control: TaskControl,
): Promise<TrajectoryResult> {
  const config = 'config' in from ? (await readConfigFile(from.config)).config : await configOf(from);
  const base = 'config' in from ? path.dirname(from.config) : from.base;
  const network = await fetchInput(resolveInput(config.network, 'network', base), control, config.accept_source);
  const { class: chosen, rng, device = 'auto' } = config;
  return compute(
    { kind: 'trajectory', network, device, seeds, sampler: samplerOptions(config), class: chosen, rng },
    control.onProgress,
    control.signal,
  );
}

/** Keys that decide how a network is sampled. */
const KEYS: readonly string[] = [...SAMPLER_OPTIONS, 'class', 'rng'];

/** Keys as the same text in a run config. @throws UserError for what the config would be refused for */
async function configOf({ network, keys, base }: Exclude<TrajectorySource, { config: string }>): Promise<RunConfig> {
  const own = /^\s*\d+\s*$/.test(keys) ? `steps: ${keys}` : keys;
  const { config, problems } = readConfig(`{ network: ${JSON.stringify(network)}, ${own} }`);
  const wrong = problems.find(({ severity }) => severity === 'error');
  if (wrong || !config) throw new UserError(`"${keys}" are not keys of a run config: ${wrong?.message ?? 'write steps: 18'}`);
  const foreign = Object.keys(config).find((key) => key !== 'network' && !KEYS.includes(key));
  if (foreign !== undefined) {
    throw new UserError(`${foreign} does not change how an image is sampled: give the sampler's keys, class and rng`);
  }
  const [wrongLevels] = (await checkLevels(config, base)).filter(({ severity }) => severity === 'error');
  if (wrongLevels) throw new UserError(wrongLevels.message);
  return withLevels(config, base);
} // prettier-ignore
