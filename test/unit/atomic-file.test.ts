/** Files that are there whole or not at all. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { createOnce, moveIntoPlace, writeAtomically } from '../../server/atomic-file';
import { HOST } from '../../server/claim';
import { UserError } from '../../server/errors';

let folder: string;
beforeEach(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'edm-workbench-atomic-'))));
afterEach(() => {
  mock.restoreAll();
  rmSync(folder, { recursive: true });
});
const at = (...names: string[]): string => path.join(folder, ...names);

async function* parts(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text));
}

/** Runs `onFlush` whenever a file is put on the disk. */
async function watchFlushes(onFlush: () => void): Promise<void> {
  const file = await open(at('any'), 'w');
  const handles = Object.getPrototypeOf(file) as FileHandle;
  await file.close();
  rmSync(at('any'));
  const flush = Object.getOwnPropertyDescriptor(handles, 'datasync')?.value as () => Promise<void>;
  mock.method(handles, 'datasync', function (this: FileHandle) {
    onFlush();
    return flush.call(this);
  });
}

test('the bytes are on the disk before the name is there', async () => {
  const seen: [target: boolean, bytes: number[]][] = [];
  await watchFlushes(() => {
    seen.push([existsSync(at('target')), readdirSync(folder).map((name) => statSync(at(name)).size)]);
  });
  await writeAtomically(at('target'), parts('whole', ' file'));
  assert.equal(readFileSync(at('target'), 'utf8'), 'whole file');
  rmSync(at('target'));
  await createOnce(at('target'), 'once');
  rmSync(at('target'));
  writeFileSync(at('fetched'), 'by another program');
  await moveIntoPlace(at('fetched'), at('target'));
  assert.deepEqual(seen, [
    [false, [10]],
    [false, [4]],
    [false, [18]],
  ]);
  assert.deepEqual(readdirSync(folder), ['target']);
});

test('two writers of one file in one process do not get into each other', async () => {
  const texts = Array.from({ length: 8 }, (_, i) => `${i}`.repeat(100_000));
  await Promise.all(texts.map((text) => writeAtomically(at('below', 'file'), Buffer.from(text))));
  assert.ok(texts.includes(readFileSync(at('below', 'file'), 'utf8')));
  assert.deepEqual(readdirSync(at('below')), ['file']);
});

test('an error of the parts comes through, the old file stays, nothing is left behind', async () => {
  await writeAtomically(at('file'), Buffer.from('old'), 0o600);
  assert.equal(statSync(at('file')).mode & 0o777, 0o600);
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield* parts('new');
    throw new UserError('the source is damaged');
  }
  await assert.rejects(writeAtomically(at('file'), failing()), /^UserError: the source is damaged$/);
  assert.equal(readFileSync(at('file'), 'utf8'), 'old');
  await assert.rejects(writeAtomically(at('file', 'below'), Buffer.from('x')), /Cannot write .*choose another folder/);
  assert.deepEqual(readdirSync(folder), ['file']);
});

test('what a killed process left in the folder is removed; what may still be written stays', async () => {
  // No process has a number beyond the kernel's largest.
  writeFileSync(at(`.model.onnx.1.${HOST}.${2 ** 22 + 1}.part`), 'half');
  writeFileSync(at(`.model.onnx.1.${HOST}.${process.ppid}.part`), 'being written');
  writeFileSync(at('.model.onnx.1.another-host.77.part'), 'being written elsewhere');
  writeFileSync(at('.mine.part'), 'not ours');
  await writeAtomically(at('model.onnx'), Buffer.from('whole'));
  assert.deepEqual(
    readdirSync(folder).sort(),
    [
      '.mine.part',
      '.model.onnx.1.another-host.77.part',
      `.model.onnx.1.${HOST}.${process.ppid}.part`,
      'model.onnx',
    ].sort(),
  );
});
