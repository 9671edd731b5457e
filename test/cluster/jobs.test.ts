/** A session as a user has it: one login by jump host and one-time password, then jobs in every state they can be in. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Cluster } from '../../server/cluster/cluster';
import { Clusters } from '../../server/cluster/clusters';
import type { Host, RunOptions, RunOutcome } from '../../server/cluster/host';
import { QueueWatch } from '../../server/cluster/queue';
import { Slurm } from '../../server/cluster/slurm/slurm';
import { newToken } from '../../server/cluster/token';
import type { FollowResult, Job, LogPart, QueueState } from '../../server/shared/protocol';
import { elapsedNow } from '../../server/shared/jobs';
import { allowClusters } from './allow';
import { TestBed } from './bed';
import { Logins, type Login } from './logins';
import { until } from '../until';

let bed: TestBed;
let logins: Logins;
let alice: Login;
let clusters: Clusters;
let cluster: Cluster;
const states: QueueState[] = [];
before(async () => {
  bed = await TestBed.start();
  logins = new Logins(bed);
  mkdirSync(path.join(logins.scratch, '.edm-workbench'));
  writeFileSync(
    path.join(logins.scratch, '.edm-workbench', 'clusters.yaml'),
    'clusters:\n  - {name: bed, host: inner, poll_seconds: 10, account: proja}\n',
  );
  await allowClusters(logins.scratch);
  alice = logins.of('alice', () => [bed.otp('alice')]);
  clusters = new Clusters({ hosts: alice.hosts, folders: [logins.scratch], onQueue: (state) => states.push(state) });
  await clusters.connect('bed');
  cluster = await clusters.open('bed');
});
after(async () => {
  clusters?.stop();
  logins?.close();
  await bed?.stop();
});

/** Submits lines of a script. @returns the id */
async function submit(...lines: string[]): Promise<string> {
  const script = path.join(logins.scratch, 'job.slurm');
  return (await clusters.submit({ cluster: 'bed', script, text: `#!/bin/bash\n${lines.join('\n')}\n`, folder: '~' }))
    .id;
}

/** The job when it is so. */
async function jobWhen(id: string, so: (job: Job) => boolean): Promise<Job> {
  // A connection that was cut is back in a moment.
  const ask = () => cluster.scheduler.job(id).catch(() => undefined);
  return (await until(ask, `job ${id}`, (job) => job !== undefined && so(job))) as Job;
}
/** A line of a script that waits for `open`. */
const gate = (name: string): string => `until [ -e ${name} ]; do sleep 0.1; done`;
const open = (name: string): Promise<void> => asRoot('touch', `/home/alice/${name}`);
const asRoot = async (...command: string[]): Promise<void> => {
  const { code, stdout, stderr } = await bed.inCluster(command);
  assert.equal(code, 0, stdout + stderr);
};

/** Follows a job's log to its end. */
function follow(
  id: string,
  onPart: (part: LogPart) => void = () => undefined,
  stop = new AbortController(),
  onWaiting?: (job: Job) => void,
): Promise<FollowResult> {
  const params = { cluster: 'bed', id, stream: 'stdout', follow: id } as const;
  return clusters.follow(params, onPart, stop.signal, onWaiting);
}

test("the lecture's generation script with names of this cluster: submitted, followed, its bar told, its end known", async () => {
  const lines = [
    '#SBATCH --job-name=edm_generation',
    '#SBATCH --partition=gpu',
    '#SBATCH --account=proja',
    '#SBATCH --nodes=1',
    '#SBATCH --ntasks=1',
    '#SBATCH --cpus-per-task=4',
    '#SBATCH --gres=gpu:2',
    '#SBATCH --time=01:00:00',
    '#SBATCH --output=%x-%j.out',
    "COMMIT=abc1234; echo '13:4: not a valid test operator: (' >&2; nvidia-smi || true",
    'for i in 1 2 3 4; do printf "\\r %d%%|##| %d/4 [00:0%d<00:0%d,  1.00batch/s]" $((i*25)) $i $i $((4-i)); sleep 0.5; done; echo',
    'mkdir -p "$COMMIT-images"; echo "$CUDA_VISIBLE_DEVICES"; printf "\\377\\376 not UTF-8\\n"',
  ];
  const id = await submit(...lines);
  const running = await jobWhen(id, ({ state }) => state === 'running' || state === 'done');
  assert.deepEqual([running.gpus, running.cpus, running.partition, running.account], [2, 4, 'gpu', 'proja']);
  const parts: LogPart[] = [];
  const { explained, job } = await follow(id, (part) => parts.push(part));
  const said = parts.flatMap(({ lines: some }) => some);
  assert.equal(said.filter((line) => line.includes('batch/s')).length, 1, 'the bar is one line');
  assert.ok(parts.some(({ progress }) => progress?.total === 4 && progress.rate === '1.00batch/s'));
  assert.ok(said.includes('0,1') && said.includes('\ufffd\ufffd not UTF-8'), said.join('\n'));
  assert.match(explained[0].text, /^Harmless/);
  assert.equal(job?.state, 'done');
  assert.match(job?.stdout ?? '', /edm_generation-\d+\.out$/);
  assert.equal(alice.asked.prompts.length, 1, 'one login');
});

