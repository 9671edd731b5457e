/** A real Slurm without accounting, whose controller goes away and comes back. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Slurm } from '../../server/cluster/slurm/slurm';
import { newToken } from '../../server/cluster/token';
import { bedHost, TestBed } from './bed';
import { until } from '../until';

let bed: TestBed;
let slurm: Slurm;
before(async () => {
  bed = await TestBed.start({ accounting: false });
  slurm = new Slurm(bedHost(bed, 'alice'));
});
after(() => bed?.stop());

const submit = async (lines: string): Promise<string> =>
  (await slurm.submit({ script: `#!/bin/bash\n${lines}\n`, folder: '/home/alice', token: newToken() })).id;

test('a job that fails, with accounting off: its end and exit code are known all the same', async () => {
  const id = await submit('exit 3');
  const job = await until(() => slurm.job(id), 'its end', (found) => found?.state === 'failed'); // prettier-ignore
  assert.equal(job?.exitCode, 3);
  const { jobs, note } = await slurm.history(new Date(Date.now() - 600_000));
  assert.deepEqual(jobs.map((one) => one.id), [id]); // prettier-ignore
  assert.match(note ?? '', /has no accounting/);
});

test('why jobs wait, in words', async () => {
  for (const [lines, reason] of [
    ['#SBATCH --hold', 'JobHeldUser'],
    ['#SBATCH --begin=now+1hour', 'BeginTime'],
    ['#SBATCH --time=2-00:00:00', 'PartitionTimeLimit'],
    ['#SBATCH --dependency=afterok:1', 'DependencyNeverSatisfied'],
  ]) {
    const id = await submit(`${lines}\nsleep 1`);
    const job = await until(() => slurm.job(id), reason, (found) => found?.reason?.name === reason); // prettier-ignore
    assert.notEqual(job?.reason?.text, reason, 'in words');
    assert.ok((await slurm.act('cancel', [id]))[0].ok);
  }
});

test('the controller goes away and comes back', async () => {
  await bed.inCluster(['pkill', '-KILL', '-x', 'slurmctld']);
  await assert.rejects(slurm.queue('mine'), /controller on .* does not answer .*running jobs continue/);
  await bed.inCluster(['sh', '-c', 'unshare --uts sh -c "hostname cluster; exec slurmctld"']);
  await until(() => slurm.queue('mine').catch(() => undefined), 'its answer');
});
