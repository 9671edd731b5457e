import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { encodePng } from '../../server/images/png';
import { cli, git, repository, ROOT, SMALL_CONFIG, temporaryFolder } from './workspace';

const NETWORK = ['--network', 'embedded:fashion-mnist', '--device', 'cpu'];

/** Name and digest of every image in a folder. */
function digests(folder: string): Map<string, string> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.png'));
  return new Map(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(path.join(folder, name)))
        .digest('hex'),
    ]),
  );
}

let folder: string;
before(() => {
  folder = temporaryFolder();
  const { status, stderr } = cli(
    folder,
    'generate',
    ...NETWORK,
    '--seeds',
    '0-19',
    '--steps',
    '4',
    '--outdir',
    'a',
    '--grid',
    'grid.png',
  );
  assert.equal(status, 0, stderr);
});

test('generate twice gives identical files, and a subset of the seeds the same ones', () => {
  const first = digests(path.join(folder, 'a'));
  assert.equal(first.size, 20);
  assert.equal(cli(folder, 'generate', ...NETWORK, '--seeds=0-19', '--steps=4', '--outdir=b', '--batch=7').status, 0);
  assert.deepEqual(digests(path.join(folder, 'b')), first);
  assert.equal(cli(folder, 'generate', ...NETWORK, '--seeds', '10-13', '--steps', '4', '--outdir', 'c').status, 0);
  for (const [name, digest] of digests(path.join(folder, 'c'))) assert.equal(digest, first.get(name), name);
  const again = cli(folder, 'generate', ...NETWORK, '--seeds', '0-19', '--steps', '4', '--outdir', 'a');
  assert.equal(again.stdout, '0 images written to a, 20 were there already\n');
});

test('fid calc prints the number on the last line, fid ref makes what fid calc reads', () => {
  const measure = ['fid', 'calc', '--images', 'a', '--num', '20', '--device', 'cpu'];
  const { status, stdout } = cli(folder, ...measure, '--ref', 'embedded:fashion-mnist');
  assert.equal(status, 0);
  const lines = stdout.trim().split('\n');
  assert.match(lines[0], /^FD \(fashion-mnist\), N = 20, reference /);
  assert.match(lines[1], /^\d+(\.\d+)?$/);
  const object = JSON.parse(cli(folder, ...measure, '--ref', 'embedded:fashion-mnist', '--json').stdout) as Record<
    string,
    unknown
  >;
  assert.equal(Number(lines[1]), Number((object.value as number).toPrecision(6)));
  for (const key of ['metric', 'value', 'num', 'detector', 'reference']) assert.ok(key in object, key);

  const reference = cli(
    folder,
    'fid',
    'ref',
    '--data',
    'a',
    '--dest',
    'own.npz',
    '--detector',
    'embedded:fashion-mnist',
  );
  assert.equal(reference.status, 0, reference.stderr);
  const own = cli(folder, ...measure, '--ref', 'own.npz', '--detector', 'embedded:fashion-mnist');
  assert.ok(
    Math.abs(Number(own.stdout.trim().split('\n').pop())) < 1e-6,
    `a set is at no distance from itself: ${own.stdout}`,
  );
});

