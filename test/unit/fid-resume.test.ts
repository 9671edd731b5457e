/** A measurement that was interrupted goes on; what would fail at its end fails at its start. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CancelledError, UserError } from '../../server/errors';
import type { Detector } from '../../server/fid/detector';
import { Journals } from '../../server/fid/feature-pass';
import { furtherLines } from '../../server/fid/further-metrics';
import { measure, reference } from '../../server/fid/measurement';
import { loadStatistics } from '../../server/fid/statistics';
import { encodePng } from '../../server/images/png';
import { temporaryFolder } from '../server/workspace';

const DIMENSION = 5;

/** Features that depend on the image alone; counts the images that it is given. */
function countingDetector(onImage: (seen: number) => void = () => undefined): Detector & { seen: number } {
  return {
    name: 'stub',
    sha256: 'cd'.repeat(32),
    dimension: DIMENSION,
    published: false,
    channels: 3,
    seen: 0,
    features(images, n, channels, height, width) {
      const size = channels * height * width;
      const features = new Float32Array(n * DIMENSION);
      for (let i = 0; i < n; i++) {
        onImage(++this.seen);
        for (let k = 0; k < DIMENSION; k++) features[i * DIMENSION + k] = images[i * size + k] / (k + 1);
      }
      return Promise.resolve(features);
    },
  };
}

function folderOf(count: number): string {
  const folder = temporaryFolder();
  for (let i = 0; i < count; i++) writeFileSync(join(folder, `${String(i).padStart(3, '0')}.png`), picture(i));
  return folder;
}

const picture = (seed: number, side = 4): Buffer =>
  encodePng({ width: side, height: side, channels: 3, pixels: Uint8Array.from({ length: side * side * 3 }, (_, k) => ((k + 7) * (seed + 3) * 37) % 256) }); // prettier-ignore

test('an interrupted measurement says what is kept and goes on there, with the same number', async () => {
  const [images, place, out] = [folderOf(40), temporaryFolder(), temporaryFolder()];
  const ref = join(out, 'ref.npz');
  await reference(countingDetector(), { data: images, dest: ref });
  const plain = await measure(countingDetector(), { images, ref, num: 30, batch: 4 });

  const controller = new AbortController();
  const first = countingDetector((seen) => seen === 12 && controller.abort());
  const control = { signal: controller.signal, journals: new Journals(place) };
  await assert.rejects(measure(first, { images, ref, num: 30, batch: 4 }, control), (error) => {
    assert.ok(error instanceof CancelledError);
    assert.match(error.message, /^Cancelled: the features of 12 of 30 images are kept; run the same command again to continue$/); // prettier-ignore
    return true;
  });
  const second = countingDetector();
  const journals = new Journals(place);
  const { value } = await measure(second, { images, ref, num: 30, batch: 4 }, { journals });
  assert.deepEqual([second.seen, value], [18, plain.value]);
  assert.equal(readdirSync(place).length, 1);
  await journals.remove();
  assert.deepEqual(readdirSync(place), []);
});

test('a damaged last image loses nothing; images that changed or moved are known by their content', async () => {
  const [images, place, out] = [folderOf(20), temporaryFolder(), temporaryFolder()];
  const dest = join(out, 'all.npz');
  const last = join(images, '019.png');
  const whole = readFileSync(last);
  writeFileSync(last, whole.subarray(0, whole.length - 20));
  const run = (detector: Detector) => reference(detector, { data: images, dest, batch: 3 }, { journals: new Journals(place) }); // prettier-ignore
  const first = countingDetector();
  await assert.rejects(run(first), /019\.png: the PNG is damaged or cut off/);
  assert.equal(first.seen, 18);
  // Meanwhile repaired, one replaced by another picture.
  writeFileSync(last, whole);
  writeFileSync(join(images, '004.png'), picture(77));
  const [journal] = readdirSync(place);
  // A process that was killed left a part of a record, and a disk a wrong byte in the first.
  appendFileSync(join(place, journal), Buffer.alloc(9));
  const bytes = readFileSync(join(place, journal));
  bytes[30] ^= 1;
  writeFileSync(join(place, journal), bytes);
  const second = countingDetector();
  await run(second);
  assert.equal(second.seen, 4); // the first, the replaced, and the last two
  const { mu } = await loadStatistics(dest);
  await reference(countingDetector(), { data: images, dest: join(out, 'anew.npz'), batch: 3 });
  assert.deepEqual(mu, (await loadStatistics(join(out, 'anew.npz'))).mu);
});

