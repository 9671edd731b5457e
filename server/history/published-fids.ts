/**
 * FIDs of the published EDM networks with the authors' sampler, the smallest of three times 50,000 images: Karras, Aittala,
 * Aila & Laine 2022, "Elucidating the Design Space of Diffusion-Based Generative Models" (arXiv 2206.00364), table 2,
 * configurations A (`baseline-*`) and F (`edm-*`); ImageNet-64 from the abstract and example.py of NVlabs/edm.
 */

import { PUBLISHED_NUM } from '../shared/defaults';

interface Published {
  fid: number;
  /** Network evaluations per image. */
  nfe: number;
  source: string;
}

const table2 = (config: 'A' | 'F', fid: number, nfe: number): Published => ({
  fid,
  nfe,
  source: `Karras et al. 2022, table 2, config ${config}`,
});

/** By the file names of the reference and the network, without their extensions. */
const PUBLISHED: Readonly<Record<string, Readonly<Record<string, Published>>>> = {
  'cifar10-32x32': {
    'baseline-cifar10-32x32-cond-vp': table2('A', 2.48, 35),
    'baseline-cifar10-32x32-cond-ve': table2('A', 3.11, 35),
    'baseline-cifar10-32x32-uncond-vp': table2('A', 3.01, 35),
    'baseline-cifar10-32x32-uncond-ve': table2('A', 3.77, 35),
    'edm-cifar10-32x32-cond-vp': table2('F', 1.79, 35),
    'edm-cifar10-32x32-cond-ve': table2('F', 1.79, 35),
    'edm-cifar10-32x32-uncond-vp': table2('F', 1.97, 35),
    'edm-cifar10-32x32-uncond-ve': table2('F', 1.98, 35),
  },
  'ffhq-64x64': {
    'baseline-ffhq-64x64-uncond-vp': table2('A', 3.39, 79),
    'baseline-ffhq-64x64-uncond-ve': table2('A', 25.95, 79),
    'edm-ffhq-64x64-uncond-vp': table2('F', 2.39, 79),
    'edm-ffhq-64x64-uncond-ve': table2('F', 2.53, 79),
  },
  'afhqv2-64x64': {
    'baseline-afhqv2-64x64-uncond-vp': table2('A', 2.58, 79),
    'baseline-afhqv2-64x64-uncond-ve': table2('A', 18.52, 79),
    'edm-afhqv2-64x64-uncond-vp': table2('F', 1.96, 79),
    'edm-afhqv2-64x64-uncond-ve': table2('F', 2.16, 79),
  },
  'imagenet-64x64': {
    'edm-imagenet-64x64-cond-adm': { fid: 1.36, nfe: 511, source: 'Karras et al. 2022, abstract' },
  },
};

/** The part of a result that a published one is compared by. */
export interface Comparable {
  metric: string;
  num: number;
  network?: { name: string };
  sampler?: { nfe: number };
  reference: { name: string };
}

/**
 * The published FID of a result's network and reference, and what differs. Networks are recognised by their file names, so
 * a renamed one has no comparison.
 * @returns undefined if nothing is published, or the metric is not FID
 */
export function publishedText({ metric, num, network, sampler, reference }: Comparable): string | undefined {
  if (metric !== 'FID' || !network) return undefined;
  const found = PUBLISHED[stem(reference.name)]?.[stem(network.name)];
  if (!found) return undefined;
  const differences = [
    num !== PUBLISHED_NUM && `N is ${num}, not ${PUBLISHED_NUM}`,
    sampler && sampler.nfe !== found.nfe && `NFE is ${sampler.nfe}`,
  ].filter((text) => typeof text === 'string');
  const differs = differences.length > 0 ? `; not comparable: ${differences.join(', ')}` : '';
  return `published: ${found.fid} at NFE ${found.nfe} (${found.source}; least of 3 x 50000)${differs}`;
}

/** `publishedText` of the records that have one, by id. */
export function publishedTexts(records: readonly (Comparable & { id: string })[]): Record<string, string> {
  const texts = records.map((record) => [record.id, publishedText(record)] as const);
  return Object.fromEntries(texts.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function stem(name: string): string {
  return name.replace(/\.(pkl|onnx|safetensors|pt|npz)$/i, '');
}
