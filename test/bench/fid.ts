/**
 * `npm run bench:fid [-- --peer FOLDER] [-- --rounds N] [-- --only WORD]`: what each part of a FID costs. With `--peer`, a folder with
 * torch-fidelity's sources, PyTorch, numpy and scipy do the same parts on the same inputs in turn, with as many
 * threads. Weights and features are synthetic, of the published shape. Peak memory is that of `fid calc` on the embedded
 * detector, at two numbers of images. A measurement, not a test.
 */
import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Image } from '../../server/images/image';
import { encodePng } from '../../server/images/png';
import { frechetDistance } from '../../server/fid/frechet-distance';
import { ImageSet } from '../../server/images/image-set';
import { measure } from '../../server/fid/measurement';
import { formatNpy } from '../../server/numpy/npy';
import { StatisticsAccumulator } from '../../server/fid/statistics';
import { computeEnvironment } from '../../server/compute/compute-process';
import { openDetector } from '../../server/compute/onnx-detector';
import { importInception } from '../../server/models/inception-import';
import { openMatMul } from '../../server/compute/onnx-matmul';
import { rateText } from '../../server/shared/progress';
import { resolveInput, type Role } from '../../server/runs/input';
import { pictureSet } from '../unit/inception-pictures';
import { syntheticWeights, writeLegacyStateDict } from '../unit/inception-weights';
import { Peer } from './peer';

const DIMENSION = 2048;
const VECTORS = 10_000;
const BATCH = 32;
const FILES = 2000;
const EMBEDDED = 'embedded:fashion-mnist';
const embedded = (role: Role): string => {
  const input = resolveInput(EMBEDDED, role, '.');
  if (input.kind === 'url') throw new Error(`${EMBEDDED} is an address`);
  return input.file;
};
/** Numbers of images whose peak memory is compared. */
const SIZES = [2000, 20_000];
/** Milliseconds between two measurements, so that idle threads of the other runtime have gone to sleep. */
const PAUSE = 200;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    peer: { type: 'string' },
    rounds: { type: 'string' },
    only: { type: 'string' },
    memory: { type: 'string' },
    inside: { type: 'boolean' },
  },
});
const rounds = Number(values.rounds ?? 5);

interface Timed {
  seconds: number;
  value: number;
}

async function timed(work: () => Promise<number>): Promise<Timed> {
  const started = performance.now();
  const value = await work();
  return { seconds: (performance.now() - started) / 1000, value };
}

const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[numbers.length >> 1];

/**
 * Measures one part in turn with its peers and prints medians.
 * @param count how many units one measurement covers; rates are printed instead of times if given
 */
async function compare(
  title: string,
  ours: () => Promise<number>,
  peer: Peer | undefined,
  parts: readonly string[],
  { count, warm = 1 }: { count?: number; warm?: number } = {},
): Promise<void> {
  if (values.only && !title.includes(values.only)) return;
  const sides = [
    { name: 'ours', measure: () => timed(ours), times: [] as number[], value: 0 },
    ...(peer ? parts : []).map((part) => ({
      name: part,
      measure: async (): Promise<Timed> => {
        const [seconds = NaN, value = NaN] = (await peer!.ask(part)).split(' ').map(Number);
        return { seconds, value };
      },
      times: [] as number[],
      value: 0,
    })),
  ];
  for (let round = -warm; round < rounds; round++) {
    for (const side of sides) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      const { seconds, value } = await side.measure();
      side.value = value;
      if (round >= 0) side.times.push(seconds);
    }
  }
  const [mine, ...theirs] = sides.map(({ name, times, value }) => ({ name, seconds: median(times), value }));
  if (!mine) return;
  const amount = (seconds: number): string => (count ? rateText(count / seconds) : `${seconds.toFixed(2)} s`);
  const others = theirs.map(
    ({ name, seconds, value }) =>
      `${name} ${amount(seconds)} (${(seconds / mine.seconds).toFixed(2)}x; ` +
      `values differ by ${Math.abs(1 - mine.value / value).toExponential(0)})`,
  );
  console.log([`${title.padEnd(44)} ${amount(mine.seconds)}`, ...others].join('   '));
}

