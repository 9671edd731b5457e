/** The detector as NVIDIA's files hold it: TorchScript, and TorchScript inside a pickle. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { identityOf, knownDetector } from '../../server/detector-identity';
import { UserError } from '../../server/errors';
import { detectorContent } from '../../server/models/detector-content';
import { INCEPTION_UNITS } from '../../server/models/inception-units';
import { readModelInfo } from '../../server/models/model-file';
import { importModel } from '../../server/models/model-import';
import { networkFacts } from '../../server/models/network-facts';
import type { Tensor } from '../../server/weights/weight-source';
import { syntheticWeights, writeLegacyStateDict, writeZippedStateDict } from './inception-weights';
import { inScratch } from './network-fixtures';
import { type Attributes, nested, pickledArchive, scriptedWeights, torchScript } from './torchscript-writer';

const ones =
  (shape: number[]): Tensor['load'] =>
  () =>
    new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1);

/** NVIDIA's files have no gamma: weights whose gamma is 1, as in the graph of 2015-12-05. */
const weights = new Map(
  [...syntheticWeights()].map(([name, tensor]) => [
    name,
    name.endsWith('.bn.weight') ? { ...tensor, load: ones([...tensor.shape]) } : tensor,
  ]),
);
const dest = inScratch('detector.onnx');

async function imported(file: string): Promise<{ name: string; published: boolean; content: string }> {
  const info = await importModel(file, dest);
  assert.ok(info.kind === 'detector');
  assert.deepEqual(await readModelInfo(dest), info);
  return { name: info.name, published: info.published, content: identityOf(detectorContent(dest, info), 2048) };
}

let archive: Uint8Array;
let expected: string;
before(async () => {
  archive = torchScript(nested(scriptedWeights(weights)));
  const file = inScratch('weights.pth');
  writeLegacyStateDict(file, weights);
  expected = (await imported(file)).content;
});

test('the units are those of torch-fidelity, with their sizes, and no two have one name', () => {
  const lines = readFileSync(path.join(__dirname, '../fixtures/inception/units.txt'), 'utf8').trim().split('\n');
  const theirs = lines.map((line) => line.split(' '));
  const ours = new Map(INCEPTION_UNITS.map(({ name, out, kernel }) => [name, [out, ...kernel].join()]));
  assert.deepEqual(
    [...ours].sort(),
    theirs.map(([name, out, , height, width]) => [name, `${out},${height},${width}`]).sort(),
  );
  assert.equal(new Set(INCEPTION_UNITS.map(({ scripted }) => scripted)).size, 94);
});

test("StyleGAN's .pt and EDM's .pkl of the same weights are the same detector as the .pth, bit for bit", async () => {
  const script = inScratch('inception-2015-12-05.pt');
  writeFileSync(script, archive);
  const first = await imported(script);
  assert.equal(first.content, expected);
  assert.match(first.name, /^inception-2015-12-05-[0-9a-f]{8}$/);
  assert.ok(!first.published, 'other weights than the published ones give a FID');

  const pickle = inScratch('inception-2015-12-05.pkl');
  writeFileSync(pickle, pickledArchive(archive));
  assert.equal((await imported(pickle)).content, expected);
  // Whatever the class is called, and whatever the module is in.
  writeFileSync(pickle, pickledArchive(archive, 'Detector'));
  assert.equal((await imported(pickle)).content, expected);
  const inner = new Map([...scriptedWeights(weights)].map(([name, tensor]) => [`model.${name}`, tensor]));
  writeZippedStateDict(pickle, inner);
  assert.equal((await imported(pickle)).content, expected);

  // TorchScript of pytorch-fid's own module.
  const theirs = new Map([...weights].map(([name, tensor]) => [`base.${name}`, tensor]));
  writeFileSync(pickle, torchScript(nested(theirs)));
  assert.equal((await imported(pickle)).content, expected);

  const changed = scriptedWeights(weights);
  const beta = changed.get('layers.mixed_10.tower_1_mixed_conv_1.beta')!;
  changed.set(beta.name, { ...beta, load: () => beta.load().map((value, i) => (i === 383 ? value + 1e-3 : value)) });
  writeFileSync(script, torchScript(nested(changed)));
  assert.notEqual((await imported(script)).content, expected);
});

test('the published files are one detector, whichever program each is for', () => {
  const files = [
    '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2',
    'f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4',
    'a31bd1d4522101109044ec28621a5fcb591ed6115e0d58104fc013fa01ef94f7',
  ].map(knownDetector);
  for (const one of files) {
    assert.equal(one?.name, 'inception-2015-12-05');
    assert.deepEqual(one.content, files[0]?.content);
  }
  assert.equal(knownDetector('0'.repeat(64)), undefined);
});

/** A TorchScript with few bytes: the names of the detector, other sizes. */
const small = (name: string, shape: number[] = [2]): Tensor => ({ name, shape, load: ones(shape) });
const module = (...tensors: Tensor[]): Attributes => nested(new Map(tensors.map((tensor) => [tensor.name, tensor])));
const first = small('layers.conv.beta', [32]);

