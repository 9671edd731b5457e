/** The command line on a cluster behind a jump host: one-time passwords on a real terminal, and one line for each mistake. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { ActionResult } from '../../server/cluster/scheduler';
import type { FollowResult, Job, LogPart, SubmitResult } from '../../server/shared/protocol';
import { TestBed } from './bed';
import { Commands, type Ran } from './commands';

const SCRIPTS = {
  'ok.slurm': '#!/bin/bash\n#SBATCH --time=5\necho "$SLURM_JOB_NAME"; printf "\\033]0;title\\007shown\\n"\n',
  'fails.slurm': '#!/bin/bash\n#SBATCH --time=5\ncat nothing.pkl\nexit 3\n',
  'held.slurm': '#!/bin/bash\n#SBATCH --hold\ntrue\n',
  'dos.slurm': '#!/bin/bash\r\n#SBATCH --time=5\r\ntrue\r\n',
  'refused.slurm': '#!/bin/bash\n#SBATCH --time=5\n#SBATCH --account=nosuch\ntrue\n',
  'text.slurm': 'no script\n',
};

let bed: TestBed;
let commands: Commands;
before(async () => {
  bed = await TestBed.start();
  commands = new Commands(bed);
  for (const user of ['alice', 'keyonly'] as const) {
    // Of alice each command asks; the others share a login.
    const more = user === 'alice' ? ', login_idle: 0' : '';
    const clusters = `clusters:\n  - {name: bed, host: inner${more}}\n  - {name: nowhere, host: nosuch.invalid}\n`;
    await commands.give(user, clusters, ['ForwardX11 yes']);
    for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(path.join(commands.home(user), name), text);
  }
});
after(async () => {
  await commands?.run('keyonly', 'logout');
  commands?.close();
  await bed?.stop();
});

const asKeyonly = (...args: string[]): Promise<Ran> => commands.run('keyonly', ...args);
const onTerminal = (codes: (() => string)[], ...args: string[]): ReturnType<Commands['onTerminal']> =>
  commands.onTerminal('alice', codes, ...args);
const right = (): string => bed.otp('alice');
const wrong = (): string => '000000';

test('a one-time password on the terminal: right, wrong then right, wrong three times, given up, nobody to ask', async () => {
  const first = await onTerminal([right], 'submit', 'held.slurm', '--cluster', 'bed');
  assert.deepEqual([first.status, first.asked], [0, 1], first.stderr);
  assert.match(first.stdout, /^\d+\n$/);
  assert.match(first.stderr, /authorised use only/);
  assert.doesNotMatch(first.stderr, /ssh configuration/);
  const second = await onTerminal([wrong, right], 'queue', '--cluster', 'bed', '--json');
  assert.deepEqual([second.status, second.asked], [0, 2], second.stderr);
  assert.match(second.stderr, /That was not right: try again/);
  assert.deepEqual((JSON.parse(second.stdout) as Job[]).map(({ id, name }) => `${id} ${name}`), [`${first.stdout.trim()} held.slurm`]); // prettier-ignore
  const third = await onTerminal([wrong, wrong, wrong, right], 'queue', '--cluster', 'bed');
  assert.deepEqual([third.status, third.asked, third.stdout], [1, 3, '']);
  assert.match(third.stderr, /Error: login \(jump host\) refused the answers given \(3 times\): connect again/);
  const fourth = await onTerminal([], 'queue', '--cluster', 'bed');
  assert.equal(fourth.status, 130);
  assert.match(fourth.stderr, /\nCancelled: not connected to bed\s*$/);
  const nobody = await commands.run('alice', 'queue', '--cluster', 'bed');
  assert.equal(nobody.status, 1);
  assert.match(nobody.stderr, /Error: Cannot ask for "Verification code" without a terminal: run this in a terminal, or log in with a key\n$/); // prettier-ignore
});

test('bad input: one clear line, the right exit status, and nothing on stdout', async (t) => {
  const others = (await bed.inCluster(['sbatch', '--parsable', '--hold', '--wrap=true'], 'alice')).stdout.trim();
  // Each on the cluster `bed` unless it names one.
  const cases: [args: string[], status: number, said: RegExp][] = [
    [['queue', '--cluster', 'bde'], 2, /Error: No cluster is named "bde": did you mean "bed"\?/],
    [['queue', '--cluster', 'nowhere'], 1, /Error: Cannot reach nosuch\.invalid/],
    [['submit', 'missing.slurm'], 2, /Error: Cannot read \S+missing\.slurm on this machine: no such file or folder/],
    [['submit', '.'], 2, /Error: Cannot read \S+ on this machine: it is a folder/],
    [['submit', 'dos.slurm'], 1, /Error: dos\.slurm:1: Slurm refused the job: Batch script contains DOS line breaks \(\\r\\n\) instead of/],
    [['submit', 'refused.slurm'], 1, /Error: refused\.slurm:3: Slurm refused the job: Invalid account/],
    [['submit', 'text.slurm'], 1, /Error: text\.slurm:1: Slurm refused the job: This does not look like a batch script\. The first line must/],
    [['submit', 'ok.slurm', '--folder', 'x'], 2, /Error: x: a folder on the cluster begins with \/ or ~/],
    [['submit', 'ok.slurm', '--folder', '/root/x'], 2, /Error: Cannot look at \/root\/x on inner: permission denied/],
    [['logs', '99999'], 1, /Error: Slurm on bed no longer knows job 99999/],
    [['logs', '$(id)'], 2, /Error: "\$\(id\)" is not a Slurm job id/],
    [['job', '99999'], 1, /Error: Slurm does not know job 99999/],
    [['job', others, '--script'], 1, /Error: Slurm no longer has the script of job \d+: .*Invalid user id/],
    [['cancel', '--', '-1'], 2, /Error: "-1" is not a Slurm job id/],
    [['cancel'], 2, /Error: cancel: name the jobs/],
    [['snapshot', '-o', 'no/such.json'], 2, /Error: Cannot write \S+such\.json on this machine: no such file or folder/],
  ]; // prettier-ignore
  await Promise.all(
    cases.map(([args, status, said]) =>
      t.test(args.join(' '), async () => {
        const ran = await asKeyonly(...args.slice(0, 1), ...(args.includes('--cluster') ? [] : ['--cluster', 'bed']), ...args.slice(1)); // prettier-ignore
        assert.equal(ran.status, status, ran.stderr);
        assert.equal(ran.stdout, '');
        assert.match(ran.stderr, said);
        assert.match(ran.stderr, /^(ssh configuration of [^\n]+\n)*Error: [^\n]+\n$/, 'one line');
      }),
    ),
  );
  // Actions say on stdout what is true of each job.
  for (const [action, id, said] of [
    ['cancel', '99999', /^99999: There is no such job in the queue/],
    ['cancel', others, /: Kill job error .*denied\n$/],
    ['hold', others, /: Invalid user id for job/],
    ['release', others, /: Invalid user id for job/],
  ] as const) {
    const ran = await asKeyonly(action, id, '--cluster', 'bed');
    assert.equal(ran.status, 1, `${action} ${id}: ${ran.stdout}`);
    assert.match(ran.stdout, said);
    assert.equal(ran.stderr, '');
  }
});

test('submit, queue, hold, release, logs, cancel, job: for people and as JSON', async () => {
  const on = ['--cluster', 'bed'];
  const trial = await asKeyonly('submit', 'ok.slurm', ...on, '--dry-run', '--json');
  assert.equal((JSON.parse(trial.stdout) as { ok: boolean }).ok, true);
  const ok = (await asKeyonly('submit', 'ok.slurm', ...on)).stdout.trim();
  const fails = (JSON.parse((await asKeyonly('submit', 'fails.slurm', ...on, '--json')).stdout) as SubmitResult).id;
  const held = (await asKeyonly('submit', 'held.slurm', ...on)).stdout.trim();
  const [log, failed] = await Promise.all([asKeyonly('logs', ok, ...on), asKeyonly('logs', fails, ...on, '--json')]);
  assert.deepEqual([log.status, log.stdout], [0, 'ok.slurm\n\\x1b]0;title\\x07shown\n'], 'named for its file; nothing acts on the terminal'); // prettier-ignore
  assert.match(log.stderr, new RegExp(`^\\n${ok} +done +cpu +keyonly +ok\\.slurm`, 'm'));
  assert.equal(failed.status, 1);
  const parts = failed.stdout.trim().split('\n').map((line) => JSON.parse(line) as LogPart & FollowResult); // prettier-ignore
  assert.deepEqual(parts[0].lines, ['cat: nothing.pkl: No such file or directory']);
  assert.deepEqual(
    [parts.at(-1)?.job?.exitCode, parts.at(-1)?.explained[0]!.text],
    [3, 'A file or folder does not exist where the job ran'],
  );
  const queue = await asKeyonly('queue', ...on);
  assert.match(
    queue.stdout,
    new RegExp(`^${held} +held +cpu +keyonly +held\\.slurm +limit 10 min 0 s +JobHeldUser: `, 'm'),
  );
  assert.equal(queue.stderr, '');
  const act = async (...args: string[]): Promise<boolean> =>
    (JSON.parse((await asKeyonly(...args, ...on, '--json')).stdout) as ActionResult[])[0].ok;
  assert.ok(await act('hold', held));
  assert.ok(await act('cancel', held));
  const job = JSON.parse((await asKeyonly('job', held, ...on, '--json')).stdout) as Job;
  assert.deepEqual([job.state, job.name], ['cancelled', 'held.slurm']);
  const all = JSON.parse((await asKeyonly('queue', ...on, '--all', '--json')).stdout) as Job[];
  assert.ok(all.some(({ user }) => user === 'alice'));
});
