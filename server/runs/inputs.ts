/** What a run needs, wherever it is: embedded, a file, or an address; ready to be computed with. */
import { statSync } from 'node:fs';
import path from 'node:path';
import { cachedDownload } from '../download/download-cache';
import { download } from '../download/download';
import { isUrl, parseUrl, urlFileName } from '../download/url';
import { UserError } from '../errors';
import { readNetworkConfig } from '../models/network-import';
import { importedModel, isOnnx } from '../compute/imported-model';
import { readModelInfo } from '../models/model-file';
import type { TaskControl } from '../shared/progress';
import type { MetricConfig } from '../shared/schema-types.gen';
import { isEmbedded, resolveFile, type Role } from './embedded';

/**
 * Absolute path of a network or detector as an ONNX file, or of reference statistics. Addresses are downloaded, models
 * in their authors' formats imported, each once.
 * @param name an embedded name, a path (relative to `base`, `~/` allowed) or an https address
 * @throws UserError for what cannot be found, fetched or imported; CancelledError
 */
export async function findInput(name: string, role: Role, base: string, control: TaskControl = {}): Promise<string> {
  const file = isUrl(name) ? await download(name, role, control) : resolveFile(name, role, base);
  return role === 'reference' ? file : importedModel(file, inputName(name), control);
}

/** What an input is called in records and messages: its embedded name, or the name of its file. */
export function inputName(name: string): string {
  return isEmbedded(name) ? name : isUrl(name) ? urlFileName(name) : path.basename(name);
}

/**
 * The detector of a measurement by name: the one given, or the one an embedded reference was made with.
 * @throws UserError where neither is known
 */
export function detectorName({ detector, reference }: Pick<MetricConfig, 'detector' | 'reference'>): string {
  const name = detector ?? (isEmbedded(reference) ? reference : undefined);
  if (name) return name;
  throw new UserError(
    `${reference} was made with a detector that is not given: name the detector, the Inception-v3 weights or an .onnx file made by "edm-workbench import"`,
  );
}

/**
 * Where an input lies now, for checks that neither download nor import.
 * @returns undefined for an address that is in no cache
 * @throws UserError for an unknown embedded name or an address that must not be fetched
 */
export function presentInput(name: string, role: Role, base: string): string | undefined {
  if (!isUrl(name)) return resolveFile(name, role, base);
  parseUrl(name);
  return cachedDownload(name);
}

/** Classes of the networks looked at lately, by path, size and time: a large pickle takes a tenth of a second. */
const seen = new Map<string, { key: string; labelDim: number }>();

/**
 * The number of classes of a network in any form, without importing it.
 * @throws UserError for a file that is no network
 */
export async function labelDimOf(file: string): Promise<number> {
  const { size, mtimeMs } = statSync(file);
  const key = `${size} ${mtimeMs}`;
  const before = seen.get(file);
  if (before?.key === key) return before.labelDim;
  const labelDim = isOnnx(file) ? await denoiserLabels(file) : (await readNetworkConfig(file)).label_dim;
  seen.set(file, { key, labelDim });
  return labelDim;
}

async function denoiserLabels(file: string): Promise<number> {
  const info = await readModelInfo(file);
  if (info.kind !== 'denoiser') throw new UserError(`${path.basename(file)} is a detector, not a denoiser`);
  return info.label_dim;
}
