/** Config and commit are one value, read before anything slow: what moves in between is noticed, never recorded. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { UserError } from '../../server/errors';
import { executeRun } from '../../server/runs/execute';
import { checkUnchanged, readSource } from '../../server/runs/source';

const scratch = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'edm-source-')));
const root = path.join(scratch, 'repository');
const config = path.join(root, 'a.edm.yaml');
const git = (...args: string[]): void =>
  void execFileSync('git', ['-C', root, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args]);
const text = (steps: number): string => `network: net.pkl\nseeds: 0-3\nsteps: ${steps}\n`;
const cache = process.env.XDG_CACHE_HOME;

before(() => {
  execFileSync('git', ['init', '--quiet', '--initial-branch=main', root]);
  cpSync(path.join(__dirname, '../fixtures/nets/vp-ddpmpp-u-r8.pkl'), path.join(root, 'net.pkl'));
  writeFileSync(path.join(root, '.gitignore'), 'net.pkl\n');
  writeFileSync(config, text(4));
  git('add', '--all');
  git('commit', '--quiet', '--message', 'steps 4');
  process.env.XDG_CACHE_HOME = path.join(scratch, 'cache');
});
after(() => {
  if (cache === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = cache;
  rmSync(scratch, { recursive: true, force: true });
});

const refuses = (promise: Promise<unknown>, what: RegExp): Promise<void> =>
  assert.rejects(promise, (error) => error instanceof UserError && what.test(error.message));

test('a config edited after it was read', async () => {
  const source = await readSource(config);
  assert.equal(source.code.dirty, false);
  assert.deepEqual([source.configFile, source.name, source.config.steps], ['a.edm.yaml', 'a', 4]);
  await checkUnchanged(source);
  writeFileSync(config, text(8));
  await refuses(checkUnchanged(source), /a\.edm\.yaml was edited/);
  writeFileSync(config, text(4));
  await checkUnchanged(source);
});

test('a commit made, and code changed, after the config was read', async () => {
  const source = await readSource(config);
  writeFileSync(path.join(root, 'generate.py'), '# changed\n');
  await refuses(checkUnchanged(source), /files were changed without a commit/);
  const dirty = await readSource(config);
  assert.equal(dirty.code.dirty, true);
  git('add', '--all');
  git('commit', '--quiet', '--message', 'code');
  await refuses(checkUnchanged(dirty), /commit \w+ was checked out, and the run was of \w+/);
});

test('edited and committed while the network is imported: nothing runs, nothing is recorded', async () => {
  let edited = false;
  const run = executeRun(config, {
    onProgress({ phase }) {
      if (edited || !phase.startsWith('Reading')) return;
      edited = true;
      writeFileSync(config, text(8));
      git('commit', '--quiet', '--all', '--message', 'steps 8');
    },
  });
  await refuses(run, /While the run of a was being prepared, a\.edm\.yaml was edited: .* Run it again/);
  assert.ok(edited);
  assert.ok(!existsSync(path.join(root, 'runs')) && !existsSync(path.join(root, '.edm-workbench')));
});
