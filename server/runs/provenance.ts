/** Where the images of a folder come from, as far as the folder tells. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { nfe } from '../shared/defaults';
import { CHOICE_OPTIONS, NUMBER_OPTIONS, OWN_OPTIONS, SOLVERS } from '../shared/sampler-options';
import { seedsText } from '../diffusion/seeds';
import { GENERATION_FILE, type GenerationSettings } from '../diffusion/image-folder';
import type { HistoryRecord, RunManifest, SamplerRecord } from '../shared/schema-types.gen';
import { readManifest } from './manifest';
import { listSamples } from './samples';

/** What a record says of the images; what the folder does not tell is absent. */
export type Provenance = Pick<HistoryRecord, 'name'> &
  Partial<Pick<HistoryRecord, 'network' | 'sampler' | 'seeds' | 'class' | 'code'>>;

/**
 * Reads the manifest of a run folder and the settings that generation left beside its images. Images of a run belong to
 * the commit that made them.
 * @param images a run folder, its `images`, or any other folder or zip
 */
export async function provenanceOf(images: string): Promise<Provenance> {
  const manifest = (await readManifest(images)) ?? (await manifestAbove(images));
  const settings =
    (await readSettings(path.join(images, GENERATION_FILE))) ??
    (await readSettings(path.join(images, 'images', GENERATION_FILE)));
  const known: Provenance = { name: manifest?.name ?? path.basename(images) };
  if (manifest) Object.assign(known, { network: manifest.network, code: manifest.code });
  if (!settings) return known;
  const sha256 = settings.network_sha256;
  if (typeof sha256 === 'string') known.network ??= { name: sha256.slice(0, 8), sha256 };
  const sampler = samplerOf(settings);
  if (sampler) known.sampler = sampler;
  if (typeof settings.class === 'number') known.class = settings.class;
  const seeds = (await listSamples(images)).images.map(({ seed }) => seed);
  if (seeds.every((seed) => seed !== undefined)) known.seeds = seedsText(seeds);
  return known;
}

/** The manifest of the run whose `images` that is. */
async function manifestAbove(images: string): Promise<RunManifest | undefined> {
  return path.basename(images) === 'images' ? readManifest(path.dirname(images)) : undefined;
}

async function readSettings(file: string): Promise<GenerationSettings | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    return typeof value === 'object' && value !== null ? (value as GenerationSettings) : undefined;
  } catch {
    // Other people's folders have no such file; what cannot be read tells nothing.
    return undefined;
  }
}

/** Sampler options as generation recorded them; an infinite one is left out, as in every record. */
function samplerOf(settings: GenerationSettings): SamplerRecord | undefined {
  const { steps, rng, solver } = settings;
  if (typeof steps !== 'number' || (rng !== 'cpu' && rng !== 'cuda')) return undefined;
  const numbers = NUMBER_OPTIONS.filter((name) => typeof settings[name] === 'number');
  const choices = CHOICE_OPTIONS.filter((name) => typeof settings[name] === 'string');
  const options: Record<string, unknown> = Object.fromEntries(
    [...numbers, ...choices].map((name) => [name, settings[name]]),
  );
  const own = OWN_OPTIONS.filter((name) => settings[name] !== undefined && settings[name] !== null);
  for (const name of own) options[name] = ownValue(settings[name]);
  const known = SOLVERS.find((name) => name === solver);
  return { ...(options as Partial<SamplerRecord>), steps, nfe: nfe(steps, known), rng };
}

/** Lists are recorded as numbers with commas; a list of one has no comma and is one number for all steps. */
function ownValue(value: GenerationSettings[string] | undefined): unknown {
  return typeof value === 'string' && value.includes(',') ? value.split(',').map(Number) : value;
}
