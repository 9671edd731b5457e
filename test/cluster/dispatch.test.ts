/**
 * Runs on the real Slurm of the test bed and back. `EDM_DISPATCH_IMAGES=2000` makes the array as large as in the
 * project's demonstration; the suite itself uses fewer images, and few steps.
 */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Hosts } from '../../server/cluster/hosts';
import type { Prompter } from '../../server/cluster/ssh/prompter';
import { decodePng } from '../../server/images/png';
import { calibrate } from '../../server/dispatch/calibration';
import { awaitRun } from '../../server/dispatch/await-run';
import { syncRun } from '../../server/dispatch/follow';
import { Ledger } from '../../server/dispatch/ledger';
import { pullImages } from '../../server/dispatch/pull';
import { openCluster, type Cluster } from '../../server/cluster/cluster';
import { dispatchRun } from '../../server/dispatch/submit';
import { readSource } from '../../server/runs/source';
import { readHistory } from '../../server/history/history-store';
import {
  clustersRequest,
  dispatchEndNotification,
  historyRequest,
  pullRequest,
  samplesRequest,
  type DispatchEnd,
} from '../../server/shared/protocol';
import { executeRun } from '../../server/runs/execute';
import { TestServer } from '../server/connection';
import { git, repository, ROOT, temporaryFolder } from '../server/workspace';
import { TestBed } from './bed';
import { until } from '../until';

const IMAGES = Number(process.env.EDM_DISPATCH_IMAGES ?? 64);

let bed: TestBed;
let hosts: Hosts;
let cluster: Cluster;
before(async () => {
  bed = await TestBed.start();
  // As a laptop reaches it: through the jump host with a one-time password, one login for everything.
  const file = path.join(temporaryFolder(), 'ssh_config');
  writeFileSync(file, bed.sshConfig('alice'));
  const prompter: Prompter = {
    prompt: () => Promise.resolve([bed.otp('alice')]),
    hostKey: () => Promise.resolve(false),
    secret: () => Promise.resolve(null),
  };
  hosts = new Hosts(prompter, () => undefined, { file });
  const profile = { name: 'bed', host: 'inner', account: 'proja' };
  const host = await hosts.host(profile, true);
  cluster = await openCluster(profile, host);
});
after(async () => {
  hosts.close();
  await bed.stop();
});

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
  const dispatch = await dispatchRun({ source: await readSource(config), dirty: 'refuse', cluster, control });
  assert.deepEqual([dispatch.state, dispatch.jobs.length, dispatch.jobs[0].tasks], ['submitted', 2, 4]);
  assert.ok(steps.size >= 4, [...steps].join());
  await assert.rejects(
    dispatchRun({ source: await readSource(config), dirty: 'refuse', cluster }),
    /is already on bed, jobs \d+ and \d+/,
  );

  const ledger = new Ledger(root);
  const done = await awaitRun(ledger, dispatch.token, cluster, { pollSeconds: 0.5 });
  assert.deepEqual(
    [done.state, done.fetched, done.local],
    ['complete', ['results'], `runs/${git(root, 'rev-parse', '--short', 'HEAD')}-garments`],
  );
  const local = path.join(root, done.local ?? '');
  assert.ok(existsSync(path.join(local, 'grid.png')) && existsSync(path.join(local, 'stats.npz')));
  assert.deepEqual(readdirSync(path.join(local, 'images')), [], 'images come when they are wanted');
  await pullImages(ledger, cluster, done);

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
  const again = await syncRun(ledger, dispatch.token, cluster);
  assert.equal(again.ended, false);
  assert.equal((await readHistory(root)).records.length, 2);
});

