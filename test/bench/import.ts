/**
 * `npm run bench:import -- --peer EDM_FOLDER`: a pickle of the largest published network's shape (ImageNet-64, 296 M
 * parameters, 1.2 GB), written by NVlabs/edm with random weights: time and peak memory of its import, and the error of
 * what the imported network computes. Takes 4 GB of disk and some minutes. A measurement, not a test.
 */
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openDenoiser } from '../../server/compute/onnx-denoiser';
import { importNetwork } from '../../server/models/network-import';
import { Peer } from './peer';

const { values } = parseArgs({
  options: { peer: { type: 'string' }, part: { type: 'string' }, folder: { type: 'string' } },
});
const SIDE = 64;
const CLASSES = 1000;

const seconds = (from: number): string => `${((performance.now() - from) / 1000).toFixed(1)} s`;
const peakMemory = (): string => `peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`;

/** What is measured, each in a process of its own so that its peak memory is its own. */
const PARTS: Record<string, (file: (name: string) => string) => Promise<void>> = {
  async import(file) {
    const started = performance.now();
    const { parameters } = await importNetwork(file('net.pkl'), file('net.onnx'));
    const gigabytes = (statSync(file('net.pkl')).size / 1e9).toFixed(2);
    console.log(`import: ${parameters} parameters, ${gigabytes} GB in ${seconds(started)}, ${peakMemory()}`);
  },
  async evaluate(file) {
    const floats = (name: string): Float32Array => new Float32Array(Uint8Array.from(readFileSync(file(name))).buffer);
    const [inputs, expected] = [floats('inputs'), floats('output')];
    const pixels = 3 * SIDE ** 2;
    const opening = performance.now();
    const { denoiser, release } = await openDenoiser(file('net.onnx'), 'cpu');
    const opened = seconds(opening);
    const [x, labels] = [inputs.slice(0, pixels), inputs.slice(pixels, pixels + CLASSES)];
    await denoiser.denoise(x, inputs[pixels + CLASSES], labels, 1);
    const started = performance.now();
    const y = await denoiser.denoise(x, inputs[pixels + CLASSES], labels, 1);
    const took = seconds(started);
    await release();
    const error = Math.max(...y.map((value, i) => Math.abs(value - expected[i])));
    const relative = error / Math.max(...expected.map(Math.abs));
    console.log(
      `evaluate: opened in ${opened}, one image in ${took}, ${peakMemory()}, error ${relative.toExponential(1)} of max |y|`,
    );
  },
};

async function main(): Promise<void> {
  const { peer, part, folder } = values;
  if (part && folder) return PARTS[part]((name) => path.join(folder, name));
  if (!peer) throw new Error('Usage: npm run bench:import -- --peer FOLDER, where NVlabs/edm lies');
  const scratch = mkdtempSync(path.join(os.tmpdir(), 'edm-bench-'));
  try {
    const files = ['net.pkl', 'inputs', 'output'].map((name) => path.join(scratch, name));
    (await Peer.start('import-peer.py', path.resolve(peer), ...files)).stop();
    for (const name of Object.keys(PARTS)) {
      const child = fork(__filename, ['--part', name, '--folder', scratch]);
      await new Promise((resolve) => child.on('exit', resolve));
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

void main();
