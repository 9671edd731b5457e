import path from 'node:path';
import { existsSync } from 'node:fs';
import { CancelledError, messageOf } from '../errors';
import type { RunConfig } from '../shared/schema-types.gen';
import { presentFile, resolveInput, type Role } from './input';
import { labelDimOf } from './label-dim';
import { NotCheckedError } from './network-reader';
import type { CrossProblem } from './checks';

/**
 * What only the files named by a config can tell: a network that is not there, a class beyond its labels. Used by
 * `run` as errors and by the editor as warnings while the file may still be on its way.
 * @param base folder of the config
 * @throws CancelledError
 */
export async function checkFiles(config: RunConfig, base: string, signal?: AbortSignal): Promise<CrossProblem[]> {
  const problems: CrossProblem[] = [];
  const missing = (key: string[], name: string | undefined, role: Role): string | undefined => {
    if (!name) return undefined;
    try {
      const file = presentFile(resolveInput(name, role, base));
      if (!file || existsSync(file)) return file;
      problems.push({
        id: 'no-file',
        severity: 'warning',
        message: `${path.basename(file)} does not exist in ${path.dirname(file)}`,
        path: key,
      });
    } catch (error) {
      problems.push({ id: 'no-file', severity: 'warning', message: messageOf(error), path: key });
    }
    return undefined;
  };
  const network = missing(['network'], config.network, 'network');
  for (const key of ['fd', 'fid'] as const) {
    missing([key, 'reference'], config[key]?.reference, 'reference');
    missing([key, 'detector'], config[key]?.detector, 'detector');
  }
  if (!network) return problems;
  try {
    const classes = await labelDimOf(network, signal);
    if (config.class !== undefined && config.class >= classes) {
      const message =
        classes === 0
          ? `${config.network} is unconditional: it takes no class`
          : `class ${config.class} is out of range: ${config.network} has classes 0 to ${classes - 1}`;
      problems.push({
        id: 'class-range',
        severity: 'error',
        message,
        path: ['class'],
        replacement: classes > 0 ? String(classes - 1) : undefined,
      });
    }
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    if (error instanceof NotCheckedError)
      problems.push({ id: 'not-checked', severity: 'warning', message: error.message, path: ['network'] });
    else problems.push({ id: 'not-a-network', severity: 'error', message: messageOf(error), path: ['network'] });
  }
  return problems;
}
