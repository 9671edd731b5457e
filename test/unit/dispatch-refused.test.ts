/** A run that the scheduler refuses is not under way any more, and says why; on stand-ins for LSF's commands. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { openCluster } from '../../server/cluster/cluster';
import { LocalHost } from '../../server/cluster/local-host';
import { RefusedError } from '../../server/cluster/scheduler';
import { Ledger } from '../../server/dispatch/ledger';
import { dispatchRun } from '../../server/dispatch/submit';
import { readSource } from '../../server/runs/source';
import { repository, ROOT, temporaryFolder } from '../server/workspace';

const { PATH, HOME, LSF_STUB } = process.env;
const STUBS = path.join(ROOT, 'test', 'cluster', 'stubs', 'lsf');
after(() => Object.assign(process.env, { PATH, HOME, LSF_STUB: LSF_STUB ?? '' }));
beforeEach(() => Object.assign(process.env, { LSF_STUB: path.join(temporaryFolder(), 'jobs'), HOME: temporaryFolder(), PATH: `${STUBS}:${PATH}` })); // prettier-ignore

const run = async (options: string) => {
  const cluster = await openCluster({ name: 'lsf', scheduler: 'lsf', work_folder: temporaryFolder() }, new LocalHost());
  const root = repository({
    'a.edm.yaml': `network: embedded:fashion-mnist\nseeds: 0-1\nsteps: 2\ndevice: cpu\ntasks: 2\n${options}`,
  });
  const source = await readSource(path.join(root, 'a.edm.yaml'));
  const submit = () => dispatchRun({ source, dirty: 'refuse', cluster });
  const last = async () => (await new Ledger(root).all()).dispatches.at(-1) ?? assert.fail('nothing was written down');
  return { submit, last };
};

test('its first job is refused: failed with the reason, and the same run can be submitted again', async () => {
  const { submit, last } = await run('partition: nosuch\n');
  await assert.rejects(submit(), (error) => error instanceof RefusedError && /nosuch: No such queue/.test(error.message)); // prettier-ignore
  const { state, error, jobs, token, run: folder } = await last();
  assert.deepEqual([state, error, jobs], ['failed', 'LSF refused the job: nosuch: No such queue. Job not submitted.', []]); // prettier-ignore
  await assert.rejects(submit(), RefusedError);
  const again = await last();
  assert.ok(again.token !== token && again.run === folder);
});

test('its second job is refused: the first is cancelled, and nothing is left under way', async () => {
  const folder = temporaryFolder();
  const bsub = `#!/bin/bash\ncase " $* " in *" -w "*) echo 'Dependency condition syntax error. Job not submitted.' >&2; exit 255 ;; esac\nexec ${STUBS}/bsub "$@"\n`;
  writeFileSync(path.join(folder, 'bsub'), bsub);
  chmodSync(path.join(folder, 'bsub'), 0o755);
  process.env.PATH = `${folder}:${process.env.PATH}`;
  const { submit, last } = await run('');
  await assert.rejects(submit(), /Dependency condition .*what was accepted before of this run \(job 1\) was cancelled/);
  assert.equal((await last()).state, 'failed');
  for (const task of [1, 2])
    assert.match(readFileSync(path.join(process.env.LSF_STUB ?? '', '1', `state.${task}`), 'utf8'), /^EXIT/);
});
