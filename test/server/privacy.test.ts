/** A run leaves nothing behind but its results: ONNX Runtime's telemetry would leave a database, a device id and logs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ROOT, temporaryFolder } from './workspace';

const GENERATE = [
  'generate',
  '--network',
  'embedded:fashion-mnist',
  '--seeds',
  '0-3',
  '--steps',
  '2',
  '--outdir',
  'out',
];
const MEASURE = ['fid', 'calc', '--images', 'out', '--ref', 'embedded:fashion-mnist', '--num', '4'];

/** A folder to work in, with a home and a temporary folder that are empty. */
function emptyHome(): { folder: string; env: NodeJS.ProcessEnv } {
  const folder = temporaryFolder();
  const env: NodeJS.ProcessEnv = { ...process.env, HOME: path.join(folder, 'home'), TMPDIR: path.join(folder, 'tmp') };
  for (const name of Object.keys(env)) if (/^(XDG_|ORT_|EDM_)/.test(name)) delete env[name];
  for (const name of ['home', 'tmp']) mkdirSync(path.join(folder, name));
  return { folder, env };
}

/** Files below a folder, without its folders. */
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => path.relative(folder, path.join(parentPath, name)))
    .sort();

test('generating and measuring leave no file in the home and in the temporary folder', () => {
  const { folder, env } = emptyHome();
  for (const args of [GENERATE, MEASURE]) {
    const { status, stderr } = spawnSync(process.execPath, [path.join(ROOT, 'dist', 'cli.js'), ...args], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
  }
  assert.deepEqual([filesIn(path.join(folder, 'home')), filesIn(path.join(folder, 'tmp'))], [[], []]);
  assert.deepEqual(
    filesIn(path.join(folder, 'out')).filter((name) => name.endsWith('.png')),
    ['000000.png', '000001.png', '000002.png', '000003.png'],
  );
});
