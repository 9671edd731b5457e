import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { UserError } from '../../server/errors';
import { readNpz } from '../../server/fid/npz';
import { importInception, inceptionGraph } from '../../server/onnx/inception';
import { writeModel } from '../../server/onnx/model-file';
import type { Tensor } from '../../server/onnx/weights';
import { fixture, inScratch, relativeError } from './onnx-fixtures';

/** Numbers that depend on a name and an index only, exact in any language: the stand-in for the real weights. */
function draw(key: string, count: number): { d: Int32Array; u: Float64Array } {
  const mix = (h: number): number => {
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0;
  };
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  const d = new Int32Array(count);
  const u = new Float64Array(count);
  let state = mix(hash ^ 20151205);
  for (let i = 0; i < count; i++, state = (state + 0x9e3779b9) | 0) {
    const a = mix(state);
    const b = mix((a + 0x6a09e667) | 0);
    d[i] = (a & 65535) + (a >>> 16) + (b & 65535) + (b >>> 16) - 131070;
    u[i] = a / 2 ** 32;
  }
  return { d, u };
}
const DEVIATION = 37837.227;

/** The synthetic state dict of test/fixtures/nets/inception: one unit a line, `name out in height width variance`. */
function syntheticWeights(): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  const put = (name: string, shape: number[], load: () => Float32Array): void =>
    void tensors.set(name, { name, shape, load });
  for (const line of readFileSync(fixture('inception/units.txt'), 'utf8').trim().split('\n')) {
    const [name, ...sizes] = line.split(' ');
    const [out, from, height, width, v] = sizes.map(Number);
    const n = from * height * width;
    put(`${name}.conv.weight`, [out, from, height, width], () => {
      const { d } = draw(`${name}.conv.weight`, out * n);
      const gain = (0.5 * Math.sqrt(2 / n)) / DEVIATION;
      const weights = new Float32Array(out * n);
      for (let c = 0; c < out; c++) {
        const mean = d.subarray(c * n, (c + 1) * n).reduce((a, b) => a + b, 0) / n;
        for (let j = c * n; j < (c + 1) * n; j++) weights[j] = (d[j] - mean) * gain;
      }
      return weights;
    });
    const perFilter = (part: string, value: (z: number, u: number) => number): void =>
      put(`${name}.bn.${part}`, [out], () => {
        const { d, u } = draw(`${name}.bn.${part}`, out);
        return Float32Array.from(d, (x, i) => value(x / DEVIATION, u[i]));
      });
    perFilter('weight', (_, u) => 0.75 + 0.5 * u);
    perFilter('bias', (z) => 0.1 + 0.1 * z);
    perFilter('running_mean', (z) => 0.1 * Math.sqrt(v) * z);
    perFilter('running_var', (_, u) => v * (0.5 + u));
  }
  return tensors;
}

test("Inception-v3's features are torch-fidelity's, resize included", async () => {
  const model = inScratch('inception.onnx');
  await writeModel(model, inceptionGraph(syntheticWeights(), 'synthetic').toModel({}));
  const session = await InferenceSession.create(model);
  const data = await readNpz(fixture('inception/features.npz'));
  for (const name of ['scene_32', 'noise_64', 'strokes_28_gray']) {
    const image = data.get(`${name}.image`)!;
    const images = new OrtTensor('uint8', image.data as Uint8Array, [1, ...image.shape]);
    const { features } = await session.run({ images });
    assert.deepEqual([...features.dims], [1, 2048]);
    const error = relativeError(features.data as Float32Array, data.get(`${name}.features`)!.data as Float32Array);
    assert.ok(error <= 1e-4, `${name}: ${error}`);
  }
  await session.release();
});

test('a state dict without a tensor, or with one of another shape, is refused by its name', () => {
  const weights = syntheticWeights();
  const unit = weights.get('Mixed_6b.branch7x7_2.conv.weight')!;
  weights.set(unit.name, { ...unit, shape: [128, 64, 1, 7] });
  assert.throws(
    () => inceptionGraph(weights, 'w.pth'),
    new UserError('w.pth: tensor Mixed_6b.branch7x7_2.conv.weight has shape [128,64,1,7], its input has 128 channels'),
  );
  weights.delete('Mixed_5c.branch_pool.bn.bias');
  assert.throws(
    () => inceptionGraph(weights, 'w.pth'),
    new UserError('w.pth: tensor Mixed_5c.branch_pool.bn.bias is missing: the file does not hold the FID Inception-v3'),
  );
});

test('other torch files are not taken for the detector', async () => {
  const source = fixture('torch/zip.pt');
  await assert.rejects(
    importInception(source, inScratch('no.onnx')),
    new UserError(
      `${source}: tensor Conv2d_1a_3x3.conv.weight is missing: the file does not hold the FID Inception-v3`,
    ),
  );
});
