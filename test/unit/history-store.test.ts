import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { appendRecord, readHistory, recordId } from '../../server/history/history-store';
import type { HistoryRecord } from '../../server/shared/schema-types.gen';
import { makeRecord } from './history-records';

let root: string;
beforeEach(() => (root = mkdtempSync(path.join(os.tmpdir(), 'edm-workbench-history-'))));
afterEach(() => rmSync(root, { recursive: true }));

const file = (): string => path.join(root, '.edm-workbench', 'history.jsonl');

function record(changes: Partial<HistoryRecord> = {}): HistoryRecord {
  const made = makeRecord({ time: '2026-01-02T03:04:05.000Z', value: 1.25, ...changes });
  return { ...made, id: recordId(made) };
}

test('no file is an empty history', async () => {
  assert.deepEqual(await readHistory(root), { records: [], problems: [] });
});

test('a result is one line, in time order, and recorded once', async () => {
  const later = record({ time: '2026-02-01T00:00:00.000Z', value: 2 });
  const earlier = record();
  await appendRecord(root, later);
  await appendRecord(root, earlier);
  const again = record({ time: '2026-03-01T00:00:00.000Z', seconds: { generate: 0, measure: 0 } });
  assert.deepEqual(await appendRecord(root, again), earlier, 'the earlier record stands');
  assert.deepEqual(await readHistory(root), { records: [earlier, later], problems: [] });
  assert.equal(readFileSync(file(), 'utf8').trim().split('\n').length, 2);
  assert.equal(
    readFileSync(path.join(root, '.edm-workbench', '.gitattributes'), 'utf8'),
    'history.jsonl merge=union\n',
  );
});

test('the id depends on every part of the result, not on the order of keys, time or speed', () => {
  const { id } = record();
  assert.equal(record({ time: 'x', seconds: { generate: 0, measure: 0 } }).id, id);
  const { code, ...others } = record();
  assert.equal(record({ code: { ...code, branch: '' } }).id, id, 'a detached HEAD at the same commit');
  assert.equal(recordId({ code, ...others }), recordId({ ...others, code }));
  for (const changes of [
    { value: 1.26 },
    { num: 999 },
    { seeds: '0-998' },
    { sampler: { steps: 8, nfe: 15, rng: 'cpu' as const } },
  ]) {
    assert.notEqual(record(changes).id, id, JSON.stringify(changes));
  }
});

test('torn and foreign lines are named; the next record starts on a line of its own', async () => {
  await appendRecord(root, record());
  appendFileSync(file(), '<<<<<<< HEAD\n{"version":1}\n{"version":1,"id":"to');
  await appendRecord(root, record({ value: 3 }));
  const { records, problems } = await readHistory(root);
  assert.deepEqual(
    records.map(({ value }) => value),
    [1.25, 3],
  );
  assert.equal(problems.length, 3);
  assert.match(problems[0], /line 2 is not JSON \(a merge conflict marker: keep both sides\)/);
  assert.match(problems[1], /line 3: .*required/);
  assert.match(problems[2], /line 4 is not JSON/);
});
