/** A process that generates images with the analytic denoiser, for tests that share a folder or kill. */
import { generate } from '../../server/diffusion/generate';
import { parseSeeds } from '../../server/diffusion/seeds';
import { analyticDenoiser } from './diffusion-analytic';

const [outdir, seeds, delay] = process.argv.slice(2);
void generate([analyticDenoiser({ delay: Number(delay) })], {
  outdir,
  seeds: parseSeeds(seeds),
  steps: 4,
  batch: 4,
  network: { sha256: 'analytic' },
}).then((result) => process.stdout.write(`${JSON.stringify(result)}\n`));
