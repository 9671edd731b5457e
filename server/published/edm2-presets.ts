/**
 * The presets of EDM2's programs, as data. Karras, Aittala, Lehtinen, Hellsten, Aila & Laine 2024 (arXiv 2312.02696), tables 2, 3
 * and 5, and Karras et al. 2024 (arXiv 2406.02507), table 1; each figure is the least of several times 50,000 images.
 */
import { HOST, type Figure, type PublishedNetwork } from './published-facts';

/** A preset of generate_images.py: a network, possibly with one that guides it. */
export interface Edm2Preset {
  /** File names without their extension. */
  net: string;
  gnet?: string;
  guidance?: number;
  metric: Figure['metric'];
  value: number;
}

type Row = readonly [name: string, value: number, net: string, guidance?: number, gnet?: string];

/** Names without `edm2-`; the last part of the name says which distance the preset is for. */
const ROWS: readonly Row[] = [
  ['img512-xs-fid', 3.53, 'img512-xs-2147483-0.135'],
  ['img512-xs-dino', 103.39, 'img512-xs-2147483-0.200'],
  ['img512-s-fid', 2.56, 'img512-s-2147483-0.130'],
  ['img512-s-dino', 68.64, 'img512-s-2147483-0.190'],
  ['img512-m-fid', 2.25, 'img512-m-2147483-0.100'],
  ['img512-m-dino', 58.44, 'img512-m-2147483-0.155'],
  ['img512-l-fid', 2.06, 'img512-l-1879048-0.085'],
  ['img512-l-dino', 52.25, 'img512-l-1879048-0.155'],
  ['img512-xl-fid', 1.96, 'img512-xl-1342177-0.085'],
  ['img512-xl-dino', 45.96, 'img512-xl-1342177-0.155'],
  ['img512-xxl-fid', 1.91, 'img512-xxl-0939524-0.070'],
  ['img512-xxl-dino', 42.84, 'img512-xxl-0939524-0.150'],
  ['img64-s-fid', 1.58, 'img64-s-1073741-0.075'],
  ['img64-m-fid', 1.43, 'img64-m-2147483-0.060'],
  ['img64-l-fid', 1.33, 'img64-l-1073741-0.040'],
  ['img64-xl-fid', 1.33, 'img64-xl-0671088-0.040'],
  ['img512-xs-guid-fid', 2.91, 'img512-xs-2147483-0.045', 1.4, 'img512-xs-uncond-2147483-0.045'],
  ['img512-xs-guid-dino', 79.94, 'img512-xs-2147483-0.150', 1.7, 'img512-xs-uncond-2147483-0.150'],
  ['img512-s-guid-fid', 2.23, 'img512-s-2147483-0.025', 1.4, 'img512-xs-uncond-2147483-0.025'],
  ['img512-s-guid-dino', 52.32, 'img512-s-2147483-0.085', 1.9, 'img512-xs-uncond-2147483-0.085'],
  ['img512-m-guid-fid', 2.01, 'img512-m-2147483-0.030', 1.2, 'img512-xs-uncond-2147483-0.030'],
  ['img512-m-guid-dino', 41.98, 'img512-m-2147483-0.015', 2, 'img512-xs-uncond-2147483-0.015'],
  ['img512-l-guid-fid', 1.88, 'img512-l-1879048-0.015', 1.2, 'img512-xs-uncond-2147483-0.015'],
  ['img512-l-guid-dino', 38.2, 'img512-l-1879048-0.035', 1.7, 'img512-xs-uncond-2147483-0.035'],
  ['img512-xl-guid-fid', 1.85, 'img512-xl-1342177-0.020', 1.2, 'img512-xs-uncond-2147483-0.020'],
  ['img512-xl-guid-dino', 35.67, 'img512-xl-1342177-0.030', 1.7, 'img512-xs-uncond-2147483-0.030'],
  ['img512-xxl-guid-fid', 1.81, 'img512-xxl-0939524-0.015', 1.2, 'img512-xs-uncond-2147483-0.015'],
  ['img512-xxl-guid-dino', 33.09, 'img512-xxl-0939524-0.015', 1.7, 'img512-xs-uncond-2147483-0.015'],
  ['img512-s-autog-fid', 1.34, 'img512-s-2147483-0.070', 2.1, 'img512-xs-0134217-0.125'],
  ['img512-s-autog-dino', 36.67, 'img512-s-2147483-0.120', 2.45, 'img512-xs-0134217-0.165'],
  ['img512-xxl-autog-fid', 1.25, 'img512-xxl-0939524-0.075', 2.05, 'img512-m-0268435-0.155'],
  ['img512-xxl-autog-dino', 24.18, 'img512-xxl-0939524-0.130', 2.3, 'img512-m-0268435-0.205'],
  ['img512-s-uncond-autog-fid', 3.86, 'img512-s-uncond-2147483-0.070', 2.85, 'img512-xs-uncond-0134217-0.110'],
  ['img512-s-uncond-autog-dino', 90.39, 'img512-s-uncond-2147483-0.090', 2.9, 'img512-xs-uncond-0134217-0.125'],
  ['img64-s-autog-fid', 1.01, 'img64-s-1073741-0.045', 1.7, 'img64-xs-0134217-0.110'],
  ['img64-s-autog-dino', 31.85, 'img64-s-1073741-0.105', 2.2, 'img64-xs-0134217-0.175'],
];

