import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { cp, mkdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Zippable, zipSync } from 'fflate';
import { CancelledError, UserError } from '../../server/errors';
import type { Detector } from '../../server/fid/detector';
import { formatG } from '../../server/shared/number-text';
import { measure, reference } from '../../server/fid/measurement';
import { loadStatistics, saveStatistics } from '../../server/fid/statistics';
import { encodePng } from '../../server/images/png';
import type { Progress } from '../../server/shared/progress';
import { temporaryFolder } from '../server/workspace';

const fixtures = join(__dirname, '../fixtures/fid');
const run = join(fixtures, 'images/run');
const truth = JSON.parse(readFileSync(join(fixtures, 'e2e_stub.json'), 'utf8')) as {
  ref: { mu_head: number[]; sigma_head: number[]; sigma_trace: number };
  calc: { subset?: number[]; files?: string[]; fid_svd_truth: number }[];
};

/** The detector fid.py was run with for e2e_stub.json: feature k is pixel k (mod pixels) * (1 + k / pixels) / 16. */
function stubDetector(dimension = 2048, calls: number[] = []): Detector {
  return {
    name: 'stub',
    sha256: 'ab'.repeat(32),
    dimension,
    published: false,
    channels: 3,
    features(images, n, channels, height, width) {
      calls.push(n);
      const pixels = channels * height * width;
      const features = new Float32Array(n * dimension);
      for (let i = 0; i < n; i++) {
        for (let k = 0; k < dimension; k++) {
          features[i * dimension + k] = (images[i * pixels + (k % pixels)] * (1 + Math.floor(k / pixels))) / 16;
        }
      }
      return Promise.resolve(features);
    },
  };
}

function near(actual: number, expected: number, relative: number): void {
  assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `${actual} is not ${expected}`);
}

test('%g prints as C does, ties and extremes included', () => {
  const cases = JSON.parse(readFileSync(join(fixtures, 'format_g.json'), 'utf8')) as [number, string][];
  assert.ok(cases.length > 300);
  for (const [value, text] of cases) assert.equal(formatG(value), text);
  assert.deepEqual([formatG(-0), formatG(Infinity), formatG(-Infinity), formatG(NaN)], ['-0', 'inf', '-inf', 'nan']);
});

test('fid.py ref and calc end to end: reference, seeded subset, zip', async () => {
  const folder = temporaryFolder();
  const ref = join(folder, 'ref.npz');
  const made = await reference(stubDetector(), { data: run, dest: ref, batch: 5 });
  assert.equal(made.num, 16);
  const { mu, sigma, num, detector } = await loadStatistics(ref);
  assert.deepEqual([num, detector?.name], [16, 'stub']);
  truth.ref.mu_head.forEach((value, i) => near(mu[i], value, 1e-12));
  truth.ref.sigma_head.forEach((value, i) => near(sigma[i], value, 1e-12));
  let trace = 0;
  for (let i = 0; i < 2048; i++) trace += sigma[i * 2049];
  near(trace, truth.ref.sigma_trace, 1e-12);

  const subset = await measure(stubDetector(), { images: run, ref, num: 12, seed: 3 });
  near(subset.value, truth.calc[0].fid_svd_truth, 1e-9);
  const { value, seconds, ...rest } = subset;
  assert.ok(value > 0 && seconds > 0);
  assert.deepEqual(rest.detector, { name: 'stub', sha256: 'ab'.repeat(32), dimension: 2048, published: false });
  assert.deepEqual([rest.metric, rest.num], ['FD (stub)', 12]);
  assert.equal(rest.reference.name, 'ref.npz');
  assert.equal(rest.reference.num, 16);
  assert.match(rest.reference.sha256, /^[0-9a-f]{64}$/);
  assert.match(rest.notes.join(), /N = 12 is not more than the 2048 dimensions/);

  const files: Zippable = {};
  const names = truth.calc[1].files ?? [];
  assert.equal(names.length, 8);
  for (const name of [...names].reverse()) files[name] = await readFile(join(run, name));
  const zip = join(folder, 'images.zip');
  await writeFile(zip, zipSync(files));
  near((await measure(stubDetector(), { images: zip, ref, num: 8 })).value, truth.calc[1].fid_svd_truth, 1e-9);
  near((await measure(stubDetector(), { images: run, ref })).value + 1, 1, 1e-8);
});

