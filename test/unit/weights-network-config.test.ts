import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UserError } from '../../server/errors';
import { parseNetworkConfig, type NetworkConfig } from '../../server/weights/network-config';
import { denoiserGraph } from '../../server/models/network-graph';
import { checkTensors, networkTensors, parameterCount } from '../../server/models/network-tensors';
import { networkLayout, type BlockModule } from '../../server/models/network-layout';
import { elementCount, type Tensor } from '../../server/weights/weight-source';

const CIFAR = { img_resolution: 32, img_channels: 3, model_channels: 128, channel_mult: [2, 2, 2], augment_dim: 9 };
const FACES = { ...CIFAR, img_resolution: 64, channel_mult: [1, 2, 2, 2] };
const DDPMPP = { model_type: 'SongUNet' };
const NCSNPP = {
  model_type: 'SongUNet',
  embedding_type: 'fourier',
  encoder_type: 'residual',
  channel_mult_noise: 2,
  resample_filter: [1, 3, 3, 1],
};

/** Published networks (edm.md section 2 and 3): configuration and count of parameters. */
const PUBLISHED: [name: string, parameters: number, config: Record<string, unknown>][] = [
  ['edm-cifar10-32x32-cond-vp', 55735299, { class_name: 'EDMPrecond', label_dim: 10, ...CIFAR, ...DDPMPP }],
  ['edm-cifar10-32x32-uncond-ve', 56397827, { class_name: 'EDMPrecond', ...CIFAR, ...NCSNPP }],
  ['edm-ffhq-64x64-uncond-vp, edm-afhqv2-64x64-uncond-vp', 61805571, { class_name: 'EDMPrecond', ...FACES, ...DDPMPP }],
  ['edm-ffhq-64x64-uncond-ve, edm-afhqv2-64x64-uncond-ve', 62761091, { class_name: 'EDMPrecond', ...FACES, ...NCSNPP }],
  [
    'edm-imagenet-64x64-cond-adm',
    295899267,
    { class_name: 'EDMPrecond', img_resolution: 64, img_channels: 3, label_dim: 1000 },
  ],
];

/** Size of a network's ONNX graph; its weights, any numbers of the right shapes, would be loaded when it is written. */
function graphBytes(config: NetworkConfig): number {
  const tensors = [...networkTensors(config)].map(([name, { shape }]): [string, Tensor] => {
    const numbers = new Float32Array(elementCount(shape)).fill(0.1);
    return [name, { name, shape, load: () => numbers }];
  });
  return denoiserGraph(config, new Map(tensors)).toModel({}).byteLength;
}

for (const [name, parameters, config] of PUBLISHED) {
  test(`${name} has ${parameters} parameters and can be built`, () => {
    const network = parseNetworkConfig(config, name);
    assert.equal(parameterCount(network), parameters);
    assert.ok(graphBytes(network) > 4 * parameters);
  });
}

/**
 * The others follow from these: each label adds a column of map_label (and SongUNet a bias), augmentation 9 columns of
 * map_augment, iDDPM a second set of output channels.
 */
function count(config: Record<string, unknown>): number {
  const network = parseNetworkConfig(config, 'derived');
  const parameters = parameterCount(network);
  assert.ok(graphBytes(network) > 3.9 * parameters); // iDDPM's second set of output channels is left out
  return parameters;
}
test('configurations that differ by a layer differ by its parameters', () => {
  const vp = { class_name: 'EDMPrecond', ...CIFAR, ...DDPMPP };
  assert.equal(count(vp), 55735299 - (10 * 128 + 128)); // edm-cifar10-32x32-uncond-vp
  assert.equal(count({ ...vp, class_name: 'VPPrecond', augment_dim: 0 }), 55735299 - (10 * 128 + 128) - 9 * 128); // baseline
  const ve = { class_name: 'EDMPrecond', ...CIFAR, ...NCSNPP };
  assert.equal(count({ ...ve, label_dim: 10 }), 56397827 + 10 * 256 + 256); // edm-cifar10-32x32-cond-ve
  assert.equal(count({ ...ve, class_name: 'VEPrecond', augment_dim: 0 }), 56397827 - 9 * 256); // baseline
  const adm = { class_name: 'iDDPMPrecond', img_resolution: 64, img_channels: 3, label_dim: 1000 };
  assert.equal(count(adm), 295899267 + 3 * (192 * 9 + 1)); // baseline-imagenet-64x64-cond-adm
});

test('attention sits where the architectures put it', () => {
  const attended = (config: Record<string, unknown>): string[] => {
    const { encoder, decoder } = networkLayout(parseNetworkConfig(config, 'test'));
    const blocks = [...encoder, ...decoder].filter((module): module is BlockModule => module.role === 'block');
    return blocks.filter(({ heads }) => heads > 0).map(({ name, heads }) => `${name} ${heads}`);
  };
  const small = { img_resolution: 32, img_channels: 3, num_blocks: 1, channel_mult: [1, 2], attn_resolutions: [16] };
  assert.deepEqual(attended({ class_name: 'EDMPrecond', model_type: 'SongUNet', ...small, attn_resolutions: [32] }), [
    'enc.32x32_block0 1',
    'dec.16x16_in0 1',
    'dec.32x32_block1 1',
  ]);
  assert.deepEqual(attended({ class_name: 'EDMPrecond', ...small, model_channels: 64 }), [
    'enc.16x16_block0 2',
    'dec.16x16_in0 2',
    'dec.16x16_block0 2',
    'dec.16x16_block1 2',
  ]);
  assert.deepEqual(attended({ class_name: 'EDMPrecond', ...small, model_channels: 16 }), []);
});

const REFUSED: [change: Record<string, unknown>, message: RegExp][] = [
  [{ class_name: 'Generator' }, /class Generator is not an EDM network/],
  [{ model_type: 'VAE' }, /model_type is "VAE"/],
  [{ img_resolution: undefined }, /img_resolution is missing/],
  [{ img_resolution: 30 }, /img_resolution 30 is not divisible by 4/],
  [{ num_blocks: 1e9 }, /num_blocks is 1000000000, expected an integer from 1 to 100/],
  [{ resample_filter: [1, 2, 1] }, /resample_filter is \[1,2,1\]/],
  [{ channel_mult: [] }, /channel_mult/],
];
for (const [change, message] of REFUSED) {
  test(`a configuration with ${JSON.stringify(change)} is refused by name`, () => {
    const config = { class_name: 'EDMPrecond', ...CIFAR, ...DDPMPP, ...change };
    assert.throws(
      () => parseNetworkConfig(config, 'net.pkl'),
      (error) => error instanceof UserError && message.test(error.message) && error.message.startsWith('net.pkl: '),
    );
  });
}

test('channels that do not divide into groups are refused before any graph is built', () => {
  const config = parseNetworkConfig(
    { class_name: 'EDMPrecond', ...CIFAR, ...DDPMPP, model_channels: 36, channel_mult: [1, 4] },
    'x',
  );
  assert.throws(
    () => checkTensors(config, new Map(), 'net.pkl'),
    new UserError('net.pkl: enc.16x16_block0.norm1: 144 channels do not divide into 32 groups'),
  );
});