test('why jobs wait: every reason that can be provoked here, in words', async () => {
  await asRoot('sacctmgr', '-i', 'add', 'qos', 'small', 'set', 'MaxTRESPerUser=cpu=1');
  await asRoot('sacctmgr', '-i', 'modify', 'user', 'alice', 'set', 'qos+=small');
  await asRoot('scontrol', 'update', 'NodeName=c2', 'State=DRAIN', 'Reason=test');
  await asRoot('scontrol', 'create', 'reservation', 'ReservationName=later', 'StartTime=now+1hour', 'Duration=60', 'Nodes=c1', 'Users=alice'); // prettier-ignore
  const busy = await submit('#SBATCH -p gpu -c 16', 'sleep 300');
  await jobWhen(busy, ({ state }) => state === 'running');
  const cases: [reason: string, ...lines: string[]][] = [
    ['Resources', '#SBATCH -p gpu -c 16'],
    ['Priority', '#SBATCH -p gpu -c 16 --nice=1000'],
    ['Dependency', `#SBATCH --dependency=afterok:${busy}`],
    ['DependencyNeverSatisfied', '#SBATCH --dependency=afternotok:1'],
    ['BeginTime', '#SBATCH --begin=now+1hour'],
    ['JobHeldUser', '#SBATCH --hold'],
    ['PartitionTimeLimit', '#SBATCH --time=2-00:00:00'],
    ['AssocGrpCPUMinutesLimit', '#SBATCH --account=tiny --time=10'],
    ['QOSMaxCpuPerUserLimit', '#SBATCH --qos=small -c 2'],
    ['ReqNodeNotAvail, UnavailableNodes:c2', '#SBATCH --nodelist=c2'],
    ['Reservation', '#SBATCH --reservation=later --time=10'],
  ];
  const ids: string[] = [];
  for (const [, ...lines] of cases) ids.push(await submit(...lines, 'true'));
  const held = await submit('#SBATCH --begin=now+1hour', 'true');
  await asRoot('scontrol', 'hold', held);
  for (const [nth, [reason]] of [...cases, ['JobHeldAdmin'] as [string]].entries()) {
    const job = await jobWhen([...ids, held][nth], ({ reason: why }) => why?.name === reason);
    assert.ok(job.reason && job.reason.text !== reason && /[a-z]+ [a-z]+/.test(job.reason.text), reason);
    assert.equal(job.state, /^JobHeld/.test(reason) ? 'held' : 'queued', reason);
  }
  await asRoot('scontrol', 'update', 'PartitionName=gpu', 'State=DOWN');
  const down = await submit('#SBATCH -p gpu', 'true');
  await jobWhen(down, ({ reason }) => reason?.name === 'PartitionDown');
  await asRoot('scontrol', 'update', 'PartitionName=gpu', 'State=UP');
  await asRoot('scontrol', 'update', 'NodeName=c2', 'State=RESUME');
  const results = await cluster.scheduler.act('cancel', [...ids, held, down, busy]);
  assert.deepEqual(results.filter(({ ok }) => !ok), []); // prettier-ignore
});

test('an array of 50 is one entry until its tasks start; a heterogeneous job; a job after another', async () => {
  const array = await submit(
    '#SBATCH --hold',
    '#SBATCH --array=0-49%4',
    '#SBATCH --output=a-%A_%a.out',
    'sleep 0.1; echo $SLURM_ARRAY_TASK_ID',
  );
  const after_ = await submit(`#SBATCH --dependency=afterok:${array}`, 'ls a-*.out | wc -l');
  const hetjob = await submit('#SBATCH -p cpu -n 1', '#SBATCH hetjob', '#SBATCH -p gpu -n 1 --gres=gpu:1', 'sleep 300');
  const rows = await cluster.scheduler.queue('mine');
  assert.ok(rows.some((job) => job.array?.id === array && /^\d+-49/.test(job.array.tasks.replace(/^.*,/, ''))));
  assert.deepEqual(rows.filter(({ id }) => id.startsWith(`${hetjob}+`)).map(({ id }) => id).sort(), [`${hetjob}+0`, `${hetjob}+1`]); // prettier-ignore
  await jobWhen(after_, ({ reason }) => reason?.name === 'Dependency');
  assert.equal((await cluster.scheduler.act('cancel', [hetjob]))[0].ok, true);
  assert.equal((await cluster.scheduler.act('release', [array]))[0].ok, true);
  const { job } = await follow(after_);
  assert.equal(job?.state, 'done');
  assert.equal(readFileSync(bed.file('home/alice', `slurm-${after_}.out`), 'utf8'), '50\n');
  await jobWhen(`${array}_49`, ({ state }) => state === 'done');
});

