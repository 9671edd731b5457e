/** The campaign of faults, in short: that it runs, that it finds nothing, and that it would. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { torn } from '../campaign/commands';

const ROOT = path.join(__dirname, '..', '..');

test('a short campaign finds nothing', async () => {
  const args = ['--import', 'tsx', 'test/campaign/campaign.ts', '--minutes', '1', '--seed', '11'];
  const { stdout } = await promisify(execFile)(process.execPath, [...args, '--inputs', '700', '--rounds', '4'], {
    cwd: ROOT,
  }).catch((error: { stdout: string; stderr: string }) => assert.fail(`${error.stdout}${error.stderr}`));
  const [, inputs, faults] = /^(\d+) inputs and (\d+) faults in .*: 0 failures$/m.exec(stdout) ?? [];
  assert.ok(Number(inputs) >= 300, stdout);
  assert.ok(Number(faults) >= 4, stdout);
});

test('a file that is torn under its final name is noticed', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'edm-torn-'));
  await writeFile(path.join(folder, 'run.json'), '{"a": ');
  await writeFile(path.join(folder, '000000.png'), Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'));
  await writeFile(path.join(folder, '.x.png.1.part'), 'being written');
  const names = (await torn(folder)).map((line) => line.split(':')[0]);
  assert.deepEqual(names.sort(), ['000000.png', 'run.json']);
  await rm(folder, { recursive: true });
});
