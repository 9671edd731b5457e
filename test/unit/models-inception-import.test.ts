import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { detectorWarning } from '../../server/detector-identity';
import { UserError } from '../../server/errors';
import { metricName } from '../../server/shared/metric-name';
import { frechetDistance } from '../../server/fid/frechet-distance';
import { kernelDistance, type Features } from '../../server/fid/kernel-distance';
import { readNpz } from '../../server/numpy/npz';
import { type Statistics, StatisticsAccumulator } from '../../server/fid/statistics';
import { openDetector, type OpenDetector } from '../../server/compute/onnx-detector';
import { Graph, type DataType, type Dims } from '../../server/models/onnx-graph';
import { importModel } from '../../server/models/model-import';
import { openMatMul } from '../../server/compute/onnx-matmul';
import { readModelInfo, writeModel } from '../../server/models/model-file';
import { Message } from '../../server/models/protobuf';
import { expected, featuresFile, picture, pictureSet } from './inception-pictures';
import { syntheticWeights, writeLegacyStateDict, writeZippedStateDict } from './inception-weights';
import { fixture, inScratch, relativeError } from './network-fixtures';
import { writeSafetensors } from './synthetic-weights';

const weights = syntheticWeights();
const legacy = inScratch('pt_inception-2015-12-05-6726825d.pth');
const model = inScratch('inception.onnx');

before(async () => {
  writeLegacyStateDict(legacy, weights);
  await importModel(legacy, model);
});

async function withDetector<T>(file: string, use: (open: OpenDetector) => Promise<T>): Promise<T> {
  const open = await openDetector(file, 'cpu');
  try {
    return await use(open);
  } finally {
    await open.release();
  }
}

