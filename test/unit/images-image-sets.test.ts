import { test } from 'node:test';
import assert from 'node:assert/strict';
import { copyFile, cp, mkdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync, type Zippable } from 'fflate';
import { PNG } from 'pngjs';
import { CancelledError, UserError } from '../../server/errors';
import { decodeImage } from '../../server/images/image-file';
import { ImageSet } from '../../server/images/image-set';
import { readNpy, readNpz } from '../../server/numpy/npz';
import { subsetIndices } from '../../server/numpy/numpy-random';
import { temporaryFolder } from '../server/workspace';

const fixtures = join(__dirname, '../fixtures/fid');
const pictures = join(fixtures, 'images');
const run = join(pictures, 'run');

/** A PNG of the given colour type (0 gray, 2 RGB, 4 gray + alpha, 6 RGBA) and depth, all samples alike. */
function png(colorType: 0 | 2 | 4 | 6, bitDepth: 8 | 16 = 8, side = 4): Buffer {
  const image = new PNG({ width: side, height: side, colorType, bitDepth, inputColorType: 6 });
  image.data.fill(200);
  return PNG.sync.write(image, { colorType, bitDepth });
}

/** A copy of a PNG with another IHDR and a right checksum, so that only the claim is wrong. */
function withHeader(bytes: Buffer, change: (header: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  change(copy.subarray(16, 29));
  // pngjs checks chunk sums with the same CRC-32 as zip.
  const crc = crc32(copy.subarray(12, 29));
  copy.writeUInt32BE(crc, 29);
  return copy;
}

function crc32(bytes: Uint8Array): number {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

async function firstBatch(path: string, channels: 1 | 3 = 3) {
  const set = await ImageSet.open(path);
  try {
    for await (const batch of set.batches(100, channels)) return batch;
    throw new Error('no batch');
  } finally {
    set.close();
  }
}

test("subsets equal numpy's seeded shuffle", () => {
  const cases = JSON.parse(readFileSync(join(fixtures, 'numpy_subset.json'), 'utf8')) as {
    n: number;
    num: number;
    seed: number;
    idx: number[];
  }[];
  assert.ok(cases.length >= 6);
  for (const { n, num, seed, idx } of cases) assert.deepEqual(subsetIndices(n, num, seed), idx);
  assert.deepEqual(subsetIndices(3, 3, 5), [0, 1, 2]);
});

test('PNG pixels equal the arrays they were made from', async () => {
  for (const name of ['scene_32', 'ring_28_gray']) {
    const image = decodeImage(await readFile(join(pictures, `${name}.png`)), name);
    const { data, shape } = await readNpy(join(pictures, `${name}.npy`));
    const [height, width] = shape;
    assert.deepEqual([image.height, image.width], [height, width]);
    assert.deepEqual(image.pixels, data);
  }
  assert.equal(decodeImage(await readFile(join(pictures, 'ring_28_gray.png')), '').channels, 1);
});

test('JPEG pixels are those of libjpeg-turbo (Pillow), to the bit', async () => {
  const expected = await readNpz(join(pictures, 'jpeg_pillow.npz'));
  assert.ok(expected.size >= 9);
  for (const [name, truth] of expected) {
    const image = decodeImage(await readFile(join(pictures, `${name}.jpg`)), name);
    assert.deepEqual([image.height, image.width], truth.shape.slice(0, 2));
    assert.equal(image.channels, name === 'gray' ? 1 : 3);
    assert.deepEqual(image.pixels, truth.data, name);
  }
});

test('a damaged JPEG is refused, and the next one is read', async () => {
  const jpeg = await readFile(join(pictures, 'rgb420.jpg'));
  const before = decodeImage(jpeg, 'a.jpg').pixels;
  const damaged = jpeg.map((byte, at) => (at > jpeg.length - 200 && at < jpeg.length - 150 ? byte ^ 0x5a : byte));
  for (const bytes of [
    Buffer.from(damaged),
    Buffer.concat([jpeg.subarray(0, jpeg.length - 200), Buffer.of(0xff, 0xd9)]),
  ])
    assert.throws(
      () => decodeImage(bytes, 'b.jpg'),
      /^UserError: b\.jpg: the JPEG is damaged or cut off \(libjpeg-turbo/,
    );
  assert.deepEqual(decodeImage(jpeg, 'a.jpg').pixels, before);
});

test('files that fid.py could not have measured as we would are refused by name', async () => {
  const good = png(2);
  const palette = withHeader(good, (header) => (header[9] = 3));
  const huge = withHeader(good, (header) => {
    header.writeUInt32BE(100_000, 0);
    header.writeUInt32BE(100_000, 4);
  });
  const jpeg = await readFile(join(pictures, 'rgb444.jpg'));
  const flipped = Buffer.from(good);
  flipped[45] ^= 0xff;
  const cases: [string, Buffer, RegExp][] = [
    ['rgba.png', png(6), /^rgba\.png: the PNG is 8-bit RGB with alpha \(RGBA\): save it as/],
    ['graya.png', png(4), /8-bit grayscale with alpha/],
    ['deep.png', png(2, 16), /16-bit RGB: save/],
    ['palette.png', palette, /8-bit palette: save/],
    ['cut.png', good.subarray(0, good.length - 20), /^cut\.png: the PNG is damaged or cut off/],
    ['stub.png', good.subarray(0, 20), /the PNG is cut off/],
    ['flip.png', flipped, /the PNG is damaged or cut off/],
    ['huge.png', huge, /claims 100000 x 100000 pixels/],
    ['cmyk.jpg', await readFile(join(pictures, 'cmyk.jpg')), /8-bit CMYK: save it as/],
    ['cut.jpg', jpeg.subarray(0, jpeg.length - 300), /the JPEG is cut off/],
    ['stub.jpg', jpeg.subarray(0, 30), /the JPEG is cut off before its image/],
    ['text.png', Buffer.from('hello'), /^text\.png is neither PNG nor JPEG: convert/],
    ['empty.png', Buffer.alloc(0), /^empty\.png is empty \(0 bytes\)/],
  ];
  for (const [name, bytes, message] of cases) {
    assert.throws(
      () => decodeImage(bytes, name),
      (error) => {
        assert.ok(error instanceof UserError, name);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      },
    );
  }
});

test('a folder: recursive, by extension, by code point; links to folders not followed', async () => {
  const folder = temporaryFolder();
  const names = ['a-b.png', 'a/z.PNG', 'a/b.png', 'Z.png', '\u{10000}.png', '\uff61.png', 'b.jpeg'];
  await mkdir(join(folder, 'a'));
  for (const name of names) await writeFile(join(folder, name), png(2));
  await writeFile(join(folder, 'generation.json'), '{}');
  await writeFile(join(folder, 'noextension'), '');
  await symlink(join(folder, 'a'), join(folder, 'linked'));
  await symlink(join(folder, 'a/b.png'), join(folder, 'c.png'));
  await symlink(join(folder, 'nowhere'), join(folder, 'broken.txt'));
  // sorted(names) in Python, which compares code points: '-' < '/', U+FF61 < U+10000.
  const sorted = ['Z.png', 'a-b.png', 'a/b.png', 'a/z.PNG', 'b.jpeg', 'c.png', '\uff61.png', '\u{10000}.png'];
  assert.deepEqual((await ImageSet.open(folder)).names, sorted);
  await symlink(join(folder, 'nowhere'), join(folder, 'broken.png'));
  await assert.rejects(ImageSet.open(folder), /Cannot read .*broken\.png/);
});

test('a zip holds the same images as its folder', async () => {
  const folder = temporaryFolder();
  const set = await ImageSet.open(run);
  const files: Zippable = { 'dataset.json': Buffer.from('{}') };
  for (const name of [...set.names].reverse()) files[name] = await readFile(join(run, name));
  const path = join(folder, 'run.zip');
  await writeFile(path, zipSync(files));
  const zip = await ImageSet.open(path);
  assert.deepEqual(zip.names, set.names);
  zip.close();
  assert.deepEqual(await firstBatch(path), await firstBatch(run));
});

test('zip slip and a zip of damaged images are refused by name', async () => {
  const folder = temporaryFolder();
  const slip = join(folder, 'slip.zip');
  await writeFile(slip, zipSync({ '../a.png': png(2), 'b.png': png(2) }));
  await assert.rejects(ImageSet.open(slip), /slip\.zip as a zip archive: invalid relative path/);
  const bomb = join(folder, 'bomb.zip');
  const archive = Buffer.from(zipSync({ 'a.png': new Uint8Array(1000), 'b.png': png(2) }));
  // The unpacked size in the first record of the central directory.
  archive.writeUInt32LE(2 ** 28 + 1, archive.indexOf('PK\x01\x02') + 24);
  await writeFile(bomb, archive);
  await assert.rejects(firstBatch(bomb), /bomb\.zip.a\.png has 268435457 bytes; at most/);
  archive.writeUInt32LE(999, archive.indexOf('PK\x01\x02') + 24);
  await writeFile(bomb, archive);
  await assert.rejects(firstBatch(bomb), /bomb\.zip: a\.png is damaged: too many bytes/);
  const cut = join(folder, 'cut.zip');
  await writeFile(cut, zipSync({ 'a.png': png(2), 'b.png': png(2).subarray(0, 50) }));
  await assert.rejects(firstBatch(cut), /cut\.zip.b\.png: the PNG is damaged or cut off/);
});

test('batches are planes, grayscale repeated for a detector of 3 channels', async () => {
  const set = await ImageSet.open(run);
  const sizes: number[] = [];
  for await (const batch of set.batches(7, 3)) {
    sizes.push(batch.n);
    assert.deepEqual([batch.channels, batch.height, batch.width], [3, 32, 32]);
    assert.equal(batch.data.length, batch.n * 3 * 32 * 32);
  }
  assert.deepEqual(sizes, [7, 7, 2]);
  const { data } = await firstBatch(run);
  const { pixels } = decodeImage(await readFile(join(run, set.names[1])), '');
  for (let k = 0; k < 32 * 32; k++) {
    for (let c = 0; c < 3; c++) assert.equal(data[(3 + c) * 32 * 32 + k], pixels[k * 3 + c]);
  }
  const folder = temporaryFolder();
  for (const name of ['a.png', 'b.png']) await copyFile(join(pictures, 'ring_28_gray.png'), join(folder, name));
  const [one, three] = [await firstBatch(folder, 1), await firstBatch(folder, 3)];
  assert.deepEqual([one.channels, three.channels], [1, 3]);
  const plane = one.data.subarray(0, 28 * 28);
  assert.ok(new Set(plane).size > 2, 'the picture is not blank');
  for (let c = 0; c < 3; c++) assert.deepEqual(three.data.subarray(c * 28 * 28, (c + 1) * 28 * 28), plane);
});

test('other shapes, and colour for a grayscale detector, are refused by name', async () => {
  const folder = temporaryFolder();
  await writeFile(join(folder, 'a.png'), png(2));
  await writeFile(join(folder, 'b.png'), png(2, 8, 5));
  await assert.rejects(firstBatch(folder), /b\.png is 5 x 5 RGB where the first, a\.png, is 4 x 4 RGB/);
  await writeFile(join(folder, 'b.png'), png(0));
  await assert.rejects(firstBatch(folder), /b\.png is 4 x 4 grayscale where/);
  await assert.rejects(firstBatch(folder, 1), /a\.png is in colour, but the detector takes grayscale/);
  await writeFile(join(folder, 'b.bmp'), Buffer.from('BM'));
  await rm(join(folder, 'b.png'));
  await assert.rejects(firstBatch(folder), /b\.bmp is BMP, neither PNG nor JPEG: .*--convert/);
});

test('too few images: the words and the exit code of fid.py', async () => {
  const folder = temporaryFolder();
  const fails = async (options: { num?: number }, message: string) =>
    assert.rejects(ImageSet.open(folder, options), (error) => {
      assert.ok(error instanceof UserError);
      assert.deepEqual([error.message, error.exitCode], [message, 1]);
      return true;
    });
  await fails({}, `No image files found in ${folder}`);
  await writeFile(join(folder, 'a.png'), png(2));
  await fails({}, `Found 1 images, but need at least 2 to compute statistics: ${folder}`);
  await fails({ num: 50 }, `Found 1 images, but expected at least 50: ${folder}`);
  await assert.rejects(ImageSet.open(join(folder, 'absent')), /Cannot read images from .*absent: ENOENT/);
  await assert.rejects(ImageSet.open(join(folder, 'a.png')), /neither a folder of images nor a \.zip or \.npz/);
});

test('the digest changes with the bytes and the subset; nothing else', async () => {
  const folder = temporaryFolder();
  await cp(run, folder, { recursive: true, preserveTimestamps: true });
  const digest = async (options = {}) => (await ImageSet.open(folder, options)).digest();
  const first = await digest();
  assert.equal(await digest(), first);
  assert.equal(await digest({ num: 16 }), first);
  assert.notEqual(await digest({ num: 8 }), first);
  assert.notEqual(await digest({ num: 8, seed: 1 }), await digest({ num: 8 }));
  await writeFile(join(folder, 'notes.txt'), 'x');
  assert.equal(await digest(), first);
  const image = join(folder, 'default/000000.png');
  await utimes(image, 1, 1);
  assert.equal(await digest(), first);
  await writeFile(image, await readFile(join(folder, 'default/000001.png')));
  await utimes(image, 1, 1);
  assert.notEqual(await digest(), first);
});

test('cancelling stops between two images', async () => {
  const controller = new AbortController();
  const set = await ImageSet.open(run);
  await assert.rejects(async () => {
    for await (const batch of set.batches(2, 3, controller.signal)) {
      assert.equal(batch.n, 2);
      controller.abort();
    }
  }, CancelledError);
});
