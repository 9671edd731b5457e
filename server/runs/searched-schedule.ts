/** A run config with noise levels that were searched for its network and solver. */
import path from 'node:path';
import { Document, parseDocument } from 'yaml';
import { compute } from '../compute/compute-process';
import type { DeviceChoice } from '../compute/devices';
import type { ScheduleSummary } from '../compute/tasks';
import { parseSeeds } from '../diffusion/seeds';
import type { TaskControl } from '../shared/progress';
import type { SamplerOptions, Solver } from '../shared/sampler-options';
import { fetchInput, resolveInput } from './input';
import { samplerOptions } from './sampler-options';
import { readConfigFile } from './source';

/** What a person asks for. */
export interface ScheduleRequest {
  nfe: number;
  /** In place of the config's. */
  solver?: Solver;
  device?: DeviceChoice;
  /** Lists such as `0-63`. */
  seeds: string;
  trialSeeds: string;
  rounds: number;
}

/** What was found, and the text of a config that has it. */
export interface ScheduledConfig {
  found: ScheduleSummary;
  text: string;
}

/** Keys that a list of noise levels takes the place of. */
const REPLACED = ['steps', 'sigma_min', 'sigma_max', 'rho', 'disc'] as const;

/**
 * Searches noise levels for the network, class and solver of a config; writes nothing but what `fetchInput` keeps.
 * @param file absolute path of a `*.edm.yaml`
 * @throws UserError for a config with a problem, and as `searchSchedule`; CancelledError
 */
export async function searchForConfig(
  file: string,
  { solver, nfe, rounds, ...request }: ScheduleRequest,
  control: TaskControl,
): Promise<ScheduledConfig> {
  const { config, text } = await readConfigFile(file);
  const own = samplerOptions(config);
  // Options of another solver are not those of this one.
  const sampler: SamplerOptions = solver !== undefined && solver !== own.solver ? { ...levelsOf(own), solver } : own;
  const network = await fetchInput(
    resolveInput(config.network, 'network', path.dirname(file)),
    control,
    config.accept_source,
  );
  const search = {
    sampler,
    nfe,
    rounds,
    seeds: parseSeeds(request.seeds),
    trialSeeds: parseSeeds(request.trialSeeds),
    class: config.class,
    rng: config.rng,
  };
  const device = request.device ?? config.device ?? 'auto';
  const found = await compute({ kind: 'schedule', network, device, search }, control.onProgress, control.signal);
  return { found, text: withLevels(text, own, found) };
}

function levelsOf(options: SamplerOptions): SamplerOptions {
  return Object.fromEntries(
    [...REPLACED, 'sigmas' as const].flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])),
  );
}

/** The config's text with the levels found in place of its own; comments stay. */
function withLevels(text: string, own: SamplerOptions, { sigmas, solver, nfe }: ScheduleSummary): string {
  const document: Document = parseDocument(text);
  const foreign = solver === (own.solver ?? 'heun') ? [] : Object.keys(own);
  for (const key of [...REPLACED, ...foreign]) document.delete(key);
  if (document.has('name')) document.set('name', `${String(document.get('name'))}-nfe${nfe}`);
  document.set('solver', solver);
  document.set('sigmas', document.createNode(sigmas, { flow: true }));
  return document.toString({ lineWidth: 120 });
}
