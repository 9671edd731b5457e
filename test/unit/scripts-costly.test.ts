/** What costs people days: each rule on scripts that have the mistake, and on scripts like them that do not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyse, applyFixes, fixAll } from '../../server/scripts/analyse';

const job = (directives: string, body: string): string =>
  `#!/bin/bash\n#SBATCH --account=lab01\n${directives ? `#SBATCH ${directives}\n` : ''}${body}`;
const found = (text: string): string[] =>
  analyse(text)
    .findings.filter(({ severity }) => severity !== 'hint')
    .map(({ id, severity }) => `${severity} ${id}`);

const nodes = '--nodes=2 --ntasks-per-node=1 --gpus-per-node=4';
const shared = '--ntasks=4 --mem=8G';
const head = 'HEAD=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n1)\n';

/** [rule, severity, scripts with the mistake, scripts without it] */
const cases: readonly (readonly [string, string, readonly string[], readonly string[]])[] = [
  [
    'background-without-wait',
    'warning',
    [
      job('--ntasks=2', 'srun --exact -n1 ./a &\nsrun --exact -n1 ./b &\n'),
      job('', 'python train.py > log &\necho started\n'),
    ],
    [
      job('--ntasks=2', 'srun --exact -n1 ./a &\nsrun --exact -n1 ./b &\nwait\n'),
      job('', 'nvidia-smi -l 5 > gpu.log &\npython train.py\n'),
      job('', 'python server.py &\nsleep 10\npython client.py\n'),
      job('', 'python server.py &\nPID=$!\nwait $PID\n'),
    ],
  ],
  [
    'export-without-all',
    'warning',
    [job('--export=DATA=/d', 'srun ./a\n'), job('--export=A,B', './a\n'), job('-n2', 'srun --export=A=1 ./a\n')],
    [
      job('--export=ALL,DATA=/d', 'srun ./a\n'),
      job('--export=NONE', 'srun ./a\n'),
      job('--export=DATA=/d,ALL', './a\n'),
      job('--export=NIL', './a\n'),
    ],
  ],
  [
    'rendezvous',
    'warning',
    [
      job(nodes, 'srun torchrun --standalone --nproc_per_node=4 t.py\n'),
      job(nodes, 'srun torchrun --nnodes=2 --nproc_per_node=4 --rdzv_endpoint=127.0.0.1:29500 t.py\n'),
      job(nodes, 'srun python -m torch.distributed.run --nnodes 2 --nproc_per_node 4 --master_addr localhost t.py\n'),
      job(nodes, 'export MASTER_ADDR=localhost\nsrun python t.py\n'),
      job(nodes, `srun bash -c 'torchrun --nnodes=2 --nproc_per_node=4 --rdzv_endpoint=$(hostname):29500 t.py'\n`),
    ],
    [
      job(
        nodes,
        `${head}srun torchrun --nnodes=2 --nproc_per_node=4 --rdzv_backend=c10d --rdzv_endpoint=$HEAD:29500 t.py\n`,
      ),
      job(nodes, 'srun torchrun --nnodes=2 --nproc_per_node=4 --rdzv_endpoint="$(hostname):29500" t.py\n'),
      job('--nodes=1 --gpus-per-node=4', 'srun torchrun --standalone --nproc_per_node=4 t.py\n'),
      job(nodes, `${head}export MASTER_ADDR=$HEAD\nsrun python t.py\n`),
      job(nodes, 'srun -N1 -n1 torchrun --standalone --nproc_per_node=4 t.py\n'),
    ],
  ],
  [
    'launcher-on-one-node',
    'warning',
    [
      job(
        '--nodes=2 --gpus-per-node=4',
        'torchrun --nnodes=2 --nproc_per_node=4 --rdzv_endpoint="$(hostname):29400" t.py\n',
      ),
      job(
        '-N 4 --gpus-per-node=2',
        'apptainer exec --nv --bind "$PWD" i.sif torchrun --nnodes=4 --nproc_per_node=2 t.py\n',
      ),
      job('-N 2 --gpus-per-node=2', 'accelerate launch --num_machines 2 --num_processes 4 t.py\n'),
    ],
    [
      job(nodes, `${head}srun torchrun --nnodes=2 --nproc_per_node=4 --rdzv_endpoint=$HEAD:29500 t.py\n`),
      job(nodes, `${head}srun bash -c "torchrun --nnodes=2 --nproc_per_node=4 --rdzv_endpoint=$HEAD:29500 t.py"\n`),
      job('-N 1 --gpus-per-node=2', 'torchrun --nproc_per_node=2 t.py\n'),
      job('-N 1-2 --gpus-per-node=2', 'torchrun --nproc_per_node=2 t.py\n'),
    ],
  ],
  [
    'launcher-in-every-task',
    'warning',
    [
      job('--nodes=1 --ntasks-per-node=4 --gpus-per-node=4', 'srun torchrun --standalone --nproc_per_node=4 t.py\n'),
      job(
        '--nodes=1 --ntasks=4 --gpus-per-node=4',
        'srun apptainer exec --nv --bind "$PWD" i.sif torchrun --standalone --nproc_per_node=4 t.py\n',
      ),
      job('--nodes=1 --gpus-per-node=4', 'srun --ntasks-per-node=4 torchrun --standalone --nproc_per_node=4 t.py\n'),
    ],
    [
      job('--nodes=1 --ntasks-per-node=1 --gpus-per-node=4', 'srun torchrun --standalone --nproc_per_node=4 t.py\n'),
      job(
        '--nodes=1 --ntasks-per-node=4 --gpus-per-node=4',
        'srun --ntasks-per-node=1 torchrun --standalone --nproc_per_node=4 t.py\n',
      ),
      job('--nodes=1 --ntasks-per-node=4 --gpus-per-node=4', 'torchrun --standalone --nproc_per_node=4 t.py\n'),
      job(
        '--nodes=1 --ntasks-per-node=4 --gpus-per-node=4',
        'srun -n "$N" torchrun --standalone --nproc_per_node=4 t.py\n',
      ),
      job('--nodes=1 --ntasks-per-node=4 --gpus-per-node=4', 'srun python t.py\n'),
    ],
  ],
  [
    'parallel-steps',
    'warning',
    [
      job(shared, 'for i in 1 2; do srun -n1 ./a $i & done\nwait\n'),
      job(shared, 'srun -n1 ./a &\nsrun -n1 ./b &\nwait\n'),
      job(shared, 'srun -n1 --exact ./a &\nsrun -n1 --exact ./b &\nwait\n'),
      job('--ntasks=4 --mem-per-cpu=1G', 'srun -n1 ./a &\nsrun -n1 ./b &\nwait\n'),
    ],
    [
      job(shared, 'srun -n1 --exact --mem=2G ./a &\nsrun -n1 --exact --mem=2G ./b &\nwait\n'),
      job(shared, 'srun -n1 --overlap ./a &\nsrun -n1 --overlap ./b &\nwait\n'),
      job('--ntasks=4 --mem-per-cpu=1G', 'srun -n1 --exact ./a &\nsrun -n1 --exact ./b &\nwait\n'),
      job(shared, 'srun -n4 ./a &\nwait\n'),
      job(shared, 'srun ./a\nsrun ./b\n'),
      job('--nodes=2 --ntasks=2', 'srun -N1 -n1 ./a &\nsrun -N1 -n1 ./b &\nwait\n'),
      job(shared, 'for i in 1 2; do srun $STEP ./a & done\nwait\n'),
    ],
  ],
  [
    'signal-to-nobody',
    'warning',
    [
      job('--signal=SIGUSR1@90', 'python train.py --resume\n'),
      job('--signal=USR1@90', 'apptainer exec i.sif python t.py --resume\n'),
    ],
    [
      job('--signal=USR1@90', 'srun python train.py --resume\n'),
      job('--signal=B:USR1@90', 'python train.py --resume\n'),
      job('--signal=USR1@90', 'bash run.sh\n'),
      job('--signal=USR1@90', 'mpirun ./prog\n'),
    ],
  ],
  [
    'trap-waits',
    'warning',
    [
      job('--signal=B:USR1@300', `trap 'scontrol requeue "$SLURM_JOB_ID"' USR1\npython t.py --resume\n`),
      job('--signal=B:TERM@60', 'save() { touch stop; }\ntrap save SIGTERM\nsrun ./prog\n'),
    ],
    [
      job('--signal=B:USR1@300', 'trap save USR1\npython t.py --resume &\nwait\n'),
      job('--signal=B:USR1@300', 'trap save USR1\nsrun ./prog &\nPID=$!\nwait $PID\n'),
      job('--signal=B:USR1@300', 'trap cleanup EXIT\npython t.py --resume\n'),
    ],
  ],
  [
    'conda-not-initialised',
    'warning',
    [job('', 'conda activate edm\npython t.py\n'), job('', 'cd run\nmamba activate edm\npython t.py\n')],
    [
      job('', 'source ~/miniforge3/etc/profile.d/conda.sh\nconda activate edm\n'),
      job('', 'eval "$(conda shell.bash hook)"\nconda activate edm\n'),
      job('', '. ~/.bashrc\nconda activate edm\n'),
      job('', 'module load anaconda3\nconda activate edm\n'),
      job('', 'ml open-ce/1.5.0-py38-0\nconda deactivate\nconda activate edm\n'),
      '#!/bin/bash -l\n#SBATCH --account=a\nconda activate edm\n',
      job('', 'source activate edm\n'),
      job('', 'conda run -n edm python t.py\n'),
    ],
  ],
  [
    'conda-with-nounset',
    'info',
    [
      job('', 'set -euo pipefail\nsource c/conda.sh\nconda activate e\n'),
      job('', 'set -o nounset\nsource c/conda.sh\nconda activate e\n'),
    ],
    [
      job('', 'set -eo pipefail\nsource c/conda.sh\nconda activate e\n'),
      job('', 'set -u\nset +u\nsource c/conda.sh\nconda activate e\nset -u\n'),
    ],
  ],
  [
    'module-missing',
    'info',
    ['#!/bin/sh\n#SBATCH --account=a\nmodule load cuda\n', '#!/bin/zsh\n#SBATCH --account=a\nmodule load cuda\n'],
    [
      job('', 'module load cuda\n'),
      '#!/bin/sh -l\n#SBATCH --account=a\nmodule load cuda\n',
      '#!/bin/sh\n#SBATCH --account=a\n. /etc/profile\nmodule load cuda\n',
    ],
  ],
  [
    'array-index-unset',
    'info',
    [job('', 'python p.py $SLURM_ARRAY_TASK_ID\n'), job('', 'N=$SLURM_ARRAY_TASK_ID\npython p.py $N\n')],
    [
      job('--array=1-3', 'python p.py $SLURM_ARRAY_TASK_ID\n'),
      job('', 'python p.py ${SLURM_ARRAY_TASK_ID:-0}\n'),
      job('', '# sbatch --array=1-3 this.sh\npython p.py $SLURM_ARRAY_TASK_ID\n'),
      job('', 'SLURM_ARRAY_TASK_ID=1\npython p.py $SLURM_ARRAY_TASK_ID\n'),
    ],
  ],
  [
    'variable-unset',
    'warning',
    [
      job('--nodes=2', 'mpirun -n $SLURM_NTASKS ./a\n'),
      job('', 'export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK\n./a\n'),
      job('--gres=gpu:2', 'torchrun --nproc_per_node=$SLURM_GPUS t.py\n'),
    ],
    [
      job('--ntasks=2', 'mpirun -n $SLURM_NTASKS ./a\n'),
      job('--ntasks-per-node=2', 'mpirun -n ${SLURM_NTASKS} ./a\n'),
      job('', 'mpirun -n ${SLURM_NTASKS:-1} ./a\n'),
      job('-c4', 'export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK\n./a\n'),
      job('', `srun bash -c 'echo rank of $SLURM_NTASKS'\n`),
      job('--gres=gpu:2', 'torchrun --nproc_per_node=$SLURM_GPUS_ON_NODE t.py\n'),
      job('', 'SLURM_NTASKS=4\nmpirun -n $SLURM_NTASKS ./a\n'),
    ],
  ],
  [
    'slurm-in-container',
    'warning',
    [
      job('', 'apptainer exec --bind "$PWD" i.sif srun python t.py\n'),
      job('', 'singularity run i.sif sbatch next.sh\n'),
      job('', 'podman-hpc run --rm i:1 squeue\n'),
    ],
    [job('', 'srun apptainer exec --bind "$PWD" i.sif python t.py\n'), job('', 'squeue\napptainer exec i.sif ls\n')],
  ],
  [
    'time-of-seconds',
    'warning',
    [job('--time=3600', './a\n'), job('--time=86400', './a\n'), job('--time=0:30', './a\n')],
    [
      job('--time=60', './a\n'),
      job('--time=1:00:00', './a\n'),
      job('--time=7200', './a\n'),
      job('--time=10:30', './a\n'),
    ],
  ],
  [
    'exclusive-with-mem',
    'info',
    [job('--exclusive --mem=16G', './a\n')],
    [
      job('--exclusive --mem=0', './a\n'),
      job('--exclusive', './a\n'),
      job('--mem=16G', './a\n'),
      job('--exclusive=user --mem=16G', './a\n'),
    ],
  ],
  [
    'requeue-from-start',
    'info',
    [job('--requeue', 'python t.py\n')],
    [
      job('--requeue', 'python t.py --resume\n'),
      job('--no-requeue', 'python t.py\n'),
      job('--requeue', 'python t.py --ckpt-dir=c\n'),
    ],
  ],
  [
    'polling-loop',
    'warning',
    [
      job('', 'while squeue -j $J | grep -q R; do\n  sleep 5\ndone\n'),
      job('', 'until ssh login test -e done; do sleep 1; done\n'),
      job('', 'watch -n 2 squeue\n'),
    ],
    [
      job('', 'while squeue -j $J | grep -q R; do\n  sleep 120\ndone\n'),
      job('', 'for j in 1 2 3; do scontrol hold $j; done\n'),
      job('', 'squeue --me\nsleep 5\n'),
    ],
  ],
  [
    'output-on-node',
    'warning',
    [job('--output=/tmp/%j.out', './a\n'), job('', 'python generate.py --outdir=$TMPDIR/abcdef1-images --seeds=0-9\n')],
    [
      job('--output=%j.out', './a\n'),
      job('', 'python generate.py --outdir=/dev/shm/abcdef1-images --seeds=0-9\ncp -r /dev/shm/abcdef1-images .\n'),
      job('--output=/dev/null', './a\n'),
    ],
  ],
];

