/** What there is to know of a published file: its shape, and the data sets. */

/** A data set at the resolution that networks are trained at. */
export interface Dataset {
  /** As people say it: `FFHQ at 64x64`. */
  title: string;
  /** Classes of its labels; 0 without labels. */
  classes: number;
  /** Names of the classes in the order of their labels, where they are few. */
  classNames?: readonly string[];
}

/** The classes of CIFAR-10, as its authors name and number them. */
const CIFAR10 = 'airplane automobile bird cat deer dog frog horse ship truck'.split(' ');

/** Data sets by the name that files carry. */
export const DATASETS = {
  'cifar10-32x32': { title: 'CIFAR-10 at 32x32', classes: 10, classNames: CIFAR10 },
  'ffhq-64x64': { title: 'FFHQ at 64x64', classes: 0 },
  'afhqv2-64x64': { title: 'AFHQv2 at 64x64', classes: 0 },
  'imagenet-64x64': { title: 'ImageNet at 64x64', classes: 1000 },
  'imagenet-512x512': { title: 'ImageNet at 512x512', classes: 1000 },
} as const satisfies Record<string, Dataset>;

/** A key of `DATASETS`. */
export type DatasetName = keyof typeof DATASETS;

/** A published distance. */
export interface Figure {
  metric: 'FID' | 'FD_DINOv2';
  value: number;
  /** Network evaluations per image; undefined where the source does not say. */
  nfe?: number;
  /** Where it stands, or the preset of EDM2 that it belongs to. */
  source: string;
}

/** Options of generate.py with which the figures were made. */
export interface PublishedSampling {
  steps: number;
  /** Further options, as on the command line; none for deterministic sampling. */
  further?: string;
}

/** A published network. */
export interface PublishedNetwork {
  /** File name without its extension. */
  name: string;
  dataset: DatasetName;
  /** Classes that the network takes (`label_dim`); 0 for an unconditional one. */
  classes: number;
  /** Name of the reference that its figures are measured against. */
  reference: string;
  figures: readonly Figure[];
  sampling?: PublishedSampling;
  /** Where the authors offer the file; undefined where only its figures are published. */
  address?: string;
}

/** Published reference statistics. */
export interface PublishedReference {
  /** File name without its extension. */
  name: string;
  dataset: DatasetName;
  address: string;
  /** What it is for, where a data set has several. */
  remark?: string;
}

/** The server of all of it. */
export const HOST = 'nvlabs-fi-cdn.nvidia.com';

/** The names of a data set's classes; undefined where they are many, or none. */
export function classNamesOf(name: DatasetName): readonly string[] | undefined {
  const dataset: Dataset = DATASETS[name];
  return dataset.classNames;
}
