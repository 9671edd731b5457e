/**
 * Asks a real sbatch for its verdict on every variant, and records the answers for test/unit/scripts-corpus.test.ts:
 *
 *     npx tsx test/cluster/record-verdicts.ts COMMAND...
 *
 * COMMAND runs sbatch as an ordinary user of a test cluster (partitions cpu and gpu, four a100, account proja), for
 * example `DIR/bin/in-cluster runuser -u alice -- sbatch`. It must be able to read the temporary folder. Of
 * versions other than 22.05 (SLURM_ROOT of test-bed.sh, TMPDIR=DIR here) only the verdicts that differ from it are kept.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { variants } from './script-variants';

const target = path.join(__dirname, '..', 'fixtures', 'scripts', 'verdicts.json');
const help = path.join(__dirname, '..', 'fixtures', 'scripts', 'sbatch-help-22.05.txt');

const [program, ...args] = process.argv.slice(2);
if (!program) throw new Error('Name the command that runs sbatch, e.g. DIR/bin/in-cluster runuser -u alice -- sbatch');

const run = (...more: string[]): { code: number | null; output: string } => {
  const { status, stdout, stderr } = spawnSync(program, [...args, ...more], {
    encoding: 'utf8',
    cwd: '/',
    input: '',
    timeout: 60_000,
  });
  return { code: status, output: stdout + stderr };
};

const folder = mkdtempSync(path.join(tmpdir(), 'verdicts-'));
chmodSync(folder, 0o755);
const verdicts = variants.map((script, i) => {
  const file = path.join(folder, `${i}.sh`);
  writeFileSync(file, script);
  const { code, output } = run('--test-only', '--chdir=/tmp', file);
  // Job numbers and times differ from run to run, and the folder does.
  const message = output
    .replaceAll(folder, '')
    .split('\n')
    .filter((line) => line && !/to start at|^sbatch: (?:Warning|Job)/.test(line))
    .join('\n');
  return { script, refused: code !== 0, message: code === 0 ? '' : message };
});
rmSync(folder, { recursive: true });
const version = run('--version').output.trim();
const release = /\d+\.\d+/.exec(version)?.[0] ?? '';
if (release === '22.05') {
  writeFileSync(target, `${JSON.stringify({ version, verdicts }, null, 1)}\n`);
  writeFileSync(help, run('--help').output);
  // srun and salloc are in the folder of sbatch, which is the last word of the command.
  for (const name of ['srun', 'salloc']) {
    const [file = '', ...rest] = [program, ...args].map((word, i, all) =>
      i === all.length - 1 ? word.replace(/sbatch$/, name) : word,
    );
    const { stdout } = spawnSync(file, [...rest, '--help'], { encoding: 'utf8', cwd: '/' });
    writeFileSync(help.replace('sbatch-help', `${name}-help`), stdout);
  }
} else {
  const known = (JSON.parse(readFileSync(target, 'utf8')) as { verdicts: typeof verdicts }).verdicts;
  const others = verdicts.filter(({ refused }, i) => refused !== known[i]?.refused);
  writeFileSync(
    path.join(path.dirname(target), `verdicts-${release}.json`),
    `${JSON.stringify({ version, verdicts: others }, null, 1)}\n`,
  );
}
process.stdout.write(
  `${version}: ${verdicts.length} variants, ${verdicts.filter(({ refused }) => refused).length} refused\n`,
);
