import { beyondOriginal, problemText, samplerProblems } from '../diffusion/sampler-rules';
import { countSeeds } from '../diffusion/seeds';
import { messageOf } from '../errors';
import { contradictionOf, PUBLISHED_CHECKS } from '../published/published-checks';
import { isAddress, misnamedAddress } from '../published/published-names';
import { DEFAULT_SEEDS, DEFAULT_STEPS, PUBLISHED_NUM } from '../shared/defaults';
import { optionText } from '../shared/sampler-options';
import { isOriginal } from '../shared/solvers';
import type { RunConfig } from '../shared/schema-types.gen';
import { EMBEDDED_NAMES } from '../shared/embedded';
import { isEmbedded } from './input';
import { samplerOptions } from './sampler-options';
import { didYouMean } from '../suggest';
import type { CrossProblem } from './cross-problem';
import { jobChecks } from './job-checks';

/** Everything the schema cannot say, each rule on its own. The config has passed the schema. */
const RULES: ((config: RunConfig) => CrossProblem | undefined)[] = [
  ({ seeds }) => {
    try {
      if (seeds !== undefined) countSeeds(String(seeds));
      return undefined;
    } catch (error) {
      const [, from, to] = /^\s*(\d+)-(\d+)\s*$/.exec(String(seeds)) ?? [];
      const replacement = from && Number(from) > Number(to) ? `${to}-${from}` : undefined;
      return { id: 'bad-seeds', severity: 'error', message: messageOf(error), path: ['seeds'], replacement };
    }
  },
  ({ sigma_min = 0.002, sigma_max = 80, ...rest }) =>
    sigma_min >= sigma_max && rest.disc !== 've'
      ? {
          id: 'sigma-range',
          severity: 'error',
          message: `sigma_min (${sigma_min}) must be below sigma_max (${sigma_max})`,
          path: ['sigma_min'],
          replacement: sigma_max > 0.002 ? '0.002' : undefined,
        }
      : undefined,
  ({ S_min = 0, S_max = Infinity }) =>
    S_min > S_max
      ? {
          id: 'churn-range',
          severity: 'error',
          message: `S_min (${S_min}) must not exceed S_max (${S_max})`,
          path: ['S_min'],
          replacement: String(S_max),
        }
      : undefined,
  ({ S_churn = 0, churn, solver, S_min, S_max, S_noise }) =>
    S_churn === 0 &&
    !churn &&
    (solver === undefined || isOriginal(solver)) &&
    (S_min !== undefined || S_max !== undefined || S_noise !== undefined)
      ? {
          id: 'churn-without-effect',
          severity: 'warning',
          message: 'S_min, S_max and S_noise have no effect while S_churn is 0',
          path: [S_min !== undefined ? 'S_min' : S_max !== undefined ? 'S_max' : 'S_noise'],
          part: 'key',
        }
      : undefined,
  (config) => {
    const metric = config.fd ?? config.fid;
    const key = config.fd ? 'fd' : 'fid';
    if (!metric?.num) return undefined;
    const images = imagesOf(config);
    return images !== undefined && metric.num > images
      ? {
          id: 'too-few-images',
          severity: 'error',
          message: `${key}.num asks for ${metric.num} images, but seeds "${String(config.seeds ?? DEFAULT_SEEDS)}" make only ${images}`,
          path: [key, 'num'],
          replacement: String(images),
        }
      : undefined;
  },
  ({ fid }) =>
    fid && (isEmbedded(fid.detector ?? '') || isEmbedded(fid.reference))
      ? {
          id: 'not-fid',
          severity: 'error',
          message: 'Only Inception-v3 (2015-12-05) features give an FID: write fd for the embedded detector',
          path: ['fid'],
          part: 'key',
          replacement: 'fd',
        }
      : undefined,
  (config) => {
    const images = imagesOf(config);
    return config.fid && images !== undefined && (config.fid.num ?? images) < PUBLISHED_NUM
      ? {
          id: 'fid-below-50000',
          severity: 'warning',
          message: `FID over ${config.fid.num ?? images} images does not compare with published values, which use ${PUBLISHED_NUM}`,
          path: config.fid.num ? ['fid', 'num'] : ['fid'],
          replacement: config.fid.num && images >= PUBLISHED_NUM ? String(PUBLISHED_NUM) : undefined,
          part: config.fid.num ? 'value' : 'key',
        }
      : undefined;
  },
  ({ network }) => misnamed(['network'], network),
  ({ fid }) => misnamed(['fid', 'reference'], fid?.reference),
  ({ fd }) => misnamed(['fd', 'reference'], fd?.reference),
  ...PUBLISHED_CHECKS.map((check) => (config: RunConfig) => published(check, config)),
  (config) => {
    const { sigmas } = config;
    const options = { ...samplerOptions(config), ...(sigmas !== undefined && { sigmas: [] }) };
    const option = config.engine === 'edm' ? beyondOriginal(options) : undefined;
    return option === undefined
      ? undefined
      : {
          id: 'not-in-edm',
          severity: 'error',
          message: `generate.py, which engine edm runs, has no ${option} ${optionText(option === 'sigmas' ? sigmas : options[option])}: use engine workbench`,
          path: [option],
        };
  },
  (config) => embeddedName(['network'], config.network),
  (config) => embeddedName(['fd', 'detector'], config.fd?.detector),
  (config) => embeddedName(['fd', 'reference'], config.fd?.reference),
];

