/** The scripts of the lecture, as they stand in it: exactly what a careful colleague would say, and no more. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { analyse, fixAll } from '../../server/scripts/analyse';
import type { ClusterSnapshot } from '../../server/shared/schema-types.gen';

const script = (name: string): string =>
  readFileSync(path.join(__dirname, '..', 'fixtures', 'scripts', 'lecture', `${name}.slurm`), 'utf8');

const found = (text: string, cluster?: ClusterSnapshot): string[] =>
  analyse(text, cluster && { cluster }).findings.map(
    ({ id, severity, start }) => `${start.line + 1} ${severity} ${id}`,
  );

test('rebuilding the container: a folder that is never created, a GPU that is never used', () => {
  for (const name of ['rebuild-project', 'rebuild-edm'])
    assert.deepEqual(found(script(name)), ['5 info gpu-unused', '10 info apptainer-tmpdir-missing']);
});

test('generation: the two arrows break it, the folder does not name the commit', () => {
  assert.deepEqual(found(script('generate')), [
    '5 error text-after-value',
    '12 warning broken-continuation',
    '14 hint commit-prefix',
  ]);
});

test('generation without the arrows: only the commit is missing', () => {
  const clean = script('generate').replace(/ +<-+.*$/gm, '');
  assert.deepEqual(found(clean), ['14 hint commit-prefix']);
});

test('the GPU count changed in one of the TWO places only', () => {
  const clean = script('generate').replace(/ +<-+.*$/gm, '');
  assert.deepEqual(found(clean.replace('gpu:1', 'gpu:4')), ['12 warning gpu-count', '14 hint commit-prefix']);
  assert.deepEqual(found(clean.replace('nproc_per_node=1', 'nproc_per_node=4')), [
    '12 warning gpu-count',
    '14 hint commit-prefix',
  ]);
  assert.deepEqual(found(clean.replace('gpu:1', 'gpu:4').replace('nproc_per_node=1', 'nproc_per_node=4')), [
    '14 hint commit-prefix',
  ]);
});

test("FID: three workers on one CPU, as PyTorch says in the lecture's log", () => {
  assert.deepEqual(found(script('fid')), ['12 info cpus-workers']);
});

test('on a cluster whose nodes are offline, the two URLs and the detector are named', () => {
  const offline: ClusterSnapshot = { scheduler: 'slurm', partitions: [], nodesOnline: false };
  assert.deepEqual(
    found(script('generate'), offline).filter((one) => one.includes('network')),
    ['18 warning network-url'],
  );
  assert.deepEqual(
    found(script('fid'), offline).filter((one) => one.includes('network')),
    ['12 info network-url', '13 warning network-url'],
  );
  assert.deepEqual(found(script('fid'), { ...offline, nodesOnline: true }), found(script('fid')));
});

test('fix all removes what cannot run; what changes the job is offered', () => {
  assert.deepEqual(found(fixAll(script('generate'))), ['14 hint commit-prefix']);
  for (const name of ['fid', 'rebuild-edm']) assert.equal(fixAll(script(name)), script(name));
  for (const name of ['generate', 'fid', 'rebuild-edm'])
    assert.deepEqual(
      analyse(script(name)).findings.filter(({ id, fix }) => !fix && id !== 'gpu-unused'),
      [],
    );
});