/** Every kind of bad input: the arguments, the exit status and the one line on stderr. */
const REFUSALS: [name: string, args: string[], status: number, message: RegExp][] = [
  ['a backward range', ['generate', ...NETWORK, '--outdir', 'x', '--seeds', '5-3'], 2, /--seeds 5-3: the range 5-3 is empty; did you mean 3-5\?/],
  ['seeds that are none', ['generate', ...NETWORK, '--outdir', 'x', '--seeds', 'abc'], 2, /"abc" is neither an integer nor a range/],
  ['one step', ['generate', ...NETWORK, '--outdir', 'x', '--steps', '1'], 2, /--steps 1: .* use 2 steps or more/],
  ['a noise level without end', ['generate', ...NETWORK, '--outdir', 'x', '--sigma_max', 'inf'], 2, /--sigma_max Infinity: must be a finite number above 0/],
  ['no batch', ['generate', ...NETWORK, '--outdir', 'x', '--batch', '0'], 2, /--batch 0: must be a whole number, 1 or more/],
  ['one image to measure', ['fid', 'calc', '--images', 'a', '--ref', 'embedded:fashion-mnist', '--num', '1'], 2, /--num 1: must be a whole number, 2 or more/],
  ['no workers', ['generate', ...NETWORK, '--outdir', 'x', '--workers', '0'], 2, /--workers 0: must be a whole number, 1 or more/],
  ['a batch of none to measure', ['fid', 'calc', '--images', 'a', '--ref', 'embedded:fashion-mnist', '--batch=-1'], 2, /--batch -1: must be a whole number, 1 or more/],
  ['a seed with a fraction', ['fid', 'calc', '--images', 'a', '--ref', 'embedded:fashion-mnist', '--seed', '1.5'], 2, /--seed 1\.5: must be a whole number$/],
  ['a class out of range', ['generate', ...NETWORK, '--outdir', 'x', '--class', '10'], 2, /--class 10: the network's classes are 0 to 9/],
  ['an unknown network', ['generate', '--network', 'none.onnx', '--outdir', 'x'], 2, /none\.onnx/],
  ['a file that is no network', ['generate', '--network', 'text.onnx', '--outdir', 'x'], 2, /text\.onnx/],
  ['a network cut short', ['generate', '--network', 'short.onnx', '--outdir', 'x'], 2, /short\.onnx/],
  ['a detector for a network', ['generate', '--network', 'detector.onnx', '--outdir', 'x'], 2, /is a detector, not a denoiser/],
  ['an output folder that is a file', ['generate', ...NETWORK, '--outdir', 'text.onnx', '--seeds', '0', '--steps', '2'], 2, /text\.onnx/],
  ['cuda without CUDA', ['generate', '--network', 'embedded:fashion-mnist', '--outdir', 'x', '--device', 'cuda'], 2, /Cannot use device cuda: .*; use device auto or cpu/],
  ['a grid among the images', ['generate', ...NETWORK, '--outdir', 'x', '--grid', 'x/grid.png'], 2, /--grid x\/grid\.png: lies in --outdir/],
  ['a missing option', ['generate', '--outdir', 'x'], 2, /Missing option --network/],
  ['an unknown option', ['generate', ...NETWORK, '--outdir', 'x', '--step', '4'], 2, /no option --step: did you mean --steps\?/],
  ['an unknown command', ['generat'], 2, /did you mean "generate"\?/],
  ['a command that Object has', ['constructor'], 2, /Unknown command "constructor"; edm-workbench --help lists them/],
  ['half a command', ['fid'], 2, /Unknown command "fid": after "fid" write calc, ref, merge or compare/],
  ['an option without its value', ['generate', ...NETWORK, '--outdir'], 2, /generate: --outdir needs a value/],
  ['a value that looks like an option', ['fid', 'calc', '--ref', 'x', '--seed', '-1'], 2, /--seed needs a value; .* --seed=-1/],
  ['a word that is not one of the choices', ['lint', 'a.slurm', '--format', 'xml'], 2, /--format xml: choose one of text, json, sarif/],
  ['an argument too many', ['run', 'a.edm.yaml', 'b.edm.yaml'], 2, /run: unexpected argument "b\.edm\.yaml"/],
  ['an argument too few', ['lint'], 2, /lint: give the files to check/],
  ['an unknown embedded name', ['generate', '--network', 'embedded:fashon-mnist', '--outdir', 'x'], 2, /did you mean embedded:fashion-mnist\?/],
  ['fewer images than num', ['fid', 'calc', '--images', 'a', '--ref', 'embedded:fashion-mnist'], 1, /Found 20 images, but expected at least 50000/],
  ['a truncated PNG', ['fid', 'calc', '--images', 'torn', '--num', '3', '--ref', 'embedded:fashion-mnist'], 2, /000002\.png/],
  ['images of another size', ['fid', 'calc', '--images', 'large', '--num', '2', '--ref', 'embedded:fashion-mnist'], 2, /32/],
  ['images in colour', ['fid', 'calc', '--images', 'colour', '--num', '2', '--ref', 'embedded:fashion-mnist'], 2, /000001\.png is in colour, but the detector takes grayscale/],
  ['a reference of unknown detector', ['fid', 'calc', '--images', 'a', '--num', '20', '--ref', 'other.npz'], 2, /name the detector/],
  ['history outside a repository', ['history'], 2, /is not in a git repository/],
]; // prettier-ignore

test('bad input: one clear line, the right exit status, nothing written', async (t) => {
  const model = path.join(__dirname, '..', '..', 'server', 'model');
  writeFileSync(path.join(folder, 'text.onnx'), 'no model at all');
  const network = readFileSync(path.join(model, 'denoiser.onnx'));
  writeFileSync(path.join(folder, 'short.onnx'), network.subarray(0, network.length / 2));
  writeFileSync(path.join(folder, 'detector.onnx'), readFileSync(path.join(model, 'detector.onnx')));
  for (const [name, side, channels] of [
    ['torn', 28, 1],
    ['large', 32, 1],
    ['colour', 28, 3],
  ] as const) {
    mkdirSync(path.join(folder, name));
    const image = encodePng({
      pixels: new Uint8Array(side * side * channels).fill(90),
      width: side,
      height: side,
      channels,
    });
    for (const index of [0, 1, 2]) writeFileSync(path.join(folder, name, `00000${index}.png`), image);
  }
  truncateSync(path.join(folder, 'torn', '000002.png'), 60);
  for (const [name, args, status, message] of REFUSALS) {
    await t.test(name, () => {
      const ran = cli(folder, ...args);
      const line = ran.stderr.trim();
      assert.match(line, message);
      assert.equal(ran.status, status, line);
      assert.match(line, /^(Reading [^\n]+\n)?Error: [^\n]+$/, 'one line');
      assert.ok(!readdirSync(folder).includes('x'), 'nothing written');
    });
  }
});

test('help: all commands, one group, one command; the version', () => {
  const all = cli(folder, '--help');
  assert.equal(all.status, 0);
  assert.match(all.stdout, /^Metrics:\n {2}fid calc +Measure the Frechet distance/m);
  assert.deepEqual(cli(folder), { ...all, status: 2 }, 'no command is not what was meant');
  const group = cli(folder, 'fid', '--help').stdout;
  assert.match(group, /^ {2}fid merge +Add/m);
  assert.doesNotMatch(group, /generate/);
  const one = cli(folder, 'fid', 'calc', '--images', 'none', '-h');
  assert.equal(one.status, 0);
  assert.match(one.stdout, /^ {2}--num N +Images to measure; .*\[images; default: 50000\]$/m);
  assert.doesNotMatch(one.stdout, /--outdir/);
  assert.match(cli(folder, 'lsp', '--help').stdout, /^ {2}edm-workbench lsp/m);
  const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string };
  assert.deepEqual(cli(folder, '--version'), { status: 0, stdout: `edm-workbench ${version}\n`, stderr: '' });
});

