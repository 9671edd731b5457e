/** Run configs as a language of the editor. */
import path from 'node:path';
import { classNamesOf } from '../published/published-facts';
import { networkNamed, addressesOf, isAddress } from '../published/published-names';
import { networkText, referenceText } from '../published/published-text';
import { seedCount } from '../scripts/reading/values';
import { countOf } from '../shared/number-text';
import { projectFolders } from '../project-folders';
import { DEFAULT_SEEDS, PUBLISHED_NUM } from '../shared/defaults';
import { EMBEDDED_NAMES } from '../shared/embedded';
import { readSchema } from '../schema';
import { evaluationsText } from '../diffusion/sampler-rules';
import { readConfig } from './config';
import { samplerOptions } from './sampler-options';
import type { YamlLanguage } from '../yaml-assist';
import { YamlText } from '../yaml-text';
import { presentFile, resolveInput, type Role } from './input';
import { filesFor, foldersFor } from './input-files';
import { labelDimOf } from './label-dim';

/** What is known around a config. */
export interface ConfigSurroundings {
  /** Names of the known clusters. */
  clusters?: readonly string[];
  /** Folder of the config: files below it, and below the top of its repository, are proposed. */
  base?: string;
  /** Classes of its network, as `classesOf` gives them. */
  classes?: number;
}

/** Keys that decide how often the network is evaluated. */
const COUNTING = new Set(['steps', 'solver', 'sigmas']);

/** Keys that name files, with what the files are for. */
const ROLES: Readonly<Record<string, Role>> = { network: 'network', reference: 'reference', detector: 'detector' };

/** Run configs, with what can be proposed in this one. */
export function configLanguage({ clusters = [], base, classes }: ConfigSurroundings = {}): YamlLanguage {
  return {
    schema: readSchema('run-config'),
    noteOf: (path, text) => {
      if (path.length !== 1 || !COUNTING.has(path[0] ?? '')) return undefined;
      const { config } = readConfig(text);
      if (!config || typeof config.sigmas === 'string') return undefined;
      return `Here: **${evaluationsText(samplerOptions(config))}** per image.`;
    },
    meaningOf: (keys, value, text) => {
      const key = keys.at(-1) ?? '';
      return Object.hasOwn(MEANINGS, key) ? MEANINGS[key]?.(value, text, classes) : undefined;
    },
    valuesOf: (keys) => {
      const key = keys.at(-1) ?? '';
      const role = Object.hasOwn(ROLES, key) ? ROLES[key] : undefined;
      if (role) return inputsFor(role, base);
      switch (key) {
        case 'seeds':
          return [DEFAULT_SEEDS, '0-999', `0-${PUBLISHED_NUM - 1}`];
        case 'cluster':
          return clusters;
        case 'outdir':
          return base === undefined ? [] : foldersFor(projectFolders(base).at(-1) ?? base);
        case 'class':
          return Array.from({ length: classes ?? 0 }, (_, label) => String(label));
        default:
          return [];
      }
    },
  };
}

/** What a value means in its config, in Markdown; undefined where nothing is known of it. */
type Say = (value: string, text: string, classes: number | undefined) => string | undefined;

/** By the key of the value. */
const MEANINGS: Readonly<Record<string, Say>> = {
  network: (value, _, classes) =>
    networkText(value) ??
    (classes === undefined ? undefined : classes === 0 ? 'Unconditional: it takes no class.' : `${classes} classes (0 to ${classes - 1}).`), // prettier-ignore
  reference: (value) => referenceText(value),
  seeds: (value) => {
    const images = seedCount(value);
    return images === undefined ? undefined : `**${countOf(images, 'image')}**`;
  },
  steps: (value, text) => {
    const { config } = readConfig(text);
    if (!config || String(config.steps) !== value || typeof config.sigmas === 'string') return undefined;
    const published = networkNamed(config.network);
    const paper = published?.sampling;
    const said = paper && published ? ` The paper takes ${paper.steps} for ${published.name}.` : '';
    return `**${evaluationsText(samplerOptions(config))}** per image.${said}`;
  },
  class: (value, text, classes) => {
    const { value: written } = new YamlText(text);
    const named = (written as { network?: unknown } | null | undefined)?.network;
    const network = typeof named === 'string' ? networkNamed(named) : undefined;
    const count = network?.classes ?? classes;
    if (count === 0) return 'The network is unconditional: it takes no class.';
    if (!/^\d+$/.test(value) || count === undefined || Number(value) >= count) return undefined;
    const name = network && classNamesOf(network.dataset)?.[Number(value)];
    return `Class ${value} of ${count} (0 to ${count - 1})${name === undefined ? '' : `: **${name}**`}.`;
  },
};

/** What comes with the workbench, the files that are there, and what is published. */
function inputsFor(role: Role, base: string | undefined): string[] {
  const files = base === undefined ? [] : filesFor(role, base, projectFolders(base).at(-1));
  // EDM2's references are pickles, and its networks come in a form that no config can name yet.
  const published = role === 'detector' ? [] : addressesOf(role).filter(({ address }) => !address.includes('/edm2/'));
  return [...EMBEDDED_NAMES, ...files.map(asScalar), ...published.map(({ address }) => address)];
}

/** A file's name as YAML reads it back: in quotes where it would be read as something else. */
function asScalar(file: string): string {
  return /^[\w./][\w ./@+-]*$/.test(file) && !/\s$|: | #/.test(file) ? file : JSON.stringify(file);
}

/**
 * The number of classes of a config's network, without a download; undefined where it is not known.
 * @param base folder of the config
 */
export async function classesOf(text: string, base: string): Promise<number | undefined> {
  const { value } = new YamlText(text);
  const network = (value as { network?: unknown } | null | undefined)?.network;
  if (typeof network !== 'string' || !network) return undefined;
  if (isAddress(network)) {
    const known = networkNamed(network);
    if (known) return known.classes;
  }
  try {
    const file = presentFile(resolveInput(network, 'network', path.resolve(base)));
    return file === undefined ? undefined : await labelDimOf(file);
  } catch {
    // What is wrong with the file is said by the checks.
    return undefined;
  }
}
