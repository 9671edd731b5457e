/** Container engines beside Apptainer: the same mistakes, each in the engine's own words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyse, applyFixes } from '../../server/scripts/analyse';
import { completionsAt } from '../../server/scripts/completion';
import { hoverAt } from '../../server/scripts/hover';
import { symbols } from '../../server/scripts/symbols';
import { explain } from '../../server/cluster/log-findings';

const job = (body: string, directives = '#SBATCH --gres=gpu:1'): string =>
  `#!/bin/bash\n#SBATCH --account=a\n${directives}\n${body}\n`;
/** The findings of one rule as `severity marked -> line after the fix`. */
function found(id: string, text: string): string[] {
  return analyse(text)
    .findings.filter((finding) => finding.id === id)
    .map((finding) => {
      const { severity, start, end, fix } = finding;
      const marked = text.split('\n')[start.line]?.slice(start.character, end.character) ?? '';
      const after = fix && applyFixes(text, [finding]).split('\n').slice(start.line, -1).join('; ');
      return `${severity} ${marked}${after === undefined ? '' : ` -> ${after}`}`;
    });
}

test('folders of the node that a container does not see', () => {
  for (const [command, ...expected] of [
    ['apptainer exec --nv i.sif python train.py', 'info apptainer exec -> apptainer exec --nv --bind "$PWD" i.sif python train.py'],
    ['podman-hpc run --gpu i:1 python train.py', 'info podman-hpc run -> podman-hpc run -v "$PWD:$PWD" -w "$PWD" --gpu i:1 python train.py'],
    ['enroot start i python train.py', 'info enroot start -> enroot start --mount "$PWD:$PWD" i python train.py'],
    ['ch-run ./i -- python train.py', 'info ch-run'],
    ['srun --container-image=./i.sqsh python train.py', 'info srun -> srun --container-mounts="$PWD:$PWD" --container-workdir="$PWD" --container-image=./i.sqsh python train.py'],
  ] as const)
    assert.deepEqual(found('bind-missing', job(command)), expected, command);
  for (const command of [
    'podman-hpc run --gpu -v "$PWD:/w" -w /w i:1 python train.py',
    'podman-hpc run --gpu i:1 python /app/train.py',
    'podman-hpc run --gpu $MOUNTS i:1 python train.py',
    'enroot start -m "$PWD:/w" i python /w/train.py',
    'ch-run -b "$PWD" ./i -- python train.py',
    'srun --container-image=./i.sqsh --container-mounts="$PWD:/w" python /w/train.py',
    'srun --container-image=./i.sqsh nvidia-smi',
    'srun --environment=edm python train.py',
    'shifter --image=i:1 python train.py',
  ])
    assert.deepEqual(found('bind-missing', job(command)), [], command);
}); // prettier-ignore

test('Slurm commands within an image, whatever starts it', () => {
  for (const [command, marked] of [
    ['singularity exec --nv i.sif srun hostname', 'srun'],
    ['podman-hpc run --gpu i:1 srun hostname', 'srun'],
    ['ch-run ./i -- scontrol show hostnames', 'scontrol'],
    ['enroot start i squeue', 'squeue'],
    ['srun --container-image=./i.sqsh bash -c "srun hostname"', 'srun'],
    ['srun --environment=edm bash -c "scontrol show hostnames"', 'scontrol'],
    ['apptainer exec --nv i.sif bash -c "squeue --me"', 'squeue'],
  ] as const)
    assert.equal(found('slurm-in-container', job(command))[0]?.slice(0, 8 + marked.length), `warning ${marked}`, command);
  for (const command of ['srun --container-image=./i.sqsh hostname', 'srun podman-hpc run --gpu i:1 hostname', 'srun bash -c "squeue"'])
    assert.deepEqual(found('slurm-in-container', job(command)), [], command);
  const whole = '#SBATCH --gres=gpu:1\n#SBATCH --container-image=./i.sqsh';
  assert.deepEqual(found('slurm-in-container', job('python a.py\nsrun python train.py\nsrun hostname', whole)), ['warning srun']);
  assert.deepEqual(found('slurm-in-container', job('srun python train.py', '#SBATCH --environment=edm')), ['info srun']);
  assert.deepEqual(found('slurm-in-container', job('python train.py', whole)), []);
}); // prettier-ignore

test('an option that shows GPUs is no proof that a job needs one; a launcher of GPU processes is', () => {
  const none = '#SBATCH --time=10';
  assert.deepEqual(found('gpu-missing', job('apptainer run --nv i.sif', none)).map((one) => one.slice(0, 4)), ['info']);
  assert.deepEqual(found('gpu-missing', job('podman-hpc run --gpu i:1', none)).map((one) => one.slice(0, 4)), ['info']);
  assert.deepEqual(found('gpu-missing', job('ch-run ./i -- torchrun --nproc_per_node=2 a.py', none)).map((one) => one.slice(0, 7)), ['warning']);
  assert.deepEqual(found('gpu-missing', job('podman run --device /dev/fuse i:1', none)), []);
}); // prettier-ignore

test('images are unpacked on the disk of the node by other builders too', () => {
  assert.deepEqual(found('apptainer-tmpdir', job('enroot import docker://x', '#SBATCH --time=10')), [
    'info enroot import -> export ENROOT_TEMP_PATH="$HOME/tmp"; mkdir -p "$ENROOT_TEMP_PATH"; enroot import docker://x',
  ]);
  assert.deepEqual(found('apptainer-tmpdir', job('ch-image build -t edm .')).length, 1);
  for (const command of ['ch-image list', 'ch-image build --storage=/scratch/me .', 'export ENROOT_TEMP_PATH=/s\nenroot import docker://x', 'podman-hpc build .'])
    assert.deepEqual(found('apptainer-tmpdir', job(command)), [], command);
  assert.deepEqual(found('gpu-unused', job('podman-hpc build -t edm .')).length, 1);
}); // prettier-ignore

test('options of engines are explained and proposed, and unknown ones are left alone', () => {
  const text = job('podman-hpc run --gpu --volme x i:1 python a.py');
  assert.deepEqual(found('program-option', text), []);
  assert.match(hoverAt(text, { line: 3, character: 18 })?.markdown ?? '', /sees the GPUs of the node/);
  const offered = (body: string): string[] =>
    completionsAt(job(body), { line: 3, character: body.length }).map(({ label }) => label);
  assert.ok(offered('podman-hpc run --').includes('--gpu'));
  assert.ok(offered('ch-run --').includes('--bind'));
  assert.ok(offered('enroot start --').includes('--mount'));
  assert.ok(!offered('podman-hpc run i:1 --').includes('--gpu'));
  assert.ok(symbols(job('ch-run ./i -- hostname')).some(({ name }) => name === 'ch-run'));
});

test('what engines print when they have no image', () => {
  for (const line of [
    'pyxis: failed to import docker image',
    'slurmstepd: error: pyxis: couldn\'t start container',
    'Error: initializing source: reading manifest latest in docker.io/lab/edm: manifest unknown',
    'ch-run[1234]: error: can\'t stat: ./edm: No such file or directory',
    'FATAL:   could not open image /x/edm.sif: failed to retrieve path',
  ])
    assert.equal(explain(line)?.id, 'container-missing', line);
}); // prettier-ignore
