import { countSeeds } from '../diffusion/seeds';
import { messageOf } from '../errors';
import { DEFAULT_SEEDS, PUBLISHED_NUM } from '../shared/defaults';
import type { RunConfig } from '../shared/schema-types.gen';
import { EMBEDDED_NAMES } from '../shared/embedded';
import { isEmbedded } from './input';
import { didYouMean } from '../suggest';

/** A finding of a rule between fields; `path` names the field it is shown at. */
export interface CrossProblem {
  id: string;
  severity: 'error' | 'warning';
  message: string;
  path: string[];
  part?: 'key' | 'value';
  replacement?: string;
}

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
  ({ S_churn = 0, S_min, S_max, S_noise }) =>
    S_churn === 0 && (S_min !== undefined || S_max !== undefined || S_noise !== undefined)
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
  (config) => embeddedName(['network'], config.network),
  (config) => embeddedName(['fd', 'detector'], config.fd?.detector),
  (config) => embeddedName(['fd', 'reference'], config.fd?.reference),
];

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

/** Findings of all rules between fields. */
export function crossChecks(config: RunConfig): CrossProblem[] {
  return RULES.map((rule) => rule(config)).filter((problem) => problem !== undefined);
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
