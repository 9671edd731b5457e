/** The sampler of a run config. Pure. */
import { SAMPLER_OPTIONS, type SamplerOptions } from '../shared/sampler-options';
import type { RunConfig } from '../shared/schema-types.gen';

/** The sampler options among a config's keys; noise levels in a file are left out (`levels-file.ts` reads them). */
export function samplerOptions(config: RunConfig): SamplerOptions {
  const given = SAMPLER_OPTIONS.filter((key) => config[key] !== undefined && !isFile(config, key)).map((key) => [
    key,
    config[key],
  ]);
  return Object.fromEntries(given) as SamplerOptions;
}

function isFile(config: RunConfig, key: keyof SamplerOptions): boolean {
  return key === 'sigmas' && typeof config.sigmas === 'string';
}
