/** What profiles ask for, on a real Slurm: options, several nodes, the login environment, and a cluster named by -M. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Host } from '../../server/cluster/host';
import { Slurm } from '../../server/cluster/slurm/slurm';
import { newToken } from '../../server/cluster/token';
import { jobScripts, type ScriptFacts } from '../../server/dispatch/script';
import type { ClusterProfile } from '../../server/shared/schema-types.gen';
import { isOver } from '../../server/shared/protocol';
import { bedHost, TestBed } from './bed';
import { until } from '../until';

const HOME = '/home/keyonly';

let bed: TestBed;
let host: Host;
let slurm: Slurm;
before(async () => {
  bed = await TestBed.start();
  host = bedHost(bed, 'keyonly');
  slurm = new Slurm(host);
});
after(() => bed?.stop());

const facts = (profile: Partial<ClusterProfile>, config: Partial<ScriptFacts['config']> = {}): ScriptFacts => ({
  scheduler: 'slurm',
  profile: { name: 'bed', ...profile },
  config: { network: 'x.pkl', time: '5:00', ...config },
  label: 'a1b2c3d-x',
  folder: HOME,
  run: 'run',
  seeds: '0-7',
  network: 'x.pkl',
  workbench: '~/edm-workbench/workbench/none',
});

/** Submits a script, waits for its end, and gives its log. */
async function ran(scheduler: Slurm, script: string, asByHand = false): Promise<string> {
  await host.files.makeFolder(`${HOME}/run`);
  const { id } = await scheduler.submit({ script, folder: HOME, token: newToken(), asByHand });
  const job = await until(async () => {
    const found = await scheduler.job(id);
    return found && isOver(found) ? found : undefined;
  }, `the end of job ${id}`);
  return (await host.files.read(job?.stdout ?? '')).toString();
}

test('Slurm takes every option as it was meant, with -M before each of its commands', async () => {
  const profile = {
    partition: ['cpu', 'gpu'],
    account: 'proja',
    qos: 'normal',
    mem: '1G',
    cpus: 2,
    exclude: ['c1'],
    mail: 'keyonly',
    extra_directives: ['--nice=10', '#SBATCH --hold'],
  };
  const there = new Slurm(host, { clusters: 'testcluster' });
  const [{ text }] = jobScripts(facts(profile));
  await host.files.makeFolder(`${HOME}/run`);
  const { id } = await there.submit({ script: text, folder: HOME, token: newToken() });
  const { stdout } = await host.run(['scontrol', '--oneliner', 'show', 'job', id]);
  for (const fact of [
    'Partition=cpu,gpu',
    'Account=proja',
    'QOS=normal',
    'MinMemoryNode=1G',
    'CPUs/Task=2',
    'ExcNodeList=c1',
    'MailUser=keyonly',
    'MailType=END,FAIL',
    'Nice=10',
    'Reason=JobHeldUser',
  ])
    // prettier-ignore
    assert.match(stdout, new RegExp(`\\b${fact}\\b`), stdout);
  assert.equal((await there.queue('mine')).find((job) => job.id === id)?.state, 'held');
  assert.deepEqual(
    (await there.act('cancel', [id])).map(({ ok }) => ok),
    [true],
  );
  assert.equal((await there.job(id))?.state, 'cancelled');
  assert.ok((await there.snapshot()).partitions.some(({ name }) => name === 'gpu'));
  const elsewhere = new Slurm(host, { clusters: 'no-such-cluster' });
  await assert.rejects(elsewhere.queue('mine'), /no-such-cluster|failed/);
});

test('several nodes: one torchrun on each, meeting at the first at one port', { timeout: 300_000 }, async () => {
  const torchrun = '#!/bin/sh\necho "$(hostname) $SLURMD_NODENAME $*"\n';
  await host.files.makeFolder(`${HOME}/bin`);
  await host.files.write(`${HOME}/bin/torchrun`, torchrun, 0o755);
  const profile = { container_engine: 'none' as const, account: 'proja', setup: [`export PATH=${HOME}/bin:$PATH SLURM_GPUS_ON_NODE=4`] }; // prettier-ignore
  const [{ text }] = jobScripts(facts(profile, { engine: 'edm', nodes: 2, gpus: 4, cpus: 1 }));
  // The bed has one node with GPUs, and two without.
  const log = await ran(slurm, text.replace('#SBATCH --gres=gpu:4\n', ''));
  const lines = log.trim().split('\n').sort();
  assert.equal(lines.length, 2, log);
  const endpoints = lines.map((line) => /--rdzv_endpoint=(\w+):(\d+) /.exec(line)?.slice(1));
  assert.deepEqual(lines.map((line) => line.split(' ')[1]), ['c1', 'c2']); // prettier-ignore
  assert.deepEqual(endpoints[0], endpoints[1]);
  assert.equal(endpoints[0]?.[0], 'c1');
  assert.ok(
    lines.every((line) => line.includes('--nnodes=2 --nproc_per_node=4 ')),
    log,
  );
});

test('module works as by hand: in setup lines, and in scripts of the user', { timeout: 300_000 }, async () => {
  // A profile that prints and reads, as some do.
  const profile = 'echo "welcome"\nread -r answer\nmodule() { echo "loaded $*"; }\nexport -f module\n';
  await host.files.write(`${HOME}/.bash_profile`, profile);
  try {
    const own = '#!/bin/bash\n#SBATCH --time=1 --account=proja --output=run/own-%j.out\nmodule load x\n';
    assert.equal(await ran(slurm, own, true), 'loaded load x\n');
    assert.match(await ran(slurm, own), /module: command not found/, 'without: what the issue was about');
    const [{ text }] = jobScripts(facts({ account: 'proja', setup: ['module load apptainer'] }));
    assert.match(await ran(slurm, text), /loaded load apptainer/);
    // A profile that starts another shell: the job is submitted all the same.
    await host.files.write(`${HOME}/.bash_profile`, 'exec sh\n');
    assert.match(await ran(new Slurm(host), own, true), /module: command not found/);
  } finally {
    await host.files.remove(`${HOME}/.bash_profile`);
  }
});
