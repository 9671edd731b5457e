/**
 * Runs on the real Slurm of the test bed and back. `EDM_DISPATCH_IMAGES=2000` makes the array as large as in the
 * project's demonstration; the suite itself uses fewer images, and few steps.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { openScheduler } from '../../server/cluster/adapters';
import { awaitRun, catchUp } from '../../server/dispatch/follow';
import { Ledger } from '../../server/dispatch/ledger';
import { pullImages } from '../../server/dispatch/pull';
import { Remote, type ClusterAccess } from '../../server/dispatch/remote';
import { dispatchRun } from '../../server/dispatch/submit';
import { readHistory } from '../../server/history/store';
import { executeRun } from '../../server/runs/execute';
import { git, repository } from '../server/workspace';
import { bedHost, TestBed } from './bed';

const IMAGES = Number(process.env.EDM_DISPATCH_IMAGES ?? 64);

let bed: TestBed;
let access: ClusterAccess;
before(async () => {
  bed = await TestBed.start();
  const host = bedHost(bed, 'alice');
  const scheduler = await openScheduler(host, {});
  access = { profile: { name: 'bed', host: 'bed', account: 'proja' }, host, files: host.files, scheduler };
});
after(() => bed.stop());

const CONFIG = `network: embedded:fashion-mnist
seeds: 0-${IMAGES - 1}
steps: 2
device: cpu
engine: workbench
tasks: 4
time: "10:00"
fd:
  reference: embedded:fashion-mnist
`;

test('an array of four makes what this machine makes, to the byte', { timeout: 600_000 }, async () => {
  const root = repository({ 'garments.edm.yaml': CONFIG });
  const config = path.join(root, 'garments.edm.yaml');
  const steps = new Set<string>();
  const control = { onProgress: ({ phase }: { phase: string }) => void steps.add(phase.split(':')[0]) };
  const dispatch = await dispatchRun({ config, dirty: 'refuse', access, control });
  assert.deepEqual([dispatch.state, dispatch.jobs.length, dispatch.jobs[0].tasks], ['submitted', 2, 4]);
  assert.ok(steps.size >= 4, [...steps].join());
  await assert.rejects(dispatchRun({ config, dirty: 'refuse', access }), /is on bed already, jobs \d+ and \d+/);

  const ledger = new Ledger(root);
  const done = await awaitRun(ledger, dispatch.token, access, 0.5);
  assert.deepEqual(
    [done.state, done.fetched, done.local],
    ['complete', ['results'], `runs/${git(root, 'rev-parse', '--short', 'HEAD')}-garments`],
  );
  const local = path.join(root, done.local ?? '');
  assert.ok(existsSync(path.join(local, 'grid.png')) && existsSync(path.join(local, 'stats.npz')));
  assert.deepEqual(readdirSync(path.join(local, 'images')), [], 'images come when they are wanted');
  await pullImages(ledger, await Remote.open(access), done);

  const whole = await executeRun(config);
  assert.equal(path.basename(whole.folder), `${path.basename(local)}-2`, 'the run here has a folder of its own');
  const names = readdirSync(path.join(whole.folder, 'images')).sort();
  assert.deepEqual(readdirSync(path.join(local, 'images')).sort(), names);
  for (const name of names) {
    const [a, b] = [whole.folder, local].map((folder) => readFileSync(path.join(folder, 'images', name)));
    assert.ok(a.equals(b), name);
  }
  const { records } = await readHistory(root);
  assert.deepEqual(
    records.map(({ cluster }) => cluster),
    ['bed', undefined],
  );
  assert.equal(records[0].code.commit, records[1].code.commit);
  assert.ok(Math.abs(records[0].value - records[1].value) <= 1e-9 * records[1].value);

  // The next start of another editor finds nothing left to do.
  const again = await catchUp(ledger, dispatch.token, access);
  assert.equal(again.ended, false);
  assert.equal((await readHistory(root)).records.length, 2);
});
