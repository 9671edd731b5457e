/** Submissions to a real Slurm: once each, whatever becomes of the connection, and nothing in them interpreted. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ConnectionLostError, type Host, type RunOptions, type RunOutcome } from '../../server/cluster/host';
import { RefusedError } from '../../server/cluster/scheduler';
import { Slurm } from '../../server/cluster/slurm/slurm';
import { newToken } from '../../server/cluster/token';
import type { Job } from '../../server/shared/protocol';
import { bedHost, TestBed } from './bed';
import { until } from '../until';

/** 100 by hand, fewer in every run. */
const CUTS = Number(process.env.EDM_CUTS ?? 12);
const SCRIPT = '#!/bin/bash\n#SBATCH --job-name=cut\n#SBATCH --hold\n#SBATCH --comment="my own words"\nhostname\n';
const HOME = '/home/alice';

let bed: TestBed;
let host: Host;
let slurm: Slurm;
before(async () => {
  bed = await TestBed.start();
  host = bedHost(bed, 'alice');
  slurm = new Slurm(host);
});
after(() => bed?.stop());

const MOMENTS = ['before', 'half a script', 'answer lost', 'answer late'] as const;

/** A host that loses its connection once, in the moment of the submission. */
function cut(moment: (typeof MOMENTS)[number]): Host {
  let done = false;
  const lost = (): never => {
    throw new ConnectionLostError('The connection was lost');
  };
  return Object.create(host, {
    run: {
      value: async (command: readonly string[], options: RunOptions = {}): Promise<RunOutcome> => {
        if (done || !command.includes('sbatch')) return host.run(command, options);
        done = true;
        const stdin = String(options.stdin);
        if (moment === 'before') return lost();
        if (moment === 'half a script')
          await host.run(command, { ...options, stdin: stdin.slice(0, stdin.length / 2) });
        else if (moment === 'answer lost') await host.run(command, options);
        else void host.run(command, options).catch(() => undefined);
        return lost();
      },
    },
  }) as Host;
}

test(`cut ${CUTS} times in the moment of sbatch: as many jobs as were said`, async () => {
  const before = (await slurm.queue('mine')).length;
  const ids = new Set<string>();
  let denied = 0;
  for (let i = 0; i < CUTS; i++) {
    const shaky = new Slurm(cut(MOMENTS[i % MOMENTS.length]), { reconnect: () => Promise.resolve() });
    const token = newToken();
    try {
      const { id, found } = await shaky.submit({ script: SCRIPT, folder: HOME, token });
      assert.ok(found, 'it says that it was found again');
      assert.equal((await slurm.find(token))?.id, id);
      ids.add(id);
    } catch (error) {
      assert.match((error as Error).message, /there is no job, so submit it again|arrive completely/);
      denied++;
    }
  }
  const jobs = await slurm.queue('mine');
  assert.equal(jobs.length - before, ids.size);
  assert.equal(ids.size + denied, CUTS);
  assert.ok(ids.size > 0 && denied > 0, `${ids.size} found, ${denied} denied`);
  assert.deepEqual(new Set(jobs.slice(before).map(({ token }) => token)).size, ids.size, 'each has a token of its own');
});

test('a token is submitted once', async () => {
  const token = newToken();
  await slurm.submit({ script: SCRIPT, folder: HOME, token });
  await assert.rejects(slurm.submit({ script: SCRIPT, folder: HOME, token }), /not made twice/);
});

test('a refusal names its line; account names are lower-cased', async () => {
  const script = '#!/bin/bash\n#SBATCH --job-name=x\n#SBATCH --account=nosuch\nhostname\n';
  await assert.rejects(slurm.submit({ script, folder: HOME, token: newToken() }), (error: unknown) => {
    assert.ok(error instanceof RefusedError);
    assert.equal(error.line, 2);
    return /Invalid account/.test(error.message);
  });
  const { id } = await slurm.submit({ script: script.replace('nosuch', 'ProjA'), folder: HOME, token: newToken() });
  assert.equal((await slurm.job(id))?.account, 'proja');
});

test('an array of 50: queued as one, cancelled with what is true of each id', async () => {
  const script = '#!/bin/bash\n#SBATCH --array=0-49%2\n#SBATCH --output=a-%A_%3a.out\nsleep 600\n';
  const { id } = await slurm.submit({ script, folder: HOME, token: newToken() });
  const bothRun = (jobs: Job[]) => [0, 1].every((i) => jobs.some((job) => job.id === `${id}_${i}` && job.state === 'running')); // prettier-ignore
  const rows = await until(() => slurm.queue('mine'), 'its first two tasks', bothRun);
  assert.equal(rows.find((job) => job.id === `${id}_1`)?.stdout, `${HOME}/a-${id}_001.out`);
  assert.equal(rows.find((job) => job.array?.id === id && job.state === 'queued')?.array?.tasks, '2-49%2');
  const results = await slurm.act('cancel', [`${id}_[2-49%2]`, '99999']);
  assert.deepEqual(results.map(({ ok }) => ok), [true, false]); // prettier-ignore
  assert.match(results[1].message, /no such job/);
  assert.equal((await slurm.act('cancel', [id]))[0].ok, true);
});