/** What stands in for NVIDIA's image: the programs that the scripts start in it, and no more. */
const IMAGE = {
  torchrun: '#!/bin/sh\n[ "$1" = --standalone ] || exit 2\necho "torchrun $2" >&2\nshift 2\nexec python "$@"\n',
  python: '#!/bin/sh\nexec /usr/bin/python3 "$@"\n',
};
/** What stands in for EDM's code, in git as the real one would be. */
const GENERATE = `import os, struct, sys, zlib
def png(value):
    chunk = lambda kind, data: struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    rows = (b'\\0' + bytes([value]) * 12) * 4
    return b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 4, 4, 8, 2, 0, 0, 0)) + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')
options = dict(word.lstrip('-').split('=', 1) for word in sys.argv[1:])
assert os.path.exists(options['network']), 'no network'
first, last = map(int, options['seeds'].split('-'))
os.makedirs(options['outdir'], exist_ok=True)
for seed in range(first, last + 1):
    if seed == 7 and os.path.exists('small-gpu'):
        raise RuntimeError('CUDA out of memory. Tried to allocate 2.00 GiB')
    open(os.path.join(options['outdir'], '%06d.png' % seed), 'wb').write(png(seed))
`;
const FID = `import os, sys
assert sys.argv[1] in ('calc', 'ref')
options = dict(word.lstrip('-').split('=', 1) for word in sys.argv[2:])
if sys.argv[1] == 'ref':
    open(options['dest'], 'w').write('statistics of %d images' % len(os.listdir(options['data'])))
    sys.exit()
cache = os.path.join(os.environ['DNNLIB_CACHE_DIR'], 'downloads')
assert [name for name in os.listdir(cache) if name.startswith('18d9c1159d16cd4cc6adf7db0f2dd2a9_')], 'no detector'
assert os.path.exists(options['ref']), 'no reference'
print('Calculating FID...')
print('%g' % (len(os.listdir(options['images'])) + 1.96999))
`;

test("engine edm: the lecture's scripts with a stand-in image; a failure in words; fixed and submitted again", async () => {
  const { host } = cluster;
  const home = '/home/alice';
  await host.files.makeFolder(`${home}/edm_latest.sif/bin`);
  await host.files.makeFolder(`${home}/stubs`);
  const stub = readFileSync(path.join(__dirname, 'stubs', 'apptainer'));
  await host.files.write(`${home}/stubs/apptainer`, stub, 0o755);
  for (const [name, text] of Object.entries(IMAGE))
    await host.files.write(`${home}/edm_latest.sif/bin/${name}`, text, 0o755);
  const edm: Cluster = {
    ...cluster,
    profile: {
      ...cluster.profile,
      name: 'edm',
      container: '~/edm_latest.sif',
      nodes_online: false,
      setup: [`export PATH=${home}/stubs:$PATH`],
    },
  };
  const root = repository({
    'cifar.edm.yaml': `network: net.pkl
engine: edm
seeds: 0-71
gpus: 2
partition: gpu
time: "10:00"
fid:
  reference: ref.npz
  detector: inception.pkl
`,
    'generate.py': GENERATE,
    'fid.py': FID,
    'small-gpu': '',
    '.gitignore': '*.pkl\n*.npz\n',
  });
  copyFileSync(path.join(ROOT, 'test', 'fixtures', 'nets', 'vp-ddpmpp-u-r8.pkl'), path.join(root, 'net.pkl'));
  for (const name of ['ref.npz', 'inception.pkl']) writeFileSync(path.join(root, name), `the ${name}`);
  const config = path.join(root, 'cifar.edm.yaml');
  const ledger = new Ledger(root);

  const first = await dispatchRun({ source: await readSource(config), dirty: 'refuse', cluster: edm });
  await assert.rejects(
    awaitRun(ledger, first.token, edm, { pollSeconds: 0.5 }),
    /cifar on edm failed: Not enough GPU memory\. Lower --batch.*generate-\d+\.out\); submit it again/,
  );
  const failed = await ledger.named(first.token);
  assert.deepEqual([failed.state, failed.fetched], ['failed', ['results']]);
  assert.equal((await readHistory(root)).records.length, 0);

  git(root, 'rm', '--quiet', 'small-gpu');
  git(root, 'commit', '--quiet', '--message', 'A larger GPU');
  const second = await dispatchRun({ source: await readSource(config), dirty: 'refuse', cluster: edm });
  assert.notEqual(second.folder, first.folder, 'another commit, another work tree');
  const done = await awaitRun(ledger, second.token, edm, { pollSeconds: 0.5 });
  assert.equal(done.state, 'complete');
  const { records } = await readHistory(root);
  assert.equal(records.length, 1);
  const [record] = records;
  assert.deepEqual(
    [record.metric, record.value, record.num, record.cluster, record.device, record.sampler?.nfe],
    ['FID', 73.97, 72, 'edm', 'cuda', 35],
  );
  assert.equal(record.code.commit, git(root, 'rev-parse', 'HEAD'));
  assert.match(record.network?.sha256 ?? '', /^[0-9a-f]{64}$/);
  // A folder stands in for the image, and a folder has no digest.
  assert.deepEqual(record.container, { engine: 'apptainer', image: '~/edm_latest.sif' });
  const local = path.join(root, done.local ?? '');
  const log = readdirSync(local).find((name) => /^generate-\d+\.out$/.test(name)) ?? '';
  assert.match(readFileSync(path.join(local, log), 'utf8'), /torchrun --nproc_per_node=2/, 'the GPUs of the directive');
  assert.equal(readFileSync(path.join(local, 'stats.npz'), 'utf8'), 'statistics of 72 images');
  const grid = decodePng(readFileSync(path.join(local, 'grid.png')), 'grid.png');
  assert.deepEqual([grid.width, grid.height, grid.pixels[4 * 3]], [32, 32, 1], 'the first 64, 8 by 8');
  const here = (): number => readdirSync(path.join(local, 'images')).length;
  assert.equal(here(), 64, 'the others come when they are wanted');
  await assert.rejects(pullImages(ledger, edm, done, { seeds: '70-72' }), /has no seed 72: its seeds are 0-71/);
  await pullImages(ledger, edm, done, { seeds: '66' });
  assert.deepEqual([here(), existsSync(path.join(local, 'images', '000066.png'))], [65, true]);
  await pullImages(ledger, edm, done);
  assert.equal(here(), 72);
  assert.deepEqual((await edm.files.list(`${second.folder}/${second.run}`)).filter(({ name }) => name.includes('.tar')), []); // prettier-ignore

  const calls = (await host.files.read(`${home}/apptainer-calls.log`)).toString().trim().split('\n');
  const run = `${second.run}/images`;
  const tree = second.folder;
  assert.deepEqual(calls.slice(-3), [
    `exec --nv --bind ${tree} ${home}/edm_latest.sif torchrun --standalone --nproc_per_node=2 generate.py --outdir=${run} --seeds=0-71 --batch=64 --steps=18 --network=${second.run}/inputs/net.pkl`,
    `exec --nv --bind ${tree} ${home}/edm_latest.sif python fid.py ref --data=${run} --dest=${second.run}/stats.npz`,
    `exec --nv --bind ${tree} ${home}/edm_latest.sif python fid.py calc --images=${run} --ref=${second.run}/inputs/ref.npz --num=72`,
  ]);
});

