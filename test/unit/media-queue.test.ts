import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  clockText,
  elapsedNow,
  foldArrays,
  inTaskOrder,
  stateCounts,
  taskCount,
  timeText,
} from '../../server/shared/jobs';
import { COLUMNS, DEFAULT_SORTING, filterJobs, sortingOf, sortJobs } from '../../media/queue/columns';
import { noneText, pastText } from '../../media/queue/past';
import { rowsInSight } from '../../media/rows';
import { nextSorting } from '../../media/sorting';
import type { Job } from '../../server/shared/protocol';

const CLOCK = { taken: 0, now: 0 };
const job = (id: string, more: Partial<Job> = {}): Job => ({
  id,
  name: 'generate',
  user: 'alice',
  partition: 'gpu',
  state: 'running',
  stateName: 'RUNNING',
  ...more,
});
const ids = (jobs: readonly Job[]): string[] => jobs.map(({ id }) => id);

test('clocks of running jobs go on between polls, those of others stand', () => {
  assert.equal(elapsedNow(job('1', { elapsed: 10 }), 1_000, 4_900), 13);
  assert.equal(elapsedNow(job('1', { elapsed: 10 }), 5_000, 1_000), 10, 'a clock set back takes nothing away');
  assert.equal(elapsedNow(job('1', { elapsed: 10, state: 'suspended' }), 0, 9_000), 10);
  assert.equal(elapsedNow(job('1'), 0, 9_000), undefined);
  assert.deepEqual([7, 3723, 183845].map(clockText), ['0:07', '1:02:03', '2-03:04:05']);
  assert.equal(timeText(job('1', { elapsed: 60, limit: 3600 }), 0, 0), '1:00 of 1:00:00');
  assert.equal(timeText(job('1', { state: 'queued', limit: 3600 }), 0, 0), 'limit 1:00:00');
  assert.equal(timeText(job('1', { state: 'done', elapsed: 60, limit: 3600 }), 0, 0), '1:00');
});

test('arrays: rows of one array are folded where the first stood, tasks are counted', () => {
  const task = (tasks: string, state: Job['state'] = 'running'): Job =>
    job(`7_${tasks}`, { array: { id: '7', tasks }, state });
  const folded = foldArrays([task('1'), job('8'), task('2'), task('8-49%4', 'queued')]);
  assert.deepEqual(
    folded.map((entry) => ('tasks' in entry ? ids(entry.tasks) : entry.id)),
    [['7_1', '7_2', '7_8-49%4'], '8'],
  );
  assert.deepEqual(ids(inTaskOrder([task('10'), task('8-9', 'queued'), task('2')])), ['7_2', '7_10', '7_8-9']);
  assert.deepEqual(
    ['8-49%4', '[8-49]', '3', '1,5-7', '0-10:5'].map((tasks) => taskCount({ array: { id: '7', tasks } })),
    [42, 42, 1, 4, 3],
  );
  assert.deepEqual(stateCounts([task('1'), task('2'), task('8-49%4', 'queued')]), [
    ['running', 2],
    ['queued', 42],
  ]);
});

test('sorting: mine on top whatever the column, numbers as numbers, unknown values last either way', () => {
  const jobs = [
    job('9', { user: 'bob', gpus: 4 }),
    job('10', { user: 'bob', gpus: 10 }),
    job('2', { gpus: 1 }),
    job('11', { user: 'bob' }),
  ];
  const sorted = (column: string, descending: boolean): string[] =>
    ids(sortJobs(jobs, { column, descending }, 'alice', CLOCK));
  assert.deepEqual(sorted('gpus', false), ['2', '9', '10', '11']);
  assert.deepEqual(sorted('gpus', true), ['2', '10', '9', '11']);
  assert.deepEqual(sorted('id', false), ['2', '9', '10', '11']);
  assert.deepEqual(sorted('gone in this version', false), sorted(DEFAULT_SORTING.column, false));
  assert.deepEqual(nextSorting({ column: 'id', descending: false }, 'id'), { column: 'id', descending: true });
  assert.equal(new Set(COLUMNS.map(({ id }) => id)).size, COLUMNS.length);
});

test('the filter wants every word somewhere in the row, account and reason included', () => {
  const waiting = job('5', {
    state: 'queued',
    stateName: 'PENDING',
    account: 'physics',
    reason: { name: 'Priority', text: 'Others come first' },
  });
  const jobs = [job('4'), waiting];
  assert.deepEqual(filterJobs(jobs, ' PHYSICS others '), [waiting]);
  assert.deepEqual(filterJobs(jobs, 'physics running'), []);
  assert.deepEqual(filterJobs(jobs, ''), jobs);
});

test('10,000 rows keep a bounded number in the DOM, at both ends', () => {
  const rows = { rows: 10_000, rowHeight: 24 };
  for (const top of [0, 120_000, 240_000 - 600]) {
    const { first, last } = rowsInSight(rows, top, 600, 8);
    assert.ok(first >= 0 && last < 10_000 && last - first + 1 <= 25 + 2 * 8 + 1);
  }
});

test('the history says how far back it goes, what the last page had, and what is not known', () => {
  const since = '2026-11-29T08:12:34.000Z';
  const page = { from: since, until: '2026-11-30T08:00:00.000Z', jobs: 0 };
  assert.equal(pastText({ since }, 15), 'All since 2026-11-29 08:12 UTC.');
  assert.match(pastText({ since, page }, 15), /None ended between 2026-11-29 08:12 UTC and 2026-11-30 08:00 UTC\.$/);
  assert.match(pastText({ since, page: { ...page, jobs: 1 } }, 15), /UTC\. The last page has 1 job\.$/);
  assert.match(
    pastText({ since, page, asking: true }, 60),
    /Older ones are asked for; there is one question in 60 s at most/,
  );
  assert.equal(pastText({ note: 'x' }, 15), 'How far back they are known is not known.');
  assert.equal(noneText({ since }), 'None of your jobs has ended since 2026-11-29 08:12 UTC.');
  assert.match(noneText({ note: 'x' }), /is not known: the scheduler does not say/);
});

test('the history is sorted by its end, unless the user chose an order', () => {
  const byName = { column: 'name', descending: true };
  assert.deepEqual(sortingOf(true, DEFAULT_SORTING), { column: 'ended', descending: true });
  assert.deepEqual(sortingOf(false, { column: 'ended', descending: true }), DEFAULT_SORTING);
  assert.deepEqual([sortingOf(true, byName), sortingOf(false, byName)], [byName, byName]);
  const jobs = [job('1', { ended: '2026-11-29T08:00:00Z' }), job('2', { ended: '2026-11-30T08:00:00Z' })];
  assert.deepEqual(ids(sortJobs(jobs, sortingOf(true, DEFAULT_SORTING), 'alice', CLOCK)), ['2', '1']);
});
