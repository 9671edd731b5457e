/** Files made to hurt: every reader refuses them in one line, in no time and little memory. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { UserError } from '../../server/errors';
import { fileDigest } from '../../server/file-digest';
import { decodeImage } from '../../server/images/image-file';
import { networkFacts } from '../../server/models/network-facts';
import { readNpy, readNpz } from '../../server/numpy/npz';
import { readRegularFile } from '../../server/regular-file';
import { NetworkReader, NotCheckedError } from '../../server/runs/network-reader';
import { sampleDetails } from '../../server/runs/samples';
import { collidingMemo } from './colliding-memo';
import { emptyPng, HOSTILE_FILES } from './hostile-files';
import { fixture, inScratch, scratch } from './network-fixtures';

/** What a check may cost, with the time and memory that the test's own loader takes. */
const SECONDS = 2;
const MEGABYTES = 300;

interface Outcome {
  said: string;
  /** Of the processor: the machine may be shared. */
  seconds: number;
  megabytes: number;
}

test('hostile networks are refused within 2 s and 300 MB', async (t) => {
  const files = HOSTILE_FILES.map(({ suffix, bytes }, index) => {
    const file = inScratch(`hostile${index}${suffix}`);
    writeFileSync(file, bytes());
    return file;
  });
  const reader = path.join(__dirname, 'hostile-reader.ts');
  const args = ['--expose-gc', '--import', 'tsx', reader, ...files];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  const outcomes = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Outcome);
  assert.equal(outcomes.length, files.length, stderr);
  for (const [index, { name, says }] of HOSTILE_FILES.entries()) {
    await t.test(name, () => {
      const { said, seconds } = outcomes[index];
      assert.match(said, says);
      assert.ok(said.includes(files[index]) && !/[\n\r]/.test(said) && said.length < 1000, said);
      assert.ok(seconds < SECONDS, `${seconds} s`);
    });
  }
  const { megabytes } = outcomes.at(-1)!;
  assert.ok(megabytes < MEGABYTES, `${megabytes} MB for all of them together`);
});

test('only regular files are read, by every reader', { skip: process.platform === 'win32' }, async () => {
  const folder = inScratch('odd');
  mkdirSync(path.join(folder, 'folder.npz'), { recursive: true });
  execFileSync(
    'mkfifo',
    ['pipe.npz', 'pipe.png'].map((name) => path.join(folder, name)),
  );
  symlinkSync('/dev/zero', path.join(folder, 'zero.npz'));
  const socket = createServer();
  await new Promise<void>((resolve) => socket.listen(path.join(folder, 'socket.npz'), resolve));
  try {
    for (const [name, kind] of [
      ['folder.npz', 'a folder'],
      ['pipe.npz', 'a pipe (FIFO)'],
      ['zero.npz', 'a device'],
      ['socket.npz', 'a socket'],
    ] as const) {
      const file = path.join(folder, name);
      for (const read of [networkFacts, readNpz, readNpy, readRegularFile, fileDigest]) {
        await assert.rejects(read(file), (error) => {
          assert.ok(error instanceof UserError, String(error));
          assert.equal(error.message, `${file} is not a file but ${kind}: give a regular file`);
          return true;
        });
      }
    }
    const [details] = await sampleDetails(folder, ['pipe.png']);
    assert.match(details?.problem ?? '', /is not a file but a pipe/);
  } finally {
    socket.close();
  }
});

test('a PNG that claims more than it can hold is refused at once', async () => {
  const claims: [name: string, bytes: Buffer, says: RegExp][] = [
    ['rows.png', emptyPng(5, 11_600_000), /claims 5 x 11600000 pixels, which cannot be in a file of 357 bytes/],
    ['interlaced.png', emptyPng(5, 11_600_000, 1), /cannot be in a file of 357 bytes/],
    ['huge.png', emptyPng(2 ** 31 - 1, 2 ** 31 - 1), /at most 67108864 are read/],
    ['cut.png', emptyPng(5, 5).subarray(0, 40), /damaged or cut off/],
  ];
  for (const [name, bytes, says] of claims) {
    const started = performance.now();
    assert.throws(
      () => decodeImage(bytes, name),
      (error) => error instanceof UserError && says.test(error.message),
    );
    assert.ok(performance.now() - started < 100, name);
  }
  writeFileSync(inScratch('rows.png'), emptyPng(5, 11_600_000));
  const [details] = await sampleDetails(scratch, ['rows.png']);
  assert.match(details?.problem ?? '', /claims 5 x 11600000 pixels/);
});

