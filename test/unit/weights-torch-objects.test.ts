import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { UserError } from '../../server/errors';
import { ByteCursor } from '../../server/weights/byte-cursor';
import { openModuleTensors } from '../../server/weights/module-tensors';
import { SourceFile } from '../../server/weights/source-file';
import { TorchReader, TorchTensor } from '../../server/weights/torch-objects';
import { readTorchZip } from '../../server/weights/torch-zip';
import { fixture, inScratch } from './network-fixtures';

/** What torch 1.13 and numpy 1.24 put into test/fixtures/nets/torch: views of one storage, scalars, an empty tensor. */
const EXPECTED = JSON.parse(readFileSync(fixture('torch/expected.json'), 'utf8')) as Record<
  string,
  { shape: number[]; values: number[] } | number | boolean
>;

async function read(path: string): Promise<Record<string, unknown>> {
  const file = new SourceFile(path);
  const reader = new TorchReader(file);
  const root = path.endsWith('zip.pt')
    ? await readTorchZip(file, reader)
    : reader.read(new ByteCursor(file, 0, file.size));
  const entries = [...(root as Map<string, unknown>)].map(([name, value]) => [
    name,
    value instanceof TorchTensor ? { shape: value.shape, values: [...value.load(name)] } : value,
  ]);
  file.close();
  return Object.fromEntries(entries) as Record<string, unknown>;
}

for (const name of [
  'protocol2.pkl',
  'protocol3.pkl',
  'protocol4.pkl',
  'protocol5.pkl',
  'zip.pt',
  'legacy.pt',
  'legacy5.pt',
]) {
  test(`${name}: tensors of any stride, parameters and numpy scalars`, async () => {
    assert.deepEqual(await read(fixture(`torch/${name}`)), EXPECTED);
  });
}

/** A copy of a protocol-2 pickle, whose names are lines and so may change their length. */
function changed(from: string, to: string): string {
  const content = readFileSync(fixture('torch/protocol2.pkl'), 'latin1');
  assert.ok(content.includes(from));
  const file = inScratch('changed.pkl');
  writeFileSync(file, content.replaceAll(from, to), 'latin1');
  return file;
}

test("numpy 2's names mean the same", async () => {
  assert.deepEqual(await read(changed('cnumpy.core.multiarray\n', 'cnumpy._core.multiarray\n')), EXPECTED);
});

test('a view beyond its storage is refused, whatever it claims', async () => {
  // sizes of `plain`, (3, 4, 5), become (3, 4, 255) and (65535, 4, 5)
  const size = 'K\x03K\x04K\x05';
  for (const claim of ['K\x03K\x04K\xff', 'M\xff\xffK\x04K\x05']) {
    await assert.rejects(
      read(changed(size, claim)),
      (error) => error instanceof UserError && /tensor plain lies outside its storage/.test(error.message),
    );
  }
});

test('a storage shorter than it says is refused', async () => {
  const whole = readFileSync(fixture('torch/legacy.pt'));
  const file = inScratch('short.pt');
  writeFileSync(file, whole.subarray(0, whole.length - 8));
  await assert.rejects(read(file), (error) => error instanceof UserError && /cut off or damaged/.test(error.message));
});

test('TorchScript as torch 1.13 saves it: nested modules, a shared parameter, a turned buffer, attributes of other kinds', async () => {
  // torch.jit.script of Outer {one: Inner, two: Sequential(Inner, Linear(3, 2))}; both Inner share `weight`, arange(12) / 8.
  const { form, className, tensors, close } = await openModuleTensors(fixture('torch/script.pt'));
  const values = Object.fromEntries([...tensors].map(([name, { shape, load }]) => [name, [shape.join(), ...load()]]));
  close();
  const weight = ['3,4', ...Array.from({ length: 12 }, (_, i) => i / 8)];
  const turned = ['3,2', 0, 3, 1, 4, 2, 5];
  assert.deepEqual([form, className], ['TorchScript', 'Outer']);
  assert.deepEqual(values, {
    'one.weight': weight,
    'one.turned': turned,
    'two.0.weight': weight,
    'two.0.turned': turned,
    'two.1.weight': ['2,3', 0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
    'two.1.bias': ['2', -1, 2],
  });
});
