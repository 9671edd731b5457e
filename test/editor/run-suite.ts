/** Bundles the suite and runs it in an editor: desktop VS Code where EDM_DESKTOP=1, else through the shim. */
import path from 'node:path';
import { runTests } from '@vscode/test-electron';
import { build } from 'esbuild';
import { repository, ROOT, SMALL_CONFIG } from '../server/workspace';

const SCRIPT = `#!/bin/bash
#SBATCH --job-name=edm
#SBATCH --gres=gpu:2
torchrun --standalone --nproc_per_node=1 generate.py
`;

/** A line for every kind of help that a batch script gets. */
const FULL_SCRIPT = `#!/bin/bash
#SBATCH -J edm
#SBATCH --account=proj
#SBATCH   --gres gpu:2
#SBATCH --mem=16
#SBATCH --switches=1
srun --ntasks=1 torchrun --standalone --nproc_per_node=1 train.py
`;

async function main(): Promise<void> {
  const suite = path.join(ROOT, 'dist', 'test', 'suite.js');
  await build({
    entryPoints: [path.join(__dirname, 'suite', 'index.ts')],
    outfile: suite,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['vscode', 'mocha'],
  });
  const workspace = repository({
    'garments.edm.yaml': SMALL_CONFIG,
    'wrong.edm.yaml': 'network: embedded:fashion-mnist\nstepss: 18\n\n',
    'generate.slurm': SCRIPT,
    'full.slurm': FULL_SCRIPT,
  });
  await runTests({
    ...(process.env.EDM_DESKTOP ? {} : { vscodeExecutablePath: path.join(__dirname, 'harness', 'code-shim.mjs') }),
    extensionDevelopmentPath: ROOT,
    extensionTestsPath: suite,
    launchArgs: [workspace],
  });
}

void main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
