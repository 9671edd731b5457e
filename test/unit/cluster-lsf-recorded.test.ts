/** The LSF adapter on what a real LSF-compatible engine answered: test/fixtures/lsf, recorded by test/cluster/record-lsf.ts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Lsf } from '../../server/cluster/lsf/lsf';
import { askLsf, FOLDER, REFUSED } from '../cluster/record-lsf';
import { ReplayHost, type Exchange } from '../cluster/recording';

const FIXTURE = path.join(__dirname, '..', 'fixtures', 'lsf', 'volclava-2.2.json');

test('volclava 2.2: submissions, refusals, queue, details, hold, release, cancel, history, output so far', async () => {
  const exchanges = JSON.parse(readFileSync(FIXTURE, 'utf8')) as Exchange[];
  const answers = await askLsf(new Lsf(new ReplayHost(exchanges), { home: '/home/alice' }), FOLDER, () =>
    Promise.resolve(),
  );
  const { ids, mine, all, history } = answers;
  const of = (id: string, jobs = mine) => jobs.find((job) => job.id === id) ?? assert.fail(id);
  assert.equal(answers.version, '2.2');
  for (const [name, [, line]] of Object.entries(REFUSED)) assert.equal(answers.refused[name]?.line, line, name);
  assert.equal(answers.refused.option.message, 'LSF refused the job: bsub: illegal option -- Q');

  const done = of(ids.done);
  assert.deepEqual(
    [done.state, done.stdout, done.token],
    ['done', `${FOLDER}/done-${ids.done}.out`, 'donexxxxxxxxxxxx'],
  );
  const failed = of(ids.failed);
  assert.deepEqual([failed.state, failed.exitCode, failed.account], ['failed', 3, 'proja']);
  assert.ok(failed.submitted && failed.started && failed.ended);
  const task = of(`${ids.tasks}[2]`);
  assert.deepEqual([task.name, task.array, task.exitCode, task.cpus], ['tasks', { id: ids.tasks, tasks: '2' }, 2, 2]);
  const odd = of(ids.odd);
  assert.deepEqual([odd.name, odd.state, odd.nodeList], ['odd $(touch x); name', 'held', undefined]);
  const long = of(ids.long);
  assert.deepEqual([long.state, long.limit, long.partition, long.stderr], ['running', 600, 'gpu', `${FOLDER}/long-${ids.long}.err`]); // prettier-ignore
  // Everybody's come from the table: no logs, but the same jobs.
  assert.deepEqual([of(ids.long, all).state, of(ids.odd, all).name], ['running', odd.name]);

  assert.deepEqual(answers.details.map((job) => job?.state), ['running', 'failed', undefined]); // prettier-ignore
  assert.match(answers.peeked ?? '', /^step 1\n?/);
  assert.deepEqual(answers.held.map(({ ok }) => ok), [true, false]); // prettier-ignore
  assert.equal(answers.suspended?.state, 'suspended');
  assert.deepEqual(answers.released.map(({ ok }) => ok), [true, true]); // prettier-ignore
  assert.deepEqual(answers.cancelled.map(({ ok }) => ok), [true, false, false]); // prettier-ignore
  assert.match(answers.cancelled[2].message, /No matching job found/);
  const killed = of(ids.long, history.jobs);
  assert.deepEqual([killed.state, killed.reason?.name, killed.stdout], ['cancelled', 'TERM_OWNER', `${FOLDER}/long-${ids.long}.out`]); // prettier-ignore
  const queues = answers.snapshot.partitions.map(({ nodes, ...queue }) => {
    assert.deepEqual(nodes, ['lsfhost']);
    return queue;
  });
  assert.deepEqual(queues, [
    { name: 'staff', up: true, allowed: false, users: ['bob'], maxMinutes: 120, defaultMinutes: 120 },
    { name: 'gpu', up: true, allowed: true, users: ['alice'], maxMinutes: 60, defaultMinutes: 30, minSlots: 1, defaultSlots: 2, maxSlots: 4, userSlots: 2 },
    { name: 'normal', default: true, up: true, allowed: true, maxMinutes: 240, defaultMinutes: 240 },
  ]); // prettier-ignore
  assert.deepEqual(answers.load.find(({ partition }) => partition === 'gpu')?.cpus[1], 4);
});
