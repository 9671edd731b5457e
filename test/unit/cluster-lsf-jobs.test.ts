/** LSF: recorded lines (of volclava 2.2, an old engine, and of IBM's documentation), and the adapter on stand-ins. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, test } from 'node:test';
import { LocalHost } from '../../server/cluster/local-host';
import { followLog } from '../../server/cluster/log-follower';
import { parseJson, parseLong, parseTable } from '../../server/cluster/lsf/job-table';
import { Lsf } from '../../server/cluster/lsf/lsf';
import { parseLoad } from '../../server/cluster/lsf/queues';
import { parseHosts, parseLimit, parseMemory, parseTime } from '../../server/cluster/lsf/values';
import { RefusedError } from '../../server/cluster/scheduler';
import { newToken } from '../../server/cluster/token';
import type { Job } from '../../server/shared/protocol';
import { ROOT, temporaryFolder } from '../server/workspace';

test('the table of an old engine: more hosts on lines of their own, array tasks, no host', () => {
  const text = `JOBID   USER    STAT  QUEUE      FROM_HOST   EXEC_HOST   JOB_NAME   SUBMIT_TIME
1       alice   RUN   normal     lsfhost     lsfhost     hello      Nov 23 03:20
                                             lsfhost
3       alice   PEND  normal     lsfhost                 arr[3]     Nov 23 03:20
`;
  const [running, waiting] = parseTable(text, '/home/alice');
  assert.deepEqual([running.id, running.state, running.cpus, running.nodeList, running.name], ['1', 'running', 2, 'lsfhost', 'hello']); // prettier-ignore
  assert.deepEqual([waiting.id, waiting.array, waiting.state, waiting.nodeList], ['3[3]', { id: '3', tasks: '3' }, 'queued', undefined]); // prettier-ignore
  const wide = `JOBID      USER    STAT  QUEUE      FROM_HOST   EXEC_HOST   JOB_NAME   SUBMIT_TIME
4          alice   RUN   gpu        login       4*hostA:2*hostB a name with blanks Nov 23 03:20
5          bob     PSUSP normal     login          -        held       Nov 23 03:20
`;
  const [wider, held] = parseTable(wide, '/home/alice');
  assert.deepEqual([wider.cpus, wider.nodes, wider.name], [6, 2, 'a name with blanks']);
  assert.deepEqual([held.state, held.nodeList, held.user], ['held', undefined, 'bob']);
});

test('JSON of newer engines; what is no JSON is told from it', () => {
  const text = `some banner
{"COMMAND":"bjobs","JOBS":3,"RECORDS":[{"JOBID":"2","JOBINDEX":"0","STAT":"RUN","USER":"alice","QUEUE":"gpu","JOB_NAME":"edm","JOB_DESCRIPTION":"edm:abcdefghijkmnpqr","EXEC_HOST":"4*hostA","RUN_TIME":"75 second(s)","RUNTIMELIMIT":"60.0","SUB_CWD":"$HOME/edm","OUTPUT_FILE":"%J.out","ERROR_FILE":"-"},
{"JOBID":"7","JOBINDEX":"3","STAT":"EXIT","USER":"alice","QUEUE":"gpu","JOB_NAME":"arr[3]","EXIT_CODE":"130","EXIT_REASON":"TERM_RUNLIMIT: job killed after reaching LSF run time limit","OUTPUT_FILE":"/scratch/%J_%I.out"},
{"JOBID":"9","ERROR":"Job <9> is not found"}]}`;
  const jobs = parseJson(text, '/home/alice') ?? [];
  assert.equal(jobs.length, 2);
  assert.deepEqual([jobs[0].elapsed, jobs[0].limit, jobs[0].stdout, jobs[0].token, jobs[0].cpus], [75, 3600, '/home/alice/edm/2.out', 'abcdefghijkmnpqr', 4]); // prettier-ignore
  assert.deepEqual([jobs[1].id, jobs[1].state, jobs[1].exitCode, jobs[1].stdout, jobs[1].name], ['7[3]', 'timeout', 130, '/scratch/7_3.out', 'arr']); // prettier-ignore
  assert.match(jobs[1].reason?.remedy ?? '', /-W/);
  assert.equal(parseJson('bjobs: illegal option -- j\nUsage: bjobs [-l]', '/'), undefined);
});

test('the long form, cut at 80 columns', () => {
  const text = `
Job <42>, Job Name <edm_generation>, User <alice>, Project <default>, Status <E
                     XIT>, Queue <gpu>, Command <#!/bin/bash;echo hi>
Mon Nov 23 03:20:00: Submitted from host <login>, CWD <$HOME/edm>, Output File
                     <edm-%J.out>;

 RUNLIMIT
 60.0 min of hostA
Mon Nov 23 03:20:10: Started on <hostA>, Execution Home </home/alice>;
Mon Nov 23 03:21:10: Exited with exit code 3. The CPU time used is 1.0 seconds.
Mon Nov 23 03:21:10: Completed <exit>.
`;
  const [job] = parseLong(text, '/home/alice');
  assert.deepEqual([job.state, job.exitCode, job.elapsed, job.limit, job.nodeList], ['failed', 3, 60, 3600, 'hostA']);
  assert.equal(job.stdout, '/home/alice/edm/edm-42.out');
});

test('times without a year, limits, hosts, memory, load', () => {
  const now = new Date('2026-01-02T00:00:00Z');
  assert.equal(parseTime('Dec 31 23:59', now), '2025-12-31T23:59:00Z', 'the last such day');
  assert.equal(parseTime('Jan  2 05:00', now), '2026-01-02T05:00:00Z', 'a clock ahead by hours');
  assert.deepEqual(['60.0 min of hostA', '1:30', '90.0', '-'].map(parseLimit), [3600, 5400, 5400, undefined]);
  assert.deepEqual(parseHosts('4*hostA:hostB'), { hosts: ['hostA', 'hostB'], slots: 5 });
  assert.deepEqual(['15.5G', '512M', '-'].map(parseMemory), [15872, 512, undefined]);
  const queues = `QUEUE_NAME      PRIO STATUS          MAX JL/U JL/P JL/H NJOBS  PEND   RUN  SUSP
gpu              40   Open:Active      4    -    -    -     1     0     1     0
`;
  assert.deepEqual(parseLoad(queues, ''), [{ partition: 'gpu', cpus: [1, 4], gpus: [0, 0] }]);
});

/* The stand-ins are no LSF: they show that the adapter asks what IBM documents, and reads what it documents. */
const { PATH, LSF_STUB, LSF_STUB_JSON } = process.env;
after(() => Object.assign(process.env, { PATH, LSF_STUB: LSF_STUB ?? '', LSF_STUB_JSON: LSF_STUB_JSON ?? '' }));

