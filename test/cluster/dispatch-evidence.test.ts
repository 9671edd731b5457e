/** What is told of a run's end on the real Slurm: from exit codes, accounting and results, whatever else there is and is late. */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCluster, type Cluster } from '../../server/cluster/cluster';
import { awaitRun } from '../../server/dispatch/await-run';
import { Dispatches } from '../../server/dispatch/dispatches';
import { syncRun } from '../../server/dispatch/follow';
import { Ledger } from '../../server/dispatch/ledger';
import { dispatchRun } from '../../server/dispatch/submit';
import { UserError } from '../../server/errors';
import { readHistory } from '../../server/history/history-store';
import { readSource } from '../../server/runs/source';
import type { Dispatch } from '../../server/shared/schema-types.gen';
import { repository, ROOT } from '../server/workspace';
import { until } from '../until';
import { bedHost, TestBed } from './bed';

const HOME = '/home/alice';
const LATE = `${HOME}/late`;

let bed: TestBed;
let cluster: Cluster;
before(async () => {
  bed = await TestBed.start();
  const { files } = bedHost(bed, 'alice');
  for (const [name, text] of Object.entries({
    'stubs/apptainer': readFileSync(path.join(__dirname, 'stubs', 'apptainer')),
    'image.sif/bin/torchrun': '#!/bin/sh\nshift 2\nexec /usr/bin/python3 "$@"\n',
    'image.sif/bin/python': '#!/bin/sh\nexec /usr/bin/python3 "$@"\n',
  })) {
    await files.makeFolder(path.posix.dirname(`${HOME}/${name}`));
    await files.write(`${HOME}/${name}`, text, 0o755);
  }
  await files.makeFolder(LATE);
  cluster = await clusterWith([]);
});
after(() => bed.stop());

/** A cluster whose jobs run these lines first. */
function clusterWith(setup: readonly string[], patience_seconds = 60): Promise<Cluster> {
  const profile = { name: 'bed', account: 'proja', scheduler: 'slurm', container: '~/image.sif', nodes_online: false } as const; // prettier-ignore
  const lines = [`export PATH=${HOME}/stubs:$PATH`, ...setup];
  return openCluster({ ...profile, setup: lines, patience_seconds }, bedHost(bed, 'alice'));
}

/** The same cluster after its scheduler has forgotten all jobs that have ended. */
function forgetful(known: Cluster): Cluster {
  const scheduler = Object.assign(Object.create(known.scheduler) as typeof known.scheduler, {
    job: async (id: string) => {
      const job = await known.scheduler.job(id);
      return job?.ended === undefined ? job : undefined;
    },
  });
  return { ...known, scheduler };
}

/** Moves what a job has made away when it ends, as if the login node did not see it yet. */
const hidden = (job: string, file: string): string =>
  `trap 'case $SLURM_JOB_NAME in ${job}) mv $PWD/runs/*/${file} ${LATE}/;; esac' EXIT`;

async function shown(dispatch: Dispatch, folder = ''): Promise<void> {
  const to = `${dispatch.folder}/${dispatch.run}/${folder}`;
  const { code, stderr } = await bed.inCluster(['sh', '-c', `mv ${LATE}/* ${to}`], 'alice');
  assert.equal(code, 0, stderr);
}

const GENERATE = `import os, struct, sys, zlib
def chunk(kind, data): return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
rows = b''.join(b'\\0' + bytes(12) for _ in range(4))
png = b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 4, 4, 8, 2, 0, 0, 0)) + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')
options = dict(word.lstrip('-').split('=', 1) for word in sys.argv[1:])
first, last = map(int, options['seeds'].split('-'))
os.makedirs(options['outdir'], exist_ok=True)
for seed in range(first, last + 1):
    whole = not (os.path.exists('breaks') and seed == 70)
    open(os.path.join(options['outdir'], '%06d.png' % seed), 'wb').write(png if whole else png[:-9])
    if not whole:
        sys.exit('lost the network file system')
print('ImportError: only a warning: NCCL WARN here')
`;
const FID = `import sys
options = dict(word.lstrip('-').split('=', 1) for word in sys.argv[2:])
if sys.argv[1] == 'ref':
    open(options['dest'], 'w').write('statistics')
    sys.exit()
print('Calculating FID...')
print('%g' % 2.5)
print('NCCL WARN the process group was not destroyed')
`;

