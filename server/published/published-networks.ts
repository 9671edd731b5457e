/**
 * The networks and reference statistics that EDM's and EDM2's authors publish, as data: what each was trained on, with which
 * statistics it is compared, and the figures of the papers.
 *
 * EDM: Karras, Aittala, Aila & Laine 2022 (arXiv 2206.00364), table 2 with configurations A (`baseline-*`) and F (`edm-*`),
 * ImageNet-64 from the abstract and example.py of NVlabs/edm; each figure is the least of three times 50,000 images.
 * EDM2: `edm2-presets.ts`.
 */
import { edm2Networks } from './edm2-presets';
import {
  DATASETS,
  HOST,
  type DatasetName,
  type PublishedNetwork,
  type PublishedReference,
  type PublishedSampling,
} from './published-facts';

const EDM = `https://${HOST}/edm`;

const reference = (name: string, dataset: DatasetName, address: string, remark?: string): PublishedReference => ({
  name,
  dataset,
  address,
  ...(remark !== undefined && { remark }),
});

/** Every published reference. */
export const REFERENCES: readonly PublishedReference[] = [
  ...(['cifar10-32x32', 'ffhq-64x64', 'afhqv2-64x64', 'imagenet-64x64'] as const).map((name) =>
    reference(name, name, `${EDM}/fid-refs/${name}.npz`),
  ),
  reference(
    'imagenet-64x64-baseline',
    'imagenet-64x64',
    `${EDM}/fid-refs/imagenet-64x64-baseline.npz`,
    'for `baseline-imagenet-64x64-cond-adm`, whose training images were cropped in another way',
  ),
  reference('img64', 'imagenet-64x64', `https://${HOST}/edm2/dataset-refs/img64.pkl`, "for EDM2's networks"),
  reference('img512', 'imagenet-512x512', `https://${HOST}/edm2/dataset-refs/img512.pkl`, "for EDM2's networks"),
];

/** Steps of generate.py in the paper, by data set. */
const SAMPLING: Readonly<Partial<Record<DatasetName, PublishedSampling>>> = {
  'cifar10-32x32': { steps: 18 },
  'ffhq-64x64': { steps: 40 },
  'afhqv2-64x64': { steps: 40 },
  'imagenet-64x64': { steps: 256, further: '--S_churn=40 --S_min=0.05 --S_max=50 --S_noise=1.003' },
};

/** What a row of the table below leaves out follows from its name. */
type Row = readonly [name: string, dataset: DatasetName, config: 'A' | 'F', fid: number, offered?: false];

const TABLE_2: readonly Row[] = [
  ['baseline-cifar10-32x32-cond-vp', 'cifar10-32x32', 'A', 2.48, false],
  ['baseline-cifar10-32x32-cond-ve', 'cifar10-32x32', 'A', 3.11, false],
  ['baseline-cifar10-32x32-uncond-vp', 'cifar10-32x32', 'A', 3.01],
  ['baseline-cifar10-32x32-uncond-ve', 'cifar10-32x32', 'A', 3.77],
  ['edm-cifar10-32x32-cond-vp', 'cifar10-32x32', 'F', 1.79],
  ['edm-cifar10-32x32-cond-ve', 'cifar10-32x32', 'F', 1.79],
  ['edm-cifar10-32x32-uncond-vp', 'cifar10-32x32', 'F', 1.97],
  ['edm-cifar10-32x32-uncond-ve', 'cifar10-32x32', 'F', 1.98],
  ['baseline-ffhq-64x64-uncond-vp', 'ffhq-64x64', 'A', 3.39, false],
  ['baseline-ffhq-64x64-uncond-ve', 'ffhq-64x64', 'A', 25.95, false],
  ['edm-ffhq-64x64-uncond-vp', 'ffhq-64x64', 'F', 2.39],
  ['edm-ffhq-64x64-uncond-ve', 'ffhq-64x64', 'F', 2.53],
  ['baseline-afhqv2-64x64-uncond-vp', 'afhqv2-64x64', 'A', 2.58, false],
  ['baseline-afhqv2-64x64-uncond-ve', 'afhqv2-64x64', 'A', 18.52, false],
  ['edm-afhqv2-64x64-uncond-vp', 'afhqv2-64x64', 'F', 1.96],
  ['edm-afhqv2-64x64-uncond-ve', 'afhqv2-64x64', 'F', 2.16],
];

function ofTable2([name, dataset, config, fid, offered]: Row): PublishedNetwork {
  const sampling = SAMPLING[dataset];
  const nfe = sampling && 2 * sampling.steps - 1;
  return {
    name,
    dataset,
    classes: name.includes('-cond-') ? DATASETS[dataset].classes : 0,
    reference: dataset,
    figures: [{ metric: 'FID', value: fid, nfe, source: `Karras et al. 2022, table 2, config ${config}` }],
    sampling,
    ...(offered !== false && { address: `${EDM}/pretrained/${config === 'A' ? 'baseline/' : ''}${name}.pkl` }),
  };
}

const IMAGENET: readonly PublishedNetwork[] = [
  {
    name: 'edm-imagenet-64x64-cond-adm',
    dataset: 'imagenet-64x64',
    classes: 1000,
    reference: 'imagenet-64x64',
    figures: [{ metric: 'FID', value: 1.36, nfe: 511, source: 'Karras et al. 2022, abstract' }],
    sampling: SAMPLING['imagenet-64x64'],
    address: `${EDM}/pretrained/edm-imagenet-64x64-cond-adm.pkl`,
  },
  {
    name: 'baseline-imagenet-64x64-cond-adm',
    dataset: 'imagenet-64x64',
    classes: 1000,
    reference: 'imagenet-64x64-baseline',
    figures: [{ metric: 'FID', value: 1.55, source: 'Karras et al. 2022, abstract; stochastic sampling' }],
    address: `${EDM}/pretrained/baseline/baseline-imagenet-64x64-cond-adm.pkl`,
  },
];

/** Every published network that has a name of its own. EDM2's come in many lengths of the EMA: see `networkNamed`. */
export const NETWORKS: readonly PublishedNetwork[] = [...TABLE_2.map(ofTable2), ...IMAGENET, ...edm2Networks()];
