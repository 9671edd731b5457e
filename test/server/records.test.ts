/** What enters the history, and what becomes of input and places that cannot be used: one line, never a stack. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, cpSync, existsSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'; // prettier-ignore
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { HistoryRecord, RunManifest } from '../../server/shared/protocol';
import { CLI, cli, git, repository, ROOT, SMALL_CONFIG, temporaryFolder } from './workspace';

const CALC = ['fid', 'calc', '--ref', 'embedded:fashion-mnist', '--num', '8', '--device', 'cpu', '--images'];
const FIXTURE = path.join(ROOT, 'test', 'fixtures', 'nets', 'vp-ddpmpp-u-r8.pkl');

const historyOf = (root: string): HistoryRecord[] => {
  const file = path.join(root, '.edm-workbench', 'history.jsonl');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  return lines.map((line) => JSON.parse(line) as HistoryRecord);
};
const lastLine = (printed: string): string => printed.trim().split('\n').pop() ?? '';
/** One line that begins with `Error:`, whatever was reported before it. */
function isOneError(stderr: string, what: RegExp): void {
  assert.doesNotMatch(stderr, /^\s+at /m, stderr);
  assert.equal(stderr.split('\n').filter((line) => line.startsWith('Error: ')).length, 1, stderr);
  assert.match(lastLine(stderr), what);
}

/** A repository with the images of one run without a measurement. */
function withImages(): { root: string; images: string; manifest: RunManifest } {
  const root = repository({ 'a.edm.yaml': SMALL_CONFIG.replace(/fd:[^]*/, '') });
  const ran = cli(root, 'run', 'a.edm.yaml', '--json');
  assert.equal(ran.status, 0, ran.stderr);
  const { folder, manifest } = JSON.parse(ran.stdout) as { folder: string; manifest: RunManifest };
  return { root, images: path.join(folder, 'images'), manifest };
}

test('fid calc enters a result into the history, under the commit and the network of the run', () => {
  const { root, images, manifest } = withImages();
  git(root, 'commit', '--quiet', '--allow-empty', '--message', 'Later');
  const left = cli(root, ...CALC, images, '--no-record');
  assert.deepEqual([left.status, historyOf(root)], [0, []], left.stderr);

  const measured = cli(root, ...CALC, images);
  assert.match(measured.stderr, /^Recorded in the history: a at [0-9a-f]{7}$/m);
  const [record, ...others] = historyOf(root);
  assert.ok(record && others.length === 0);
  assert.deepEqual(
    [record.code, record.network, record.seeds, record.num],
    [manifest.code, manifest.network, '0-7', 8],
  );
  assert.equal(record.run, path.relative(root, images));
  assert.equal(Number(lastLine(measured.stdout)), Number(record.value.toPrecision(6)));
  // The same result again is the same record.
  const again = JSON.parse(cli(root, ...CALC, images, '--json').stdout) as { record: string };
  assert.deepEqual([again.record, historyOf(root).length], [record.id, 1]);
  // Neither do the statistics that it writes itself make the tree dirty.
  for (let times = 0; times < 2; times++) cli(root, ...CALC, images, '--stats', 'stats.npz');
  assert.equal(historyOf(root).length, 1);
  const twice = cli(root, ...CALC.slice(0, 4), '--num', '4', '--repeats', '2', '--images', images);
  assert.equal(historyOf(root)[1]?.repeats?.length, 2, twice.stderr);
});

test('images that tell nothing belong to the commit that was checked out; code among them keeps the tree dirty', () => {
  const { root, images } = withImages();
  cpSync(images, path.join(root, 'mine'), { recursive: true });
  rmSync(path.join(root, 'mine', 'generation.json'));
  cli(root, ...CALC, 'mine');
  writeFileSync(path.join(root, 'mine', 'model.py'), 'print(1)\n');
  cli(root, ...CALC, 'mine');
  const found = historyOf(root).map(({ code, name, network }) => [code.commit, code.dirty, name, network]);
  const head = git(root, 'rev-parse', 'HEAD');
  assert.deepEqual(found, [
    [head, false, 'mine', undefined],
    [head, true, 'mine', undefined],
  ]);

  const outside = temporaryFolder();
  cpSync(images, path.join(outside, 'images'), { recursive: true });
  const bare = cli(outside, ...CALC, 'images');
  assert.equal(bare.status, 0);
  assert.match(bare.stderr, /^Nothing is recorded: .* is not in a git repository/m);
  assert.match(lastLine(bare.stdout), /^[\d.]+$/);
});

test('a history that cannot be written: the number is told, and one line names the file', () => {
  const { root, images } = withImages();
  writeFileSync(path.join(root, '.edm-workbench'), '');
  const measured = cli(root, ...CALC, images);
  assert.equal(measured.status, 2);
  assert.match(lastLine(measured.stdout), /^[\d.]+$/);
  isOneError(measured.stderr, /Cannot write .*history\.jsonl: a part of its path is a file/);
  isOneError(cli(root, 'history').stderr, /Cannot read .*history\.jsonl/);
});

