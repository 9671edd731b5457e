import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { UserError } from '../../server/errors';
import { readNpz } from '../../server/numpy/npz';
import { Graph } from '../../server/models/onnx-graph';
import { importNetwork } from '../../server/models/network-import';
import { Layers } from '../../server/models/network-layers';
import { readModelInfo, writeModel } from '../../server/models/model-file';
import type { DenoiserInfo } from '../../server/models/model-info';
import { openNetworkPickle } from '../../server/weights/network-pickle';
import { parseNetworkConfig } from '../../server/weights/network-config';
import type { Tensor } from '../../server/weights/weight-source';
import { fixture, float32, inScratch, relativeError, run } from './network-fixtures';
import { noise, randomWeights, writeSafetensors } from './synthetic-weights';

const TOLERANCE = 1e-5;

interface Expected {
  num_params: number;
  sigma_min: number;
  sigma_max: number | 'inf';
}
const EXPECTED = JSON.parse(readFileSync(fixture('expected.json'), 'utf8')) as Record<string, Expected>;

const PICKLES: Record<string, string> = { 'ddpmpp-u-r8-gray': 'ddpmpp-u-r8-gray.snapshot.pkl' };

for (const [name, expected] of Object.entries(EXPECTED)) {
  test(`${name}: the imported network computes what the original computed`, async () => {
    const model = inScratch(`${name}.onnx`);
    const info = await importNetwork(fixture(PICKLES[name] ?? `${name}.pkl`), model);
    assert.equal(info.parameters, expected.num_params);
    assert.equal(info.sigma_min, expected.sigma_min);
    assert.equal(info.sigma_max, expected.sigma_max === 'inf' ? Infinity : expected.sigma_max);
    const io = await readNpz(fixture(`${name}.io.npz`));
    for (const [key, x] of io) {
      if (!key.startsWith('x')) continue;
      const i = key.slice(1);
      const sigma = io.get(`sigma${i}`)!;
      const labels =
        io.get(`labels${i}`) ?? float32(new Float32Array(x.shape[0] * info.label_dim), [x.shape[0], info.label_dim]);
      const y = await run(model, {
        x,
        sigma: float32(sigma.data as Float32Array, [sigma.data.length]),
        class_labels: info.label_dim ? labels : undefined,
      });
      const error = relativeError(y, io.get(`y${i}`)!.data as Float32Array);
      assert.ok(error <= TOLERANCE, `case ${i}: ${error}`);
    }
  });
}

test('a training state gives the network in training', async () => {
  const model = inScratch('state.onnx');
  const info = await importNetwork(fixture('ddpmpp-u-r8-gray.training-state.pt'), model);
  assert.equal(info.parameters, EXPECTED['ddpmpp-u-r8-gray'].num_params);
  // Sums of absolute values as torch itself read them, in float64.
  const sums = JSON.parse(readFileSync(fixture('training-state.sums.json'), 'utf8')) as Record<string, number>;
  const state = await openNetworkPickle(fixture('ddpmpp-u-r8-gray.training-state.pt'));
  assert.deepEqual([...state.tensors.keys()].sort(), Object.keys(sums).sort());
  for (const [name, tensor] of state.tensors) {
    const sum = tensor.load().reduce((a, b) => a + Math.abs(b), 0);
    assert.ok(Math.abs(sum - sums[name]) <= 1e-12 * sums[name], `${name}: ${sum}`);
  }
  state.close();
});

test('what was imported is what the file says of itself', async () => {
  const model = inScratch('named.onnx');
  const class_names = ['ant', 'bee', 'été "x"'];
  const info = await importNetwork(fixture('ve-ncsnpp-c3-r16.pkl'), model, { class_names });
  assert.deepEqual(await readModelInfo(model), JSON.parse(JSON.stringify(info)) as DenoiserInfo);
  assert.deepEqual(info.class_names, class_names);
  assert.match(info.source_sha256, /^[0-9a-f]{64}$/);
  await assert.rejects(
    importNetwork(fixture('ve-ncsnpp-c3-r16.pkl'), model, { class_names: ['ant'] }),
    new UserError(`${fixture('ve-ncsnpp-c3-r16.pkl')}: the network has 3 classes, but 1 class names were given`),
  );
});

test('iDDPM brings its table of noise levels', async () => {
  const info = await importNetwork(fixture('iddpm-adm-u-r16.pkl'), inScratch('iddpm.onnx'));
  assert.equal(info.u?.length, 1001);
  assert.equal(info.u?.[0], info.sigma_max);
  assert.equal(info.u?.[999], info.sigma_min);
  const back = (await readModelInfo(inScratch('iddpm.onnx'))) as DenoiserInfo;
  assert.deepEqual(back.u, info.u);
});

/** The embedded model's shape: three levels down to an odd resolution, its own sigma_data. */
const OWN = {
  class_name: 'EDMPrecond',
  model_type: 'SongUNet',
  sigma_data: 0.706,
  img_resolution: 28,
  img_channels: 1,
  label_dim: 10,
  model_channels: 16,
  channel_mult: [1, 2, 4],
  channel_mult_emb: 8,
  num_blocks: 1,
  attn_resolutions: [7],
};