test('statistics beside the images are used again until something changes', async () => {
  const folder = temporaryFolder();
  const images = join(folder, 'images');
  await cp(run, images, { recursive: true, preserveTimestamps: true });
  const ref = join(folder, 'ref.npz');
  await reference(stubDetector(48), { data: images, dest: ref });
  const calls: number[] = [];
  const detector = stubDetector(48, calls);
  const options = { images, ref, num: 12, seed: 3, statsDest: join(folder, 'stats.npz') };
  const evaluated = async (changed = {}, other: Detector = detector) => {
    calls.length = 0;
    const { value } = await measure(other, { ...options, ...changed });
    return { value, images: calls.reduce((sum, n) => sum + n, 0) };
  };
  const first = await evaluated();
  assert.equal(first.images, 12);
  assert.deepEqual(await evaluated(), { value: first.value, images: 0 });
  assert.equal((await evaluated({ seed: 4 })).images, 12);
  assert.equal((await evaluated({ num: 8 })).images, 8);
  assert.deepEqual(await evaluated(), first);
  await utimes(join(images, 'default/000000.png'), 1, 1);
  assert.equal((await evaluated()).images, 0, 'the bytes are the same');
  const inPlace = join(images, 'default/000000.png');
  const [was, other] = [await readFile(inPlace), await readFile(join(images, 'default/000001.png'))];
  await writeFile(inPlace, other);
  await utimes(inPlace, 1, 1);
  assert.notEqual((await evaluated({ num: undefined })).value, first.value);
  await writeFile(inPlace, was);
  assert.equal((await evaluated()).images, 12);
  await writeFile(options.statsDest, 'damaged');
  assert.deepEqual(await evaluated(), first);
  const anyReference = join(folder, 'plain.npz');
  const { mu, sigma } = await loadStatistics(ref);
  await saveStatistics(anyReference, { mu, sigma });
  assert.equal((await evaluated({ ref: anyReference })).images, 0);
  assert.equal((await evaluated({ ref: anyReference }, { ...detector, sha256: 'cd'.repeat(32) })).images, 12);
  const again = await reference(detector, { data: images, dest: ref });
  assert.match(again.notes.join(), /up to date/);
  assert.equal(again.written, false);
});

test('a zip of the same names, sizes and dates as another one is another set; the same images in a folder are not', async () => {
  const folder = temporaryFolder();
  const ref = join(folder, 'ref.npz');
  await reference(stubDetector(48), { data: run, dest: ref });
  const zipOf = async (name: string, shades: readonly number[]) => {
    const files: Zippable = {};
    for (const [i, shade] of shades.entries()) {
      const pixels = new Uint8Array(32 * 32 * 3).map((_, k) => (k * shade) % 251);
      files[`${i}.png`] = [encodePng({ width: 32, height: 32, channels: 3, pixels }), { mtime: new Date(1980, 0, 1) }];
    }
    await writeFile(join(folder, name), zipSync(files, { level: 0 }));
    return files;
  };
  const inA = await zipOf('A.zip', [3, 5, 7]);
  await zipOf('B.zip', [11, 13, 17]);
  const calls: number[] = [];
  const measured = async (images: string, statsDest?: string) => {
    calls.length = 0;
    return (await measure(stubDetector(48, calls), { images: join(folder, images), ref, statsDest })).value;
  };
  const stats = join(folder, 'S.npz');
  const [a, b] = [await measured('A.zip', stats), await measured('B.zip')];
  assert.equal(await measured('A.zip', stats), a);
  assert.deepEqual(calls, []);
  assert.equal(await measured('B.zip', stats), b);
  assert.deepEqual(calls, [3]);
  await measured('A.zip', stats);
  for (const [name, file] of Object.entries(inA)) {
    await mkdir(join(folder, 'unpacked'), { recursive: true });
    await writeFile(join(folder, 'unpacked', `renamed-${name}`), (file as [Uint8Array, object])[0]);
  }
  assert.equal(await measured('unpacked', stats), a);
  assert.deepEqual(calls, []);
});

test('a reference of one layer is measured again for another one', async () => {
  const dest = join(temporaryFolder(), 'R.npz');
  await reference(stubDetector(8), { data: run, dest });
  assert.equal((await reference(stubDetector(24), { data: run, dest })).written, true);
  assert.equal((await loadStatistics(dest)).mu.length, 24);
});

