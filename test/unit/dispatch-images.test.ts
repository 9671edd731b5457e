/** Images from a cluster: whatever its archive has, only images of the run arrive, as plain files inside the repository. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Cluster } from '../../server/cluster/cluster';
import { LocalHost } from '../../server/cluster/local-host';
import { archivedFiles, Refusals } from '../../server/dispatch/image-archive';
import { Ledger } from '../../server/dispatch/ledger';
import { pullImages } from '../../server/dispatch/pull';
import { encodePng } from '../../server/images/png';
import type { Dispatch } from '../../server/shared/schema-types.gen';
import { repository, temporaryFolder } from '../server/workspace';

const png = (value: number): Buffer =>
  encodePng({ width: 2, height: 2, channels: 3, pixels: new Uint8Array(12).fill(value) });

interface Entry {
  name: string;
  bytes?: Buffer;
  type?: string;
  link?: string;
  mode?: number;
  size?: number;
}

/** A tar archive as a program would write it that wants to do harm. */
function tar(...entries: Entry[]): Buffer {
  const blocks = entries.flatMap(({ name, bytes = Buffer.alloc(0), type = '0', link = '', mode = 0o644, size }) => {
    const header = Buffer.alloc(512);
    header.write(name, 0, 100);
    header.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
    header.write('0000000\0' + '0000000\0', 108);
    header.write(`${(size ?? bytes.length).toString(8).padStart(11, '0')}\0`, 124);
    header.write('00000000000\0', 136);
    header.write(type, 156);
    header.write(link, 157, 100);
    header.write('ustar\0' + '00', 257);
    header.write('        ', 148);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

async function read(archive: Buffer, largest = 1 << 20, piece = 700): Promise<{ names: string[]; said: string }> {
  const pieces = Array.from({ length: Math.ceil(archive.length / piece) }, (_, i) =>
    archive.subarray(i * piece, (i + 1) * piece),
  );
  const refused = new Refusals();
  const names: string[] = [];
  // eslint-disable-next-line @typescript-eslint/require-await
  const source = (async function* () {
    yield* pieces;
  })();
  const isWanted = (name: string): boolean => /^images\/\d{6}\.png$/.test(name);
  for await (const { name } of archivedFiles(source, isWanted, largest, refused)) names.push(name);
  return { names, said: refused.text('x.tar') ?? '' };
}

test('archives of real programs, in every format and in pieces of any size', async () => {
  const folder = temporaryFolder();
  mkdirSync(path.join(folder, 'images'));
  for (const at of [0, 1, 2]) writeFileSync(path.join(folder, 'images', `00000${at}.png`), png(at));
  for (const format of ['gnu', 'ustar', 'pax', 'v7', 'oldgnu']) {
    execFileSync('tar', ['-C', folder, `--format=${format}`, '-cf', path.join(folder, 'x.tar'), 'images']);
    const archive = readFileSync(path.join(folder, 'x.tar'));
    for (const piece of [1, 512, 700, 1 << 20]) {
      const { names, said } = await read(archive, undefined, piece);
      assert.deepEqual(names.sort(), ['images/000000.png', 'images/000001.png', 'images/000002.png'], format);
      assert.equal(said, '', format);
    }
  }
});

test('everything else is left out and named, and what is cut short is no archive', async () => {
  const one = png(1);
  const good = { name: 'images/000000.png', bytes: one };
  const refusals: [why: RegExp, entry: Entry][] = [
    [/not asked for/, { name: '.git/config', bytes: one }],
    [/not asked for/, { name: '../images/000001.png', bytes: one }],
    [/not asked for/, { name: '/images/000001.png', bytes: one }],
    [/not asked for/, { name: 'images/../images/000001.png', bytes: one }],
    [/not asked for/, { name: 'images/000001.png/x', bytes: one }],
    [/not asked for/, { name: 'tool.sh', bytes: one, mode: 0o4755 }],
    [/a link/, { name: 'images/000001.png', type: '2', link: '/etc/passwd' }],
    [/a link/, { name: 'images/000001.png', type: '1', link: 'images/000000.png' }],
    [/a device/, { name: 'images/000001.png', type: '3' }],
    [/a device/, { name: 'images/000001.png', type: '4' }],
    [/a pipe/, { name: 'images/000001.png', type: '6' }],
    [/not known/, { name: 'images/000001.png', type: 'V' }],
    [/there twice/, good],
    [/1024 bytes/, { name: 'images/000001.png', bytes: Buffer.alloc(1024) }],
  ];
  for (const [why, entry] of refusals) {
    const { names, said } = await read(tar(good, entry, { name: 'images/000002.png', bytes: one }), 1000);
    assert.deepEqual(names, ['images/000000.png', 'images/000002.png'], JSON.stringify(entry));
    assert.match(said, why);
  }
  for (const key of ['path=images/000001.png', 'size=1', 'linkpath=/etc/passwd']) {
    const record = `${key.length + 4} ${key}\n`;
    const { names, said } = await read(tar({ name: 'x', type: 'x', bytes: Buffer.from(record) }, { ...good, name: 'images/000003.png' }, good)); // prettier-ignore
    assert.deepEqual(names, ['images/000000.png'], key);
    assert.match(said, /an extended header changes what it is/);
  }
  const whole = tar(good, { name: 'images/000001.png', bytes: one });
  for (const length of [1, 511, 512, 600, 1100]) await assert.rejects(read(whole.subarray(0, length)), /not a whole tar archive/); // prettier-ignore
  await assert.rejects(read(Buffer.alloc(2048, 7)), /not a whole tar archive/);
  await assert.rejects(read(tar({ name: 'x', type: 'g', size: 1 << 30 })), /extended header of \d+ bytes/);
  await assert.rejects(read(tar({ ...good, size: 1 << 19 })), /it ends too early/);
});

/** A run of three images that has ended, on a cluster that is this machine. */
function ended(more: Partial<Dispatch> = {}): { ledger: Ledger; cluster: Cluster; dispatch: Dispatch; remote: string } {
  const root = repository({ 'a.edm.yaml': 'network: x\n' });
  const work = temporaryFolder();
  const host = new LocalHost();
  const cluster = {
    profile: { name: 'here', local: true },
    host,
    files: host.files,
    user: 'u',
    home: work,
  } as unknown as Cluster;
  const remote = path.join(work, 'tree', 'runs', 'r');
  mkdirSync(path.join(remote, 'images'), { recursive: true });
  mkdirSync(path.join(root, 'runs', 'r', 'images'), { recursive: true });
  const dispatch: Dispatch = {
    ...{
      version: 1,
      token: 'abcdefghijkmnpqr',
      cluster: 'here',
      engine: 'workbench',
      name: 'a',
      config_file: 'a.edm.yaml',
    },
    ...{ state: 'complete', created: '2026-11-01T00:00:00Z', checkout: '0'.repeat(40), fingerprint: 'f', seeds: '0-2' },
    code: {
      commit: '0'.repeat(40),
      short: '0000000',
      dirty: false,
      branch: 'm',
      subject: 's',
      author: 'a',
      date: '2026-11-01T00:00:00Z',
    },
    ...{
      images: 3,
      run: 'runs/r',
      folder: path.join(work, 'tree'),
      jobs: [],
      fetched: ['results'],
      notes: [],
      local: 'runs/r',
    },
    ...more,
  };
  return { ledger: new Ledger(root), cluster, dispatch, remote };
}

test('a hostile archive leaves a folder of images, and the run is still to be pulled', async () => {
  const { ledger, cluster, dispatch, remote } = ended();
  const victim = path.join(temporaryFolder(), 'victim');
  writeFileSync(victim, 'untouched');
  const local = path.join(ledger.root, 'runs', 'r');
  symlinkSync(victim, path.join(local, 'images', '000000.png'));
  writeFileSync(
    path.join(remote, 'images.tar'),
    tar(
      { name: 'images/000000.png', bytes: png(0), mode: 0o4777 },
      { name: 'run.json', bytes: Buffer.from('{}') },
      { name: '.git/config', bytes: Buffer.from('[core]\n fsmonitor = touch /tmp/FSM\n') },
      { name: 'tool.sh', bytes: Buffer.from('#!/bin/sh\n'), mode: 0o4755 },
      { name: 'images/000001.png', type: '2', link: '/etc/passwd' },
      { name: 'images/000002.png', bytes: Buffer.from('not an image') },
      { name: 'images/000007.png', bytes: png(7) },
      { name: 'images/generation.json', bytes: Buffer.from('not JSON') },
    ),
  );
  const gitConfig = readFileSync(path.join(ledger.root, '.git', 'config'), 'utf8');
  const pulled = await pullImages(ledger, cluster, dispatch);
  assert.deepEqual(readdirSync(path.join(local, 'images')), ['000000.png']);
  assert.deepEqual(readdirSync(local), ['images']);
  const image = path.join(local, 'images', '000000.png');
  assert.ok(lstatSync(image).isFile());
  assert.equal(statSync(image).mode & 0o7111, 0);
  assert.deepEqual(readFileSync(image), png(0));
  assert.equal(readFileSync(victim, 'utf8'), 'untouched');
  assert.equal(readFileSync(path.join(ledger.root, '.git', 'config'), 'utf8'), gitConfig);
  assert.match(
    pulled.notes.join(),
    /images\.tar of here has entries .*run\.json.*\.git\/config.*tool\.sh.*a link.*not a PNG.*not JSON/,
  );
  assert.deepEqual(pulled.fetched, ['results'], 'an image that was refused is still wanted');
  assert.ok(!existsSync(path.join(remote, 'images.tar')), 'it is packed anew next time');

  for (const at of [0, 1, 2]) writeFileSync(path.join(remote, 'images', `00000${at}.png`), png(at));
  writeFileSync(path.join(remote, 'images', 'generation.json'), '{"steps": 2}');
  const again = await pullImages(ledger, cluster, pulled);
  assert.deepEqual(readdirSync(path.join(local, 'images')), [
    '000000.png',
    '000001.png',
    '000002.png',
    'generation.json',
  ]);
  assert.deepEqual(again.fetched, ['results', 'images']);
});

test('a run folder that leads out of the repository: refused in one line, nothing written', async () => {
  const outside = temporaryFolder();
  const cases: [local: string, prepare: (root: string) => void, said: RegExp][] = [
    ['../outside', () => undefined, /is not a place inside/],
    [outside, () => undefined, /is not a place inside/],
    ['.', () => undefined, /is not a place inside/],
    ['runs/../../x', () => undefined, /is not a place inside/],
    ['.git/hooks', () => undefined, /is not a place for results/],
    ['runs/.GIT', () => undefined, /is not a place for results/],
    ['out', (root) => symlinkSync(outside, path.join(root, 'out')), /leads out of .* by a link/],
    ['out/deep/er', (root) => symlinkSync(outside, path.join(root, 'out')), /leads out of .* by a link/],
    ['out/x', (root) => symlinkSync('/nowhere/at/all', path.join(root, 'out')), /is a link to nothing/],
  ];
  for (const [local, prepare, said] of cases) {
    const { ledger, cluster, dispatch, remote } = ended({ local });
    prepare(ledger.root);
    writeFileSync(path.join(remote, 'images.tar'), tar({ name: 'images/000000.png', bytes: png(0) }));
    await assert.rejects(pullImages(ledger, cluster, dispatch), (error: Error) => said.test(error.message) && !error.message.includes('\n')); // prettier-ignore
    await ledger.save(dispatch);
    const { dispatches, problems } = await ledger.all();
    assert.deepEqual(dispatches, []);
    assert.match(problems.join(), said);
  }
  assert.deepEqual(readdirSync(outside), []);
  // The folder of images may be the link, too.
  const { ledger, cluster, dispatch, remote } = ended({ local: 'runs/q' });
  mkdirSync(path.join(ledger.root, 'runs', 'q'));
  symlinkSync(outside, path.join(ledger.root, 'runs', 'q', 'images'));
  writeFileSync(path.join(remote, 'images.tar'), tar({ name: 'images/000000.png', bytes: png(0) }));
  await assert.rejects(pullImages(ledger, cluster, dispatch), /leads out of .* by a link/);
  assert.deepEqual(readdirSync(outside), []);
});

test('what a committed dispatch says is checked before it reaches a command', async () => {
  const hostile: Partial<Record<keyof Dispatch, unknown>>[] = [
    { run: 'runs/x; touch PWNED' },
    { run: '../x' },
    { run: '-x' },
    { folder: 'relative' },
    { folder: '/home/u/../v' },
    { folder: '/home/u\n/v' },
    { token: '../../x' },
    { cluster: '../x' },
    { checkout: '--upload-pack=x' },
    { seeds: '$(x)' },
    { config_file: '../../.bashrc' },
    { config_file: '/etc/passwd' },
    { fix: '(a+)+' },
    { jobs: [{ role: 'generate', token: 'a', id: '-x' }] },
    { jobs: [{ role: 'generate', token: 'a', id: '1 2' }] },
    { jobs: [{ role: 'generate', token: '$(x)', id: '1' }] },
  ];
  for (const change of hostile) {
    const { ledger, dispatch } = ended();
    await ledger.save(dispatch);
    assert.equal((await ledger.all()).dispatches.length, 1);
    const file = path.join(ledger.root, '.edm-workbench', 'dispatches', 'abcdefghijkmnpqr.json');
    writeFileSync(file, JSON.stringify({ ...dispatch, ...change }));
    const { dispatches, problems } = await ledger.all();
    assert.deepEqual([dispatches.length, problems.length], [0, 1], JSON.stringify(change));
  }
});