test('an interlaced PNG does not inflate beyond its pixels', () => {
  const bytes = emptyPng(8, 8, 1, deflateSync(Buffer.alloc(2e8)));
  const before = process.memoryUsage().rss;
  assert.throws(() => decodeImage(bytes, 'bomb.png'), /damaged or cut off/);
  assert.ok(process.memoryUsage().rss - before < 100e6);
});

test('a JPEG that claims more than it can hold is refused at once', () => {
  const frame = Buffer.from('ffd8ffc00011080fff0fff03011100021100031100ffda000c03010002000300003f00ffd9', 'hex');
  assert.throws(() => decodeImage(frame, 'a.jpg'), /claims 4095 x 4095 pixels, which cannot be in a file of \d+ bytes/);
});

test("an array's header is read in no time", async () => {
  const header = (dict: string, claimed = dict.length): Buffer => {
    const bytes = Buffer.from(`\x93NUMPY\x02\x00\0\0\0\0${dict}`, 'latin1');
    bytes.writeUInt32LE(claimed, 8);
    return bytes;
  };
  const shape = (text: string): string => `{'descr': '<f8', 'fortran_order': False, 'shape': (${text}), }`;
  const cases: [dict: Buffer, says: RegExp][] = [
    [header(shape(`${'1'.repeat(60)}x`)), /not a plain numeric array/],
    [header(shape(`${'1 '.repeat(60)}x`)), /not a plain numeric array/],
    [header(shape('1,'.repeat(100))), /claims 100 dimensions/],
    [header(shape(' '.repeat(20_000))), /its header claims 20\d+ bytes/],
    [header('', 0xffffffff), /cut off inside its header/],
    [header(shape(`${'9'.repeat(400)}, 0`)), /damaged or cut off/],
  ];
  for (const [bytes, says] of cases) {
    const file = inScratch('header.npy');
    writeFileSync(file, bytes);
    const started = performance.now();
    await assert.rejects(readNpy(file), says);
    assert.ok(performance.now() - started < 500);
  }
});

test('a file that takes too long costs the reader its life, and nothing else', async () => {
  // Found by no budget: each operation is cheap until all keys of the memo fall into one bucket of V8's table.
  const file = inScratch('collisions.pkl');
  writeFileSync(file, collidingMemo(90_000));
  const reader = new NetworkReader({ time: 1000, memory: 300e6 });
  await assert.rejects(reader.read(file), (error) => {
    assert.ok(error instanceof NotCheckedError, String(error));
    assert.equal(error.message, `${file} took more than 1 s to read: not checked`);
    return true;
  });
  assert.deepEqual(await reader.read(fixture('skip-u-r16.pkl')), { labelDim: 0 });
  reader.end();
});

test('a file that takes too much memory costs the reader its life, and nothing else', async () => {
  // Within the budgets, so that only the watch over the whole process is left. The test's own loader takes 100 MB.
  const file = inScratch('growing.pkl');
  writeFileSync(
    file,
    Buffer.concat([Buffer.from('\x80\x02', 'latin1'), Buffer.from('}'.repeat(450_000)), Buffer.from('.')]),
  );
  const reader = new NetworkReader({ time: 20_000, memory: 130e6 });
  await assert.rejects(reader.read(file), (error) => {
    assert.ok(error instanceof NotCheckedError, String(error));
    assert.equal(error.message, `${file} took more than 130 MB of memory to read: not checked`);
    return true;
  });
  assert.deepEqual(await reader.read(fixture('skip-u-r16.pkl')), { labelDim: 0 });
  reader.end();
});
