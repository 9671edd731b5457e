import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { HOST } from '../../server/claim';
import { UserError } from '../../server/errors';
import { fileDigest } from '../../server/file-digest';
import { IMPORT_VERSION, importedModel } from '../../server/compute/imported-model';
import { importNetwork } from '../../server/models/network-import';
import { readModelInfo } from '../../server/models/model-file';
import { checkFiles } from '../../server/runs/diagnose';
import type { RunConfig } from '../../server/shared/schema-types.gen';
import { damaged, fixture, inScratch, scratch } from './network-fixtures';

const NET = fixture('ve-ncsnpp-c3-r16.pkl');
const models = path.join(scratch, 'edm-workbench', 'models');

before(() => {
  process.env.XDG_CACHE_HOME = scratch;
});

test('a pickle is imported on first use and kept under the hash of its content', async () => {
  const model = await importedModel(NET, 'net.pkl');
  assert.ok(path.basename(model).startsWith(await fileDigest(NET)));
  await importNetwork(NET, inScratch('direct.onnx'), { name: 'net.pkl' });
  assert.deepEqual(readFileSync(model), readFileSync(inScratch('direct.onnx')));
  const before = statSync(model).mtimeMs;
  copyFileSync(NET, inScratch('another-name.pkl'));
  assert.equal(await importedModel(inScratch('another-name.pkl'), 'another-name.pkl'), model);
  assert.equal(statSync(model).mtimeMs, before);
  assert.equal(await importedModel(model, 'model.onnx'), model, 'an ONNX file is taken as it is');
  const info = await readModelInfo(model);
  assert.ok(info.kind === 'denoiser' && info.source_name === 'net.pkl');
});

test('processes that import one file at once all get it; what a killed one left goes', async () => {
  const source = fixture('iddpm-adm-u-r16.pkl');
  mkdirSync(models, { recursive: true });
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  writeFileSync(
    path.join(models, `.${await fileDigest(source)}-v${IMPORT_VERSION}.onnx.1.${HOST}.${dead}.part`),
    'half',
  );
  const script = `import { importedModel } from ${JSON.stringify(path.resolve('server/compute/imported-model.ts'))};
    void importedModel(process.argv[2], 'net.pkl').then(console.log);`;
  writeFileSync(inScratch('one.ts'), script);
  const run = (): Promise<string> =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, ['--import', 'tsx', inScratch('one.ts'), source]);
      let text = '';
      child.stdout.on('data', (data: Buffer) => (text += data.toString()));
      child.on('exit', () => resolve(text.trim()));
    });
  const [first, ...others] = await Promise.all([run(), run(), run()]);
  assert.equal((await readModelInfo(first)).kind, 'denoiser');
  for (const other of others) assert.equal(other, first);
  const left = readdirSync(models).filter((name) => !name.endsWith('.onnx'));
  assert.deepEqual(left, []);
});

test('a damaged pickle leaves nothing in the cache', async () => {
  const half = damaged('ve-ncsnpp-c3-r16.pkl', 'half.pkl', (bytes) => bytes.subarray(0, bytes.length >> 1));
  const count = readdirSync(models).length;
  await assert.rejects(importedModel(half, 'half.pkl'), UserError);
  assert.equal(readdirSync(models).length, count);
});

test('a config with a pickle is checked without importing, one with an address without fetching', async () => {
  const check = async (config: RunConfig): Promise<string[]> =>
    (await checkFiles(config, scratch)).map(({ id, message }) => `${id}: ${message}`);
  const count = readdirSync(models).length;
  assert.deepEqual(await check({ network: NET, class: 2 }), []);
  assert.deepEqual(await check({ network: NET, class: 3 }), [
    `class-range: class 3 is out of range: ${NET} has classes 0 to 2`,
  ]);
  const half = inScratch('half.pkl');
  assert.match((await check({ network: half }))[0], /^not-a-network: .*half\.pkl is cut off or damaged/);
  // Its own code is run by engine edm; here it has to be accepted.
  const fork = path.resolve('test/fixtures/networks/fork-forward.pkl');
  const [said, ...more] = await check({ network: fork });
  assert.match(
    said,
    /^other-code: The source that fork-forward\.pkl carries is not what NVIDIA published \(its source/,
  );
  assert.deepEqual(more, []);
  assert.deepEqual(await check({ network: fork, engine: 'edm' }), []);
  assert.deepEqual(await check({ network: fork, accept_source: 'a'.repeat(64) }), []);
  assert.deepEqual(
    await check({ network: 'https://example.invalid/net.pkl', fd: { reference: 'https://example.invalid/r.npz' } }),
    [],
  );
  assert.match((await check({ network: 'http://example.invalid/net.pkl' }))[0], /^no-file: .*only https/);
  assert.equal(readdirSync(models).length, count);
});