test('jobs that end badly, and the words of the log', async () => {
  const failing = await submit('python3 -c "open(\'nothing.pkl\')" || cat nothing.pkl; exit 3');
  const { job, explained } = await follow(failing);
  assert.deepEqual([job?.state, job?.exitCode], ['failed', 3]);
  assert.ok(explained.some(({ text }) => /does not exist where the job ran/.test(text)));
  const killed = await submit('kill -9 $$');
  assert.equal((await jobWhen(killed, ({ state }) => state === 'failed')).signal, 9);
  const cancelled = await submit('sleep 300');
  await jobWhen(cancelled, ({ state }) => state === 'running');
  await cluster.scheduler.act('cancel', [cancelled]);
  assert.ok(await jobWhen(cancelled, ({ state }) => state === 'cancelled'));
  assert.match((await cluster.scheduler.act('cancel', [failing]))[0].message, /had already ended \(FAILED\)/);
});

test('of a job that waits it is said that its log follows; one that has started only shows it', async () => {
  const waiting: string[] = [];
  for (const [line, state] of [
    ['#SBATCH --hold', 'held'],
    ['true', 'done'],
  ] as const) {
    const id = await submit(line);
    await jobWhen(id, (job) => job.state === state);
    const stop = new AbortController();
    await follow(id, undefined, stop, (job) => (waiting.push(`${job.id} ${job.state}`), stop.abort()));
    if (state === 'held') assert.deepEqual(waiting, [`${id} held`]);
    await cluster.scheduler.act('cancel', [id]);
  }
  assert.equal(waiting.length, 1);
});

test('a log that is cut off while it is followed goes on where it was; nobody is asked, no line comes twice', async () => {
  const id = await submit('for i in $(seq 20); do echo line $i', `[ $i != 10 ] || ${gate('cut')}`, 'done');
  await jobWhen(id, ({ state }) => state === 'running');
  const lines: string[] = [];
  const following = follow(id, (part) => lines.push(...part.lines));
  await until(() => lines.length > 1, 'the first lines');
  assert.ok((await bed.cut('alice', 'sshd-cluster')) > 0);
  await open('cut');
  await following;
  assert.deepEqual(
    lines,
    Array.from({ length: 20 }, (_, i) => `line ${i + 1}`),
  );
  assert.equal(alice.asked.prompts.length, 1, 'the jump host still stood');
});

test('the end of a job is told once, also when the connection was lost meanwhile', async () => {
  states.length = 0;
  const watch = await clusters.queue('bed');
  watch.watch('visible', 'mine');
  const id = await submit(gate('told'));
  const seen = (): boolean => states.some(({ jobs }) => jobs.some((job) => job.id === id && job.state === 'running'));
  await until(() => (watch.refresh(), seen()), 'the job in the queue');
  await bed.cut('alice', 'sshd-cluster');
  await open('told');
  await jobWhen(id, ({ state }) => state === 'done');
  const told = (): string[] => states.flatMap(({ ended }) => ended.map((job) => job.id)).filter((one) => one === id);
  await until(() => (watch.refresh(), told().length > 0), 'the word of its end');
  assert.deepEqual(told(), [id]);
  // An editor that starts anew begins by knowing what is over.
  const again: QueueState[] = [];
  const next = new Clusters({ hosts: alice.hosts, folders: [logins.scratch], onQueue: (state) => again.push(state) });
  (await next.queue('bed')).watch('visible', 'mine');
  await until(() => again.length > 0, 'the first answer');
  next.stop();
  assert.deepEqual(again[0].ended, []);
  assert.ok(again[0].finished.some((job) => job.id === id));
});