/** A project of engine edm, submitted. */
async function edmRun(on: Cluster, more: Record<string, string> = {}, fid = true): Promise<{ root: string; dispatch: Dispatch }> {
  const root = repository({
    'e.edm.yaml': `network: net.pkl\nengine: edm\nseeds: 0-99\ngpus: 1\npartition: gpu\ntime: "10:00"\n${fid ? 'fid:\n  reference: ref.npz\n  detector: inception.pkl\n' : ''}`,
    'generate.py': GENERATE,
    'fid.py': FID,
    '.gitignore': '*.pkl\n*.npz\n',
    ...more,
  });
  copyFileSync(path.join(ROOT, 'test', 'fixtures', 'nets', 'vp-ddpmpp-u-r8.pkl'), path.join(root, 'net.pkl'));
  for (const name of ['ref.npz', 'inception.pkl']) writeFileSync(path.join(root, name), `the ${name}`);
  const source = await readSource(path.join(root, 'e.edm.yaml'));
  return { root, dispatch: await dispatchRun({ source, dirty: 'refuse', cluster: on }) };
} // prettier-ignore

const emptyQueue = () =>
  until(
    () => bed.inCluster(['squeue', '--noheader', '--user', 'alice'], 'alice'),
    'an empty queue',
    ({ stdout }) => stdout === '',
  );

const workbench = {
  'w.edm.yaml':
    'network: embedded:fashion-mnist\nseeds: 0-3\nsteps: 2\ndevice: cpu\ntasks: 2\ntime: "10:00"\nfd:\n  reference: embedded:fashion-mnist\n',
};

test('harmless lines in logs: complete, with the number of the job that computes it', { timeout: 300_000 }, async () => {
  const noisy = await clusterWith(['module load apptainer']);
  const { root, dispatch } = await edmRun(noisy);
  const done = await awaitRun(new Ledger(root), dispatch.token, noisy, { pollSeconds: 0.5 });
  assert.deepEqual([done.state, done.error, done.result], ['complete', undefined, 'FID, N = 100: 2.5']);
  const log = await noisy.files.read(`${done.folder}/${done.run}/generate-${done.jobs[0].id}.out`);
  assert.match(log.toString(), /module: command not found/);
  assert.equal((await readHistory(root)).records[0].value, 2.5);
}); // prettier-ignore

test('70 of 100 images and no word of accounting: not known, and never complete', { timeout: 300_000 }, async () => {
  const { root, dispatch } = await edmRun(cluster, { breaks: '' }, false);
  await emptyQueue();
  const ledger = new Ledger(root);
  const forgot = forgetful(cluster);
  const first = await syncRun(ledger, dispatch.token, forgot);
  assert.match(first.waiting?.for ?? '', /no longer knows job \d+, but 70 of 100 images are there/);
  assert.deepEqual([first.dispatch.state, first.ended], ['ended', false]);
  const impatient = { ...forgot, profile: { ...forgot.profile, patience_seconds: 0 } };
  const given = await syncRun(ledger, dispatch.token, impatient);
  assert.deepEqual([given.dispatch.state, given.ended, given.dispatch.unsettled], ['unknown', true, true]);
  assert.equal((await readHistory(root)).records.length, 0);
  // Accounting answers again: another look says that it failed, and why.
  const { dispatch: known, ended } = await syncRun(ledger, dispatch.token, cluster);
  assert.deepEqual([known.state, known.unsettled, ended], ['failed', undefined, true]);
  assert.match(known.error ?? '', /exit code other than 0/);
}); // prettier-ignore

