/** Batch sizes measured on clusters, in `.edm-workbench/calibrations/`, and how a recommendation gets into a config. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { writeAtomically } from '../atomic-file';
import { canonicalFile } from '../canonical-path';
import { demandUnlinked } from '../containment';
import { makeStateFolder } from '../ignored-folder';
import { STATE_FOLDER } from '../history/history-store';
import { readRegularFile } from '../regular-file';
import { validator } from '../schema';
import { wayTo } from '../shared/places';
import type { Calibration, RunConfig } from '../shared/schema-types.gen';
import { YamlText } from '../yaml-text';

const FOLDER = path.join(STATE_FOLDER, 'calibrations');
/** The largest file that is read as a calibration, in bytes. */
const LARGEST = 1 << 20;

/** GPUs of a job where the config does not say. */
export function gpusOf({ gpus, engine }: Pick<RunConfig, 'gpus' | 'engine'>): number {
  return gpus ?? (engine === 'edm' ? 1 : 0);
}

/** Keeps a calibration; of the same config on the same cluster only the latest. @param root top of the repository */
export async function saveCalibration(root: string, calibration: Calibration): Promise<void> {
  const folder = path.join(root, FOLDER);
  await demandUnlinked(root, folder);
  // Measured on machines of this user, so of no use to others.
  await makeStateFolder(folder);
  const { cluster, config_file } = calibration;
  const name = `${config_file.replace(/[^A-Za-z0-9._-]/g, '-')}-${cluster}.json`;
  await writeAtomically(path.join(folder, name), Buffer.from(`${JSON.stringify(calibration, null, 2)}\n`));
}

/**
 * The calibrations of a config, latest first; files that cannot be used are skipped. Git is not asked, since the editor
 * needs this at each move of the cursor.
 * @param file absolute path of the config
 */
export async function calibrationsOf(file: string): Promise<Calibration[]> {
  const validate = validator<Calibration>('calibration');
  const found: Calibration[] = [];
  // Saved under the path that the repository has for it, whatever the editor opened it by.
  const canonical = canonicalFile(file);
  for (let root = path.dirname(canonical); ; root = path.dirname(root)) {
    const folder = path.join(root, FOLDER);
    const names = await readdir(folder).catch(() => []);
    const relative = wayTo(root, canonical, path);
    for (const name of names.filter((one) => one.endsWith('.json'))) {
      const checked = await readRegularFile(path.join(folder, name), { atMost: LARGEST })
        .then((text) => validate(JSON.parse(text.toString())))
        .catch(() => undefined);
      if (checked?.valid && checked.value.config_file === relative) found.push(checked.value);
    }
    if (root === path.dirname(root)) return found.sort((a, b) => b.time.localeCompare(a.time));
  }
}

/** Whether a calibration is for this config: network, engine and number of GPUs are the same. */
export function fits({ network, engine, gpus }: Calibration, config: RunConfig): boolean {
  return network === config.network && engine === (config.engine ?? 'workbench') && gpus === gpusOf(config);
}

/** A change of a text: everything between two offsets is replaced. */
export interface BatchEdit {
  from: number;
  to: number;
  text: string;
}

/**
 * How a batch size is written into a config without changing anything else; undefined where there is no line for it, as
 * in a config that is one JSON object.
 */
export function batchEdit(text: string, batch: number): BatchEdit | undefined {
  const yaml = new YamlText(text);
  const line = `batch: ${batch}`;
  // In the flow form, { network: ..., batch: ... }, a line of its own would break the map.
  if (/^\s*\{/.test(text)) return undefined;
  const key = yaml.locate(['batch'], 'key');
  if (key) {
    const value = yaml.locate(['batch'], 'value');
    // An empty value may lie right before a comment, which needs the space before it.
    const isEmpty = !value || value.to <= value.from || value.from === key.from;
    return { from: key.from, to: isEmpty ? text.indexOf(':', key.to) + 1 : value.to, text: line };
  }
  const network = yaml.locate(['network'], 'value');
  if (!network) return undefined;
  const rest = /[^\r\n]*/.exec(text.slice(network.to))?.[0].length ?? 0;
  const at = network.to + rest;
  return { from: at, to: at, text: `${text[at] === '\r' ? '\r\n' : '\n'}${line}` };
}

/** The text with another batch size; unchanged where there is no line for it. */
export function withBatch(text: string, batch: number): string {
  const edit = batchEdit(text, batch);
  return edit ? text.slice(0, edit.from) + edit.text + text.slice(edit.to) : text;
}
