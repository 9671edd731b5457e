/**
 * `npm run bench:fid [-- --peer FOLDER] [-- --rounds N] [-- --only WORD]`: what each part of a FID costs. With `--peer`, a folder with
 * torch-fidelity's sources, PyTorch, numpy and scipy do the same parts on the same inputs in turn, with as many
 * threads. Weights and features are synthetic, of the published shape. A measurement, not a test.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { encodePng } from '../../server/diffusion/png';
import { frechetDistance } from '../../server/fid/frechet';
import { ImageSet } from '../../server/fid/images';
import { formatNpy } from '../../server/fid/npy';
import { StatisticsAccumulator } from '../../server/fid/statistics';
import { openDetector } from '../../server/onnx/detector-session';
import { importInception } from '../../server/onnx/inception';
import { openMatMul } from '../../server/onnx/matmul-session';
import { pictureSet } from '../unit/inception-pictures';
import { syntheticWeights, writeLegacyStateDict } from '../unit/inception-weights';
import { Peer } from './peer';

const DIMENSION = 2048;
const VECTORS = 10_000;
const BATCH = 32;
const FILES = 2000;
/** Milliseconds between two measurements, so that idle threads of the other runtime have gone to sleep. */
const PAUSE = 200;

const { values } = parseArgs({
  options: { peer: { type: 'string' }, rounds: { type: 'string' }, only: { type: 'string' } },
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
        const [seconds, value] = (await peer!.ask(part)).split(' ').map(Number);
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
  const amount = (seconds: number): string =>
    count ? `${(count / seconds).toPrecision(3)}/s` : `${seconds.toFixed(2)} s`;
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

    mkdirSync(at('png'));
    for (let i = 0; i < FILES; i++) {
      const image = { width: 32, height: 32, channels: 3 as const, pixels: pictures[i % BATCH] };
      writeFileSync(at(`png/${i}.png`), encodePng(image));
    }
    const decode = async (): Promise<number> => {
      const images = await ImageSet.open(at('png'));
      let n = 0;
      for await (const batch of images.batches(64, 3)) n += batch.n;
      images.close();
      return n;
    };
    await compare('PNG files 32x32 read and decoded', decode, undefined, [], { count: FILES });

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

void main();
