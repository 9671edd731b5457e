import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { UserError } from '../../server/errors';
import { cpuModel } from '../../server/models/cpu-model';
import { openDenoiser } from '../../server/compute/onnx-denoiser';
import { importNetwork } from '../../server/models/network-import';
import { parseNetworkConfig } from '../../server/weights/network-config';
import { blockConvolutions, networkLayout, type Convolution } from '../../server/models/network-layout';
import { imagesTogether, winogradConvolutions, winogradMatrices } from '../../server/models/winograd';
import { float32, inScratch, relativeError, run } from './network-fixtures';
import { noise, tameWeights, writeSafetensors } from './synthetic-weights';

/** Two blocks wide enough, at a resolution fine enough, and what lies around them. */
const WIDE = {
  class_name: 'EDMPrecond',
  model_type: 'SongUNet',
  img_resolution: 16,
  img_channels: 3,
  label_dim: 4,
  model_channels: 96,
  channel_mult: [2, 2],
  channel_mult_emb: 1,
  num_blocks: 1,
  attn_resolutions: [],
};

const convolutionsOf = (config: Record<string, unknown>): Convolution[] =>
  blockConvolutions(networkLayout(parseNetworkConfig(config, 'test')));

async function wideModel(): Promise<{ file: string; convolutions: Convolution[] }> {
  const source = inScratch('wide.safetensors');
  const file = inScratch('wide.onnx');
  writeSafetensors(source, tameWeights(WIDE), { config: JSON.stringify(WIDE) });
  const { convolutions = [] } = await importNetwork(source, file);
  return { file, convolutions };
}

test('the matrices turn six numbers and a kernel of three into the four that convolution gives', () => {
  const { AT, BT, G } = winogradMatrices();
  const next = noise(3);
  const times = (matrix: readonly (readonly number[])[], vector: readonly number[]): number[] =>
    matrix.map((row) => row.reduce((sum, value, i) => sum + value * vector[i], 0));
  for (let round = 0; round < 100; round++) {
    const x = Array.from({ length: 6 }, next);
    const w = Array.from({ length: 3 }, next);
    const kernel = times(G, w);
    const y = times(
      AT,
      times(BT, x).map((value, i) => value * kernel[i]),
    );
    y.forEach((value, i) => assert.ok(Math.abs(value - (x[i] * w[0] + x[i + 1] * w[1] + x[i + 2] * w[2])) < 1e-14));
  }
  for (const value of BT.flat()) assert.equal(Math.fround(value), value, 'the data is transformed without rounding');
});

test('a network in this form computes what it computes directly, and the same bits whatever is evaluated with it', async () => {
  const { file, convolutions } = await wideModel();
  const replaced = winogradConvolutions(convolutions).map(({ name }) => name);
  assert.ok(replaced.length >= 4 && replaced.length < convolutions.length, replaced.join());
  const model = Buffer.from(cpuModel(file, convolutions)!);
  for (const name of replaced) assert.ok(model.includes(`${name}.winograd.products`), name);

  const n = 2 * imagesTogether(16) + 3;
  const size = 3 * 16 ** 2;
  const next = noise(5);
  const x = Float32Array.from({ length: n * size }, () => 2 * next());
  const labels = Float32Array.from({ length: n * 4 }, (_, i) => (i % 5 === 0 ? 1 : 0));
  const direct = await run(file, {
    x: float32(x, [n, 3, 16, 16]),
    sigma: float32([1.5], [1]),
    class_labels: float32(labels, [n, 4]),
  });
  const { denoiser, release } = await openDenoiser(file, 'cpu');
  const all = await denoiser.denoise(x, 1.5, labels, n);
  const error = relativeError(all, direct);
  assert.ok(error > 0 && error <= 1e-5, `error ${error}`);
  for (const [from, rows] of [
    [0, 1],
    [n - 1, 1],
    [3, 5],
    [1, n - 2],
  ] as const) {
    const part = await denoiser.denoise(
      x.slice(from * size, (from + rows) * size),
      1.5,
      labels.slice(from * 4, (from + rows) * 4),
      rows,
    );
    assert.deepEqual(part, all.slice(from * size, (from + rows) * size), `images ${from} to ${from + rows - 1}`);
  }
  await release();
});

test('which convolutions: wide and fine ones, the finest first, within a bound of memory', () => {
  const cifar = { ...WIDE, img_resolution: 32, model_channels: 128, channel_mult: [2, 2, 2], num_blocks: 4 };
  const chosen = winogradConvolutions(convolutionsOf(cifar));
  assert.ok(chosen.every((convolution) => convolution.resolution >= 16 && convolution.in >= 192));
  assert.ok(!chosen.some(({ name }) => name === 'enc.32x32_block0.conv0'), '128 channels gain nothing');
  const imagenet = { ...cifar, model_type: 'DhariwalUNet', img_resolution: 64, label_dim: 1000, model_channels: 192, channel_mult: [1, 2, 3, 4], num_blocks: 3 }; // prettier-ignore
  const large = winogradConvolutions(convolutionsOf(imagenet));
  const bytes = large.reduce((sum, convolution) => sum + 144 * convolution.in * convolution.out, 0);
  assert.ok(bytes <= 2 ** 30 && large[0].resolution === 64, `${bytes}`);
  assert.equal(imagesTogether(32), 4);
  assert.equal(imagesTogether(256), 1);
});

test('a small network stays as it is; so do convolutions that the file does not hold; a cut-off file is refused', async () => {
  const { file, convolutions } = await wideModel();
  assert.equal(
    cpuModel(
      file,
      convolutions.filter(({ resolution }) => resolution < 16),
    ),
    undefined,
  );
  const foreign = [{ name: 'elsewhere', in: 192, out: 192, resolution: 16 }];
  assert.deepEqual(Buffer.from(cpuModel(file, foreign)!), readFileSync(file));
  const cut = inScratch('cut.onnx');
  const bytes = readFileSync(file);
  for (const length of [1, 100, 5000, bytes.length - 1]) {
    writeFileSync(cut, bytes.subarray(0, length));
    assert.throws(() => cpuModel(cut, convolutions), UserError, `${length}`);
  }
});
