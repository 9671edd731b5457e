/**
 * `npm run bench:generate -- --whole [--network FILE] [--images N] [--rounds N]`: the command line makes the same images in
 * one process with all cores and in the pool's own shape, in turn. What is compared is everything from the start of the
 * command to its end; images must be the same to the byte. A measurement, not a test; needs `npm run build`.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { PoolSummary } from '../../server/compute/tasks';

/** One call of the command. */
interface Call {
  /** Seconds from start to end, and of CPU time of all its processes. */
  wall: number;
  cpu: number;
  pool: PoolSummary['pool'];
  /** Of all images, by name. */
  digest: string;
}

/** Measures pairs of calls and prints their times and ratios. */
export async function measureWhole(network: string, images: number, rounds: number): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'edm-bench-'));
  try {
    const ratios: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const one = await call(network, images, path.join(folder, `one-${round}`), ['--workers', '1']);
      const pool = await call(network, images, path.join(folder, `pool-${round}`), []);
      if (one.digest !== pool.digest) throw new Error('The images differ');
      ratios.push(one.wall / pool.wall);
      for (const { wall, cpu, pool: shape } of [one, pool])
        console.log(`${shape.threads.join(' + ')} threads: ${wall.toFixed(1)} s, ${(images / wall).toFixed(2)} images/s, CPU ${cpu.toFixed(1)} s`); // prettier-ignore
    }
    ratios.sort((a, b) => a - b);
    const middle = ratios[ratios.length >> 1] ?? NaN;
    console.log(
      `${images} images of ${network}: the pool is ${middle.toFixed(2)} times as fast ` +
        `(${ratios[0]?.toFixed(2)} to ${ratios.at(-1)?.toFixed(2)} over ${rounds} pairs), images the same to the byte`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function call(network: string, images: number, outdir: string, more: readonly string[]): Promise<Call> {
  const args = ['generate', '--network', network, '--device', 'cpu', '--seeds', `0-${images - 1}`, '--outdir', outdir, '--json', ...more]; // prettier-ignore
  // The shell knows the CPU time of all processes that it waited for.
  const script = '"$@" 2>/dev/null; status=$?; times >&2; exit $status';
  const started = performance.now();
  const child = spawn('sh', ['-c', script, 'sh', process.execPath, path.resolve('dist/cli.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const wall = (performance.now() - started) / 1000;
  if (status !== 0) throw new Error(`generate ended with ${status}`);
  const [, user, system] = /\n(\S+) (\S+)\s*$/.exec(stderr) ?? [];
  const { pool } = JSON.parse(stdout) as PoolSummary;
  const digest = createHash('sha256');
  for (const name of readdirSync(outdir).sort()) digest.update(name).update(readFileSync(path.join(outdir, name)));
  rmSync(outdir, { recursive: true });
  return { wall, cpu: seconds(user) + seconds(system), pool, digest: digest.digest('hex') };
}

/** Seconds of `1m2.5s`. */
function seconds(text = ''): number {
  const [, minutes, rest] = /^(\d+)m([\d.]+)s$/.exec(text) ?? [];
  return Number(minutes) * 60 + Number(rest);
}