/** Features as after a ReLU, correlated: [n, DIMENSION]. */
function features(n: number, seed: number): Float32Array {
  let state = seed;
  const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const normal = (): number => random() + random() + random() + random() - 2;
  const result = new Float32Array(n * DIMENSION);
  for (let i = 0; i < n; i++) {
    const shared = Array.from({ length: 8 }, normal);
    for (let j = 0; j < DIMENSION; j++) {
      result[i * DIMENSION + j] = Math.max(0, 0.4 + 0.3 * normal() + 0.1 * shared[j % 8] * ((j % 17) / 17));
    }
  }
  return result;
}

async function statistics(data: Float32Array, matmul: Awaited<ReturnType<typeof openMatMul>>['matmul']) {
  const accumulator = new StatisticsAccumulator(DIMENSION, matmul);
  const batch = 64;
  for (let start = 0; start < VECTORS; start += batch) {
    const n = Math.min(batch, VECTORS - start);
    await accumulator.add(data.subarray(start * DIMENSION, (start + n) * DIMENSION), n);
  }
  return accumulator.statistics();
}

/** Files written into a folder of its own: the images given, again and again. */
function writeImages(folder: string, count: number, images: readonly Image[]): void {
  mkdirSync(folder);
  const files = images.map((image) => encodePng(image));
  for (let i = 0; i < count; i++) writeFileSync(path.join(folder, `${i}.png`), files[i % files.length]);
}

/** Reads and decodes all images of a folder. @returns how many */
async function decode(folder: string, channels: 1 | 3): Promise<number> {
  const images = await ImageSet.open(folder);
  let n = 0;
  for await (const batch of images.batches(64, channels)) n += batch.n;
  images.close();
  return n;
}

/**
 * The embedded detector, decoding and peak memory on images of its kind.
 * @param pictures uint8 [32, 32, 3] each, of which one channel's corner is taken
 */
async function compareEmbedded(folder: string, pictures: readonly Uint8Array[]): Promise<void> {
  const [width, n, times] = [28, 64, 16];
  const corner = (pixels: Uint8Array): Uint8Array =>
    Uint8Array.from({ length: width * width }, (_, i) => pixels[(Math.floor(i / width) * 32 + (i % width)) * 3]);
  const images = pictures.map((pixels) => ({ width, height: width, channels: 1, pixels: corner(pixels) }));
  const batch = Uint8Array.from(Array.from({ length: n }, (_, i) => [...images[i % BATCH].pixels]).flat());
  const { detector, release } = await openDetector(embedded('detector'), 'cpu');
  const extract = async (): Promise<number> => {
    for (let i = 0; i < times; i++) await detector.features(batch, n, 1, width, width);
    return 0;
  };
  await compare(`Features of ${EMBEDDED}, batch of ${n}`, extract, undefined, [], { count: times * n });
  await release();
  writeImages(folder, SIZES[1], images);
  await compare('PNG files 28x28x1 read and decoded', () => decode(folder, 1), undefined, [], { count: SIZES[1] });
  await comparePeaks(folder);
}

/** Prints the peak memory of measuring few and many images, each in a process of its own. */
async function comparePeaks(folder: string): Promise<void> {
  const title = 'Peak memory';
  if (values.only && !title.includes(values.only)) return;
  const peaks: string[] = [];
  for (const num of SIZES) {
    const child = fork(__filename, ['--memory', String(num), folder]);
    peaks.push(
      await new Promise<string>((resolve, reject) => {
        child.on('message', (peak) => resolve(`N = ${num}: ${Number(peak).toFixed(0)} MiB`));
        child.on('exit', (code) => reject(new Error(`measuring ${num} images ended with ${code}`)));
      }),
    );
  }
  console.log(`${title.padEnd(44)} ${peaks.join('   ')}`);
}