test('a reference of another detector or dimension is refused before any image is read', async () => {
  const folder = temporaryFolder();
  const ref = join(folder, 'ref.npz');
  await reference(stubDetector(48), { data: run, dest: ref });
  const calls: number[] = [];
  const refused = async (detector: Detector, message: RegExp) =>
    assert.rejects(measure(detector, { images: run, ref }), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      return true;
    });
  const wide = stubDetector(64, calls);
  const other = { ...stubDetector(48, calls), name: 'other', sha256: 'cd'.repeat(32) };
  await refused(wide, /ref\.npz has 48 dimensions \(stub\), the detector stub 64: make a reference with/);
  await refused(other, /made with the detector stub \(sha256 abababababab\), not with other \(sha256 cdcdcdcdcdcd\)/);
  const small = { ...stubDetector(48, calls), resolution: 28 };
  await refused(small, /run are 32 x 32, the detector stub takes 28 x 28: choose another detector/);
  assert.deepEqual(calls, []);
  const { mu, sigma } = await loadStatistics(ref);
  await saveStatistics(ref, { mu, sigma });
  assert.match((await measure(other, { images: run, ref })).notes.join(), /does not state its detector/);
});

test('progress counts images; FID is the name of the published detector alone', async () => {
  const folder = temporaryFolder();
  const ref = join(folder, 'ref.npz');
  const seen: Progress[] = [];
  await reference(stubDetector(8), { data: run, dest: ref, batch: 4 }, { onProgress: (one) => seen.push(one) });
  assert.deepEqual([seen[0].phase, seen[0].done, seen[0].total], ['Measuring', 4, 16]);
  assert.equal(seen.at(-1)?.done, 16);
  const published = { ...stubDetector(8), published: true };
  assert.equal((await measure(published, { images: run, ref })).metric, 'FID');
});

test('cancelling waits for the detector, then stops; nothing is written', async () => {
  const folder = temporaryFolder();
  const controller = new AbortController();
  let busy = false;
  const slow: Detector = {
    ...stubDetector(8),
    async features(_images, n) {
      busy = true;
      controller.abort();
      await new Promise((resolve) => setTimeout(resolve, 30));
      busy = false;
      return new Float32Array(n * 8);
    },
  };
  const dest = join(folder, 'ref.npz');
  const task = reference(slow, { data: run, dest, batch: 2 }, { signal: controller.signal });
  await assert.rejects(task, CancelledError);
  assert.equal(busy, false);
  await assert.rejects(stat(dest), /ENOENT/);
  await assert.rejects(
    reference({ ...slow, features: () => Promise.reject(new Error('out of memory')) }, { data: run, dest }),
    /out of memory/,
  );
});

test('a long run tells its distance so far; a short or costly one does not', async (t) => {
  const folder = temporaryFolder();
  const notes = async (dimension: number, secondsPerBatch: number) => {
    const ref = join(folder, `${dimension}.npz`);
    await reference(stubDetector(dimension), { data: run, dest: ref });
    let clock = 0;
    const mocked = t.mock.method(performance, 'now', () => clock);
    const detector = stubDetector(dimension);
    const slow: Detector = {
      ...detector,
      features(...batch) {
        clock += secondsPerBatch * 1000;
        return detector.features(...batch);
      },
    };
    const seen: (string | undefined)[] = [];
    const onProgress = ({ note }: Progress) => seen.push(note);
    const { value } = await measure(slow, { images: run, ref, num: 12, seed: 3, batch: 4 }, { onProgress });
    mocked.mock.restore();
    const plain = await measure(detector, { images: run, ref, num: 12, seed: 3 });
    near(value, plain.value, 1e-9);
    return { seen, final: `FD so far ${formatG(plain.value)} (N = 12, not final)` };
  };
  const long = await notes(8, 6);
  assert.equal(long.seen.length, 3);
  assert.match(long.seen[0] ?? '', /^FD so far [\d.]+ \(N = 4, not final\)$/);
  assert.equal(long.seen[2], long.final);
  assert.deepEqual((await notes(8, 1)).seen, [undefined, undefined, undefined]);
  assert.deepEqual((await notes(2048, 60)).seen, [undefined, undefined, undefined]);
});
