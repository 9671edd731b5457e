/**
 * The Slurm adapter on what real clusters of several versions answered: test/fixtures/slurm, recorded by
 * test/cluster/record-outputs.ts. All must come to the same.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { analyse } from '../../server/scripts/analyse';
import { Slurm } from '../../server/cluster/slurm/slurm';
import type { Host } from '../../server/cluster/host';
import type { Job } from '../../server/shared/protocol';
import { askEverything, askWithoutAccounting, ODD_NAME, SINCE, tokenOf } from '../cluster/questions';
import { ReplayHost, type Recording } from '../cluster/recording';

const folder = path.join(__dirname, '..', 'fixtures', 'slurm');
const stage = { home: '/home/user', until: (): Promise<void> => Promise.resolve() };

/** Name of the job and rest of the id, our state, Slurm's reason, how it ended, GPUs, log beyond the default. */
type Row = [job: string, state: Job['state'], reason?: string, end?: string, gpus?: number, log?: string];

const ENDED: readonly Row[] = [
  ['done', 'done', undefined, 'exit 0', undefined, 'done-ID.out'],
  ['failed', 'failed', 'NonZeroExitCode', 'exit 3'],
  ['killed', 'failed', 'RaisedSignal', 'signal 9'],
  ['tasks_1', 'failed', 'NonZeroExitCode', 'exit 1', undefined, 'slurm-ID_1.out'],
  ['tasks_2', 'failed', 'NonZeroExitCode', 'exit 2', undefined, 'slurm-ID_2.out'],
  ['tasks_3', 'failed', 'NonZeroExitCode', 'exit 3', undefined, 'slurm-ID_3.out'],
];
const QUEUE: readonly Row[] = [
  ...ENDED,
  ['array_0', 'running', undefined, undefined, undefined, 'a-ID_0.out'],
  ['array_1', 'running', undefined, undefined, undefined, 'a-ID_1.out'],
  ['array_[2-9%2]', 'queued', 'JobArrayTaskLimit', undefined, undefined, 'none'],
  ['begin', 'queued', 'BeginTime'],
  ['budget', 'queued', 'AssocGrpCPUMinutesLimit'],
  ['dependency', 'queued', 'Dependency'],
  ['gpus', 'running', undefined, undefined, 2],
  ['held', 'held', 'JobHeldUser'],
  ['het+0', 'running'],
  ['het+1', 'running', undefined, undefined, 1, 'of the component'],
  ['long', 'queued', 'PartitionTimeLimit'],
  ['odd', 'held', 'JobHeldUser'],
  ['priority', 'queued', 'Priority', undefined, 4],
  ['resources', 'queued', 'Resources', undefined, 4],
  ['timeout', 'running'],
];
/** The signals are the queue's: accounting has `0:0` for them. */
const HISTORY: readonly Row[] = [
  ...ENDED,
  ['array', 'cancelled', undefined, 'exit 0', undefined, 'none'],
  ['array_0', 'cancelled', undefined, 'signal 15', undefined, 'a-ID_0.out'],
  ['dependency', 'cancelled', undefined, 'exit 0', undefined, 'none'],
  ['gpus', 'cancelled', undefined, 'signal 15', 2],
  ['het+0', 'cancelled', undefined, 'signal 15'],
  ['het+1', 'cancelled', undefined, 'signal 15', 1, 'of the component'],
  ['timeout', 'timeout', 'TimeLimit', 'signal 15'],
];
/** What Slurm said, as a pattern, by what was asked. */
const REFUSALS: Readonly<Record<string, RegExp>> = {
  account: /Invalid account or account\/partition combination/,
  partition: /invalid partition specified: nosuch/,
  gpus: /Requested node configuration is not available/,
  gres: /Invalid generic resource \(gres\) specification/,
  option: /unrecognized option '--nosuch=1'/,
  time: /Invalid --time specification/,
  dos: /DOS line breaks/,
};
const ACCEPTED_BY_TEST_ONLY = /^Job \d+ to start at \d{4}-/;