/**
 * The child of `comparePeaks`: measures so many of the images and reports its peak memory in MiB. Looks at every progress,
 * since the system's own peak of a child begins with its parent's.
 */
async function reportPeak(folder: string, num: number): Promise<void> {
  const { detector, release } = await openDetector(embedded('detector'), 'cpu');
  let peak = 0;
  const onProgress = (): void => void (peak = Math.max(peak, process.memoryUsage.rss()));
  await measure(detector, { images: folder, ref: embedded('reference'), num }, { onProgress });
  process.send?.(peak / 2 ** 20);
  await release();
}

async function main(): Promise<void> {
  const scratch = mkdtempSync(path.join(os.tmpdir(), 'bench-fid-'));
  const at = (name: string): string => path.join(scratch, name);
  try {
    writeLegacyStateDict(at('weights.pth'), syntheticWeights());
    await importInception(at('weights.pth'), at('inception.onnx'));
    const plane = 32 * 32;
    const pictures = pictureSet('A', BATCH);
    const planes = Uint8Array.from(
      pictures.flatMap((pixels) => Array.from(pixels, (_, i) => pixels[(i % plane) * 3 + Math.floor(i / plane)])),
    );
    const [a, b] = [features(VECTORS, 1), features(VECTORS, 2)];
    const npy = (name: string, array: Parameters<typeof formatNpy>[0]): void =>
      writeFileSync(at(name), formatNpy(array));
    npy('images.npy', { dtype: 'uint8', shape: [BATCH, 3, 32, 32], data: planes });
    npy('a.npy', { dtype: 'float32', shape: [VECTORS, DIMENSION], data: a });
    npy('b.npy', { dtype: 'float32', shape: [VECTORS, DIMENSION], data: b });
    const inputs = ['weights.pth', 'images.npy', 'a.npy', 'b.npy'].map(at);
    const threads = os.availableParallelism();
    const peer = values.peer
      ? await Peer.start('fid-peer.py', path.resolve(values.peer), ...inputs, `${threads}`)
      : undefined;
    console.log(`${threads} threads, median of ${rounds} rounds in turn`);

    const { detector, release } = await openDetector(at('inception.onnx'), 'cpu');
    const extract = async (): Promise<number> => {
      const found = await detector.features(planes, BATCH, 3, 32, 32);
      return found.reduce((sum, value) => sum + value, 0) / found.length;
    };
    await compare(`Inception features, batch of ${BATCH}`, extract, peer, ['extract'], { count: BATCH });
    await release();

    const colour = pictures.map((pixels) => ({ width: 32, height: 32, channels: 3, pixels }));
    writeImages(at('colour'), FILES, colour);
    await compare('PNG files 32x32x3 read and decoded', () => decode(at('colour'), 3), undefined, [], { count: FILES });

    await compareEmbedded(at('grey'), pictures);

    const { matmul, release: free } = await openMatMul();
    const cov = async (): Promise<number> => {
      const { sigma } = await statistics(a, matmul);
      let trace = 0;
      for (let i = 0; i < DIMENSION; i++) trace += sigma[i * (DIMENSION + 1)];
      return trace;
    };
    await compare(`Mean and covariance of ${VECTORS} x ${DIMENSION}`, cov, peer, ['cov']);
    const [sa, sb] = [await statistics(a, matmul), await statistics(b, matmul)];
    await compare(`Frechet distance at ${DIMENSION}`, () => frechetDistance(sa, sb, { matmul }), peer, [
      'sqrtm',
      'eigh',
    ]);
    await free();
    peer?.stop();
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Measures in a process such as computes for the workbench; the peer inherits its environment. */
function inComputeProcess(): void {
  const child = fork(__filename, [...process.argv.slice(2), '--inside'], { env: computeEnvironment() });
  child.on('exit', (code) => (process.exitCode = code ?? 1));
}

if (values.memory) void reportPeak(positionals[0], Number(values.memory));
else if (values.inside) void main();
else inComputeProcess();