/** Runs the built command line as alice on the login node, which is the cluster of its own folder. */
async function cliThere(folder: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return bed.inCluster([process.execPath, path.join(ROOT, 'dist', 'cli.js'), ...args], 'alice', { cwd: folder });
}

test(
  'the command line on the login node: scripts shown, submitted, fetched by a later call',
  { timeout: 600_000 },
  async () => {
    const root = '/home/alice/project';
    const { files } = cluster.host;
    await files.makeFolder(root);
    await files.write(
      `${root}/small.edm.yaml`,
      CONFIG.replace(/^seeds:.*$/m, 'seeds: 0-7').replace('tasks: 4', 'tasks: 2'),
    );
    const inTree = (...args: string[]) => bed.inCluster(['git', '-C', root, '-c', 'user.name=A', '-c', 'user.email=a@localhost', ...args], 'alice'); // prettier-ignore
    for (const args of [
      ['init', '--quiet'],
      ['add', '--all'],
      ['commit', '--quiet', '--message', 'One'],
    ])
      assert.equal((await inTree(...args)).code, 0);

    const shown = await cliThere(root, 'submit', 'small.edm.yaml', '--dry-run');
    assert.match(shown.stdout, /^# generate\n#!\/bin\/bash -l\n#SBATCH --job-name=[0-9a-f]+-small$/m, shown.stderr);
    assert.doesNotMatch((await cliThere(root, 'queue')).stdout, /-small/, 'nothing was submitted');

    await files.write(`${root}/new.py`, 'print()\n');
    const refused = await cliThere(root, 'submit', 'small.edm.yaml');
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /^Error: new\.py is not committed: commit first, let/m);
    const submitted = await cliThere(root, 'submit', 'small.edm.yaml', '--dirty', 'keep', '--json');
    const dispatch = JSON.parse(submitted.stdout) as { code: { dirty: boolean }; run: string; jobs: unknown[] };
    assert.ok(dispatch.code.dirty && dispatch.jobs.length === 2);
    assert.match(dispatch.run, /^runs\/[0-9a-f]+-small-dirty-/);

    // The terminal that submitted is gone; another one looks until the run is over.
    await until(() => cliThere(root, 'pull'), 'the end of the run', ({ stdout }) => /complete/.test(stdout)); // prettier-ignore
    const history = await cliThere(root, 'history', '--json');
    const records = JSON.parse(history.stdout) as { cluster: string; code: { dirty: boolean }; run: string }[];
    assert.equal(records.length, 1);
    assert.deepEqual([records[0].cluster, records[0].code.dirty], ['this-machine', true]);
    assert.match((await files.read(`${root}/${records[0].run}/changes.diff`)).toString(), /new\.py/);
    await cliThere(root, 'pull');
    assert.equal(
      (JSON.parse((await cliThere(root, 'history', '--json')).stdout) as unknown[]).length,
      1,
      'recorded once',
    );

    // What is over and was fetched can go: shown first, removed when that is wanted.
    const clean = ['cluster', 'clean', '--older-than', '0'];
    const seen = await cliThere(root, ...clean);
    assert.match(seen.stdout, /run +complete +commits\/project-\w+\/\w+\/runs\/\S+-small-dirty-\w+ \(its images are there alone\)/, seen.stderr); // prettier-ignore
    assert.match(seen.stdout, /nothing was removed, --yes does it/);
    assert.match(seen.stderr, /^(?:Disk|Quota on) .* used$/m);
    const place = async (): Promise<string> => (await bed.inCluster(['sh', '-c', 'ls -d ~alice/edm-workbench/commits/project-*/*/runs/*-small-dirty-*'])).stdout; // prettier-ignore
    assert.notEqual(await place(), '');
    assert.match((await cliThere(root, ...clean, '--yes')).stdout, /^Removed: \d+/m);
    assert.equal(await place(), '');
  },
);