test('output that cannot be written is an error, a reader that has enough is none', async () => {
  const { root, images } = withImages();
  cli(root, ...CALC, images);
  const full = openSync('/dev/full', 'w');
  for (const args of [
    ['history'],
    ['history', '--json'],
    ['doctor'],
    ['--help'],
    ['lint', 'a.edm.yaml', '--format', 'json'],
    ['run', 'a.edm.yaml'],
    ['completion', 'bash'],
    ['clusters'],
  ]) {
    // prettier-ignore
    const child = spawn(process.execPath, [CLI, ...args], { cwd: root, stdio: ['ignore', full, 'pipe'] });
    const said = text(child.stderr as Readable);
    const [status] = (await once(child, 'close')) as [number];
    assert.equal(status, 2, `${args.join(' ')}: ${await said}`);
    isOneError(await said, /Error: Cannot write the output: the disk is full/);
  }
  closeSync(full);
  const shell = spawn('sh', ['-c', `'${process.execPath}' '${CLI}' --help | true; '${process.execPath}' '${CLI}' doctor 2>&1 | true`], { cwd: root }); // prettier-ignore
  const said = text(shell.stderr);
  await once(shell, 'close');
  assert.equal(await said, '');
  // Reports of progress that cannot be written do not end the work.
  const deaf = spawn('sh', ['-c', `'${process.execPath}' '${CLI}' run a.edm.yaml 2>/dev/full`], { cwd: root });
  assert.deepEqual(await once(deaf, 'close'), [0, null]);
});

test('images that vanish while they are measured', async () => {
  const { root, images } = withImages();
  const many = path.join(root, 'many');
  mkdirSync(many);
  for (let seed = 0; seed < 6000; seed++) linkSync(path.join(images, '000000.png'), path.join(many, `${seed}.png`));
  const child = spawn(process.execPath, [CLI, ...CALC, many, '--num', '6000'], { cwd: root });
  const out = text(child.stdout);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (!said.includes('Measuring') && chunk.includes('Measuring')) rmSync(many, { recursive: true });
    said += chunk.toString();
  });
  const [status] = (await once(child, 'close')) as [number];
  assert.equal(status, 2, said);
  isOneError(said, /Error: Cannot read .*many\/\d+\.png: it does not exist, or no longer/);
  assert.deepEqual([await out, historyOf(root)], ['', []]);
});

test('places that cannot be written, and names that cannot be read', () => {
  const root = repository({
    'a.edm.yaml': SMALL_CONFIG.replace('embedded:fashion-mnist', 'net.pkl'),
    '.gitignore': '*.pkl\n',
  });
  cpSync(FIXTURE, path.join(root, 'net.pkl'));
  writeFileSync(path.join(root, 'file'), '');
  const before = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = path.join(root, 'file');
  try {
    const { status, stderr } = cli(root, 'run', 'a.edm.yaml');
    assert.equal(status, 2);
    isOneError(stderr, /Cannot make the folder .*file\/edm-workbench\/models: .*XDG_CACHE_HOME/);
  } finally {
    if (before === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = before;
  }
  const long = 'x'.repeat(300);
  mkdirSync(path.join(root, 'folder.edm.yaml'));
  for (const [args, what] of [
    [['run', `${long}.edm.yaml`], /too long/],
    [['lint', 'folder.edm.yaml'], /folder\.edm\.yaml is not a file but a folder/],
    [['run', 'folder.edm.yaml'], /Cannot read .*folder\.edm\.yaml: it is a folder/],
    [['lint', path.join('file', 'a.slurm')], /a part of its path is a file/],
    [['generate', '--network', 'embedded:fashion-mnist', '--outdir', 'file/x', '--seeds', '0'], /file\/x/],
    [['fid', 'ref', '--data', 'none', '--dest', 'r.npz', '--detector', 'embedded:fashion-mnist'], /none/],
  ] as const) {
    const { status, stderr } = cli(root, ...args);
    assert.equal(status, 2, `${args.join(' ')}: ${stderr}`);
    isOneError(stderr, what);
  }
});

test('a folder whose name ends in a space', () => {
  const root = path.join(temporaryFolder(), 'runs of ');
  mkdirSync(root);
  git(root, 'init', '--quiet');
  writeFileSync(path.join(root, 'a.edm.yaml'), SMALL_CONFIG);
  git(root, 'add', '--all');
  git(root, 'commit', '--quiet', '--message', 'one');
  const { status, stderr } = cli(root, 'run', 'a.edm.yaml');
  assert.equal(status, 0, stderr);
  assert.equal(historyOf(root)[0]?.code.dirty, false);
});
