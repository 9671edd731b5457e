import path from 'node:path';
import { existsSync } from 'node:fs';
import { CancelledError, messageOf } from '../errors';
import type { RunConfig } from '../shared/schema-types.gen';
import { didYouMean } from '../suggest';
import { misnamedNetworkFile, networkNamed, referenceNamed } from '../published/published-names';
import { namesFor } from './input-files';
import { presentFile, resolveInput, type Role } from './input';
import { factsOf } from './label-dim';
import { NotCheckedError } from './network-reader';
import { samplerChecks } from './checks';
import type { CrossProblem } from './cross-problem';
import { withLevels } from './levels-file';

/** What a missing file was probably meant to be, as the config would write it: one beside it, or a published one. */
function nearby(given: string, file: string, role: Role): string | undefined {
  const folder = given.slice(0, given.length - path.basename(given).length);
  const meant = didYouMean(path.basename(file), namesFor(role, path.dirname(file)));
  if (meant !== undefined) return folder + meant;
  const known = role === 'network' ? networkNamed(given) : role === 'reference' ? referenceNamed(given) : undefined;
  return known?.address ?? (role === 'network' ? misnamedAddressOf(given) : undefined);
}

/** The address of the published network that a file's name is one slip away from. */
function misnamedAddressOf(given: string): string | undefined {
  const { meant } = misnamedNetworkFile(given) ?? {};
  return meant === undefined ? undefined : networkNamed(meant)?.address;
}

/** Noise levels in a file, and what they do not go together with. */
export async function checkLevels(config: RunConfig, base: string): Promise<CrossProblem[]> {
  if (typeof config.sigmas !== 'string') return [];
  try {
    return samplerChecks(await withLevels(config, base), true);
  } catch (error) {
    return [{ id: 'sigmas-file', severity: 'error', message: messageOf(error), path: ['sigmas'] }];
  }
}

/** The workbench runs the published code; engine edm runs that of the file. */
function codeProblem({ engine, network, accept_source }: RunConfig, differs: string): CrossProblem[] {
  if (engine === 'edm' || accept_source !== undefined) return [];
  const message = `The source that ${path.basename(network)} carries is not what NVIDIA published (${differs}): choose engine: edm, or read it (edm-workbench import --show-source) and name its sha256 in accept_source`;
  return [{ id: 'other-code', severity: 'error', message, path: ['network'] }];
}

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
      const meant = nearby(name, file, role);
      const hint = meant === undefined ? '' : `: did you mean ${meant}?`;
      problems.push({
        id: 'no-file',
        severity: 'warning',
        message: `${path.basename(file)} does not exist in ${path.dirname(file)}${hint}`,
        path: key,
        replacement: meant,
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
  problems.push(...(await checkLevels(config, base)));
  if (!network) return problems;
  try {
    const { labelDim: classes, differs } = await factsOf(network, signal);
    if (differs !== undefined) problems.push(...codeProblem(config, differs));
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
    else {
      // The file's own code may read what the workbench cannot.
      const severity = config.engine === 'edm' ? 'warning' : 'error';
      problems.push({ id: 'not-a-network', severity, message: messageOf(error), path: ['network'] });
    }
  }
  return problems;
}
