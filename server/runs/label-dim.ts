import { statSync } from 'node:fs';
import path from 'node:path';
import { isOnnx } from '../compute/imported-model';
import { UserError } from '../errors';
import { readNetworkConfig } from '../models/network-import';
import { readModelInfo } from '../models/model-file';

/** Classes of the networks looked at lately, by path, size and time: a large pickle takes a tenth of a second. */
const seen = new Map<string, { key: string; labelDim: number }>();

/**
 * The number of classes of a network in any form, without importing it.
 * @throws UserError for a file that is not a network
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