for (const [rule, severity, wrong, right] of cases)
  test(`${rule}: found where it is, and only there`, () => {
    for (const text of wrong) {
      assert.ok(found(text).includes(`${severity} ${rule}`), `${text}\n${found(text).join()}`);
      assert.equal(fixAll(text), text, 'fix all leaves running jobs alone');
      for (const finding of analyse(text).findings.filter(({ id }) => id === rule))
        for (const fix of [finding.fix, ...(finding.alternatives ?? [])])
          if (fix) {
            const cured = applyFixes(text, [{ ...finding, fix }]);
            assert.ok(!found(cured).includes(`${severity} ${rule}`), `${fix.title}: ${cured}`);
          }
    }
    for (const text of right) assert.ok(!found(text).some((one) => one.endsWith(` ${rule}`)), text);
  });

test('output and errors in one folder are one finding', () => {
  const logs = job('--output=logs/%j.out\n#SBATCH --error=logs/%j.err', 'mkdir -p logs\n./a\n');
  assert.deepEqual(found(logs), ['warning log-folder']);
  const two = job('--output=logs/%j.out\n#SBATCH --error=errors/%j.err', 'mkdir -p logs errors\n./a\n');
  assert.deepEqual(found(two), ['warning log-folder', 'warning log-folder']);
});

test('a partition says by its name whether GPUs are meant', () => {
  const body = 'torchrun --standalone --nproc_per_node=4 t.py\n';
  const at = (partition: string): string[] => found(job(`--partition=${partition}`, body)).filter((one) => one.includes('gpu-missing')); // prettier-ignore
  assert.deepEqual(at('batch'), ['warning gpu-missing']);
  assert.deepEqual(at('cpu_p1'), []);
  assert.deepEqual(at('gpumedium'), ['info gpu-missing']);
  assert.deepEqual(at('a100'), ['info gpu-missing']);
});

test('a folder that thousands of commands use is one finding, whose fix changes all of them', () => {
  const count = 4_000;
  const line = 'apptainer exec --nv --bind "$PWD" e.sif python generate.py --outdir=out --seeds=0-9\n';
  const text = job('--gpus-per-node=1', line.repeat(count));
  const own = analyse(text).findings.filter(({ id }) => id === 'commit-prefix');
  assert.equal(own.length, 1);
  assert.equal(own[0]?.fix?.edits.length, count);
  assert.equal(applyFixes(text, own).split('rev-parse').length, count + 1);
});
