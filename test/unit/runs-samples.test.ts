/** What a samples panel shows and follows, and which runs there are to choose from. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { listRuns } from '../../server/runs/run-list';
import { listSamples } from '../../server/runs/samples';
import { repository, temporaryFolder } from '../server/workspace';
import { makeRecord } from './history-records';

function makeRun(folder: string, files: readonly string[] = []): string {
  const { code, network } = makeRecord();
  const manifest = { version: 1, name: 'x', status: 'running', started: '2026-11-20T12:00:00Z', config_file: 'x.edm.yaml', config: {}, code, network, seeds: '0-7', images: 8, fingerprint: 'f' }; // prettier-ignore
  mkdirSync(path.join(folder, 'images'), { recursive: true });
  writeFileSync(path.join(folder, 'run.json'), JSON.stringify(manifest));
  for (const file of files) {
    mkdirSync(path.dirname(path.join(folder, 'images', file)), { recursive: true });
    writeFileSync(path.join(folder, 'images', file), '');
  }
  return folder;
}

test('a run that has begun has no image yet, and what will change is named', async () => {
  const run = makeRun(path.join(temporaryFolder(), 'abc-x'));
  const { images, title, follow } = await listSamples(run);
  assert.deepEqual(images, []);
  assert.equal(title, 'abc-x');
  for (const one of [run, path.join(run, 'images'), path.join(run, 'run.json')]) assert.ok(follow.includes(one), one);
});

test('images in folders are followed there; unfinished files do not count', async () => {
  const run = makeRun(path.join(temporaryFolder(), 'abc-x'), ['000000/000001.png', '000000/.000002.png.1.h.2.part']);
  const { images, follow } = await listSamples(run);
  assert.deepEqual(images, [{ file: '000000/000001.png', seed: 1 }]);
  assert.ok(follow.includes(path.join(run, 'images', '000000')));
});

test('when anything changed last', async () => {
  const run = makeRun(path.join(temporaryFolder(), 'abc-x'));
  const old = new Date('2026-01-01T00:00:00Z');
  for (const name of ['images', 'run.json']) utimesSync(path.join(run, name), old, old);
  assert.equal((await listSamples(run)).changed, old.toISOString());
  writeFileSync(path.join(run, 'log.txt'), 'Generating 1/8\n');
  assert.ok(Date.parse((await listSamples(run)).changed) > Date.now() - 60_000);
});

test('a folder that is gone is said to be gone', async () => {
  const run = makeRun(path.join(temporaryFolder(), 'abc-x'));
  rmSync(run, { recursive: true });
  await assert.rejects(listSamples(run), { message: `${run} is not there any more: it was deleted or moved` });
});

test('runs of all repositories, above and below the folders, each once, the newest first', async () => {
  const [one, two] = [repository({ 'sub/x': '' }), repository({ x: '' })];
  const plain = temporaryFolder();
  const runs = [
    makeRun(path.join(one, 'runs', 'a')),
    makeRun(path.join(two, 'runs', 'b')),
    makeRun(path.join(two, 'other', 'c')),
  ];
  runs.forEach((run, at) => utimesSync(path.join(run, 'run.json'), at + 1, at + 1));
  mkdirSync(path.join(one, 'runs', 'not-a-run'));
  mkdirSync(path.join(two, '.edm-workbench'));
  const record = { ...makeRecord(), run: 'other/c' };
  writeFileSync(path.join(two, '.edm-workbench', 'history.jsonl'), `${JSON.stringify(record)}\n`);
  symlinkSync(path.join(one, 'runs', 'a'), path.join(plain, 'link'));
  const found = await listRuns([plain, path.join(one, 'sub'), two, two], [path.join(plain, 'link')]);
  assert.deepEqual(
    found.map(({ folder }) => folder),
    [...runs].reverse(),
  );
  renameSync(path.join(two, 'other'), path.join(two, 'moved'));
  assert.equal((await listRuns([two], [])).length, 1);
});
