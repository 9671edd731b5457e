/**
 * The numbers of server/model/MODEL_CARD.md: `npx tsx tools/evaluate-model.ts BUILD_DIR` after tools/pack-model.ts.
 * Frechet distances of held-out images, of the model at 4, 8 and 18 steps and of noise, each over 1,000 images.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { encodePng } from '../server/images/png';
import { torchGenerator } from '../server/diffusion/torch-random';
import { compute } from '../server/compute/compute-process';
import { generateImages } from '../server/compute/pool';
import { DEFAULT_BATCH } from '../server/shared/defaults';
import { withProgress } from '../server/terminal';

const NUM = 1000;
const STEPS = [4, 8, 18];
const SIDE = 28;
const MODEL = path.join(__dirname, '..', 'server', 'model');

/** Images of independent Gaussian noise, standard deviation 1 on the network's scale. */
function noiseImages(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (let seed = 0; seed < NUM; seed++) {
    const values = torchGenerator('cpu', seed).randnFloat32(SIDE * SIDE);
    const pixels = Uint8Array.from(values, (value) => Math.min(Math.max(value * 127.5 + 128, 0), 255));
    writeFileSync(path.join(folder, `${seed}.png`), encodePng({ pixels, width: SIDE, height: SIDE, channels: 1 }));
  }
}

async function distance(images: string): Promise<number> {
  const job = {
    kind: 'measure',
    key: 'fd',
    images,
    reference: path.join(MODEL, 'reference.npz'),
    detector: path.join(MODEL, 'detector.onnx'),
    device: 'cpu',
    num: NUM,
    seed: 0,
    batch: DEFAULT_BATCH,
  } as const;
  const { value } = await withProgress(process.stderr, (onProgress) => compute(job, onProgress));
  return value;
}

async function main(build: string): Promise<void> {
  const rows: [string, number][] = [['held-out test images (the floor)', await distance(path.join(build, 't10k'))]];
  for (const steps of STEPS) {
    const outdir = path.join(build, `samples-${steps}`);
    const network = path.join(MODEL, 'denoiser.onnx');
    const options = { outdir, seeds: `0-${NUM - 1}`, steps, grid: `${outdir}.png` };
    const job = { kind: 'generate', network, device: 'cpu', options } as const;
    const { nfe } = await withProgress(process.stderr, (onProgress) => generateImages(job, { onProgress }));
    rows.push([`model, ${steps} steps (NFE ${nfe})`, await distance(outdir)]);
  }
  const noise = path.join(build, 'noise');
  noiseImages(noise);
  rows.push(['pure noise', await distance(noise)]);
  console.log(`| images | FD (fashion-mnist), N = ${NUM} |\n|---|---|`);
  for (const [name, value] of rows) console.log(`| ${name} | ${value.toPrecision(4)} |`);
}

const [build] = process.argv.slice(2);
if (!build) throw new Error('Usage: npx tsx tools/evaluate-model.ts BUILD_DIR');
void main(path.resolve(build));