test('two editors opened after the end: one tells, once; the record is there once', { timeout: 600_000 }, async () => {
  const root = '/home/alice/project';
  const { files } = cluster.host;
  await files.write(
    `${root}/later.edm.yaml`,
    CONFIG.replace(/^seeds:.*$/m, 'seeds: 0-5').replace('tasks: 4', 'tasks: 1'),
  );
  const submitted = await cliThere(root, 'submit', 'later.edm.yaml', '--dirty', 'keep');
  assert.match(submitted.stdout, /^\d+ \d+$/m, submitted.stderr);
  await until(() => bed.inCluster(['squeue', '--noheader', '--user', 'alice'], 'alice'), 'an empty queue', ({ stdout }) => stdout === ''); // prettier-ignore

  const ended: DispatchEnd[] = [];
  const editors = await Promise.all([1, 2].map(() => TestServer.start(bed.inside('alice', root))));
  try {
    for (const { connection } of editors)
      connection.onNotification(dispatchEndNotification, (end) => void ended.push(end));
    await Promise.all(editors.map(({ connection }) => connection.sendRequest(clustersRequest, { folders: [root] })));
    await until(() => ended.length > 0, 'the word of its end');
    assert.deepEqual([ended[0].dispatch.name, ended[0].dispatch.state], ['later', 'complete']);
    const { connection } = editors[0];
    const { records } = await connection.sendRequest(historyRequest, { folder: root });
    assert.equal(records.filter(({ name }) => name === 'later').length, 1);
    const { token } = ended[0].dispatch;
    const pulled = await connection.sendRequest(pullRequest, { folder: root, token, images: 'all' });
    const samples = await connection.sendRequest(samplesRequest, {
      folder: path.join(root, pulled.dispatch.local ?? ''),
    });
    assert.equal(samples.images.length, 6);
    assert.equal(ended.length, 1, 'the other had all this time to tell it too');
  } finally {
    for (const editor of editors) editor.stop();
  }
});

test("calibration: a job on the cluster's node measures batch sizes", { timeout: 600_000 }, async () => {
  const root = repository({ 'garments.edm.yaml': CONFIG });
  const config = path.join(root, 'garments.edm.yaml');
  const found = await calibrate({ source: await readSource(config), cluster, pollSeconds: 0.5, sizes: [2, 4] });
  assert.deepEqual(
    found.points.map(({ batch }) => batch),
    [2, 4],
  );
  assert.ok(found.points.every(({ rate }) => rate > 0) && [2, 4].includes(found.batch), JSON.stringify(found));
});