/** The presets of `generate_images.py --preset`, by name. */
export const EDM2_PRESETS: ReadonlyMap<string, Edm2Preset> = new Map(
  ROWS.map(([name, value, net, guidance, gnet]) => [
    `edm2-${name}`,
    {
      net: `edm2-${net}`,
      metric: name.endsWith('-dino') ? 'FD_DINOv2' : 'FID',
      value,
      ...(gnet !== undefined && { gnet: `edm2-${gnet}`, guidance }),
    },
  ]),
);

/** A preset of train_edm2.py: the hyperparameters that it sets where the command line does not. */
export interface Edm2TrainingPreset {
  /** Training images, in mebi (2^20). */
  duration: number;
  /** Images of a step, over all GPUs. */
  batch: number;
  channels: number;
  lr: number;
  /** Batches after which the learning rate decays. */
  decay: number;
  dropout: number;
  P_mean: number;
  P_std: number;
}

const training = (
  resolution: 64 | 512,
  duration: number,
  channels: number,
  lr: number,
  dropout: number,
): Edm2TrainingPreset => ({
  duration,
  batch: 2048,
  channels,
  lr,
  decay: resolution === 64 ? 35_000 : 70_000,
  dropout,
  P_mean: resolution === 64 ? -0.8 : -0.4,
  P_std: resolution === 64 ? 1.6 : 1,
});

/** The presets of `train_edm2.py --preset`, by name. */
export const EDM2_TRAINING_PRESETS: ReadonlyMap<string, Edm2TrainingPreset> = new Map([
  ['edm2-img512-xxs', training(512, 2048, 64, 0.017, 0)],
  ['edm2-img512-xs', training(512, 2048, 128, 0.012, 0)],
  ['edm2-img512-s', training(512, 2048, 192, 0.01, 0)],
  ['edm2-img512-m', training(512, 2048, 256, 0.009, 0.1)],
  ['edm2-img512-l', training(512, 1792, 320, 0.008, 0.1)],
  ['edm2-img512-xl', training(512, 1280, 384, 0.007, 0.1)],
  ['edm2-img512-xxl', training(512, 896, 448, 0.0065, 0.1)],
  ['edm2-img64-xs', training(64, 1024, 128, 0.012, 0)],
  ['edm2-img64-s', training(64, 1024, 192, 0.01, 0)],
  ['edm2-img64-m', training(64, 2048, 256, 0.009, 0.1)],
  ['edm2-img64-l', training(64, 1024, 320, 0.008, 0.1)],
  ['edm2-img64-xl', training(64, 640, 384, 0.007, 0.1)],
]);

const FOLDER = `https://${HOST}/edm2/posthoc-reconstructions`;
/** Data set, size, `-uncond`, thousands of training images, relative length of the EMA. */
const NAME = /^edm2-img(64|512)-(?:xxs|xs|s|m|l|xl|xxl)(-uncond)?-\d{7}-\d\.\d{3}$/;

/**
 * A network of EDM2 by the form of its name. There are many, one for each length of the EMA: only those of presets have figures
 * and an address.
 */
export function edm2Network(name: string): PublishedNetwork | undefined {
  const [, resolution, uncond] = NAME.exec(name) ?? [];
  if (resolution === undefined) return undefined;
  const presets = [...EDM2_PRESETS].filter(([, { net }]) => net === name);
  const isOffered = presets.length > 0 || [...EDM2_PRESETS.values()].some(({ gnet }) => gnet === name);
  return {
    name,
    dataset: resolution === '64' ? 'imagenet-64x64' : 'imagenet-512x512',
    classes: uncond === undefined ? 1000 : 0,
    reference: `img${resolution}`,
    // With guidance both networks are evaluated 63 times.
    figures: presets.map(([source, { metric, value }]) => ({ metric, value, nfe: 63, source })),
    ...(isOffered && { address: `${FOLDER}/${name}.pkl` }),
  };
}

/** The networks that presets name. */
export function edm2Networks(): PublishedNetwork[] {
  const names = [...EDM2_PRESETS.values()].flatMap(({ net, gnet }) => (gnet === undefined ? [net] : [net, gnet]));
  return [...new Set(names)].flatMap((name) => edm2Network(name) ?? []);
}