test('auto falls back to the CPU and says why', () => {
  const { status, stderr } = cli(
    folder,
    'generate',
    '--network',
    'embedded:fashion-mnist',
    '--seeds',
    '0',
    '--steps',
    '2',
    '--outdir',
    'auto',
  );
  assert.equal(status, 0);
  assert.match(stderr, /Computing on the CPU: /);
});

test('lint: exit status and formats', () => {
  writeFileSync(
    path.join(folder, 'bad.slurm'),
    '#!/bin/bash\n#SBATCH --gres=gpu:2 --accout=x\ntorchrun --nproc_per_node=1 a.py\n',
  );
  writeFileSync(path.join(folder, 'good.sh'), 'echo hello\n');
  writeFileSync(path.join(folder, 'bad.edm.yaml'), 'netwrok: a.onnx\n');
  assert.deepEqual(cli(folder, 'lint', 'good.sh'), { status: 0, stdout: '', stderr: '' });
  const ran = cli(folder, 'lint', 'bad.slurm', 'bad.edm.yaml');
  assert.equal(ran.status, 1);
  assert.match(ran.stdout, /^bad\.slurm:3:\d+: warning: .*\[gpu-count\]$/m);
  assert.match(
    ran.stdout,
    /^bad\.edm\.yaml:1:1: error: Unknown key "netwrok": did you mean "network"\? \[unknown-key\]$/m,
  );
  const sarif = JSON.parse(cli(folder, 'lint', 'bad.slurm', '--format', 'sarif').stdout) as {
    version: string;
    runs: { results: { ruleId: string; locations: { physicalLocation: { region: { startLine: number } } }[] }[] }[];
  };
  assert.equal(sarif.version, '2.1.0');
  const result = sarif.runs[0].results.find(({ ruleId }) => ruleId === 'gpu-count');
  assert.equal(result?.locations[0].physicalLocation.region.startLine, 3);
  assert.equal(cli(folder, 'lint', 'none.slurm').status, 2);
});

