// `npm start [-- --no-editor] [-- --folder DIR]`: everything from a bare clone to images, numbers and the editor.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { install, root } from './install.mjs';
import { lineOf, say, startSync } from './programs.mjs';

const options = process.argv.slice(2);
const folderAt = options.indexOf('--folder');
const folder = folderAt >= 0 ? options[folderAt + 1] : path.join(os.homedir(), 'edm-workbench-sample');
if (folder === undefined) {
  say('Usage: npm start [-- --no-editor] [-- --folder DIR]');
  process.exit(2);
}
const workspace = path.resolve(folder);

/** The sample's commits: one config, three numbers of sampling steps, and at last another solver. */
const COMMITS = [
  { steps: 4, subject: 'Start with 4 sampling steps' },
  { steps: 8, subject: 'Double the steps to 8' },
  { steps: 18, subject: "Use the paper's 18 steps" },
  { steps: 8, solver: 'dpmpp-2m', subject: 'Take DPM-Solver++(2M): 8 evaluations for 35' },
];

/**
 * What this file reads of `edm-workbench run --json`.
 * @typedef {object} RunResult
 * @property {string} folder of the run
 * @property {[{ code: { short: string }, sampler: { steps: number, nfe: number, solver?: string }, seconds: { generate: number }, metric: string, value: number, num: number }]} records
 */

/** The run config at a number of sampling steps. @param {number} steps @param {string} [solver] @returns {string} */
const config = (
  steps,
  solver,
) => `# A run: which network makes which images with which sampler, and how they are measured.
# Everything has a hover text and completion; "Run" above this line runs it.
network: embedded:fashion-mnist
seeds: 0-399
steps: ${steps}
${solver ? `solver: ${solver}\n` : ''}fd:
  reference: embedded:fashion-mnist
`;

const SCRIPT = `#!/bin/bash
#SBATCH --job-name=edm_generation
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --gres=gpu:2
#SBATCH --time=48:00:00
#SBATCH --account=g99-4302
#SBATCH --output=generate-%j.out

apptainer exec --nv --bind "$PWD" ./edm_latest.sif \\
  torchrun --standalone --nproc_per_node=1 \\
    generate.py --outdir=out_50k --seeds=0-49999 --batch=128 --steps=18 \\
    --network=downloaded_networks/edm-cifar10-32x32-cond-vp.pkl
`;

/** git's output in the workspace. @param {string[]} args @returns {string} */
const git = (...args) => {
  const { status, stdout, error } = startSync('git', ['-C', workspace, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`git ${args[0]} ended with ${status}; its message is above`);
  return stdout.trim();
};

/** A git repository with one commit for each of `COMMITS`; made once, then used again. */
function makeWorkspace() {
  if (existsSync(path.join(workspace, '.git'))) return;
  if (existsSync(workspace))
    throw new Error(`${workspace} exists and is not a sample workspace: name another folder with --folder DIR`);
  mkdirSync(workspace, { recursive: true });
  git('init', '--quiet', '--initial-branch=main');
  // Only where the user has no identity: commits must be possible on a fresh machine.
  const identity = { 'user.name': 'EDM Workbench sample', 'user.email': 'sample@localhost' };
  for (const [key, value] of Object.entries(identity)) {
    if (startSync('git', ['-C', workspace, 'config', key]).status !== 0) git('config', key, value);
  }
  git('config', 'commit.gpgsign', 'false');
  for (const [index, { steps, solver, subject }] of COMMITS.entries()) {
    writeFileSync(path.join(workspace, 'garments.edm.yaml'), config(steps, solver));
    if (index === 0) writeFileSync(path.join(workspace, 'generate.slurm'), SCRIPT);
    git('add', '--all');
    git('commit', '--quiet', '--message', subject);
  }
}

/**
 * The result of `work`, or the end with its message alone.
 * @template T @param {() => T} work @returns {T}
 */
function attempt(work) {
  try {
    return work();
  } catch (error) {
    say(`Error: ${lineOf(error)}`);
    process.exit(1);
  }
}

/**
 * Runs the config as of each of the sample's commits, oldest first. What is complete already takes seconds.
 * @returns {RunResult[]}
 */
function runAll() {
  if (git('status', '--porcelain', '--untracked-files=no')) {
    throw new Error(`${workspace} has uncommitted changes: commit them, or name another folder with --folder DIR`);
  }
  const commits = git('rev-list', '--reverse', 'main').split('\n').slice(0, COMMITS.length);
  try {
    return commits.map((commit) => {
      git('checkout', '--quiet', '--detach', commit);
      return runConfig();
    });
  } finally {
    git('checkout', '--quiet', 'main');
  }
}

/** @returns {RunResult} */
function runConfig() {
  const ran = startSync(process.execPath, [path.join(root, 'dist', 'cli.js'), 'run', 'garments.edm.yaml', '--json'], {
    cwd: workspace,
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 26,
  });
  if (ran.status !== 0) throw new Error('The run failed; its message is above');
  return /** @type {RunResult} */ (JSON.parse(ran.stdout));
}

await install();
const results = attempt(() => {
  makeWorkspace();
  return runAll();
});

console.log('');
for (const { folder, records } of results) {
  const [{ code, sampler, seconds, metric, value, num }] = records;
  const how = `${sampler.steps} steps of ${sampler.solver ?? 'heun'}`;
  console.log(
    `${code.short}  ${how.padStart(19)}, NFE ${String(sampler.nfe).padStart(2)}, ${seconds.generate.toFixed(0).padStart(4)} s  ${metric}, N = ${num}: ${value.toPrecision(4).padStart(6)}  ${path.join(folder, 'grid.png')}`,
  );
}
console.log(`\nWorkspace: ${workspace}`);

if (!options.includes('--no-editor')) {
  const editor = path.join(path.dirname(fileURLToPath(import.meta.url)), 'editor.mjs');
  process.exitCode =
    startSync(process.execPath, [editor, '--open', workspace, '--extension', root], { stdio: 'inherit' }).status ?? 1;
}
