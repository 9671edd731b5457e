// `npm start [-- --no-editor] [-- --folder DIR]`: everything from a bare clone to images, numbers and the editor.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { install, root } from './install.mjs';

const options = process.argv.slice(2);
const folderAt = options.indexOf('--folder');
const workspace = path.resolve(folderAt >= 0 ? options[folderAt + 1] : path.join(os.homedir(), 'edm-workbench-sample'));

/** The sample's three commits: one config, three numbers of steps. */
const STEPS = [4, 8, 18];
const SUBJECTS = { 4: 'Start with 4 sampling steps', 8: 'Double the steps to 8', 18: "Use the paper's 18 steps" };

const config = (steps) => `# A run: which network makes which images with which sampler, and how they are measured.
# Everything has a hover text and completion; "Run" above this line runs it.
network: embedded:fashion-mnist
seeds: 0-399
steps: ${steps}
fd:
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

const git = (...args) => execFileSync('git', ['-C', workspace, ...args], { encoding: 'utf8' }).trim();

/** A git repository with the config at 4, 8 and 18 steps; made once, re-used after. */
function makeWorkspace() {
  if (existsSync(path.join(workspace, '.git'))) return;
  if (existsSync(workspace))
    throw new Error(`${workspace} exists and is no sample workspace: give another with --folder DIR`);
  mkdirSync(workspace, { recursive: true });
  git('init', '--quiet', '--initial-branch=main');
  // Only where the user has no identity: commits must be possible on a fresh machine.
  for (const [key, value] of [
    ['user.name', 'EDM Workbench sample'],
    ['user.email', 'sample@localhost'],
  ]) {
    if (spawnSync('git', ['-C', workspace, 'config', key]).status !== 0) git('config', key, value);
  }
  git('config', 'commit.gpgsign', 'false');
  for (const steps of STEPS) {
    writeFileSync(path.join(workspace, 'garments.edm.yaml'), config(steps));
    if (steps === STEPS[0]) writeFileSync(path.join(workspace, 'generate.slurm'), SCRIPT);
    git('add', '--all');
    git('commit', '--quiet', '--message', SUBJECTS[steps]);
  }
}

/** The result of `work`, or the end with its message alone. */
function attempt(work) {
  try {
    return work();
  } catch (error) {
    console.error(`Error: ${error.message}`);
    process.exit(1);
  }
}

/** Runs the config as of each of the first three commits, oldest first. What is complete already takes seconds. */
function runAll() {
  if (git('status', '--porcelain', '--untracked-files=no')) {
    throw new Error(`${workspace} has uncommitted changes: commit them, or give another folder with --folder DIR`);
  }
  const commits = git('rev-list', '--reverse', 'main').split('\n').slice(0, STEPS.length);
  try {
    return commits.map((commit) => {
      git('checkout', '--quiet', '--detach', commit);
      return runConfig();
    });
  } finally {
    git('checkout', '--quiet', 'main');
  }
}

function runConfig() {
  const ran = spawnSync(process.execPath, [path.join(root, 'dist', 'cli.js'), 'run', 'garments.edm.yaml', '--json'], {
    cwd: workspace,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 26,
  });
  if (ran.status !== 0) throw new Error('The run failed; its message is above');
  return JSON.parse(ran.stdout);
}

await install();
const results = attempt(() => {
  makeWorkspace();
  return runAll();
});

console.log('');
for (const { folder, records } of results) {
  const [{ code, sampler, metric, value, num }] = records;
  console.log(
    `${code.short}  ${String(sampler.steps).padStart(2)} steps  ${metric}, N = ${num}: ${value.toPrecision(4).padStart(6)}  ${path.join(folder, 'grid.png')}`,
  );
}
console.log(`\nWorkspace: ${workspace}`);

if (!options.includes('--no-editor')) {
  const editor = path.join(path.dirname(fileURLToPath(import.meta.url)), 'editor.mjs');
  process.exitCode =
    spawnSync(process.execPath, [editor, '--open', workspace, '--extension', root], { stdio: 'inherit' }).status ?? 1;
}