test('other weights than the published ones never give a FID, whatever their file is called', async () => {
  const info = await readModelInfo(model);
  const sha256 = createHash('sha256').update(readFileSync(legacy)).digest('hex');
  assert.ok(info.kind === 'detector');
  assert.deepEqual(info, {
    kind: 'detector',
    name: `pt_inception-2015-12-05-6726825d-${sha256.slice(0, 8)}`,
    dimension: 2048,
    published: false,
    channels: 3,
    source_name: 'pt_inception-2015-12-05-6726825d.pth',
    source_sha256: sha256,
  });
  assert.match(metricName(info), /^FD \(pt_inception/);
});

test("torchvision's weights are named and warned about, whatever their file is called", async () => {
  const theirs = new Map(weights);
  const name = 'fc.weight';
  theirs.set(name, { name, shape: [1000, 2048], load: () => new Float32Array(1000 * 2048) });
  const file = inScratch('pt_inception-copy.pth');
  writeZippedStateDict(file, theirs);
  const info = await importModel(file, inScratch('torchvision.onnx'));
  assert.ok(info.kind === 'detector' && !info.published);
  assert.match(info.name, /^torchvision-inception-[0-9a-f]{8}$/);
  assert.match(
    detectorWarning(info) ?? '',
    /^torchvision-inception-\S+ holds torchvision's Inception-v3, whose weights are not/,
  );
  assert.equal(detectorWarning({ name: 'pt_inception-12345678' }), undefined);
});

test('both containers of torch give the same graph, and an import again the same bytes', async () => {
  const again = inScratch('again.onnx');
  await importModel(legacy, again);
  const first = readFileSync(model);
  assert.ok(first.equals(readFileSync(again)));
  const zip = inScratch('zip.pth');
  writeZippedStateDict(zip, weights);
  await importModel(zip, again);
  const graph = 87_000_000; // the metadata before it differ
  assert.ok(first.length > graph && first.subarray(-graph).equals(readFileSync(again).subarray(-graph)));
});

test('a detector is its weights, layer and preparation: not its name, container or wrapping', async () => {
  const identity = async (file: string, dimension?: number) => {
    const { detector, release } = await openDetector(file, 'cpu', dimension);
    await release();
    return detector.identity;
  };
  const first = await identity(model);
  assert.match(first ?? '', /^[0-9a-f]{64}$/);
  const renamed = inScratch('another-name.pth');
  writeZippedStateDict(renamed, weights);
  const wrapped = inScratch('wrapped.onnx');
  await importModel(renamed, wrapped);
  // What a later version may write besides: a producer, other metadata.
  const more = new Message().string(3, 'version 9');
  more.message(14, new Message().string(1, 'training').string(2, 'unknown'));
  writeFileSync(wrapped, Buffer.concat([readFileSync(wrapped), more.toBytes()]));
  assert.equal(await identity(wrapped), first);
  assert.notEqual(await identity(model, 768), first);

  const changed = new Map(weights);
  const bias = changed.get('Conv2d_1a_3x3.bn.bias');
  assert.ok(bias);
  changed.set(bias.name, { ...bias, load: () => bias.load().map((value, i) => (i === 3 ? value + 1e-3 : value)) });
  writeLegacyStateDict(renamed, changed);
  await importModel(renamed, wrapped);
  assert.notEqual(await identity(wrapped), first);
});

test("features of twelve pictures of all sizes are torch-fidelity's", async () => {
  const features = await readNpz(featuresFile);
  const theirs = features.get('torch_fidelity')?.data as Float32Array;
  await withDetector(model, async ({ detector }) => {
    for (const [row, name] of Object.keys(expected.pictures).entries()) {
      const { data, height, width } = await picture(name);
      const ours = await detector.features(data, 1, 3, height, width);
      const error = relativeError(ours, theirs.subarray(row * 2048, (row + 1) * 2048));
      assert.ok(error <= 1e-4, `${name}: ${error}`);
    }
  });
});

test("the earlier taps are torch-fidelity's, and their distance is no FID; another layer is refused", async () => {
  const features = await readNpz(featuresFile);
  for (const dimension of [64, 192, 768]) {
    const theirs = features.get(`torch_fidelity_${dimension}`)?.data as Float32Array;
    const { detector, release } = await openDetector(model, 'cpu', dimension);
    assert.match(metricName(detector), new RegExp(`^FD \\(.*, ${dimension} features\\)$`));
    assert.equal(detector.dimension, dimension);
    for (const [row, name] of Object.keys(expected.pictures).entries()) {
      const { data, height, width } = await picture(name);
      const ours = await detector.features(data, 1, 3, height, width);
      const error = relativeError(ours, theirs.subarray(row * dimension, (row + 1) * dimension));
      assert.ok(error <= 1e-4, `${name}, ${dimension} features: ${error}`);
    }
    await release();
  }
  await assert.rejects(
    openDetector(model, 'cpu', 100),
    /has no layer of 100 features: choose one of 2048, 64, 192, 768, or import the detector again$/,
  );
});

test('Frechet and kernel distance of two sets of 300 pictures are those of the reference programs', async () => {
  const { n, distance, kernel_distance } = expected.sets;
  const sides = await withDetector(model, async ({ detector }) => {
    const result: Features[] = [];
    for (const set of ['A', 'B'] as const) {
      const pictures = pictureSet(set, n);
      const hash = createHash('sha256');
      for (const pixels of pictures) hash.update(pixels);
      assert.equal(hash.digest('hex'), expected.sets[set]);
      const data = new Float32Array(n * 2048);
      const batch = 20;
      for (let start = 0; start < n; start += batch) {
        const planes = pictures.slice(start, start + batch).flatMap((pixels) => {
          const plane = pixels.length / 3;
          return Array.from(pixels, (_, i) => pixels[(i % plane) * 3 + Math.floor(i / plane)]);
        });
        data.set(await detector.features(Uint8Array.from(planes), batch, 3, 32, 32), start * 2048);
      }
      result.push({ data, n, dimension: 2048 });
    }
    return result;
  });
  const { matmul, release } = await openMatMul();
  const [a, b] = (await Promise.all(
    sides.map(async ({ data }) => {
      const accumulator = new StatisticsAccumulator(2048, matmul);
      await accumulator.add(data, n);
      return accumulator.statistics();
    }),
  )) as [Statistics, Statistics];
  const measured = await frechetDistance(a, b, { matmul });
  assert.ok(Math.abs(measured - distance) <= 1e-6 * distance, `${measured} is not ${distance}`);
  const all = Array.from({ length: n }, (_, i) => i);
  const { mean } = await kernelDistance(sides[0], sides[1], [{ a: all, b: all }], { matmul });
  assert.ok(Math.abs(mean - kernel_distance) <= 1e-5 * kernel_distance, `${mean} is not ${kernel_distance}`);
  await release();
});

/** A tiny ONNX file: the mean of each channel as features, or something else under the names given. */
async function meanModel(name: string, input: [string, DataType, Dims], output = 'features'): Promise<string> {
  const graph = new Graph('mean');
  const pixels = graph.node('Cast', 'pixels', [graph.input(...input)], { to: 1 });
  graph.output(graph.node('ReduceMean', output, [pixels], { axes: [2, 3], keepdims: 0 }), 'float32', ['N', 3]);
  const file = inScratch(name);
  await writeModel(file, graph.toModel({}));
  return file;
}

test('an ONNX file with the signature of a detector becomes one', async () => {
  const source = await meanModel('mean.onnx', ['images', 'uint8', ['N', 3, 'H', 'W']]);
  const dest = inScratch('mean-detector.onnx');
  const info = await importModel(source, dest);
  assert.deepEqual(await readModelInfo(dest), info);
  await withDetector(dest, async ({ detector }) => {
    assert.deepEqual([detector.dimension, detector.published, detector.resolution], [3, false, undefined]);
    assert.deepEqual([...(await detector.features(Uint8Array.of(1, 3, 5, 7, 9, 11), 1, 3, 2, 1))], [2, 6, 10]);
  });
  const fixed = await importModel(await meanModel('fixed.onnx', ['images', 'uint8', ['N', 3, 8, 8]]), dest);
  assert.equal(fixed.kind === 'detector' && fixed.resolution, 8);
});

test('an importer is chosen by content, and what nobody can import is refused in one line', async () => {
  const network = inScratch('network.bin');
  copyFileSync(fixture('vp-ddpmpp-u-r8.pkl'), network);
  assert.equal((await importModel(network, inScratch('network.onnx'))).kind, 'denoiser');

  const classifier = inScratch('classifier.safetensors');
  const conv = { shape: [4, 3, 3, 3], values: new Float32Array(108) };
  const tensors = new Map([
    ['conv0.weight', conv],
    ['conv0.bias', { shape: [4], values: new Float32Array(4) }],
  ]);
  const config = {
    class_name: 'Classifier',
    name: 'tiny',
    img_channels: 3,
    img_resolution: 8,
    layers: ['conv0', 'mean'],
  };
  writeSafetensors(classifier, tensors, { config: JSON.stringify(config) });
  const info = await importModel(classifier, inScratch('classifier.onnx'));
  assert.deepEqual([info.kind, info.kind === 'detector' && info.name], ['detector', 'tiny']);

  const wrong = await meanModel('wrong.onnx', ['x', 'float32', ['N', 3, 'H', 'W']], 'y');
  const text = inScratch('text.pth');
  writeFileSync(text, 'Git LFS pointer');
  const nvidia = inScratch('inception-2015-12-05.pkl');
  const word = (letters: string): string => `X${String.fromCharCode(letters.length)}\0\0\0${letters}`;
  const entries = `${word('class_name')}${word('InceptionV3')}${word('state')}}`;
  const pickle = `\x80\x02ctorch_utils.persistence\n_reconstruct_persistent_obj\n(}(${entries}utR.`;
  writeFileSync(nvidia, Buffer.from(pickle, 'latin1'));
  const short = inScratch('short.onnx');
  writeFileSync(short, readFileSync(inScratch('mean.onnx')).subarray(0, 90));
  const foreign = inScratch('foreign.onnx');
  writeFileSync(foreign, Uint8Array.of(8, 8, 7));
  const refusals: [string, RegExp][] = [
    [
      wrong,
      /wrong\.onnx is not a detector: it maps x float32 \[\?,3,\?,\?\] to y float32 \[\?,3\]; expected one input images/,
    ],
    [text, /Cannot import .*text\.pth: give an EDM network/],
    [nvidia, /inception-2015-12-05\.pkl holds a module \(InceptionV3, 0 tensors\) that is not the FID Inception-v3/],
    [foreign, /foreign\.onnx is not an ONNX model, or it is damaged \(no valid field at byte 2\)/],
    [short, /short\.onnx is (cut off or damaged|not an ONNX model)/],
    [inScratch('none.pth'), /Cannot open .*none\.pth: ENOENT/],
  ];
  for (const [source, message] of refusals) {
    await assert.rejects(importModel(source, inScratch('no.onnx')), (error: unknown) => {
      assert.ok(error instanceof UserError && !error.message.includes('\n'), String(error));
      assert.match(error.message, message);
      return true;
    });
  }
});