test('another detector does not take what was kept, a second process does not wait, old files go', async () => {
  const [images, place] = [folderOf(6), temporaryFolder()];
  const about = { images };
  const [detector, other] = [countingDetector(), { ...countingDetector(), sha256: 'ef'.repeat(32) }];
  const journal = await new Journals(place).open(detector, about);
  assert.ok(journal);
  await journal.add(['00'.repeat(16)], new Float32Array(DIMENSION));
  assert.equal(await new Journals(place).open(detector, about), undefined);
  await journal.close();
  const theirs = await new Journals(place).open(other, about);
  assert.equal(await theirs?.find('00'.repeat(16)), undefined);
  await theirs?.close();
  for (const name of readdirSync(place)) utimesSync(join(place, name), 1, 1);
  const again = await new Journals(place).open(detector, about);
  assert.equal(again?.num, 0);
  await again?.close();
  writeFileSync(join(place, 'file'), '');
  assert.equal(await new Journals(join(place, 'file')).open(detector, about), undefined);
});

test('what would fail at the end fails before the first image', async () => {
  const [images, few, out] = [folderOf(10), folderOf(2), temporaryFolder()];
  const ref = join(out, 'ref.npz');
  await reference(countingDetector(), { data: images, dest: ref });
  mkdirSync(join(out, 'folder.npz'));
  writeFileSync(join(out, 'text'), '');
  const cases: [options: Partial<Parameters<typeof measure>[1]>, message: RegExp][] = [
    [{ further: { kid: true, real: join(out, 'missing') } }, /Cannot read images from .*missing/],
    [{ further: { pr: true, real: few } }, /--pr needs more than 3 images on both sides, not 2/],
    [{ further: { extrapolate: true } }, /--extrapolate needs 16 images or more, not 10/],
    [{ statsDest: join(out, 'folder.npz') }, /Cannot write statistics to .*folder\.npz: it is not a file/],
    [{ statsDest: join(out, 'text', 'S.npz') }, /Cannot write statistics to .*S\.npz: /],
    [{ statsDest: ref }, /ref\.npz is also read: choose another file/],
  ];
  for (const [options, message] of cases) {
    const detector = countingDetector();
    await assert.rejects(measure(detector, { images, ref, ...options }), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      return true;
    });
    assert.equal(detector.seen, 0);
  }
  const detector = countingDetector();
  await assert.rejects(reference(detector, { data: images, dest: join(out, 'folder.npz') }), /it is not a file/);
  assert.equal(detector.seen, 0);
});

test('the kernel distance of few images has no spread, and says so', async () => {
  const [images, real, out] = [folderOf(6), folderOf(6), temporaryFolder()];
  const ref = join(out, 'ref.npz');
  rmSync(join(real, '005.png'));
  writeFileSync(join(real, '006.png'), picture(6));
  await reference(countingDetector(), { data: real, dest: ref });
  const measured = await measure(countingDetector(), { images, ref, further: { kid: true, real } });
  assert.equal(measured.kid?.subsets, 1);
  assert.match(furtherLines(measured)[0], /^KD \(stub\): [-+\d.e]+ \(all 6 images at once: the subsets would all be the same/); // prettier-ignore
});

test('large images come in smaller batches', async () => {
  const folder = temporaryFolder();
  for (let i = 0; i < 9; i++) writeFileSync(join(folder, `${i}.png`), picture(i, 1024));
  const sizes: number[] = [];
  const detector: Detector = { ...countingDetector(), features: (_, n) => (sizes.push(n), Promise.resolve(new Float32Array(n * DIMENSION).fill(n))) }; // prettier-ignore
  await reference(detector, { data: folder, dest: join(temporaryFolder(), 'R.npz'), batch: 64 });
  assert.deepEqual(sizes, [2, 2, 2, 2, 1]);
});
