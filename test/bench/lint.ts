/**
 * How long diagnostics of a batch script take: `npm run bench:lint`. Targets: after an edit 1,000 lines below 2 ms, 20,000
 * below 80 ms of CPU time (all rules, in warm runs), also where every line starts a container, each of which is four
 * programs with a dozen options, and where no two lines are the same. Each edit is at another place; `first` is the time of a text of which nothing is known.
 * Measured on code that is built as it is shipped: with a loader that keeps source positions it takes half as long again.
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

const container =
  'apptainer exec --nv --bind "$PWD" edm.sif torchrun --standalone --nproc_per_node=2 generate.py --outdir=out --seeds=0-9 --batch=128\n';

function script(lines: number, body: string, isDistinct: boolean): string {
  const repeated = body.repeat(Math.ceil(lines / (body.split('\n').length - 1)));
  const text = (head + repeated).split('\n').slice(0, lines).join('\n');
  let count = 0;
  return isDistinct ? text.replace(/--seeds=0-\d+/g, () => `--seeds=0-${count++}`) : text;
}

/** Takes the place of what was read last, which is kept: four scripts that have little in common. */
function forget(): void {
  for (const name of 'abcd') analyse(`#SBATCH --ntasks=1\n${`${name}\n`.repeat(50)}`);
}

const cpuTime = (): number => process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000;
const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1] ?? NaN;

for (const [lines, target, body, what, isDistinct] of [
  [100, undefined, block, 'lines', false],
  [1_000, 2, block, 'lines', false],
  [20_000, 80, block, 'lines', false],
  [20_000, 80, block, 'lines', true],
  [1_000, undefined, container, 'containers', false],
  [20_000, 80, container, 'containers', false],
  [20_000, 80, container, 'containers', true],
] as const) {
  let text = script(lines, body, isDistinct);
  const runs = lines > 10_000 ? 20 : 200;
  let edits = 0;
  const edited = (): string => {
    // Somewhere else each time: 7919 is prime, so that all parts of the text have their turn.
    const at = text.indexOf('generate.py', (edits++ * 7919 * 64) % (text.length - 400));
    return (text = `${text.slice(0, at)}generate.py --class=${edits % 10}${text.slice(at + 11)}`);
  };
  for (let i = 0; i < runs / 2; i++) analyse(edited());
  const firsts: number[] = [];
  for (let i = 0; i < 5; i++) {
    forget();
    const start = cpuTime();
    analyse(edited());
    firsts.push(cpuTime() - start);
  }
  const times: number[] = [];
  const cpuTimes: number[] = [];
  for (let i = 0; i < runs; i++) {
    edited();
    const [start, cpuStart] = [performance.now(), cpuTime()];
    analyse(text);
    times.push(performance.now() - start);
    cpuTimes.push(cpuTime() - cpuStart);
  }
  const cpu = median(cpuTimes);
  const verdict =
    target === undefined ? '' : cpu < target ? `  (below ${target} ms)` : `  (TARGET ${target} ms MISSED)`;
  process.stdout.write(
    `${String(lines).padStart(6)} ${`${isDistinct ? 'distinct ' : ''}${what}`.padEnd(20)}  cpu ${cpu.toFixed(2)} ms  median ${median(times).toFixed(2)} ms  worst ${Math.max(...times).toFixed(2)} ms  first ${median(firsts).toFixed(0)} ms${verdict}\n`,
  );
}

const plain = block.replace(/#/g, '').repeat(2_000);
const start = performance.now();
for (let i = 0; i < 50; i++) analyse(plain);
process.stdout.write(`20,000 lines without directives: ${((performance.now() - start) / 50).toFixed(3)} ms\n`);
