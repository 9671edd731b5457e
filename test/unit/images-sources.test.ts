/** Which files of a folder, zip or `.npz` are images of the set, and what is made of those that are not plain. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { zipSync, type Zippable } from 'fflate';
import { UserError } from '../../server/errors';
import { convertImage } from '../../server/images/conversion';
import { decodeImage } from '../../server/images/image-file';
import { ImageSet } from '../../server/images/image-set';
import { encodePng } from '../../server/images/png';
import { formatNpy } from '../../server/numpy/npy';
import { readNpz } from '../../server/numpy/npz';
import { temporaryFolder } from '../server/workspace';

const kinds = join(__dirname, '../fixtures/fid/images/convert');

const picture = (value: number, side = 4, channels = 3): Buffer =>
  encodePng({ width: side, height: side, channels, pixels: new Uint8Array(side * side * channels).fill(value) });

const MANIFEST = JSON.stringify({
  version: 1,
  name: 'a',
  status: 'done',
  started: '',
  config: {},
  code: {},
  seeds: '0-1',
});

/** The same files as a folder and as a zip. */
async function bothWays(files: Record<string, Buffer | string>): Promise<[folder: string, zip: string]> {
  const base = temporaryFolder();
  const entries: Zippable = {};
  for (const [name, content] of Object.entries(files)) {
    const path = join(base, 'set', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    entries[name] = Buffer.from(content);
  }
  const zip = join(base, 'set.zip');
  await writeFile(zip, zipSync(entries));
  return [join(base, 'set'), zip];
}

async function namesOf(path: string): Promise<{ names: string[]; notes: readonly string[] }> {
  const set = await ImageSet.open(path);
  set.close();
  return { names: set.names, notes: set.notes };
}

test("a run's images are measured, and not its grid, whatever the folder is called and however many runs there are", async () => {
  const images = { 'images/000000.png': picture(1), 'images/000001.png': picture(2) };
  const cases: [files: Record<string, Buffer | string>, left: string][] = [
    [{ ...images, 'run.json': MANIFEST, 'grid.png': picture(9) }, 'grid.png'],
    [{ ...images, 'images/generation.json': '{"steps": 18}', 'a-grid.png': picture(9) }, 'a-grid.png'],
  ];
  for (const [files, left] of cases) {
    for (const path of await bothWays(files)) {
      const { names, notes } = await namesOf(path);
      assert.deepEqual(names, Object.keys(images));
      assert.match(notes.join(), new RegExp(`is a run or has some: its images were taken.*\\(${left}\\)$`));
    }
  }
  const prefixed = (name: string) => Object.fromEntries(Object.entries(cases[0][0]).map(([key, value]) => [`${name}/${key}`, value])); // prettier-ignore
  for (const path of await bothWays({ ...prefixed('x'), ...prefixed('y'), 'z/other.png': picture(3) })) {
    const { names } = await namesOf(path);
    assert.deepEqual(names, ['x/images/000000.png', 'x/images/000001.png', 'y/images/000000.png', 'y/images/000001.png', 'z/other.png']); // prettier-ignore
  }
});

test('a folder that only looks like a run keeps all of its images', async () => {
  const images = { 'images/0.png': picture(1), 'images/1.png': picture(2), 'cover.png': picture(3) };
  for (const manifest of ['{"lr": 0.1}', 'not JSON', '[]']) {
    for (const path of await bothWays({ ...images, 'run.json': manifest })) {
      assert.deepEqual((await namesOf(path)).names, ['cover.png', 'images/0.png', 'images/1.png']);
    }
  }
  for (const path of await bothWays({ 'a.png': picture(1), 'b.png': picture(2), 'run.json': MANIFEST })) {
    assert.deepEqual(await namesOf(path), { names: ['a.png', 'b.png'], notes: [] });
  }
});

test('what macOS, Jupyter and others leave is left out, and it is said', async () => {
  const files = {
    'a/0.png': picture(1),
    'a/1.png': picture(2),
    '__MACOSX/a/._0.png': 'resource fork',
    'a/._1.png': 'resource fork',
    'a/.DS_Store': 'Bud1',
    'a/.ipynb_checkpoints/1-checkpoint.png': picture(2),
    '@eaDir/0.png/thumb.jpg': picture(2),
  };
  for (const path of await bothWays(files)) {
    const { names, notes } = await namesOf(path);
    assert.deepEqual(names, ['a/0.png', 'a/1.png']);
    assert.equal(notes.length, 3);
    assert.match(notes[0], /macOS's and no images: .*(__MACOSX|\._1\.png|DS_Store)/);
    assert.match(notes[1], /Jupyter's and no images: a\/\.ipynb_checkpoints/);
  }
});

test('an empty file is called empty before anything is read', async () => {
  for (const path of await bothWays({ 'a.png': picture(1), 'b.png': '', 'c.png': picture(1) }))
    await assert.rejects(ImageSet.open(path), /b\.png is empty \(0 bytes\): make it again or remove it$/);
});

test('arr_0 of a .npz is a set of images, stored or compressed, of which a subset is read', async () => {
  const folder = temporaryFolder();
  const [n, height, width] = [30, 3, 5];
  const data = Uint8Array.from({ length: n * height * width * 3 }, (_, i) => (i * 7) % 251);
  const digests = [];
  for (const level of [0, 6] as const) {
    const path = join(folder, `samples-${level}.npz`);
    const labels = formatNpy({ dtype: 'int64', shape: [n], data: new BigInt64Array(n) });
    const array = formatNpy({ dtype: 'uint8', shape: [n, height, width, 3], data });
    await writeFile(path, zipSync({ 'arr_0.npy': [array, { level }], 'arr_1.npy': [labels, { level }] }));
    const set = await ImageSet.open(path, { num: 8, seed: 1 });
    const rows = set.names.map((name) => Number(name.slice('arr_0/'.length)));
    assert.equal(rows.length, 8);
    let at = 0;
    for await (const batch of set.batches(3, 3)) {
      assert.deepEqual([batch.height, batch.width], [height, width]);
      for (let i = 0; i < batch.n; i++, at++)
        for (let c = 0; c < 3; c++)
          for (let k = 0; k < height * width; k++)
            assert.equal(batch.data[(i * 3 + c) * height * width + k], data[(rows[at] * height * width + k) * 3 + c]);
    }
    digests.push(await set.digest());
    set.close();
  }
  assert.equal(digests[0], digests[1]);
  const wrong = join(folder, 'wrong.npz');
  await writeFile(
    wrong,
    zipSync({ 'arr_0.npy': formatNpy({ dtype: 'float32', shape: [2, 2], data: new Float32Array(4) }) }),
  );
  await assert.rejects(ImageSet.open(wrong), /arr_0 is float32 \(2, 2\): images are uint8/);
  await writeFile(wrong, zipSync({ 'mu.npy': formatNpy({ dtype: 'float32', shape: [4], data: new Float32Array(4) }) }));
  await assert.rejects(ImageSet.open(wrong), /has no images: expected an array arr_0, it has mu/);
});

test('palettes, alpha, WebP and BMP are refused by name; with convert they are what Pillow makes of them', async () => {
  const truth = await readNpz(join(kinds, 'pillow.npz'));
  const names = (await readdir(kinds)).filter((name) => name !== 'pillow.npz');
  assert.deepEqual(new Set(names), new Set(truth.keys()));
  for (const name of names) {
    const bytes = await readFile(join(kinds, name));
    assert.throws(() => decodeImage(bytes, name), (error) => error instanceof UserError && /--convert/.test(error.message)); // prettier-ignore
    const { image, from } = convertImage(bytes, name);
    assert.match(from ?? '', /^(WebP|BMP|PNG (with a palette|with alpha|of fewer than 8 bits))$/);
    const rgb = Uint8Array.from({ length: 20 * 20 * 3 }, (_, i) => image.channels === 3 ? image.pixels[i] : image.pixels[Math.floor(i / 3)]); // prettier-ignore
    assert.deepEqual(rgb, truth.get(name)?.data, name);
    for (const length of [1, 20, 60, bytes.length - 30]) {
      assert.throws(() => convertImage(bytes.subarray(0, length), name), UserError, `${name} of ${length} bytes`);
    }
  }
  assert.equal(convertImage(picture(3), 'plain.png').from, undefined);
});

test('a set with convert holds gray and colour together, and counts what was converted', async () => {
  const folder = temporaryFolder();
  for (const name of ['rgba.png', 'lossy.webp', 'la.png', 'rgb.bmp']) await cp(join(kinds, name), join(folder, name));
  await writeFile(join(folder, 'plain.png'), picture(200, 20, 1));
  await assert.rejects(async () => {
    for await (const batch of (await ImageSet.open(folder)).batches(9, 3)) assert.ok(batch);
  }, /la\.png: the PNG is 8-bit grayscale with alpha: .*--convert$/);
  const set = await ImageSet.open(folder, { convert: true });
  for await (const batch of set.batches(9, 3)) assert.deepEqual([batch.n, batch.channels], [5, 3]);
  assert.deepEqual(Object.fromEntries(set.converted), { 'PNG with alpha': 2, WebP: 1, BMP: 1 });
});