test('a safetensors export at 28 x 28: with a silent output layer D(x) is c_skip x', async () => {
  const weights = randomWeights(OWN);
  for (const part of ['weight', 'bias']) weights.get(`model.dec.28x28_aux_conv.${part}`)!.values.fill(0);
  const source = inScratch('own.safetensors');
  const training = { iterations: 1750, peak_lr: 0.002 };
  const metadata = { config: JSON.stringify(OWN), training: JSON.stringify(training), training_commit: '"0123abc"' };
  writeSafetensors(source, weights, metadata);
  const info = await importNetwork(source, inScratch('own.onnx'));
  assert.equal(info.training_commit, '0123abc');
  assert.deepEqual(info.training, training);
  const next = noise(7);
  const x = float32(Float32Array.from({ length: 2 * 784 }, next), [2, 1, 28, 28]);
  const labels = float32(
    Float32Array.from({ length: 20 }, (_, i) => (i % 11 === 3 ? 1 : 0)),
    [2, 10],
  );
  const y = await run(inScratch('own.onnx'), { x, sigma: float32([0.8], [1]), class_labels: labels });
  const cSkip = 0.706 ** 2 / (0.8 ** 2 + 0.706 ** 2);
  assert.ok(
    relativeError(
      y,
      (x.data as Float32Array).map((value) => value * cSkip),
    ) < 1e-6,
  );
});

test("ADM adds a class's column to the embedding after the mapping layers", async () => {
  const config = {
    class_name: 'EDMPrecond',
    img_resolution: 8,
    img_channels: 3,
    label_dim: 3,
    model_channels: 32,
    channel_mult: [1, 2],
    num_blocks: 1,
    attn_resolutions: [4],
  };
  const weights = randomWeights(config, 5);
  writeSafetensors(inScratch('labelled.safetensors'), weights, { config: JSON.stringify(config) });
  const column = weights.get('model.map_label.weight')!.values.filter((_, i) => i % 3 === 1);
  weights.delete('model.map_label.weight');
  weights.get('model.map_layer1.bias')!.values.forEach((value, i, all) => (all[i] = value + column[i]));
  writeSafetensors(inScratch('plain.safetensors'), weights, { config: JSON.stringify({ ...config, label_dim: 0 }) });
  await importNetwork(inScratch('labelled.safetensors'), inScratch('labelled.onnx'));
  await importNetwork(inScratch('plain.safetensors'), inScratch('plain.onnx'));
  const x = float32(Float32Array.from({ length: 192 }, noise(3)), [1, 3, 8, 8]);
  const sigma = float32([1.5], [1]);
  const labelled = await run(inScratch('labelled.onnx'), { x, sigma, class_labels: float32([0, 1, 0], [1, 3]) });
  const other = await run(inScratch('labelled.onnx'), { x, sigma, class_labels: float32([1, 0, 0], [1, 3]) });
  const plain = await run(inScratch('plain.onnx'), { x, sigma });
  assert.ok(relativeError(labelled, plain) < 1e-6);
  assert.ok(relativeError(other, plain) > 1e-4);
});

interface Block {
  name: string;
  cls: 'Conv2d' | 'UNetBlock';
  kwargs: {
    in_channels: number;
    out_channels: number;
    kernel?: number;
    up?: boolean;
    down?: boolean;
    attention?: boolean;
    num_heads?: number;
    channels_per_head?: number;
    resample_filter?: number[];
    resample_proj?: boolean;
  };
  inputs: number[][];
  out: number[];
}

for (const block of JSON.parse(readFileSync(fixture('blocks.json'), 'utf8')) as Block[]) {
  test(`layer ${block.name}`, async () => {
    const { kwargs, out } = block;
    const data = await readNpz(fixture('blocks.npz'));
    const tensors = new Map<string, Tensor>();
    for (const [key, { shape, data: values }] of data) {
      const [owner, , name] = key.split('/');
      if (owner !== block.name || !name) continue;
      const full = `model.layer.${name}`;
      tensors.set(full, { name: full, shape, load: () => Float32Array.from(values as Float32Array) });
    }
    const config = parseNetworkConfig(
      {
        class_name: 'EDMPrecond',
        model_type: kwargs.resample_proj ? 'SongUNet' : 'DhariwalUNet',
        img_resolution: 8,
        img_channels: 3,
        resample_filter: kwargs.resample_filter ?? [1, 1],
      },
      block.name,
    );
    const graph = new Graph('layer');
    const layers = new Layers(graph, tensors, config);
    const x = graph.input('x', 'float32', ['N', ...block.inputs[0].slice(1)]);
    const direction = kwargs.up ? 'up' : kwargs.down ? 'down' : undefined;
    let y;
    if (block.cls === 'UNetBlock') {
      const heads = kwargs.attention ? (kwargs.num_heads ?? kwargs.out_channels / kwargs.channels_per_head!) : 0;
      const emb = graph.input('emb', 'float32', ['N', block.inputs[1][1]]);
      const { in_channels, out_channels } = kwargs;
      const shape = {
        in: in_channels,
        out: out_channels,
        res: out[2],
        resample: direction,
        heads,
        concat: false,
      } as const;
      y = layers.block({ role: 'block', name: 'layer', ...shape }, x, emb);
    } else if (kwargs.kernel) {
      y = layers.fusedDown('layer', x, 1);
    } else {
      y = layers.resample('layer', x, direction!, kwargs.in_channels);
    }
    graph.output(y, 'float32', ['N', ...out.slice(1)]);
    const model = inScratch(`${block.name}.onnx`);
    await writeModel(model, graph.toModel({}));
    const result = await run(model, { x: data.get(`${block.name}/in0`), emb: data.get(`${block.name}/in1`) });
    const error = relativeError(result, data.get(`${block.name}/out`)!.data as Float32Array);
    assert.ok(error <= 2e-6, String(error));
  });
}
