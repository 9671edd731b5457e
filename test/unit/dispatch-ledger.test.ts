/** What was submitted before decides what submitting again means, whatever the clock of this machine says. */
import assert from 'node:assert/strict';
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
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

test('a run is meant by its token, its folder, its name or its commit; two of a name are listed', async () => {
  const root = repository({ 'garments.edm.yaml': SMALL_CONFIG });
  const ledger = new Ledger(root);
  const source = await readSource(path.join(root, 'garments.edm.yaml'));
  await assert.rejects(dispatchRun({ source, dirty: 'refuse', cluster }), /reached the cluster/);
  const [begun] = (await ledger.all()).dispatches;
  const second = { ...begun, token: 'zz'.repeat(8), name: 'other', local: 'runs/abc-other', run: 'runs/abc-other-zzzzzz' };
  await ledger.save(second);
  const meant = async (text: string, from = root): Promise<string> => (await ledger.meant(text, from)).token;
  for (const text of [begun.token.slice(0, 6), begun.run, path.basename(begun.run), 'garments'])
    assert.equal(await meant(text), begun.token, text);
  for (const text of ['zz', 'runs/abc-other', 'runs/abc-other/', 'abc-other', 'other', path.join(root, 'runs', 'abc-other')])
    assert.equal(await meant(text), second.token, text);
  assert.equal(await meant('abc-other', path.join(root, 'runs')), second.token);
  await assert.rejects(meant(begun.code.short), new RegExp(`2 submitted runs are meant by .*${begun.token.slice(0, 6)} \\(garments at`));
  await assert.rejects(meant('nothing'), /No submitted run of this workspace has a token, run folder, name or commit "nothing"/);
}); // prettier-ignore

test('a dispatch in two files is listed once, and the file that is not used is named', async () => {
  const root = repository({ 'garments.edm.yaml': SMALL_CONFIG });
  const ledger = new Ledger(root);
  const config = path.join(root, 'garments.edm.yaml');
  await assert.rejects(dispatchRun({ source: await readSource(config), dirty: 'refuse', cluster }), /reached/);
  const [begun] = (await ledger.all()).dispatches;
  const folder = path.join(root, '.edm-workbench', 'dispatches');
  renameSync(path.join(folder, `${begun.token}.json`), path.join(folder, 'renamed.json'));
  assert.deepEqual((await ledger.all()).problems, [], 'a name alone is no harm');
  // What a pull does: the state is written under the token.
  await ledger.save({ ...begun, state: 'complete' });
  for (const name of ['a.json', 'z.json']) writeFileSync(path.join(folder, name), JSON.stringify(begun));
  const { dispatches, problems } = await ledger.all();
  assert.deepEqual(dispatches.map(({ state }) => state), ['complete']); // prettier-ignore
  assert.deepEqual(
    problems
      .map((one) => /(\w+)\.json is not used: it has the token of \w+\.json, so remove it$/.exec(one)?.[1])
      .sort(),
    ['a', 'renamed', 'z'],
  );
  assert.equal((await ledger.named(begun.token.slice(0, 6))).state, 'complete');
});