test('a manifest that is visible only later: waited for; after patience, a later pull finds it', { timeout: 300_000 }, async () => {
  for (const patience of [60, 1]) {
    const late = await clusterWith([hidden('*-finish', 'run.json')], patience);
    const root = repository({ ...workbench, n: String(patience) });
    const source = await readSource(path.join(root, 'w.edm.yaml'));
    const dispatch = await dispatchRun({ source, dirty: 'refuse', cluster: late });
    const ledger = new Ledger(root);
    await until(() => bed.inCluster(['ls', LATE], 'alice'), 'the end', ({ stdout }) => stdout === 'run.json\n');
    const waiting = awaitRun(ledger, dispatch.token, late, { pollSeconds: 0.5 });
    if (patience > 1) {
      await sleep(3000);
      await shown(dispatch);
      assert.equal((await waiting).state, 'complete');
    } else {
      await assert.rejects(waiting, /How w on bed ended is not known: Its jobs ended with exit code 0, but the run folder has no result.*pull looks again/); // prettier-ignore
      await shown(dispatch);
      const dispatches = new Dispatches(() => Promise.resolve(late));
      const [pulled] = await dispatches.syncRuns(root, { mayPrompt: true, again: true });
      assert.deepEqual([pulled.dispatch.state, pulled.ended, pulled.dispatch.error], ['complete', true, undefined]);
      assert.deepEqual(await dispatches.syncRuns(root, { mayPrompt: true, again: true }), []);
    }
    assert.equal((await readHistory(root)).records.length, 1);
  }
}); // prettier-ignore

test('the log of fid.py, or images, visible only later: complete once they are', { timeout: 300_000 }, async () => {
  for (const [job, file] of [
    ['*-fid', 'fid-*.out'],
    ['*-e', 'images/00009*.png'],
  ] as const) {
    // prettier-ignore
    const late = await clusterWith([hidden(job, file)]);
    const { root, dispatch } = await edmRun(late, { n: job });
    const waiting = awaitRun(new Ledger(root), dispatch.token, late, { pollSeconds: 0.5 });
    await emptyQueue();
    await sleep(2000);
    await shown(dispatch, path.posix.dirname(file));
    const done = await waiting;
    assert.deepEqual([done.state, done.result], ['complete', 'FID, N = 100: 2.5'], file);
  }
});

test('a look that fails does not end the wait, and the end of the wait says that the jobs go on', { timeout: 300_000 }, async () => {
  const { root, dispatch } = await edmRun(cluster, { n: 'trouble' });
  const failing = { ...cluster, scheduler: Object.assign(Object.create(cluster.scheduler) as Cluster['scheduler'], { job: () => Promise.reject(new UserError('squeue on bed failed: Socket timed out on send/recv operation', 1)) }) }; // prettier-ignore
  const told: string[] = [];
  const options = { pollSeconds: 0.2, onTrouble: (text: string) => void told.push(text) };
  const given = new AbortController();
  const cancelled = awaitRun(new Ledger(root), dispatch.token, failing, { ...options, control: { signal: given.signal } });
  await until(() => told.length > 0, 'the word of it');
  given.abort();
  await assert.rejects(cancelled, /Cancelled: e on bed does not need this terminal: jobs \d+ and \d+ go on, and "pull" brings/);
  let opened = 0;
  const reopen = (): Promise<Cluster> => (++opened < 3 ? Promise.reject(new UserError('no connection')) : Promise.resolve(cluster));
  const done = await awaitRun(new Ledger(root), dispatch.token, failing, { ...options, reopen });
  assert.deepEqual([done.state, opened], ['complete', 3]);
  assert.match(told[1], /^squeue on bed failed: Socket timed out on send\/recv operation\. e on bed does not need/);
}); // prettier-ignore
