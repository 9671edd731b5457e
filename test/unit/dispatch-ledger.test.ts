/** What was submitted before decides what submitting again means, whatever the clock of this machine says. */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Host, HostFiles } from '../../server/cluster/host';
import type { Scheduler } from '../../server/cluster/scheduler';
import { draftRun } from '../../server/dispatch/draft';
import { Ledger } from '../../server/dispatch/ledger';
import { dispatchRun } from '../../server/dispatch/submit';
import { readSource } from '../../server/runs/source';
import type { Dispatch } from '../../server/shared/schema-types.gen';
import { git, repository, SMALL_CONFIG } from '../server/workspace';

const profile = { name: 'rysy', account: 'proja' };
const scheduler = { name: 'slurm' } as Scheduler;
/** A cluster that cannot be reached: what is decided, is decided before. */
const reached = () => Promise.reject(new Error('reached the cluster'));
const host = { name: 'rysy', run: reached } as unknown as Host;
const files = { stat: reached } as unknown as HostFiles;
const cluster = {
  profile,
  scheduler,
  host,
  files,
  user: 'alice',
  home: '/home/alice',
  machine: 'x86_64',
};

test('a run that is alive is not made again, though one that failed is dated later', async () => {
  const root = repository({ 'garments.edm.yaml': SMALL_CONFIG });
  const config = path.join(root, 'garments.edm.yaml');
  const ledger = new Ledger(root);
  const submit = async () => dispatchRun({ source: await readSource(config), dirty: 'refuse', cluster });
  await assert.rejects(submit(), /reached the cluster/);
  const { fingerprint, commit } = await draftRun(await readSource(config), profile, 'refuse');
  const begun = (await ledger.all()).dispatches[0];
  assert.deepEqual([begun.state, begun.fingerprint, begun.checkout], ['preparing', fingerprint, commit.checkout]);
  const stands = async (state: Dispatch['state'], created: string, token: string): Promise<Dispatch> => {
    const dispatch = { ...begun, state, created, token, run: `runs/${token}` };
    await ledger.save(dispatch);
    return dispatch;
  };
  await assert.rejects(submit(), /reached the cluster/);
  assert.equal((await ledger.all()).dispatches.length, 1, 'one that was begun goes on');

  await ledger.save({ ...begun, state: 'submitted', jobs: [{ role: 'generate', token: 't', id: '42' }] });
  await stands('failed', '2099-01-01T00:00:00.000Z', 'late');
  await assert.rejects(submit(), /This run is already on rysy, job 42: wait for it/);
  await ledger.save({ ...begun, state: 'ended' });
  await assert.rejects(submit(), /has ended on rysy: pull its results first/);

  await ledger.save({ ...begun, state: 'cancelled' });
  await assert.rejects(submit(), /reached the cluster/);
  const again = (await ledger.all()).dispatches.find(({ state }) => state === 'preparing');
  assert.equal(again?.run, 'runs/late', 'after a failure it goes on in its folder');
  assert.deepEqual(readdirSync(path.join(root, '.edm-workbench', 'dispatches')).filter((name) => name.endsWith('.claim')), []); // prettier-ignore
});

test('a config that is edited, or a commit that is made, while the cluster is opened: refused, nothing begun', async () => {
  const root = repository({ 'garments.edm.yaml': SMALL_CONFIG });
  const config = path.join(root, 'garments.edm.yaml');
  const source = await readSource(config);
  writeFileSync(config, `${SMALL_CONFIG}# another thought\n`);
  await assert.rejects(dispatchRun({ source, dirty: 'keep', cluster }), /garments\.edm\.yaml was edited/);
  writeFileSync(config, SMALL_CONFIG);
  git(root, 'commit', '--quiet', '--allow-empty', '--message', 'Another');
  await assert.rejects(dispatchRun({ source, dirty: 'keep', cluster }), /was checked out/);
  assert.deepEqual((await new Ledger(root).all()).dispatches, []);
});
