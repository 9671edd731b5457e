/**
 * What contradicts the published networks, as one table for scripts and run configs. Each check sees what one sampling and, where
 * there is one, its measurement say; what is not known is undefined, and then the check is silent.
 */
import { DEFAULT_STEPS, nfe } from '../shared/defaults';
import { isAddress, networkNamed, referenceNamed, referenceOf } from './published-names';
import { DATASETS, type PublishedNetwork } from './published-facts';

/** What is said of a sampling. */
export interface Sampling {
  /** File or address of the network. */
  network?: string;
  /** File or address of the reference statistics that the images are compared with. */
  reference?: string;
  /** Class of every image. */
  class?: number;
  /** Steps of EDM's sampler, its default filled in; undefined for any other sampler. */
  steps?: number;
}

/** A contradiction. */
export interface Contradiction {
  severity: 'error' | 'warning' | 'info';
  /** The part of the sampling that it is shown at. */
  at: 'network' | 'reference' | 'class' | 'steps';
  /** One sentence, no full stop. */
  message: string;
  /** What would be right in its place. */
  replacement?: string;
}

/** One check: a row of the table. */
interface PublishedCheck {
  id: 'reference-mismatch' | 'class-range' | 'published-steps';
  /** The usual one; a contradiction may be less. */
  severity: Contradiction['severity'];
  title: string;
  why: string;
  remedy: string;
  check: (network: PublishedNetwork, sampling: Sampling & { network: string }) => Contradiction | undefined;
}

/** Every check. */
export const PUBLISHED_CHECKS: readonly PublishedCheck[] = [
  {
    id: 'reference-mismatch',
    severity: 'warning',
    title: "A reference of another data set than the network's",
    why: 'FID compares the images with statistics of a data set. With those of another one there is a number too, but it says nothing about the network.',
    remedy: "Compare with the reference of the network's own training data.",
    check: (network, { reference }) => {
      const known = reference === undefined ? undefined : referenceNamed(reference);
      if (reference === undefined || !known || known.name === network.reference) return undefined;
      const meant = referenceOf(network);
      const replacement = meant && beside(reference, meant.address);
      if (known.dataset === network.dataset)
        return {
          severity: 'info',
          at: 'reference',
          message: `The published figures of ${network.name} are against ${meant?.name ?? network.reference}, not ${known.name}`,
          replacement,
        };
      const [own, other] = [DATASETS[network.dataset].title, DATASETS[known.dataset].title];
      return {
        severity: 'warning',
        at: 'reference',
        message: `${network.name} makes images of ${own}, but the reference is of ${other}`,
        replacement,
      };
    },
  },
  {
    id: 'class-range',
    severity: 'error',
    title: 'A class that the network does not have',
    why: 'generate.py ends with an IndexError where the class is beyond the labels of the network, and with a TypeError where the network is unconditional.',
    remedy: 'Give a class of the network, counted from 0, or leave the option out: then each seed draws its own class.',
    check: (network, { network: given, class: label }) => {
      if (label === undefined || label < network.classes) return undefined;
      const { classes, name } = network;
      return {
        // A file of that name may hold another network.
        severity: isAddress(given) ? 'error' : 'warning',
        at: 'class',
        message: classes === 0 ? `${name} is unconditional: it takes no class` : `${name} has the classes 0 to ${classes - 1}, but no class ${label}`, // prettier-ignore
        replacement: classes === 0 ? undefined : String(classes - 1),
      };
    },
  },
  {
    id: 'published-steps',
    severity: 'info',
    title: "The default number of steps, where the network's figures take more",
    why: 'The default of generate.py is that of CIFAR-10. With it, a value for another data set is worse than the published one, and cannot be compared with it.',
    remedy: "Take the paper's settings, or compare with your own values only.",
    check: ({ name, sampling, figures }, { steps, reference }) => {
      if (!sampling || steps !== DEFAULT_STEPS || steps === sampling.steps || reference === undefined) return undefined;
      const further = sampling.further === undefined ? '' : ` and ${sampling.further}`;
      const fid = figures.map(({ metric, value }) => `${metric} ${value}`).join(', ');
      return {
        severity: 'info',
        at: 'steps',
        message: `${steps} steps (NFE ${nfe(steps)}); the published ${fid} of ${name} takes ${sampling.steps} (NFE ${nfe(sampling.steps)})${further}`,
        replacement: String(sampling.steps),
      };
    },
  },
];

/** What one check says of a sampling; undefined where its network is not a published one. */
export function contradictionOf({ check }: PublishedCheck, sampling: Sampling): Contradiction | undefined {
  const { network } = sampling;
  const known = network === undefined ? undefined : networkNamed(network);
  return known && network !== undefined ? check(known, { ...sampling, network }) : undefined;
}

/** The right file, given in the way of the wrong one: by its address, or by a path in the same folder. */
function beside(given: string, address: string): string {
  if (isAddress(given)) return address;
  return given.slice(0, given.lastIndexOf('/') + 1) + address.slice(address.lastIndexOf('/') + 1);
}