/** An address of the authors' server at which nothing is; nothing is downloaded to find out. */
function misnamed(path: string[], given: string | undefined): CrossProblem | undefined {
  const found = given === undefined ? undefined : misnamedAddress(given);
  if (!found) return undefined;
  const { message, meant, isCertain } = found;
  return { id: 'published-name', severity: isCertain ? 'warning' : 'info', message, path, replacement: meant };
}

/** What contradicts the published networks; the same checks as in scripts. */
function published(check: (typeof PUBLISHED_CHECKS)[number], config: RunConfig): CrossProblem | undefined {
  const { network, steps = DEFAULT_STEPS, solver, disc, schedule, scaling, sigmas, fd, fid } = config;
  // A network's own file tells its classes: `checkFiles` reads it.
  const label = isAddress(network) ? config.class : undefined;
  const isAblation = [solver, disc, schedule, scaling, sigmas].some((one) => one !== undefined);
  const reference = (fid ?? fd)?.reference;
  const found = contradictionOf(check, {
    network,
    reference,
    class: label,
    steps: fid && !isAblation ? steps : undefined,
  });
  if (!found) return undefined;
  const places = { network: ['network'], class: ['class'], reference: [fid ? 'fid' : 'fd', 'reference'] };
  const path = found.at === 'steps' ? [config.steps === undefined ? 'network' : 'steps'] : places[found.at];
  const { severity, message, replacement } = found;
  const isHere = found.at !== 'steps' || config.steps !== undefined;
  return { id: check.id, severity, message, path, ...(isHere && { replacement }) };
}

function embeddedName(path: string[], name: string | undefined): CrossProblem | undefined {
  if (!name || !isEmbedded(name) || EMBEDDED_NAMES.some((one) => one === name)) return undefined;
  const hint = didYouMean(name, EMBEDDED_NAMES);
  const message = `There is no embedded model "${name}"${hint ? `: did you mean "${hint}"?` : ''}`;
  return { id: 'unknown-embedded', severity: 'error', message, path, replacement: hint };
}

/** Number of images that a config makes, or undefined where its seeds are not readable. */
function imagesOf(config: RunConfig): number | undefined {
  try {
    return countSeeds(String(config.seeds ?? DEFAULT_SEEDS));
  } catch {
    return undefined;
  }
}

/** What is wrong between the sampler's options. @param inFile whether noise levels are those of a file */
export function samplerChecks(config: RunConfig, inFile = false): CrossProblem[] {
  const options = samplerOptions(config);
  return samplerProblems(options).map((problem) => {
    const { id, severity, option, index, whole } = problem;
    const path = index === undefined || (inFile && option === 'sigmas') ? [option] : [option, String(index)];
    return { id, severity, message: problemText(problem, options, ''), path, part: whole ? 'key' : 'value' };
  });
}

/** Findings of all rules between fields. */
export function crossChecks(config: RunConfig): CrossProblem[] {
  const between = RULES.map((rule) => rule(config)).filter((problem) => problem !== undefined);
  // How many steps there are is not known before a file is read: `checkFiles` does.
  const sampler = typeof config.sigmas === 'string' ? [] : samplerChecks(config);
  return [...between, ...sampler, ...jobChecks(config)];
}

/**
 * A cluster that nobody knows.
 * @param known names of the known clusters; undefined where their list could not be read
 */
export function unknownCluster({ cluster }: RunConfig, known: readonly string[] | undefined): CrossProblem[] {
  if (cluster === undefined || !known || known.includes(cluster)) return [];
  const names =
    known.length > 0 ? `known: ${known.join(', ')}` : 'none is known: add it to .edm-workbench/clusters.yaml';
  const message = `No cluster ${cluster}; ${names}`;
  // The run itself needs none: only sending it does.
  return [{ id: 'unknown-cluster', severity: 'warning', message, path: ['cluster'], replacement: didYouMean(cluster, known) }]; // prettier-ignore
}