for (const file of readdirSync(folder)) {
  const release = path.parse(file).name;
  const recording = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Recording;

  test(`Slurm ${release}: submissions, queue, details, history, actions, partitions`, async () => {
    const slurm = new Slurm(new ReplayHost(recording.accounting));
    const answers = await askEverything(slurm, stage);
    const { submitted, mine, all, details, snapshot } = answers;
    const idOf = (job: string): string => job.replace(/^[a-z]+/, (name) => submitted[name].id);
    const rows = (jobs: readonly Job[], asked: readonly Row[]): Row[] => asked.map(([name]) => rowOf(name, jobs));
    const rowOf = (name: string, jobs: readonly Job[]): Row => {
      const job = jobs.find(({ id }) => id === idOf(name));
      assert.ok(job, `${name} (${idOf(name)}) is missing`);
      const plain = name.replace(/\W.*|_.*/, '');
      assert.equal(job.name, plain === 'odd' ? ODD_NAME : plain);
      assert.equal(job.token, tokenOf(plain), name);
      assert.equal(job.stderr, job.stdout, name);
      const end = job.signal !== undefined ? `signal ${job.signal}` : job.exitCode !== undefined ? `exit ${job.exitCode}` : undefined; // prettier-ignore
      assert.equal(job.signal !== undefined && job.exitCode !== undefined, false, `${name} has two ends`);
      const log = job.stdout?.replace('/home/user/', '').replace(new RegExp(`-${submitted[plain].id}(?=[_.])`), '-ID');
      const row: Row = [name, job.state, job.reason?.name.replace(/:.*/, ''), end, job.gpus, log];
      if (job.reason) assert.ok(job.reason.text.includes(' '), `${job.reason.name} is in words`);
      if (name === 'het+1') row[5] = 'of the component';
      else if (log === 'slurm-ID.out') row.pop();
      else if (log === undefined) row[5] = 'none';
      return row.slice(0, row.findLastIndex((value) => value !== undefined) + 1) as Row;
    };

    assert.match(answers.version, new RegExp(`^${release.replace('.', '\\.')}\\.\\d`));
    for (const [name, { id, warnings }] of Object.entries(submitted)) {
      assert.match(id, /^\d+$/, name);
      assert.deepEqual(warnings, [], name);
    }
    assert.deepEqual(rows(mine, QUEUE), QUEUE);
    assert.equal(mine.length, QUEUE.length);
    for (const job of mine) {
      assert.deepEqual([job.user, job.folder, job.account], ['user', '/home/user', job.name === 'budget' ? 'tiny' : 'proja']); // prettier-ignore
      assert.equal(job.limit, { timeout: 60, long: 18_000 }[job.name] ?? 600, job.name);
      assert.match(job.submitted ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      const waits = job.state === 'queued' || job.state === 'held';
      if (!waits) {
        assert.match(job.nodeList ?? '', job.partition === 'gpu' ? /^g1$/ : /^c[12]$/, job.name);
        assert.ok(Date.parse(job.submitted ?? '') <= Date.parse(job.started ?? ''), job.name);
        assert.ok((job.elapsed ?? 60) < 60, job.name);
      } else assert.deepEqual([job.nodeList, job.elapsed, job.started], [undefined, undefined, undefined], job.name);
    }
    const named = (name: string): Job => mine.find(({ id }) => id === idOf(name)) ?? assert.fail(name);
    const begin = named('begin');
    assert.equal(Date.parse(begin.expected ?? '') - Date.parse(begin.submitted ?? ''), 3_600_000);
    assert.deepEqual([named('gpus').cpus, named('gpus').nodes], [2, 1]);
    assert.deepEqual(named('array_[2-9%2]').array, { id: submitted.array.id, tasks: '2-9%2' });
    assert.deepEqual(named('array_1').array, { id: submitted.array.id, tasks: '1' });

    // Everybody's: my unfinished ones and another user's.
    const unfinished = QUEUE.slice(ENDED.length).map(([name]) => idOf(name));
    const theirs = all.filter(({ user }) => user !== 'user');
    assert.equal(theirs.length, 1);
    assert.deepEqual(all.map(({ id }) => id).sort(), [...unfinished, theirs[0].id].sort());

    assert.equal(details['999999'], undefined);
    for (const [id, job] of Object.entries(details).filter(([, one]) => one))
      assert.deepEqual({ ...job, elapsed: 0 }, { ...mine.find((one) => one.id === id), elapsed: 0 }, id);
    assert.equal(answers.script, '#!/bin/bash\n#SBATCH -p gpu --time=5:00:00\ntrue\n');

    for (const [name, words] of Object.entries(REFUSALS)) {
      assert.match(answers.refused[name].message, words, name);
      assert.equal(answers.refused[name].line, 1, name);
    }
    for (const [name, { ok, message, line }] of Object.entries(answers.dryRuns)) {
      assert.equal(ok, name === 'fine');
      assert.match(message, ok ? ACCEPTED_BY_TEST_ONLY : REFUSALS[name]);
      assert.equal(line, ok ? undefined : 1, name);
    }

    const { hold, release: released, cancel } = answers.acts;
    assert.deepEqual(hold.map(({ ok }) => ok), [true, false]); // prettier-ignore
    assert.match(hold[1].message, /It is RUNNING/);
    assert.deepEqual(released.map(({ message }) => message), ['Released', 'Released']); // prettier-ignore
    assert.deepEqual(cancel.map(({ ok }) => ok), [true, true, true, true, true, false, false, false]); // prettier-ignore
    assert.match(cancel[5].message, /had already ended \(FAILED\)/);
    assert.match(cancel[6].message, /no such job/);
    assert.match(cancel[7].message, /permission denied/);

    const { history } = answers;
    assert.equal(history.note, undefined);
    assert.deepEqual(rows(history.jobs, HISTORY), HISTORY);
    assert.deepEqual(history.jobs.filter(({ token }) => token?.startsWith('no')), [], 'refused submissions were no jobs'); // prettier-ignore
    for (const { started, ended, elapsed, name } of history.jobs)
      assert.equal((Date.parse(ended ?? '') - Date.parse(started ?? '')) / 1000, elapsed, name);

    assert.deepEqual(
      { ...snapshot, taken: '', nodes: snapshot.nodes?.map(({ name, cpus, memoryMegabytes, gres }) => ({ name, cpus, memoryMegabytes, gres })) },
      {
        scheduler: 'slurm', version: answers.version, taken: '', name: 'testcluster', enforcePartitionLimits: false, maxArraySize: 1001,
        partitions: [
          { name: 'cpu', default: true, up: true, maxMinutes: 1440, nodes: ['c1', 'c2'] },
          { name: 'gpu', up: true, maxMinutes: 240, nodes: ['g1'] },
        ],
        nodes: [
          { name: 'c1', cpus: 8, memoryMegabytes: 32000, gres: [] },
          { name: 'c2', cpus: 8, memoryMegabytes: 32000, gres: [] },
          { name: 'g1', cpus: 16, memoryMegabytes: 64000, gres: [{ name: 'gpu', type: 'a100', count: 4, used: 3 }] },
        ],
        accounts: ['proja', 'tiny'], qos: ['normal'], defaultAccount: 'proja',
      },
    ); // prettier-ignore
    assert.deepEqual(
      snapshot.nodes?.map(({ cpusUsed }) => cpusUsed).reduce((sum = 0, n = 0) => sum + n),
      8,
    );
    assert.deepEqual(answers.load, [
      { partition: 'cpu', cpus: [5, 16], gpus: [0, 0] },
      { partition: 'gpu', cpus: [3, 16], gpus: [3, 4] },
    ]);
    // The linter knows beforehand what this cluster refused.
    const script = '#!/bin/bash\n#SBATCH -A nosuch -p gpu\n#SBATCH --gres=gpu:a100:9\n#SBATCH --time=5:00:00\n#SBATCH --array=0-1001\ntrue\n'; // prettier-ignore
    const found = analyse(script, { cluster: snapshot }).findings.filter(({ severity }) => severity !== 'info');
    assert.deepEqual([...new Set(found.map(({ start }) => start.line))].sort(), [1, 2, 3, 4]);
  });

  test(`Slurm ${release}: what accounting alone remembers`, async () => {
    const forgotten = recording.accounting.map((exchange) =>
      exchange.command.startsWith('["squeue","--noheader"') ? { ...exchange, stdout: '' } : exchange,
    );
    const { jobs } = await new Slurm(new ReplayHost(forgotten)).history(SINCE);
    const [major, minor] = release.split('.').map(Number);
    const hasLogs = major > 24 || (major === 24 && minor >= 5);
    for (const [name, state, , end] of ENDED.filter(([one]) => !one.includes('_'))) {
      const job = jobs.find(({ token }) => token === tokenOf(name)) ?? assert.fail(`${name} has no token`);
      assert.equal(job.state, state);
      assert.equal(job.signal === undefined ? `exit ${job.exitCode}` : `signal ${job.signal}`, end);
      const log = name === 'done' ? `done-${job.id}.out` : `slurm-${job.id}.out`;
      assert.equal(job.stdout, hasLogs ? `/home/user/${log}` : undefined, name);
      assert.equal(job.stderr, job.stdout);
    }
    assert.equal(jobs.find(({ token }) => token === tokenOf('timeout'))?.state, 'timeout');
    assert.deepEqual(jobs.filter(({ token }) => token?.startsWith('no')), []); // prettier-ignore
  });

  test(`Slurm ${release} without accounting, with limits enforced`, async () => {
    const { mine, snapshot, history, refused } = await askWithoutAccounting(new Slurm(new ReplayHost(recording.plain)), stage); // prettier-ignore
    assert.match(refused.long.message, /Requested time limit is invalid/);
    assert.equal(refused.long.line, 1);
    assert.deepEqual(mine.map(({ state, exitCode, token }) => [state, exitCode, token]), [['failed', 3, tokenOf('failed')]]); // prettier-ignore
    assert.deepEqual(history.jobs, mine);
    assert.match(history.note ?? '', /has no accounting/);
    assert.deepEqual([snapshot.enforcePartitionLimits, snapshot.accounts, snapshot.defaultAccount], [true, undefined, undefined]); // prettier-ignore
  });
}

test('a Slurm that is too old is named with the version that is needed', async () => {
  const answering = (version: string): Host => {
    const run = (command: readonly string[]) =>
      Promise.resolve(
        command.includes('--version')
          ? { code: 0, stdout: `slurm ${version}\n`, stderr: '' }
          : { code: 1, stdout: '', stderr: 'squeue: error: Invalid job format specification: pendingtime\n' },
      );
    return { name: 'icm', run } as unknown as Host; // nothing else is asked
  };
  await assert.rejects(new Slurm(answering('18.08.8')).queue('mine'), /^UserError: Slurm 18\.08\.8 on icm is too old: 20\.02 or newer/); // prettier-ignore
  await assert.rejects(new Slurm(answering('22.05.8')).queue('mine'), /squeue on icm failed: Invalid job format/);
});
