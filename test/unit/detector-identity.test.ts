import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { groupRecords } from '../../media/history/groups';
import { openDetector } from '../../server/compute/onnx-detector';
import { detectorRecord, isSameDetector, statedIdentity } from '../../server/detector-identity';
import { loadStatistics } from '../../server/fid/statistics';
import { historyFile, readHistory, recordId } from '../../server/history/history-store';
import { resolveInput, type Role } from '../../server/runs/input';
import type { HistoryRecord } from '../../server/shared/protocol';
import { temporaryFolder } from '../server/workspace';
import { makeRecord } from './history-records';

const embedded = (role: Role): string => {
  const input = resolveInput('embedded:fashion-mnist', role, '.');
  assert.ok(input.kind !== 'url');
  return input.file;
};

/** The detector of a record or reference that an earlier version wrote, which knew no identities. */
const old = (change: Partial<HistoryRecord['detector']> = {}): HistoryRecord['detector'] => ({
  name: 'weights-6726825d',
  sha256: 'a'.repeat(64),
  dimension: 2048,
  published: false,
  ...change,
});

test('a reference of an earlier version is of the detector that it was made with', async () => {
  const { detector } = await loadStatistics(embedded('reference'));
  assert.ok(detector?.identity, 'the embedded reference names no identity in its file');
  const open = await openDetector(embedded('detector'), 'cpu');
  await open.release();
  assert.equal(detector.identity, open.detector.identity);
  assert.ok(isSameDetector({ ...open.detector, sha256: 'another wrapping' }, detector));
  assert.ok(!isSameDetector({ ...open.detector, dimension: 64 }, detector));
});

test('published weights are one detector whoever measured, each layer another; a name alone is not enough', () => {
  const here = old({ name: 'inception-2015-12-05', published: true });
  const cluster = { ...here, sha256: 'b'.repeat(64) };
  assert.ok(statedIdentity(here));
  assert.equal(statedIdentity(here), statedIdentity(cluster));
  const layers = [2048, 768, 192, 64].map((dimension) =>
    statedIdentity({
      ...here,
      dimension,
      published: dimension === 2048,
      name: dimension === 2048 ? here.name : `${here.name}, ${dimension} features`,
    }),
  );
  assert.equal(new Set(layers).size, 4);
  assert.ok(layers.every((identity) => identity !== undefined));
  assert.equal(statedIdentity({ ...here, published: false }), undefined);
});

test('where one side knows no identity, the file that both come from decides', () => {
  const known = { ...old(), identity: 'i' };
  assert.ok(isSameDetector(known, old()));
  assert.ok(isSameDetector(known, old({ name: 'renamed-6726825d', sha256: 'c'.repeat(64) })));
  assert.ok(!isSameDetector(known, old({ name: 'weights-00000000', sha256: 'c'.repeat(64) })));
  assert.ok(!isSameDetector(known, { ...old(), identity: 'j' }));
  assert.deepEqual(Object.keys(detectorRecord(old())), ['name', 'sha256', 'dimension', 'published']);
});

test('results of one detector share a line: of fid.py on a cluster and of this program, of earlier versions and of today', async () => {
  const root = temporaryFolder();
  const inception = old({ name: 'inception-2015-12-05', published: true });
  const records = [
    makeRecord({ id: '1', metric: 'FID', detector: inception, cluster: 'site' }),
    makeRecord({ id: '2', metric: 'FID', detector: detectorRecord({ ...inception, sha256: 'b'.repeat(64) }) }),
    makeRecord({
      id: '3',
      metric: 'FD (weights-0a1b2c3d)',
      detector: old({ name: 'weights-0a1b2c3d', sha256: 'e'.repeat(64) }),
    }),
    makeRecord({
      id: '4',
      metric: 'FD (renamed-0a1b2c3d)',
      detector: { ...old({ name: 'renamed-0a1b2c3d', sha256: 'f'.repeat(64) }), identity: 'i' },
    }),
    makeRecord({ id: '5', metric: 'FD (weights-0a1b2c3e)', detector: old({ name: 'weights-0a1b2c3e' }) }),
  ];
  mkdirSync(path.dirname(historyFile(root)), { recursive: true });
  writeFileSync(historyFile(root), records.map((record) => JSON.stringify(record) + '\n').join(''));
  const read = await readHistory(root);
  assert.deepEqual(read.problems, []);
  const groups = groupRecords(read.records).map(({ points }) => points.map(({ record }) => record.id).sort());
  assert.deepEqual(groups.sort(), [['1', '2'], ['3', '4'], ['5']]);
});

test('a result keeps its id when its detector gets an identity: it is not recorded again', () => {
  const record = makeRecord();
  const identified = { ...record, detector: { ...record.detector, identity: 'i' } };
  assert.equal(recordId(identified), recordId(record));
  assert.notEqual(recordId({ ...record, value: 3 }), recordId(record));
});