test('lint --fix keeps the mode; lint --snapshot checks against a cluster, offline', () => {
  const script = path.join(folder, 'late.slurm');
  writeFileSync(script, '#!/bin/bash\nset -e\n#SBATCH --partition=gpus\n#SBATCH --time=1:00:00\nhostname\n', {
    mode: 0o755,
  });
  chmodSync(script, 0o750);
  assert.equal(cli(folder, 'lint', '--fix', 'late.slurm').status, 0);
  assert.equal(statSync(script).mode & 0o777, 0o750);
  assert.match(readFileSync(script, 'utf8'), /^#!\/bin\/bash\n#SBATCH --partition=gpus\n#SBATCH --time=1:00:00\n/);
  const snapshot = path.join(folder, 'cluster.json');
  writeFileSync(snapshot, JSON.stringify({ scheduler: 'slurm', partitions: [{ name: 'gpu', default: true }] }));
  const checked = cli(folder, 'lint', '--snapshot', 'cluster.json', 'late.slurm');
  assert.equal(checked.status, 1);
  assert.match(checked.stdout, /gpus/);
  writeFileSync(snapshot, '{"scheduler":"pbs"}');
  const refused = cli(folder, 'lint', '--snapshot', 'cluster.json', 'late.slurm');
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /cluster\.json is not a cluster snapshot: /);
});

test('run and history in a repository', () => {
  const root = repository({ 'garments.edm.yaml': SMALL_CONFIG });
  const ran = cli(root, 'run', 'garments.edm.yaml');
  assert.equal(ran.status, 0, ran.stderr);
  assert.match(ran.stdout, /^8 images in runs\/[0-9a-f]{7,}-garments\nFD \(fashion-mnist\), N = 8: [\d.]+\n$/);
  const [record] = JSON.parse(cli(root, 'history', '--json').stdout) as { code: { commit: string } }[];
  assert.equal(record.code.commit, git(root, 'rev-parse', 'HEAD'));
  const filtered = (...filter: string[]) => cli(root, 'history', '--filter', ...filter);
  assert.match(filtered('garments n=8 s_churn=0').stdout, /garments .* FD \(fashion-mnist\), N = 8: /);
  assert.deepEqual([filtered('n<8').stdout, filtered('n<8').status], ['', 0]);
  assert.deepEqual([filtered('stps<8').stderr.split('.')[0], filtered('stps<8').status], ['Error: --filter: There is no field stps (in quotes it is searched as a word)', 2]);
}); // prettier-ignore

test('doctor finds what is here', () => {
  const findings = JSON.parse(cli(repository({ a: '' }), 'doctor', '--json').stdout) as {
    topic: string;
    state: string;
  }[];
  const state = new Map(findings.map(({ topic, state: found }) => [topic, found]));
  for (const topic of ['Node.js', 'git', 'Repository', 'ONNX Runtime', 'Embedded model', 'Embedded detector', 'Disk']) {
    assert.equal(state.get(topic), 'ok', topic);
  }
});

test('calibrate measures batch sizes and takes one of them', () => {
  const { status, stdout, stderr } = cli(folder, 'calibrate', ...NETWORK, '--json');
  assert.equal(status, 0, stderr);
  const { points, batch, reason, device } = JSON.parse(stdout) as {
    points: { batch: number; rate: number; memory: { used: number; total: number } }[];
    batch: number;
    reason: string;
    device: string;
  };
  assert.deepEqual(
    points.map((point) => point.batch),
    [1, 2, 4, 8, 16],
  );
  assert.ok(points.every(({ rate, memory }) => rate > 0 && memory.used > 0 && memory.used < memory.total));
  const best = Math.max(...points.map(({ rate }) => rate));
  assert.ok(points.find((point) => point.batch === batch)!.rate >= 0.95 * best, reason);
  assert.equal(device, 'cpu');
});