for (const engine of ['old', 'new'] as const)
  test(`the adapter on stand-ins of an ${engine} engine: submit, queue, hold, release, cancel, history, refusals`, async () => {
    process.env.LSF_STUB = path.join(temporaryFolder(), 'jobs');
    process.env.LSF_STUB_JSON = engine === 'new' ? '1' : '';
    process.env.PATH = `${path.join(ROOT, 'test', 'cluster', 'stubs', 'lsf')}:${PATH}`;
    const lsf = new Lsf(new LocalHost(), { home: os.homedir() });
    const folder = temporaryFolder();
    const submit = async (...lines: string[]): Promise<string> =>
      (await lsf.submit({ script: `#!/bin/bash\n${lines.join('\n')}\n`, folder, token: newToken() })).id;
    const until = async (id: string, so: (job: Job) => boolean): Promise<Job> => {
      for (let tries = 0; ; tries++) {
        const job = (await lsf.queue('mine')).find((one) => one.id === id);
        if (job && so(job)) return job;
        assert.ok(tries < 200, `${id}: ${JSON.stringify(job)}`);
        await sleep(50);
      }
    };
    assert.equal(await lsf.version(), '10.1.0.12');
    assert.deepEqual(await lsf.queue('mine'), []);
    const evil = "a 'b' $(touch pwned)";
    const held = await submit('#BSUB -H', `#BSUB -J "${evil}"`, '#BSUB -o h-%J.out', 'echo out');
    assert.equal((await until(held, ({ state }) => state === 'held')).name, evil);
    assert.deepEqual(await lsf.act('release', [held]), [{ id: held, ok: true, message: 'Released' }]);
    await until(held, ({ state }) => state === 'done');
    assert.equal(readFileSync(path.join(folder, `h-${held}.out`), 'utf8'), 'out\n');
    const array = await submit('#BSUB -J "arr[1-3]"', 'exit $LSB_JOBINDEX');
    assert.equal((await until(`${array}[3]`, ({ state }) => state === 'failed')).array?.id, array);
    assert.equal((await lsf.job(`${array}[3]`))?.exitCode, 3);
    const long = await submit('#BSUB -q gpu', 'sleep 60');
    await until(long, ({ state }) => state === 'running');
    const results = await lsf.act('cancel', [long, held, '4242']);
    assert.deepEqual(results.map(({ ok }) => ok), [true, false, false]); // prettier-ignore
    assert.match(results[1].message, /already finished/);
    assert.match(results[2].message, /No matching job found/);
    await assert.rejects(submit('#BSUB -J x', '#BSUB -q nosuch', 'true'), (error: unknown) => {
      assert.ok(error instanceof RefusedError && error.line === 2);
      return /nosuch: No such queue/.test(error.message);
    });
    await assert.rejects(lsf.act('cancel', ['1; rm -rf']), /is not an LSF job id/);
    assert.ok((await lsf.history(new Date(0))).jobs.length >= 4);
    // An hour later bjobs has forgotten it, and bhist has not.
    writeFileSync(path.join(process.env.LSF_STUB, array, 'forgotten'), '');
    assert.ok(!(await lsf.queue('mine')).some(({ id }) => id.startsWith(`${array}[`)));
    const past = await lsf.job(`${array}[3]`);
    assert.deepEqual([past?.state, past?.exitCode, past?.elapsed, past?.name], ['failed', 3, 50, 'arr']);
    assert.ok((await lsf.history(new Date(0))).jobs.some(({ id }) => id === `${array}[3]`));
    assert.equal(await lsf.job('4242'), undefined);
    const snapshot = await lsf.snapshot();
    assert.deepEqual(
      snapshot.partitions.map(({ name, default: standard, maxMinutes, nodes }) => [name, standard ?? false, maxMinutes, nodes]),
      [['gpu', false, 240, ['lsfgpu']], ['normal', true, undefined, ['lsfgpu', 'lsfhost']]],
    ); // prettier-ignore
    assert.deepEqual(await lsf.load(), [
      { partition: 'gpu', cpus: [1, 4], gpus: [0, 0] },
      { partition: 'normal', cpus: [1, 24], gpus: [0, 0] },
    ]);
    assert.equal((await lsf.dryRun()).message, 'LSF has no dry run: the script was only checked here');
  });

