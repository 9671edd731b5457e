/**
 * `npm run bench:latency`: how long a diagnostic takes after an edit, idle and while a run uses every core. Prints
 * both in one run, so that the ratio holds on any machine. A measurement, not a test.
 */
import path from 'node:path';
import { CancellationTokenSource } from 'vscode-languageserver-protocol/node';
import * as protocol from '../../server/shared/protocol';
import { textOf, TestServer } from '../server/connection';
import { repository } from '../server/workspace';

const EDITS = 100;
const SCRIPT = `#!/bin/bash
#SBATCH --job-name=edm
#SBATCH --gres=gpu:2
torchrun --standalone --nproc_per_node=1 generate.py
`;

/** Milliseconds from sending an edit to its diagnostics, for each of 100 edits; every edit changes the finding. */
async function latencies(server: TestServer, uri: string): Promise<number[]> {
  const times: number[] = [];
  for (let edit = 0; edit < EDITS; edit++) {
    const gpus = 3 + edit;
    const started = performance.now();
    await server.change(uri, SCRIPT.replace('gpu:2', `gpu:${gpus}`));
    await server.diagnostics(uri, (found) =>
      found.some(({ message }) => textOf(message).includes(`of the ${gpus} GPUs`)),
    );
    times.push(performance.now() - started);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return times.sort((a, b) => a - b);
}

function report(when: string, sorted: number[]): void {
  const [p50, p95, max] = [sorted[EDITS / 2], sorted[Math.ceil(EDITS * 0.95) - 1], sorted[EDITS - 1]];
  console.log(`${when.padEnd(28)} p50 ${p50.toFixed(1)} ms   p95 ${p95.toFixed(1)} ms   max ${max.toFixed(1)} ms`);
}

async function main(): Promise<void> {
  const root = repository({
    'long.edm.yaml': 'network: embedded:fashion-mnist\nseeds: 0-999\nsteps: 18\ndevice: cpu\n',
    'generate.slurm': SCRIPT,
  });
  const server = await TestServer.start();
  const uri = await server.open(path.join(root, 'generate.slurm'), SCRIPT, 'shellscript');
  await latencies(server, uri);
  report('idle', await latencies(server, uri));

  const source = new CancellationTokenSource();
  const busy = new Promise<void>((resolve) => {
    server.connection.onProgress(protocol.runProgress, 'busy', ({ done }) => {
      if (done > 0) resolve();
    });
  });
  const params = { config: path.join(root, 'long.edm.yaml'), progressToken: 'busy' };
  const run = server.connection.sendRequest(protocol.runRequest, params, source.token).catch(() => undefined);
  await busy;
  report('while 1,000 images are made', await latencies(server, uri));
  source.cancel();
  await run;
  server.stop();
}

void main();