const REFUSED: readonly [name: string, bytes: () => Uint8Array, says: RegExp][] = [
  [
    'another network',
    () => torchScript(module(small('features.0.weight', [4, 3, 3, 3])), '__torch__.lpips VGG16'),
    /holds a TorchScript module \(VGG16, 1 tensors\) that is not the FID Inception-v3: it has neither Conv2d_1a_3x3 nor layers\.conv$/,
  ],
  [
    "a class of a program's own file",
    () => torchScript(module(small('weight')), '__torch__ Tiny'),
    /holds a TorchScript module \(Tiny, 1 tensors\) that is not the FID Inception-v3/,
  ],
  [
    'another network in a pickle',
    () => pickledArchive(torchScript(module(small('weight')), '__torch__.lpips VGG16'), 'Wrapper'),
    /holds a TorchScript module \(VGG16, 1 tensors\) that is not the FID Inception-v3/,
  ],
  [
    'a part of the detector',
    () => torchScript(module(first)),
    /tensor layers\.conv\.weight is missing: the file does not hold the FID Inception-v3$/,
  ],
  [
    'a classifier of 1000 classes',
    () => torchScript(module(first, small('output.weight', [1000, 2048]))),
    /output\.weight has shape \[1000,2048\] instead of \[1008,2048\]/,
  ],
  [
    'a class of another language',
    () => torchScript(module(first), 'os.path System'),
    /refused to load "os\.path\.System"/,
  ],
  [
    'a compressed pickle',
    () => {
      const bomb = { 'inception/data.pkl': [new Uint8Array(2e7), { level: 9 as const }] };
      return torchScript(module(first), undefined, bomb as never);
    },
    /entry inception\/data\.pkl is compressed or encrypted, which torch never does/,
  ],
  [
    'compressed weights',
    () => torchScript(module(first), undefined, { 'inception/data/0': [new Uint8Array(128), { level: 9 }] }),
    /entry inception\/data\/0 is compressed or encrypted/,
  ],
  [
    'a storage that is too short',
    () => torchScript(module(first), undefined, { 'inception/data/0': [new Uint8Array(124), { level: 0 }] }),
    /storage 0 is missing or too short/,
  ],
  [
    'an archive that ends too early',
    () => torchScript(module(first)).subarray(0, -200),
    /Cannot read .* as a zip archive|is cut off or damaged/,
  ],
  [
    'an archive in a pickle that ends too early',
    () => pickledArchive(torchScript(module(first)).subarray(0, -200)),
    /Cannot read .* as a zip archive|is cut off or damaged/,
  ],
  [
    'a pickle that ends too early',
    () => pickledArchive(archive).subarray(0, 5e7),
    /it claims \d+ more bytes, but only/,
  ],
  [
    'a pickled class without weights',
    () => pickledArchive(Buffer.from('nothing')),
    /holds a module \(InceptionV3, 0 tensors\)/,
  ],
];

for (const [name, bytes, says] of REFUSED) {
  test(`refused in one line: ${name}`, async () => {
    const file = inScratch('refused.pkl');
    writeFileSync(file, bytes());
    const before = process.memoryUsage().rss;
    const started = process.cpuUsage();
    await assert.rejects(importModel(file, inScratch('no.onnx')), (error: unknown) => {
      assert.ok(
        error instanceof UserError && !error.message.includes('\n') && error.message.length < 600,
        String(error),
      );
      assert.match(error.message, says);
      assert.ok(error.message.includes(file));
      return true;
    });
    const { user, system } = process.cpuUsage(started);
    assert.ok(user + system < 2e6, `${(user + system) / 1e6} s`);
    assert.ok(process.memoryUsage().rss - before < 200e6);
  });
}

test('a tensor that would change features and that nobody knows is refused, and so is another size', async () => {
  const file = inScratch('other.pt');
  const refuses = async (change: (tensors: Map<string, Tensor>) => void, says: RegExp): Promise<void> => {
    const tensors = scriptedWeights(weights);
    change(tensors);
    writeFileSync(file, torchScript(nested(tensors)));
    await assert.rejects(importModel(file, inScratch('no.onnx')), says);
  };
  const gamma = small('layers.mixed_4.tower.conv.gamma', [128]);
  await refuses(
    (tensors) => tensors.set(gamma.name, gamma),
    /tensor layers\.mixed_4\.tower\.conv\.gamma is not one of the FID Inception-v3: the file holds another network$/,
  );
  const wide = small('layers.conv_2.weight', [64, 32, 5, 5]);
  await refuses(
    (tensors) => tensors.set(wide.name, wide),
    /tensor Conv2d_2b_3x3\.conv\.weight has shape \[64,32,5,5\] instead of \[64,32,3,3\]: the file does not hold/,
  );
});

test('a detector named as a network is told apart in words', async () => {
  const script = inScratch('network.pt');
  writeFileSync(script, torchScript(module(first), '__torch__.lpips VGG16'));
  await assert.rejects(networkFacts(script), /holds a TorchScript module \(VGG16\), not an EDM network$/);
  writeFileSync(script, pickledArchive(torchScript(module(first))));
  await assert.rejects(networkFacts(script), /holds the FID detector, not an EDM network: name it as the detector$/);
});
