import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyse, applyFixes } from '../../server/scripts/analyse';

const ids = (text: string): string[] => analyse(text).findings.map(({ id }) => id);

/** A job that asks for `asked` and starts `launch`; with an account, so that nothing else is found. */
const job = (asked: string, launch: string): string =>
  `#!/bin/bash\n#SBATCH --account=a\n#SBATCH --cpus-per-task=8\n${asked}\n\n${launch}\n`;

const askedForTwo = [
  '#SBATCH --gres=gpu:2',
  '#SBATCH --gres gpu:2',
  '#SBATCH --gres=gpu:a100:2',
  '#SBATCH --gres=gpu:a100:1,gpu:v100:1',
  '#SBATCH --gpus=2',
  '#SBATCH --gpus a100:2',
  '#SBATCH -G 2',
  '#SBATCH -G2',
  '#SBATCH --gpus-per-node=2',
  '#SBATCH --gpus-per-node=a100:2',
  '#SBATCH -n 1 --gpus-per-task=2',
  '#SBATCH -n 2 -N 1 --gpus-per-task=1',
  '#SBATCH -N 2 --gpus=4',
  '#SBATCH --gres=gpu:8\n#SBATCH --gres=gpu:2 # the last one wins',
];

const launches = (count: number): string[] => [
  `torchrun --standalone --nproc_per_node=${count} train.py`,
  `torchrun --standalone --nproc-per-node=${count} train.py`,
  `torchrun --nproc_per_node ${count} train.py`,
  `srun torchrun \\\n  --nproc-per-node \\\n  ${count} train.py`,
  `python -m torch.distributed.run --nproc_per_node=${count} train.py`,
  `python3 train.py --gpus=${count}`,
  `apptainer exec --nv --bind "$PWD" i.sif torchrun --nproc_per_node="${count}" train.py`,
  `N=${count}\ntorchrun --nproc_per_node=$N train.py`,
  `N=${count}\ntorchrun --nproc_per_node="\${N}" train.py`,
  `bash -c 'torchrun --nproc_per_node=${count} train.py'`,
  `bash <<EOF\ntorchrun --nproc_per_node=${count} train.py\nEOF`,
];

test('GPUs asked for and used agree in every spelling: no finding', () => {
  for (const asked of askedForTwo)
    for (const launch of launches(2)) {
      const found = ids(job(asked, launch)).filter((id) => id.startsWith('gpu'));
      assert.deepEqual(found, [], `${asked} / ${launch}`);
    }
});

test('GPUs asked for and used differ in every spelling: one finding, which its fix removes', () => {
  for (const asked of askedForTwo)
    for (const count of [1, 4])
      for (const launch of launches(count)) {
        const text = job(asked, launch);
        const findings = analyse(text).findings.filter(({ id }) => id.startsWith('gpu'));
        assert.deepEqual(
          findings.map(({ id }) => id),
          ['gpu-count'],
          `${asked} / ${launch}`,
        );
        // A value that comes from a variable is fixed where it is used.
        assert.deepEqual(
          ids(applyFixes(text, findings)).filter((id) => id.startsWith('gpu')),
          [],
          `${asked} / ${launch}`,
        );
      }
});

test('the second fix of a GPU mismatch changes the directive instead', () => {
  for (const asked of askedForTwo) {
    const text = job(asked, 'torchrun --nproc_per_node=4 train.py');
    const [finding] = analyse(text).findings.filter(({ id }) => id === 'gpu-count');
    const [other] = finding?.alternatives ?? [];
    if (!finding || !other) {
      // Only a sum of two kinds of GPU, or tasks that do not divide it, has no single number to change.
      assert.match(asked, /,gpu:/, asked);
      continue;
    }
    assert.deepEqual(
      ids(applyFixes(text, [{ ...finding, fix: other }])).filter((id) => id.startsWith('gpu')),
      [],
      asked,
    );
  }
});

test('what cannot be told is not guessed', () => {
  for (const launch of [
    'torchrun --nproc_per_node=gpu train.py',
    'torchrun --nproc_per_node=$SLURM_GPUS_ON_NODE train.py',
    'torchrun --nproc_per_node=$(nvidia-smi -L | wc -l) train.py',
    'if [ -n "$X" ]; then N=4; fi\ntorchrun --nproc_per_node=$N train.py',
    'CUDA_VISIBLE_DEVICES=0 torchrun --nproc_per_node=1 train.py',
    'torchrun --nproc_per_node=1 a.py &\ntorchrun --nproc_per_node=1 b.py &\nwait',
    '# torchrun --nproc_per_node=4 train.py',
    'echo "torchrun --nproc_per_node=4 train.py"',
    "cat <<'EOF' > help.txt\ntorchrun --nproc_per_node=4 train.py\nEOF",
  ])
    assert.deepEqual(
      ids(job('#SBATCH --gres=gpu:2', launch)).filter((id) => id === 'gpu-count'),
      [],
      launch,
    );
  // Without --nodes, --gpus may be spread over any number of nodes; with an unclear --nodes nothing is known.
  assert.deepEqual(
    ids(job('#SBATCH -N 1-2 --gpus=4', 'torchrun --nproc_per_node=2 t.py')).filter((id) => id === 'gpu-count'),
    [],
  );
});

test('LSF: -gpu and -R rusage count per host', () => {
  for (const asked of [
    '#BSUB -gpu "num=2"',
    '#BSUB -gpu num=2:mode=exclusive_process',
    '#BSUB -n 2 -gpu "num=1/task"',
    '#BSUB -R "rusage[ngpus_physical=2]"',
  ])
    for (const [count, expected] of [
      [2, []],
      [1, ['gpu-count']],
    ] as const)
      assert.deepEqual(
        ids(`#!/bin/bash\n${asked}\ntorchrun --standalone --nproc_per_node=${count} t.py\n`).filter(
          (id) => id === 'gpu-count',
        ),
        expected,
        `${asked} ${count}`,
      );
});
