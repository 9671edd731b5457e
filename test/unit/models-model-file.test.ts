import assert from 'node:assert/strict';
import { readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { UserError } from '../../server/errors';
import { Graph } from '../../server/models/onnx-graph';
import { encodeMetadata } from '../../server/models/model-metadata';
import { readModelInfo, writeModel } from '../../server/models/model-file';
import type { ModelInfo } from '../../server/models/model-info';
import { Message } from '../../server/models/protobuf';
import { float32, inScratch, run, scratch } from './network-fixtures';

const DENOISER: ModelInfo = {
  kind: 'denoiser',
  precond: 'iDDPMPrecond',
  architecture: 'DhariwalUNet',
  sigma_min: 0.002,
  sigma_max: Infinity,
  sigma_data: 0.5,
  label_dim: 2,
  img_resolution: 8,
  img_channels: 3,
  parameters: 123456789,
  u: [20291.14453125, 1.5, 0],
  class_names: ['Ångström', 'a "b"\n'],
  source_name: 'net.pkl',
  source_sha256: 'ab'.repeat(32),
  training: { iterations: 3, note: 'x' },
  training_commit: '0123abc',
};
const DETECTOR: ModelInfo = {
  kind: 'detector',
  name: 'fashion-mnist',
  dimension: 64,
  published: false,
  channels: 1,
  source_name: 'detector.safetensors',
  source_sha256: 'cd'.repeat(32),
};

/** A model that adds 1 to each element of its weights times x. */
function model(info: ModelInfo, size = 4): Message {
  const graph = new Graph('test');
  const x = graph.input('x', 'float32', [size]);
  const weights = graph.initialiser('w', [size], () => Float32Array.from({ length: size }, (_, i) => i));
  const product = graph.node('Mul', 'product', [x, weights]);
  graph.output(graph.node('Add', 'sum', [product, graph.float32([1], [])]), 'float32', [size]);
  return graph.toModel(encodeMetadata(info));
}

const write = async (name: string, message: Message): Promise<string> => {
  await writeModel(inScratch(name), message);
  return inScratch(name);
};

for (const info of [DENOISER, DETECTOR]) {
  test(`a ${info.kind}'s metadata come back as they were written, and the graph runs`, async () => {
    const file = await write(`${info.kind}.onnx`, model(info));
    assert.deepEqual(await readModelInfo(file), info);
    assert.deepEqual([...(await run(file, { x: float32([1, 1, 2, 3], [4]) }))], [1, 2, 5, 10]);
  });
}

test('metadata behind a graph larger than any window are found too', async () => {
  const file = await write('behind.onnx', model(DENOISER, 2 ** 20));
  const plain = await write('plain.onnx', new Message().int(1, 8));
  const properties = new Message();
  for (const [key, value] of Object.entries(encodeMetadata(DETECTOR))) {
    properties.message(14, new Message().string(1, key).string(2, value));
  }
  const tail = await write('tail.onnx', properties);
  const behind = inScratch('behind2.onnx');
  // Protocol buffers that follow each other are merged: the last value of a key wins.
  writeFileSync(behind, Buffer.concat([readFileSync(plain), readFileSync(file), readFileSync(tail)]));
  assert.deepEqual(await readModelInfo(behind), DETECTOR);
});

test('a model cut off anywhere is refused in one line that names it', async () => {
  const file = await write('whole.onnx', model(DENOISER));
  const bytes = readFileSync(file);
  for (let length = 0; length < bytes.length; length += 1 + (length >> 5)) {
    const cut = inScratch('cut.onnx');
    writeFileSync(cut, bytes.subarray(0, length));
    await assert.rejects(readModelInfo(cut), (error) => error instanceof UserError && oneLine(error.message, cut));
  }
});

test('any other file is refused, and bytes changed at random never surprise', async () => {
  const bytes = readFileSync(await write('sound.onnx', model(DENOISER)));
  const file = inScratch('changed.onnx');
  let seed = 1;
  const next = (): number => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8;
  for (let i = 0; i < 300; i++) {
    const changed = Buffer.from(bytes);
    for (let k = 0; k <= next() % 4; k++) changed[next() % changed.length] = next() % 256;
    writeFileSync(file, changed);
    await readModelInfo(file).catch((error) => assert.ok(error instanceof UserError && oneLine(error.message, file)));
  }
  for (const content of ['', 'PK\x03\x04', '\x89PNG\r\n\x1a\n', '{"a": 1}', '\x80\x04\x95', '\x08']) {
    writeFileSync(file, content, 'latin1');
    await assert.rejects(readModelInfo(file), UserError);
  }
  writeFileSync(file, Buffer.from([0x08, 8, 0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])); // a graph of petabytes
  await assert.rejects(readModelInfo(file), /cut off or damaged/);
  await assert.rejects(readModelInfo(inScratch('none.onnx')), /Cannot open/);
});

test('a model of other origin is told apart from a damaged one', async () => {
  const foreign = await write('foreign.onnx', new Message().int(1, 8).message(7, new Message().string(2, 'g')));
  await assert.rejects(readModelInfo(foreign), /without EDM Workbench metadata/);
  const incomplete = encodeMetadata(DENOISER);
  delete incomplete.sigma_min;
  const lacking = await write('lacking.onnx', new Graph('g').toModel(incomplete));
  await assert.rejects(readModelInfo(lacking), /metadata entry sigma_min is missing/);
  const mistyped = await write('mistyped.onnx', new Graph('g').toModel({ ...incomplete, sigma_min: '"0"' }));
  await assert.rejects(readModelInfo(mistyped), /sigma_min is not of type number/);
});

test('reading the metadata of a model of 2 GB takes no memory', async () => {
  const file = inScratch('sparse.onnx');
  const head = new Message().int(1, 8);
  for (const [key, value] of Object.entries(encodeMetadata(DENOISER))) {
    head.message(14, new Message().string(1, key).string(2, value));
  }
  const size = 2 ** 31 - 2 ** 20;
  const weights = new Message().bytes(9, { byteLength: size, load: () => new Uint8Array(0) });
  head.message(7, new Message().message(5, weights));
  const start = Buffer.concat(head.chunks.filter((chunk) => chunk instanceof Uint8Array));
  writeFileSync(file, start);
  truncateSync(file, start.length + size);
  const before = process.memoryUsage.rss();
  assert.deepEqual(await readModelInfo(file), DENOISER);
  assert.ok(process.memoryUsage.rss() - before < 64 * 2 ** 20);
});

test('a write that fails leaves neither the model nor a temporary file', async () => {
  const graph = new Graph('broken');
  graph.initialiser('w', [3], () => new Float32Array(2));
  await assert.rejects(writeModel(inScratch('broken.onnx'), graph.toModel({})), /Tensor w: 2 numbers for shape \[3\]/);
  writeFileSync(inScratch('file'), '');
  await assert.rejects(writeModel(inScratch('file/below.onnx'), model(DETECTOR)), UserError);
  const large = new Graph('large');
  large.initialiser('w', [2 ** 29], () => assert.fail('loaded'));
  await assert.rejects(writeModel(inScratch('large.onnx'), large.toModel({})), /2 GiB/);
  assert.deepEqual(
    readdirSync(scratch).filter((name) => /part$|broken|large/.test(name)),
    [],
  );
});

function oneLine(message: string, file: string): boolean {
  return message.includes(file) && !message.includes('\n');
}
