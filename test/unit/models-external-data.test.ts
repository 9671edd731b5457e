/** A model is one file: weights in another one would not be in its digest. */
import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { UserError } from '../../server/errors';
import { packageRoot } from '../../server/package-root';
import { importOnnxDetector } from '../../server/models/onnx-detector-import';
import { FIELD } from '../../server/models/onnx-graph';
import { encodeMetadata } from '../../server/models/model-metadata';
import { readModelInfo } from '../../server/models/model-file';
import { Message } from '../../server/models/protobuf';
import { planRun } from '../../server/runs/plan';
import { readSource } from '../../server/runs/source';
import { git, repository } from '../server/workspace';
import { inScratch } from './network-fixtures';

const message = (number: number, inner: Message): Message => new Message().message(number, inner);

/** TensorProto of four numbers in `weights.bin`. */
const external = (): Message =>
  new Message()
    .ints(FIELD.tensor.dims, [4])
    .int(FIELD.tensor.data_type, 1)
    .string(FIELD.tensor.name, 'w')
    .message(13, new Message().string(1, 'location').string(2, 'weights.bin'))
    .int(14, 1);
const inline = (): Message =>
  new Message().ints(FIELD.tensor.dims, [1]).int(FIELD.tensor.data_type, 1).bytes(FIELD.tensor.raw_data, new Uint8Array(4)).int(14, 0); // prettier-ignore

/** The places of a model where a tensor can be: each wraps a tensor into the model's top-level field. */
const PLACES: Readonly<Record<string, (tensor: Message) => [number, Message]>> = {
  'a weight': (tensor) => [7, message(5, tensor)],
  'a sparse weight': (tensor) => [7, message(15, message(1, tensor))],
  'the places of a sparse weight': (tensor) => [7, message(15, message(2, tensor))],
  'a constant': (tensor) => [7, message(1, message(5, message(5, tensor)))],
  'a list of constants': (tensor) => [7, message(1, message(5, message(10, tensor)))],
  'a sparse constant': (tensor) => [7, message(1, message(5, message(22, message(1, tensor))))],
  'the body of a loop': (tensor) => [7, message(1, message(5, message(6, message(5, tensor))))],
  'one of several bodies': (tensor) => [7, message(1, message(5, message(11, message(1, message(5, message(5, tensor))))))], // prettier-ignore
  'a function': (tensor) => [25, message(7, message(5, message(5, tensor)))],
  "a function's default": (tensor) => [25, message(11, message(5, tensor))],
  'the training': (tensor) => [20, message(2, message(5, tensor))],
};

const INFO = {
  kind: 'detector',
  name: 'd',
  dimension: 4,
  published: false,
  channels: 1,
  source_name: 'd.onnx',
  source_sha256: 'cd'.repeat(32),
} as const;

function model([number, content]: [number, Message]): string {
  const top = new Message().int(FIELD.model.ir_version, 8);
  for (const [key, value] of Object.entries(encodeMetadata(INFO)))
    top.message(FIELD.model.metadata_props, new Message().string(1, key).string(2, value));
  if (number !== 7) top.message(7, new Message());
  const file = inScratch('model.onnx');
  writeFileSync(file, top.message(number, content).toBytes());
  return file;
}

const refused = (promise: Promise<unknown>): Promise<void> =>
  assert.rejects(
    promise,
    (error) =>
      error instanceof UserError &&
      /model\.onnx keeps weights in another file, .*: export the model/.test(error.message),
  );

for (const [name, place] of Object.entries(PLACES)) {
  test(`weights in another file: ${name}`, async () => {
    assert.deepEqual(await readModelInfo(model(place(inline()))), INFO);
    await refused(readModelInfo(model(place(external()))));
    await refused(importOnnxDetector(model(place(external())), inScratch('imported.onnx')));
    // Either field alone, and a number of which a reader keeps the low bits.
    await refused(readModelInfo(model(place(new Message().int(14, 1)))));
    await refused(readModelInfo(model(place(new Message().int(14, 2 ** 32 + 1)))));
    await refused(readModelInfo(model(place(new Message().message(13, new Message())))));
  });
}

test('a tag of more than 32 bits and endless levels are no model', async () => {
  const varint = (value: bigint): number[] => (value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...varint(value >> 7n)]); // prettier-ignore
  const wide = new Message().push(Uint8Array.from([...varint((1n << 32n) + 14n * 8n), 1]));
  await assert.rejects(readModelInfo(model([7, message(5, wide)])), /is not an ONNX model, or it is damaged/);
  let deep = new Message();
  for (let level = 0; level < 300; level++) deep = message(1, message(5, message(6, deep)));
  await assert.rejects(readModelInfo(model([7, deep])), /nested too deeply/);
});

test('a config with such a network is refused before anything is made', async () => {
  const root = repository({ 'a.edm.yaml': 'network: net.onnx\nseeds: 0-1\n' });
  const own = path.join(packageRoot(), 'server', 'model', 'denoiser.onnx');
  copyFileSync(own, path.join(root, 'net.onnx'));
  git(root, 'add', '--all');
  git(root, 'commit', '--quiet', '--message', 'network');
  const source = await readSource(path.join(root, 'a.edm.yaml'));
  assert.equal((await planRun(source)).network.info.kind, 'denoiser');
  const more = new Message().message(7, message(5, external())).toBytes();
  writeFileSync(path.join(root, 'net.onnx'), more, { flag: 'a' });
  await assert.rejects(planRun(source), /net\.onnx keeps weights in another file/);
});
