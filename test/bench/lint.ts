/**
 * How long diagnostics of a batch script take: `npm run bench:lint`. Targets: 1,000 lines below 5 ms, 20,000 below
 * 100 ms (median of warm runs, parsing and all rules, nothing kept between runs). Measured on code that is built as
 * it is shipped: with a loader that keeps source positions it takes half as long again.
 */
import { buildSync } from 'esbuild';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type * as Scripts from '../../server/scripts/analyse';

const folder = mkdtempSync(path.join(tmpdir(), 'bench-lint-'));
const bundle = path.join(folder, 'scripts.cjs');
buildSync({
  entryPoints: [path.join(__dirname, '..', '..', 'server', 'scripts', 'analyse.ts')],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  minify: true,
});
// eslint-disable-next-line @typescript-eslint/no-require-imports
const { analyse } = require(bundle) as typeof Scripts;
rmSync(folder, { recursive: true });

const head = `#!/bin/bash
#SBATCH --job-name=edm_generation
#SBATCH --account=proj
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --gres=gpu:2
#SBATCH --time=48:00:00
#SBATCH --output=%x-%j.out

`;
const block = `# Images of one range of seeds
COMMIT=$(git rev-parse --short HEAD)
for SEED in 0 1 2; do
  apptainer exec --nv --bind "$PWD" ./edm_latest.sif \\
    torchrun --standalone --nproc_per_node=2 \\
      generate.py --outdir="$COMMIT-images/$SEED" \\
      --seeds=0-49999 --batch=128 --steps=18
  if [ -f "$COMMIT-images/$SEED/000000.png" ]; then echo "done $SEED"; fi
done
python summarise.py --input "$COMMIT-images" > summary.txt
`;

function script(lines: number): string {
  const body = block.repeat(Math.ceil(lines / 10));
  return (head + body).split('\n').slice(0, lines).join('\n');
}

for (const [lines, target] of [
  [100, undefined],
  [1_000, 5],
  [20_000, 100],
] as const) {
  const text = script(lines);
  const runs = lines > 10_000 ? 20 : 200;
  for (let i = 0; i < runs / 4; i++) analyse(text);
  const times = Array.from({ length: runs }, () => {
    const start = performance.now();
    analyse(text);
    return performance.now() - start;
  }).sort((a, b) => a - b);
  const cpuStart = process.cpuUsage();
  for (let i = 0; i < runs; i++) analyse(text);
  const { user, system } = process.cpuUsage(cpuStart);
  const cpu = (user + system) / 1000 / runs;
  const median = times[runs >> 1] ?? NaN;
  const verdict =
    target === undefined ? '' : median < target ? `  (below ${target} ms)` : `  (TARGET ${target} ms MISSED)`;
  process.stdout.write(
    `${String(lines).padStart(6)} lines  median ${median.toFixed(2)} ms  cpu ${cpu.toFixed(2)} ms  worst ${(times.at(-1) ?? NaN).toFixed(2)} ms${verdict}\n`,
  );
}

const plain = block.replace(/#/g, '').repeat(2_000);
const start = performance.now();
for (let i = 0; i < 50; i++) analyse(plain);
process.stdout.write(`20,000 lines without directives: ${((performance.now() - start) / 50).toFixed(3)} ms\n`);
