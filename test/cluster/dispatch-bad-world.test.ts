/**
 * What can go wrong between a config and its result, on the real Slurm. `EDM_DISPATCH_ALL=1` loses the connection at
 * every single step of a submission; the suite itself takes a sample of them.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { followLog } from '../../server/cluster/log-follower';
import { newToken } from '../../server/cluster/token';
import { ConnectionLostError, type Host, type HostFiles } from '../../server/cluster/host';
import { awaitRun } from '../../server/dispatch/await-run';
import { Dispatches } from '../../server/dispatch/dispatches';
import { syncRun } from '../../server/dispatch/follow';
import { Ledger } from '../../server/dispatch/ledger';
import { pullImages } from '../../server/dispatch/pull';
import { openCluster, type Cluster } from '../../server/cluster/cluster';
import { dispatchRun } from '../../server/dispatch/submit';
import { readSource } from '../../server/runs/source';
import { readHistory } from '../../server/history/history-store';
import { git, repository } from '../server/workspace';
import { bedHost, TestBed } from './bed';
import { Logins } from './logins';
import { until } from '../until';

const EVERY = process.env.EDM_DISPATCH_ALL ? 1 : 12;

let bed: TestBed;
let cluster: Cluster;
before(async () => {
  bed = await TestBed.start();
  cluster = await clusterBy(bedHost(bed, 'alice'));
});
after(() => bed.stop());

function clusterBy(host: Host, profile: object = {}): Promise<Cluster> {
  return openCluster({ name: 'bed', account: 'proja', scheduler: 'slurm', ...profile }, host);
}

const config = (name: string, seeds = '0-3'): Record<string, string> => ({
  [`${name}.edm.yaml`]: `network: embedded:fashion-mnist\nseeds: ${seeds}\nsteps: 2\ndevice: cpu\ntasks: 2\ntime: "10:00"\nfd:\n  reference: embedded:fashion-mnist\n`,
});
const nodes = (state: string) =>
  bed.inCluster(['scontrol', 'update', 'nodename=c1,c2,g1', `state=${state}`, 'reason=test']);
async function jobsNamed(name: string): Promise<string[]> {
  const { stdout } = await bed.inCluster(
    ['squeue', '--states=all', '--noheader', '--array-unique', '-o', '%F %j'],
    'alice',
  );
  return [...new Set(stdout.split('\n').filter((line) => line.includes(`-${name}`)))];
}

test(
  'the connection lost at any step: submitting again continues, and there are two jobs, not three',
  { timeout: 900_000 },
  async () => {
    await nodes('drain');
    const real = bedHost(bed, 'alice');
    let last = false;
    let tried = 0;
    for (let step = 0; !last; step += EVERY) {
      for (const when of ['before', 'after'] as const) {
        const name = `lost${step}${when}`;
        const root = repository(config(name));
        const file = path.join(root, `${name}.edm.yaml`);
        let calls = 0;
        let armed = true;
        const losing = <A extends unknown[], R>(operation: (...args: A) => Promise<R>) => {
          return async (...args: A): Promise<R> => {
            const lost = armed && calls++ === step;
            if (lost && when === 'before') throw new ConnectionLostError('The connection was lost');
            const result = await operation(...args);
            if (lost) throw new ConnectionLostError('The connection was lost');
            return result;
          };
        };
        const files = Object.assign(Object.create(real.files) as HostFiles, {
          write: losing(real.files.write.bind(real.files)),
          upload: losing(real.files.upload.bind(real.files)),
        });
        const host = Object.assign(Object.create(real) as Host, { run: losing(real.run.bind(real)), files });
        // The scheduler's own calls go through the lossy host as well.
        armed = false;
        const lossy = await clusterBy(host);
        armed = true;
        const submit = async () => dispatchRun({ source: await readSource(file), dirty: 'refuse', cluster: lossy });
        const first = await submit().catch((error: unknown) => error);
        last = calls <= step;
        armed = false;
        if (first instanceof Error) {
          assert.match(first.message, /connection/i, `${name}: ${first.message}`);
          const dispatch = await submit();
          assert.equal(dispatch.state, 'submitted');
        }
        assert.equal((await jobsNamed(name)).length, 2, `${name} (call ${step} of ${calls})`);
        tried++;
      }
    }
    assert.ok(tried > 4);
    await bed.inCluster(['scancel', '--user=alice'], 'alice');
    await nodes('resume');
  },
);

test('two editors submit the same run at once: it is there once', { timeout: 600_000 }, async () => {
  await nodes('drain');
  const root = repository(config('twice'));
  const submit = async () =>
    dispatchRun({ source: await readSource(path.join(root, 'twice.edm.yaml')), dirty: 'refuse', cluster });
  const [one, two] = await Promise.allSettled([submit(), submit()]);
  const refused = [one, two].filter((result) => result.status === 'rejected');
  assert.equal(refused.length, 1);
  assert.match(String(refused[0].reason), /Another editor or terminal is submitting|is already on bed/);
  assert.equal((await jobsNamed('twice')).length, 2);
  await bed.inCluster(['scancel', '--user=alice'], 'alice');
  await nodes('resume');
});

test(
  'cancelled by somebody: said in words; a node that fails: requeued, nobody notices; files of others here: left alone',
  { timeout: 600_000 },
  async () => {
    const images = 200;
    const root = repository(config('requeued', `0-${images - 1}`));
    const file = path.join(root, 'requeued.edm.yaml');
    const ledger = new Ledger(root);
    // Somebody's folder lies where the results would go.
    const taken = path.join(root, 'runs', `${git(root, 'rev-parse', '--short', 'HEAD')}-requeued`);
    mkdirSync(taken, { recursive: true });
    writeFileSync(path.join(taken, 'notes.txt'), 'mine');

    const first = await dispatchRun({ source: await readSource(file), dirty: 'refuse', cluster });
    await bed.inCluster(['scancel', first.jobs[0].id ?? '']);
    await assert.rejects(awaitRun(ledger, first.token, cluster, { pollSeconds: 0.5 }), /requeued on bed was cancelled/);

    const second = await dispatchRun({ source: await readSource(file), dirty: 'refuse', cluster });
    assert.equal(second.run, first.run, 'the same folder goes on');
    const id = second.jobs[0].id ?? '';
    const task = async (format: string): Promise<string> =>
      (await bed.inCluster(['squeue', '--noheader', '-j', `${id}_1`, '-o', format])).stdout.trim();
    await until(() => task('%T'), 'its second task', (state) => state === 'RUNNING'); // prettier-ignore
    await sleep(700);
    const node = await task('%N');
    // Its jobs are put back into the queue; cred_expire in slurm.conf says how long they wait there.
    await bed.inCluster(['scontrol', 'update', `nodename=${node}`, 'state=down', 'reason=broken']);
    await bed.inCluster(['scontrol', 'update', `nodename=${node}`, 'state=resume']);
    assert.notEqual(await task('%T'), 'RUNNING', 'the node took the task with it');
    const done = await awaitRun(ledger, second.token, cluster, { pollSeconds: 1 });
    assert.equal(done.state, 'complete');
    assert.equal(done.local, `runs/${path.basename(taken)}-2`);
    assert.ok(existsSync(path.join(taken, 'notes.txt')));
    const { records } = await readHistory(root);
    assert.deepEqual([records.length, records[0].num], [1, images]);
  },
);

test(
  'a full disk there is said with what is needed; room made, the same call goes on',
  { timeout: 600_000 },
  async () => {
    const small = '/home/alice/small';
    await cluster.files.makeFolder(small);
    await bed.inCluster(['mount', '-t', 'tmpfs', '-o', 'size=4m,mode=777', 'tmpfs', small]);
    const full = { ...cluster, profile: { ...cluster.profile, work_folder: small } };
    const root = repository(config('full'));
    const submit = async () =>
      dispatchRun({ source: await readSource(path.join(root, 'full.edm.yaml')), dirty: 'refuse', cluster: full });
    await assert.rejects(submit(), /the disk is full: [\d.]+ MB needed/);
    await bed.inCluster(['mount', '-o', 'remount,size=900m', small]);
    const dispatch = await submit();
    const done = await awaitRun(new Ledger(root), dispatch.token, full, { pollSeconds: 0.5 });
    assert.equal(done.state, 'complete');
    await pullImages(new Ledger(root), full, done);
    assert.ok(existsSync(path.join(root, done.local ?? '', 'images', '000003.png')));
  },
);

test(
  'a used-up quota is said as such by every way to the disk; room made, the same call goes on',
  { timeout: 600_000 },
  async (t) => {
    // Of the file systems that kernels are built with, btrfs is the one whose quotas need no further option.
    if (!existsSync('/dev/loop-control') || !/\bbtrfs$/m.test(readFileSync('/proc/filesystems', 'utf8'))) {
      return t.skip('this kernel has no loop devices, or no btrfs');
    }
    const work = '/home/keyonly/limited';
    const limit = async (bytes: string): Promise<void> => {
      const { code, stderr } = await bed.inCluster(['btrfs', 'qgroup', 'limit', bytes, work]);
      assert.equal(code, 0, stderr);
    };
    const image = bed.file('quota.img');
    const made = await bed.inCluster(['sh', '-ec', `
      truncate -s 512M "$2"; mkfs.btrfs -q "$2"; mkdir "$1"; mount -o loop "$2" "$1"; btrfs quota enable "$1"
      btrfs subvolume create "$1/user"; umount "$1"; mount -o loop,subvol=user "$2" "$1"; chown keyonly "$1"
      mkdir "$1/records"; ln -s "$1/records" /home/keyonly/.edm-workbench; chown -h keyonly: "$1/records" /home/keyonly/.edm-workbench
      `, 'sh', work, image]); // prettier-ignore
    assert.equal(made.code, 0, made.stderr);
    await limit('3M');
    const logins = new Logins(bed);
    try {
      const overSftp = await logins.of('keyonly').host();
      const overCommands = bedHost(bed, 'keyonly');
      const used = /: your disk quota is used up: remove files there or choose another folder$/;
      const local = path.join(logins.scratch, 'big');
      writeFileSync(local, randomBytes(9e6));
      for (const { files } of [overSftp, overCommands]) {
        await assert.rejects(files.write(`${work}/a`, randomBytes(9e6)), used);
        await assert.rejects(files.upload(local, `${work}/b`), used);
        assert.deepEqual((await files.list(work)).map(({ name }) => name).filter((name) => !name.endsWith('.part')), ['records']); // prettier-ignore
      }
      const limited = await clusterBy(overSftp, { work_folder: work });
      const root = repository(config('limited'));
      const submit = async () => dispatchRun({ source: await readSource(path.join(root, 'limited.edm.yaml')), dirty: 'refuse', cluster: limited }); // prettier-ignore
      await assert.rejects(submit(), used);
      await assert.rejects(overSftp.files.makeFolder(`${work}/x/y`), used);
      const script = '#!/bin/sh\n#SBATCH --hold\ntrue\n';
      const held = await limited.scheduler.submit({ script, folder: '/home/keyonly', token: newToken() });
      assert.deepEqual(held.warnings, [], 'no place for the record of a submission: its comment is enough');
      assert.equal((await limited.scheduler.job(held.id))?.state, 'held');

      // A job that meets it while it runs says so in its log, which lies elsewhere.
      const log = '/home/keyonly/quota.out';
      const fills = `#!/bin/sh\n#SBATCH --output=${log}\ndd if=/dev/urandom of=big bs=1M count=64\n`;
      const { id } = await limited.scheduler.submit({ script: fills, folder: work, token: newToken() });
      await until(() => limited.scheduler.job(id), 'its end', (job) => job?.state === 'failed'); // prettier-ignore
      const { signal } = new AbortController();
      const found = await followLog(overSftp, { path: log, onNews: () => undefined, isOver: () => true, signal });
      assert.deepEqual(found.map((finding) => [finding.id, finding.text]), [['quota', 'The disk is full, or your quota is used up']]); // prettier-ignore
      await limit('900M');
      await bed.inCluster(['rm', `${work}/big`]);

      // A run without room for its log, where nothing can be written that would say so.
      await nodes('drain');
      const stopped = await submit();
      const groups = (await bed.inCluster(['btrfs', 'qgroup', 'show', '--raw', '--sync', work])).stdout;
      // A little is needed to lift the limit again.
      await limit(String(Number(/(\d+) +\d+ +user$/m.exec(groups)?.[1]) + 65_536));
      await nodes('resume');
      await assert.rejects(
        awaitRun(new Ledger(root), stopped.token, limited, { pollSeconds: 0.5 }),
        /could not be started\. Check .* neither disk nor quota is full; submit it again to continue/,
      );
      await limit('900M');
      const dispatch = await submit();
      const done = await awaitRun(new Ledger(root), dispatch.token, limited, { pollSeconds: 0.5 });
      assert.equal(done.state, 'complete');
      await pullImages(new Ledger(root), limited, done);
      assert.ok(existsSync(path.join(root, done.local ?? '', 'images', '000001.png')));
    } finally {
      logins.close();
    }
  },
);

test(
  'the connection lost at any step of coming back: the next look goes on, one record; the clock here ten days ahead',
  { timeout: 600_000 },
  async (t) => {
    // Nothing but dates of ours may depend on it.
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 10 * 24 * 3600_000 });
    const root = repository(config('back'));
    const file = path.join(root, 'back.edm.yaml');
    const ledger = new Ledger(root);
    const { token } = await dispatchRun({ source: await readSource(file), dirty: 'refuse', cluster });
    const waiting = async (): Promise<string> =>
      (await bed.inCluster(['squeue', '--noheader', '--user=alice'], 'alice')).stdout.trim();
    await until(waiting, 'an empty queue', (jobs) => jobs === '');
    const real = bedHost(bed, 'alice');
    let lost = 0;
    for (let step = 0; ; step++) {
      let calls = 0;
      const losing = <A extends unknown[], R>(operation: (...args: A) => Promise<R>) => {
        return async (...args: A): Promise<R> => {
          if (calls++ === step) throw new ConnectionLostError('The connection was lost');
          return operation(...args);
        };
      };
      const files = Object.assign(Object.create(real.files) as HostFiles, {
        download: losing(real.files.download.bind(real.files)),
        read: losing(real.files.read.bind(real.files)),
        list: losing(real.files.list.bind(real.files)),
      });
      const host = Object.assign(Object.create(real) as Host, { run: losing(real.run.bind(real)), files });
      const caught = await syncRun(ledger, token, { ...cluster, host, files }).catch((error: unknown) => {
        assert.match(String(error), /connection was lost/);
        lost++;
      });
      if (!caught) continue;
      assert.deepEqual([caught.ended, caught.dispatch.state], [true, 'complete']);
      break;
    }
    assert.ok(lost > 5, `${lost} steps`);
    assert.equal((await readHistory(root)).records.length, 1);
    const done = await ledger.named(token);
    await pullImages(ledger, cluster, done);
    assert.ok(existsSync(path.join(root, done.local ?? '', 'images', '000003.png')));
  },
);

test("a colleague's folder in the way: said, and nothing of it touched", { timeout: 600_000 }, async () => {
  await bed.inCluster(['mkdir', '-p', '/home/bob/edm-workbench'], 'bob');
  const theirs = { ...cluster, profile: { ...cluster.profile, work_folder: '/home/bob/edm-workbench' } };
  const root = repository(config('theirs'));
  const submit = dispatchRun({
    source: await readSource(path.join(root, 'theirs.edm.yaml')),
    dirty: 'refuse',
    cluster: theirs,
  });
  await assert.rejects(submit, /\/home\/bob\/edm-workbench.*(?:Permission denied|not allowed)/i);
  assert.equal((await bed.inCluster(['find', '/home/bob/edm-workbench', '-mindepth', '1'])).stdout, '');
});

test('killed between its jobs, and another commit since then: the run goes on and comes home', { timeout: 600_000 }, async () => {
  for (const [how, interrupted] of [['before', 0], ['during', 1]] as const) {
    const root = repository(config(`orphan${how}`));
    const file = path.join(root, `orphan${how}.edm.yaml`);
    // As a process that is killed when its first job is there: nothing more of it happens.
    let submissions = 0;
    const submit: Cluster['scheduler']['submit'] = async (submission) => {
      if (submissions === 1 && interrupted === 0) throw new Error('killed');
      const submitted = await cluster.scheduler.submit(submission);
      if (submissions++ === interrupted) throw new Error('killed');
      return submitted;
    };
    const scheduler = Object.assign(Object.create(cluster.scheduler) as Cluster['scheduler'], { submit });
    await assert.rejects(dispatchRun({ source: await readSource(file), dirty: 'refuse', cluster: { ...cluster, scheduler } }), /killed/); // prettier-ignore
    const ledger = new Ledger(root);
    const { token, state, jobs } = (await ledger.all()).dispatches[0];
    assert.deepEqual([state, jobs.length], ['preparing', interrupted + 1]);
    await until(
      () => bed.inCluster(['squeue', '--noheader', '-o', '%j'], 'alice'),
      'the end of its first jobs',
      ({ stdout }) => !stdout.includes(`-orphan${how}`),
    );
    writeFileSync(path.join(root, 'more.txt'), 'more');
    git(root, 'add', '--all');
    git(root, 'commit', '--quiet', '--message', 'More');
    const dispatches = new Dispatches(() => Promise.resolve(cluster));
    const [synced] = await dispatches.syncRuns(root, { mayPrompt: true });
    assert.deepEqual([synced.dispatch.token, synced.dispatch.jobs.length], [token, 2]);
    const done = await awaitRun(ledger, token, cluster, { pollSeconds: 0.5 });
    assert.deepEqual([done.state, done.notes], ['complete', ['Its submission was interrupted, and was continued later']]);
    assert.equal((await jobsNamed(`orphan${how}`)).length, 2, how);
    assert.equal((await readHistory(root)).records.length, 1);
  }
}); // prettier-ignore
