/** The same flow through the LSF adapter, with the stand-ins for bsub and bjobs in test/cluster/stubs/lsf. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { LocalHost } from '../../server/cluster/local-host';
import { awaitRun } from '../../server/dispatch/await-run';
import { Ledger } from '../../server/dispatch/ledger';
import { pullImages } from '../../server/dispatch/pull';
import { openCluster } from '../../server/cluster/cluster';
import { dispatchRun } from '../../server/dispatch/submit';
import { readSource } from '../../server/runs/source';
import { executeRun } from '../../server/runs/execute';
import { readHistory } from '../../server/history/history-store';
import { repository, ROOT, temporaryFolder } from '../server/workspace';

test(
  'LSF: an array of three that it starts elsewhere, its end, and back; the images are those of this machine',
  { timeout: 120_000 },
  async () => {
    process.env.LSF_STUB = path.join(temporaryFolder(), 'jobs');
    process.env.LSF_STUB_ELSEWHERE = temporaryFolder();
    process.env.HOME = temporaryFolder();
    process.env.XDG_CACHE_HOME = temporaryFolder();
    process.env.PATH = `${path.join(ROOT, 'test', 'cluster', 'stubs', 'lsf')}:${process.env.PATH}`;
    const host = new LocalHost();
    const cluster = await openCluster({ name: 'lsf', scheduler: 'lsf', work_folder: temporaryFolder() }, host);
    assert.equal(cluster.scheduler.name, 'lsf');
    const root = repository({
      'a.edm.yaml':
        'network: embedded:fashion-mnist\nseeds: 0-11\nsteps: 2\ndevice: cpu\ntasks: 3\ntime: "10:30"\nfd:\n  reference: embedded:fashion-mnist\n',
    });
    const config = path.join(root, 'a.edm.yaml');
    const ledger = new Ledger(root);
    const dispatch = await dispatchRun({ source: await readSource(config), dirty: 'refuse', cluster });
    assert.deepEqual(
      dispatch.jobs.map(({ role, id, tasks }) => [role, id, tasks]),
      [
        ['generate', '1', 3],
        ['finish', '2', undefined],
      ],
    );
    const done = await awaitRun(ledger, dispatch.token, cluster, { pollSeconds: 0.3 });
    assert.equal(done.state, 'complete');
    await pullImages(ledger, cluster, done);
    const local = path.join(root, done.local ?? '');
    assert.match(readFileSync(path.join(local, 'generate.sh'), 'utf8'), /^#BSUB -J "[0-9a-f]+-a\[1-3\]"$/m);
    assert.ok(readdirSync(local).includes('generate-1_3.out'));
    const whole = await executeRun(config);
    for (const name of readdirSync(path.join(whole.folder, 'images'))) {
      const [a, b] = [whole.folder, local].map((folder) => readFileSync(path.join(folder, 'images', name)));
      assert.ok(a.equals(b), name);
    }
    const { records } = await readHistory(root);
    assert.equal(records.length, 2);
    assert.ok(Math.abs(records[0].value - records[1].value) <= 1e-9 * records[1].value);
  },
);
