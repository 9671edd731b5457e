/** How often a host is connected to, kept in a file by one process after the other. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { Pace, pauseAfter } from '../../server/cluster/ssh/pace';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'edm-pace-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

test('pauses double with each failure up to a limit, shorter where somebody waits, and differ at random', () => {
  const pauses = (isAsked: boolean): number[] => [0, 1, 2, 3, 4, 5, 10, 1000].map((n) => pauseAfter(n, isAsked, 0));
  assert.deepEqual(pauses(true), [1000, 2000, 4000, 8000, 10_000, 10_000, 10_000, 10_000]);
  assert.deepEqual(pauses(false), [1000, 2000, 4000, 8000, 16_000, 32_000, 300_000, 300_000]);
  assert.equal(pauseAfter(2, false, 1), 6000);
});

test('the next process keeps the pace of the last; a success ends the pauses; a file that makes no sense, and a clock that was set back, hold nobody up', async () => {
  const file = path.join(scratch, 'pace');
  const told: string[] = [];
  const now = 1_000_000_000;
  const pace = (at = now): Pace => new Pace(file, (line) => told.push(line), () => at); // prettier-ignore
  const waited = async (one: Pace): Promise<number> => {
    const begun = performance.now();
    await one.turn(true);
    return performance.now() - begun;
  };
  assert.ok((await waited(pace())) < 900, 'the first');
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { last: now, failures: 1 });
  assert.ok((await waited(pace())) >= 1990, 'another one after a failure');
  await pace().succeeded();
  assert.ok((await waited(pace(now + 2000))) < 900);
  assert.ok((await waited(pace(now - 3600_000))) < 4000, 'an hour earlier');
  writeFileSync(file, '{"last": "soon"}');
  assert.ok((await waited(pace())) < 900);
  writeFileSync(file, JSON.stringify({ last: now, failures: 2 }));
  await waited(pace());
  assert.match(told.join(), /^Waits [4-6] s before the next connection: 2 failed one after the other$/);
});
