/**
 * `npm run bench:generate [-- --peer EDM_FOLDER] [-- --rounds N] [-- --size large|small]`: what one network evaluation
 * costs, for the two sizes the project is measured by. With `--peer`, a folder that holds NVlabs/edm, PyTorch evaluates
 * the same weights on the same inputs in turn, with as many threads. With `--whole`, whole runs in one process and in
 * several instead: `generate-whole.ts`. A measurement, not a test.
 */
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { importNetwork } from '../../server/models/network-import';
import { openDenoiser } from '../../server/compute/onnx-denoiser';
import { noise, tameWeights, writeSafetensors } from '../unit/synthetic-weights';
import { measureWhole } from './generate-whole';
import { Peer } from './peer';

const COMMON = { class_name: 'EDMPrecond', model_type: 'SongUNet', img_resolution: 32, img_channels: 3, label_dim: 10 };
/** The published CIFAR-10 network's shape, and that of a network one trains on a laptop. */
const SIZES: Record<string, Record<string, unknown>> = {
  large: { ...COMMON, model_channels: 128, channel_mult: [2, 2, 2], num_blocks: 4, attn_resolutions: [16], augment_dim: 9 },
  small: { ...COMMON, model_channels: 32, channel_mult: [1, 2, 2], num_blocks: 2, attn_resolutions: [16] },
}; // prettier-ignore
const BATCH = 16;
/** Milliseconds between two measurements, so that idle threads of the other runtime have gone to sleep. */
const PAUSE = 100;

const { values } = parseArgs({
  options: {
    peer: { type: 'string' },
    rounds: { type: 'string' },
    size: { type: 'string' },
    whole: { type: 'boolean' },
    network: { type: 'string', default: 'embedded:fashion-mnist' },
    images: { type: 'string', default: '512' },
  },
});
const rounds = Number(values.rounds ?? 12);
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, PAUSE));

async function measure(name: string): Promise<void> {
  const config = SIZES[name];
  if (!config) throw new Error(`--size ${name}: choose one of ${Object.keys(SIZES).join(', ')}`);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'edm-bench-'));
  try {
    const file = (extension: string): string => path.join(folder, `${name}.${extension}`);
    writeSafetensors(file('safetensors'), tameWeights(config), { config: JSON.stringify(config) });
    const { parameters } = await importNetwork(file('safetensors'), file('onnx'));
    const { denoiser, device, release } = await openDenoiser(file('onnx'), 'cpu');

    const sigma = 1.5;
    const next = noise(2);
    const x = Float32Array.from({ length: BATCH * 3 * 32 * 32 }, () => next() * sigma);
    const labels = Float32Array.from({ length: BATCH * 10 }, (_, i) => (i % 11 === 0 ? 1 : 0));
    writeFileSync(file('inputs'), new Uint8Array(Float32Array.from([...x, ...labels, sigma]).buffer));
    const evaluate = async (): Promise<number> => {
      const started = performance.now();
      await denoiser.denoise(x, sigma, labels, BATCH);
      return performance.now() - started;
    };
    const peer =
      values.peer &&
      (await Peer.start(
        'generate-peer.py',
        path.resolve(values.peer),
        file('safetensors'),
        file('inputs'),
        file('output'),
        String(os.availableParallelism()),
      ));
    const times: { ours: number; peer: number }[] = [];
    for (let round = -2; round < rounds; round++) {
      await pause();
      const ours = await evaluate();
      await pause();
      const pair = { ours, peer: peer ? Number(await peer.ask('')) : NaN };
      if (round >= 0) times.push(pair);
    }
    const perImage = median(times.map(({ ours }) => ours)) / BATCH;
    const memory = process.resourceUsage().maxRSS / 1024;
    console.log(
      `${name}: ${parameters} parameters, batch ${BATCH}, ${device}, ${os.availableParallelism()} threads: ` +
        `${perImage.toFixed(2)} ms per image and evaluation, ${(1000 / perImage).toFixed(1)} NFE/s, peak memory ${memory.toFixed(0)} MiB`,
    );
    if (peer) {
      peer.stop();
      const theirs = readFileSync(file('output'));
      const expected = new Float32Array(theirs.buffer, theirs.byteOffset, x.length);
      const error = relativeError(await denoiser.denoise(x, sigma, labels, BATCH), expected);
      const ratios = times.map((pair) => pair.peer / pair.ours).sort((a, b) => a - b);
      console.log(
        `  PyTorch ${(median(times.map((pair) => pair.peer)) / BATCH).toFixed(2)} ms: ${median(ratios).toFixed(2)} times as fast ` +
          `(${ratios[0].toFixed(2)} to ${ratios[ratios.length - 1].toFixed(2)} over ${rounds} pairs), max error ${error.toExponential(1)} of max |y|`,
      );
    }
    await release();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** max |a - b| / max |b| */
function relativeError(a: Float32Array, b: Float32Array): number {
  return (
    a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i])), 0) /
    b.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)
  );
}

/** Each size in a process of its own, so that its peak memory is its own. */
async function main(): Promise<void> {
  if (values.whole) return measureWhole(values.network, Number(values.images), Number(values.rounds ?? 3));
  if (values.size) return measure(values.size);
  for (const name of Object.keys(SIZES)) {
    const child = fork(__filename, [...process.argv.slice(2), '--size', name]);
    await new Promise((resolve) => child.on('exit', resolve));
  }
}

void main();
