/** A process that generates images with the analytic denoiser, for tests that share a folder or kill. */
import { once } from 'node:events';
import { generate } from '../../server/diffusion/generation';
import { parseSeeds } from '../../server/diffusion/seeds';
import { analyticDenoiser } from './diffusion-analytic';

const [outdir = '', seeds = '', delay] = process.argv.slice(2);

async function main(): Promise<void> {
  // All begin at the same time, however long each took to get here.
  process.send?.('ready');
  await once(process, 'message');
  const result = await generate([analyticDenoiser({ delay: Number(delay) })], {
    outdir,
    seeds: parseSeeds(seeds),
    steps: 4,
    batch: 4,
    network: { sha256: 'analytic' },
  });
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.disconnect();
}

void main();