for (const [skew, seconds] of [
  ['ten days behind', -864_000],
  ['ten minutes ahead', 600],
  ['ten days ahead', 864_000],
] as const)
  test(`our clock ${skew}: ends, elapsed times and what accounting knows are as with the right one`, async (t) => {
    // Of this process alone: the cluster's programs have their own clock.
    const real = Date.now;
    t.mock.method(Date, 'now', () => real() + seconds * 1000);
    // A Slurm whose squeue answers after `before`, and has forgotten all jobs where that says so.
    const withSqueue = (before: () => Promise<'knows' | 'forgot'>): Slurm => {
      const { host } = cluster;
      const run = async (command: readonly string[], options?: RunOptions): Promise<RunOutcome> =>
        command.includes('-O') && command.includes('squeue') && (await before()) === 'forgot'
          ? { code: 0, stdout: '', stderr: '' }
          : host.run(command, options);
      return new Slurm(Object.assign(Object.create(host) as Host, { run }));
    };
    let answer: Promise<'knows' | 'forgot'> = Promise.resolve('forgot');
    const slurm = withSqueue(() => answer);
    const accounting = withSqueue(() => Promise.resolve('forgot'));
    const past = await submit('exit 5');
    await jobWhen(past, ({ state }) => state === 'failed');
    const told: QueueState[] = [];
    const watch = new QueueWatch(slurm, { cluster: 'bed', user: 'alice', floorSeconds: 0.5, onState: (state) => told.push(state) }); // prettier-ignore
    // It gets there a moment later, and sacct leaves out what is of this very second.
    const inAccounting = async (id: string): Promise<boolean> =>
      (await accounting.history(new Date(real() - 3600_000))).jobs.some((job) => job.id === id);
    try {
      await until(() => inAccounting(past), 'its record');
      watch.watch('visible', 'mine');
      await until(() => told.length > 0, 'the first answer');
      const known = told[0].finished.find(({ id }) => id === past);
      assert.equal(known?.exitCode, 5, `the last day is that of the cluster: ${JSON.stringify(told[0])}`);
      assert.ok(await accounting.find(known?.token ?? ''), 'a submission of the last week');
      answer = Promise.resolve('knows');
      const id = await submit('sleep 300');
      const running = (): Job | undefined => told.at(-1)?.jobs.find((job) => job.id === id && job.state === 'running');
      await until(() => (watch.refresh(), running()), 'the job in the queue');
      const elapsed = elapsedNow(running() as Job, Date.parse(told.at(-1)?.taken ?? ''), Date.now());
      assert.ok(elapsed !== undefined && elapsed >= 0 && elapsed < 300, `${elapsed} s`);
      let resolve: (said: 'forgot') => void = () => undefined;
      answer = new Promise((end) => (resolve = end));
      await cluster.scheduler.act('cancel', [id]);
      await until(() => inAccounting(id), 'its record');
      resolve('forgot');
      // Of the jobs of this test: squeue had forgotten those of the others, and then knew them.
      const ends = (): string[] =>
        told.flatMap(({ ended }) =>
          ended.filter((job) => [past, id].includes(job.id)).map((job) => `${job.id} ${job.state}`),
        );
      await until(() => (watch.refresh(), ends().length > 0), 'the word of its end');
      assert.deepEqual(ends(), [`${id} cancelled`]);
    } finally {
      watch.stop();
    }
  });

test('a page of the history: what ended between two times, by accounting alone', async () => {
  const id = await submit('true');
  await jobWhen(id, ({ state }) => state === 'done');
  const { scheduler } = cluster;
  const at = async (since: number, until?: number): Promise<boolean> =>
    (await scheduler.history(new Date(since), until === undefined ? undefined : new Date(until))).jobs.some((job) => job.id === id); // prettier-ignore
  const now = (await scheduler.now()).getTime();
  const minute = 60_000;
  await until(() => at(now - 5 * minute, now + 5 * minute), 'its record');
  assert.equal(await at(now - 60 * minute, now - 5 * minute), false, 'it ended later');
  assert.equal(await at(now + 5 * minute, now + 60 * minute), false, 'it ended before');
});

test('slurmdbd down: jobs go on, and what is not known is said', async () => {
  await asRoot('pkill', '-KILL', '-x', 'slurmdbd');
  const id = await submit('exit 4');
  assert.equal((await jobWhen(id, ({ state }) => state === 'failed')).exitCode, 4);
  const { jobs, note } = await cluster.scheduler.history(new Date(Date.now() - 600_000));
  assert.ok(
    jobs.some((job) => job.id === id),
    'the queue still has it',
  );
  assert.match(note ?? '', /accounting does not answer/);
  assert.ok((await cluster.scheduler.submit({ script: '#!/bin/sh\n#SBATCH --hold\ntrue\n', folder: cluster.home, token: newToken() })).id); // prettier-ignore
});