test('the log of a running job comes by bpeek, and anew from its file once that is there', async () => {
  process.env.LSF_STUB = path.join(temporaryFolder(), 'jobs');
  process.env.LSF_STUB_SPOOL = '1';
  process.env.PATH = `${path.join(ROOT, 'test', 'cluster', 'stubs', 'lsf')}:${PATH}`;
  const host = new LocalHost();
  const lsf = new Lsf(host, { home: os.homedir() });
  const folder = temporaryFolder();
  const go = path.join(folder, 'go');
  const script = `#!/bin/bash\n#BSUB -o log-%J.out\necho first\nwhile [ ! -e ${go} ]; do sleep 0.05; done\necho last\n`;
  const { id } = await lsf.submit({ script, folder, token: newToken() });
  const seen: (string | undefined)[] = [];
  await followLog(host, {
    path: path.join(folder, `log-${id}.out`),
    ...{ signal: AbortSignal.timeout(60_000), pauseSeconds: 0.05, peek: () => lsf.peek(id, 'stdout') },
    isOver: async () => (await lsf.job(id))?.state === 'done',
    onNews: ({ lines, restarted }) => {
      if (restarted) seen.push(undefined);
      seen.push(...lines);
      if (lines.includes('first')) writeFileSync(go, '');
    },
  });
  delete process.env.LSF_STUB_SPOOL;
  assert.equal(seen[0], 'first', 'while it ran');
  assert.deepEqual(seen.slice(seen.lastIndexOf(undefined)), [undefined, 'Sender: LSF System', '', 'The output (if any) follows:', '', 'first', 'last']); // prettier-ignore
});
