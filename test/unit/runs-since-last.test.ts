import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { saveInfluence } from '../../server/fid/kept-influence';
import { standardError } from '../../server/fid/influence';
import { appendRecord } from '../../server/history/history-store';
import { sinceLast } from '../../server/runs/since-last';
import type { HistoryRecord } from '../../server/shared/schema-types.gen';
import { makeCode, makeRecord } from './history-records';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'edm-workbench-since-last-')));
after(() => rmSync(root, { recursive: true }));
execFileSync('git', ['init', '--quiet', root]);

let minute = 10;
/** Records a run; ids are all that tells records apart. */
async function record(change: Partial<HistoryRecord>): Promise<HistoryRecord> {
  minute++;
  const made = makeRecord({ id: `id${minute}`, time: `2026-11-20T14:${minute}:00Z`, seeds: '0-999', ...change });
  await appendRecord(root, made);
  return made;
}

/** Keeps influences of a run, and says their standard error. */
async function keep(run: string, psi: Float64Array, sha256: string): Promise<number> {
  mkdirSync(join(root, run), { recursive: true });
  const statistics = { num: psi.length, mu: new Float64Array(1), sigma: new Float64Array(1) };
  await saveInfluence(join(root, run, 'stats.npz'), statistics, psi, sha256);
  return standardError(psi, 64) ?? assert.fail();
}

test('one sentence against the last comparable number, of the same config first', async () => {
  const first = await record({ value: 3, standard_error: 0.1 });
  assert.equal(await sinceLast(root, first), undefined, 'nothing before');
  await record({ value: 9, standard_error: 0.1, metric: 'FID' });
  await record({ value: 9, standard_error: 0.1, num: 500 });
  await record({ value: 1, standard_error: 0.1, name: 'other', code: makeCode('b', '2026-11-20T10:00:00Z') });
  const second = await record({ value: 2, standard_error: 0.1 });
  assert.equal(await sinceLast(root, second), 'Better than aaaaaaa-baseline by 1.00 +- 0.14');
  const third = await record({ value: 2.1, standard_error: 0.1 });
  assert.equal(await sinceLast(root, third), 'Not distinguishable from aaaaaaa-baseline: +0.10 +- 0.14');
  const new_ = await record({ value: 4, standard_error: 0.1, name: 'new' });
  assert.equal(await sinceLast(root, new_), 'Worse than aaaaaaa-baseline by 1.90 +- 0.14');
  const bare = await record({ value: 1.5, standard_error: undefined, name: 'bare' });
  assert.match((await sinceLast(root, bare)) ?? '', /^2.5 below aaaaaaa-new; whether that is chance is not known/);
});

test('image by image where influences of the same seeds were kept', async () => {
  const a = Float64Array.from({ length: 1000 }, (_, i) => 5 * Math.sin(1.7 * i));
  const b = a.map((psi, i) => psi + 0.3 * Math.cos(2.3 * i));
  const { sha256 } = makeRecord().reference;
  const errorA = await keep('runs/a', a, sha256);
  const errorB = await keep('runs/b', b, sha256);
  await record({ name: 'paired', run: 'runs/a', value: 2, standard_error: errorA });
  const later = await record({ name: 'paired', run: 'runs/b', value: 1.96, standard_error: errorB });
  assert.equal(await sinceLast(root, later), 'Better than aaaaaaa-paired by 0.040 +- 0.007, image by image');
});
