/** Errors are only what the scheduler of this site refuses; everything else is said as quietly as it is certain. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { analyse } from '../../server/scripts/analyse';
import { completionsAt } from '../../server/scripts/completion';
import type { ClusterSnapshot } from '../../server/shared/schema-types.gen';

const cluster = JSON.parse(
  readFileSync(path.join(__dirname, '..', 'fixtures', 'scripts', 'test-cluster.json'), 'utf8'),
) as ClusterSnapshot;

const found = (text: string, snapshot?: ClusterSnapshot): string[] =>
  analyse(text, snapshot && { cluster: snapshot })
    .findings.filter(({ severity }) => severity !== 'hint')
    .map(({ id, severity, start }) => `${start.line + 1} ${severity} ${id}`);

const job = (directives: string, body = 'hostname\n'): string =>
  `#!/bin/bash\n#SBATCH --account=proja\n${directives}\n${body}`;
const gpu = '#SBATCH --gres=gpu:1';

test('options of plug-ins: an info without a snapshot, right or an error with one', () => {
  const options = [
    '--container-image=./a.sqsh --container-mounts=/data:/w --no-container-mount-home',
    '--environment=edm',
    '--uenv=prgenv-gnu/24.7:v3 --view=default',
    '--image=docker:lab/edm:24.1 --module=gpu',
    '--nvmps',
    '--ear=on --ear-policy=monitoring',
  ];
  for (const option of options) {
    assert.deepEqual(found(job(`#SBATCH ${option}`)), ['3 info plugin-option'], option);
    assert.deepEqual(found(job(gpu, `srun ${option} hostname\n`)), ['4 info plugin-option'], option);
    const names = option.split(' ').map((word) => word.replace(/=.*/, ''));
    const site = (own: string[]): ClusterSnapshot => ({ ...cluster, submitOptions: { sbatch: own, srun: own } });
    assert.deepEqual(found(job(`#SBATCH ${option}`), site(names)), [], option);
    const without = found(job(`#SBATCH ${option}`), site(['--time']));
    assert.deepEqual(
      without,
      names.map(() => '3 error plugin-option'),
      option,
    );
  }
});

test("an option that only the cluster's own help lists is right there, and offered", () => {
  const site: ClusterSnapshot = { ...cluster, submitOptions: { sbatch: ['--lab-queue'], srun: ['--lab-step'] } };
  const text = job('#SBATCH --lab-queue=fast', 'srun --lab-step=1 hostname\n');
  assert.deepEqual(found(text, site), []);
  assert.deepEqual(found(text), ['3 error unknown-option', '4 error step-option']);
  const offered = (line: number, character: number, written: string): string[] =>
    completionsAt(written, { line, character }, { cluster: site }).map(({ label }) => label);
  assert.ok(offered(2, 10, job('#SBATCH --')).includes('--lab-queue'));
  assert.ok(offered(3, 7, job('#SBATCH -N1', 'srun --')).includes('--lab-step'));
});

test('old spellings that srun takes', () => {
  assert.deepEqual(found(job('#SBATCH -n4', 'srun --cpu_bind=cores ./prog\n')), []);
  for (const gres of ['gpu:2,VRAM:48GB', 'vram:24GiB', 'shard:2k', 'lscratch:ssd:100kb'])
    assert.deepEqual(found(job(`#SBATCH --gres=${gres}`, 'hostname\n')), [], gres);
  assert.deepEqual(found(job('#SBATCH --gres=gpu:a100:1x', 'hostname\n')), ['3 error invalid-value']);
  for (const list of ['mask_cpu:7e,,7e00,7e', 'map_cpu:0,1,', 'mask_ldom:,1,2', 'quiet,mask_cpu:0x7e,,0x7e00'])
    assert.deepEqual(found(job('#SBATCH -n4', `srun --cpu-bind=${list} ./prog\n`)), [], list);
  assert.deepEqual(found(job('#SBATCH -n4', 'srun --mem-bind=map_mem:0,,1 ./prog\n')), []);
  assert.deepEqual(found(job('#SBATCH -n4', 'srun --cpu-bind=mask_cpu:7e,nonsense ./prog\n')), ['4 error step-value']);
  assert.deepEqual(found(job('#SBATCH -n4', 'srun --mem_bind=local ./prog\n')), ['4 error step-option']);
});

test("srun and the CPUs of a task: the release's own truth", () => {
  const text = job('#SBATCH --cpus-per-task=8', 'srun python a.py\nsrun python b.py\n');
  const at = (version: string, taskPlugin?: string): string[] =>
    found(text, { ...cluster, version, ...(taskPlugin !== undefined && { taskPlugin }) });
  assert.deepEqual(found(text), ['4 info srun-cpus-per-task']);
  assert.deepEqual(at('22.05.8'), ['4 info srun-cpus-per-task']);
  assert.deepEqual(at('23.02.1', 'task/affinity,task/cgroup'), ['4 info srun-cpus-per-task']);
  for (const version of ['21.08.8', '23.11.4', '24.11.0']) assert.deepEqual(at(version), [], version);
  assert.deepEqual(at('22.05.8', 'task/none'), []);
  for (const body of [
    'srun -c $SLURM_CPUS_PER_TASK ./a\n',
    'export SRUN_CPUS_PER_TASK=8\nsrun ./a\n',
    'srun $SRUN_ARGS ./a\n',
    'srun "${OPTIONS[@]}" ./a\n',
  ])
    assert.deepEqual(found(job('#SBATCH --cpus-per-task=8', body)), [], body);
});

test('--tasks counts on each node', () => {
  assert.deepEqual(found(job('#SBATCH --nodes=2 --tasks=8')), ['3 warning abbreviated-option']);
  assert.deepEqual(found(job('#SBATCH --nodes=1 --tasks=8')), []);
});

test('GPUs in containers: each engine has its own option', () => {
  const body = (command: string): string => job(gpu, `srun ${command} python train.py\n`);
  for (const command of [
    'apptainer exec --nv -B "$PWD" i.sif',
    'singularity exec --rocm -B "$PWD" i.sif',
    'podman-hpc run --rm --gpu -v "$PWD":/w i:1',
    'shifter --image=i:1',
    'ch-run -b "$PWD" /tmp/i --',
    'enroot start -m "$PWD:/w" i',
  ])
    assert.deepEqual(found(body(command)), [], command);
  for (const command of ['singularity exec -B "$PWD" i.sif', 'podman-hpc run --rm -v "$PWD":/w i:1'])
    assert.deepEqual(found(body(command)), ['4 warning nv-missing'], command);
  for (const other of [
    'apptainer exec --nv -B "$PWD" i.sif python a.py',
    'apptainer exec $NV_FLAG -B "$PWD" i.sif python a.py',
  ])
    assert.deepEqual(found(`${body('apptainer exec -B "$PWD" i.sif')}${other}\n`), ['4 info nv-missing'], other);
  const [unknown] = analyse(body('singularity exec -B "$PWD" i.sif')).findings;
  assert.match(unknown?.message ?? '', /--nv.*--rocm/);
  assert.deepEqual(
    [unknown?.fix?.title, ...(unknown?.alternatives ?? []).map(({ title }) => title)],
    ['Add --nv', 'Add --rocm'],
  );
  const mi250 = { ...cluster, nodes: cluster.nodes?.map((node) => ({ ...node, gres: [{ name: 'gpu', type: 'mi250x', count: 4 }] })) }; // prettier-ignore
  const [amd] = analyse(body('singularity exec -B "$PWD" i.sif'), { cluster: mi250 }).findings.filter(({ id }) => id === 'nv-missing'); // prettier-ignore
  assert.deepEqual([amd?.severity, amd?.fix?.title], ['warning', 'Add --rocm']);
});

test('quiet: no account is a hint, unless the cluster demands one', () => {
  const text = '#!/bin/bash\n#SBATCH --time=10\nhostname\n';
  const severity = (snapshot?: ClusterSnapshot): string | undefined =>
    analyse(text, snapshot && { cluster: snapshot }).findings.find(({ id }) => id === 'account-missing')?.severity;
  const open = { ...cluster, defaultAccount: undefined };
  assert.deepEqual(
    [
      severity(),
      severity(open),
      severity({ ...open, accountNeeded: true }),
      severity({ ...open, accountNeeded: false }),
    ],
    ['hint', 'hint', 'warning', undefined],
  );
});

test('quiet: counts of tokens are no secrets, keys are', () => {
  const secret = (body: string): boolean => found(job('#SBATCH -N1', body)).some((one) => one.includes('secret'));
  for (const body of [
    'TOKENS=300_000\n',
    'MAX_TOKENS=300000000\n',
    'python a.py --max-tokens=1_000_000 --train_tokens=300e9\n',
    'TOKEN=end_of_text\n',
    'python a.py --pad-token=endoftext-special\n',
    'SECRET=/run/secrets/key\n',
    'API_KEY=$(cat ~/key)\n',
    'python a.py --access-key=file.json\n',
  ])
    assert.ok(!secret(body), body);
  for (const body of [
    'export WANDB_API_KEY=0123456789abcdef0123456789abcdef01234567\n',
    'HF_TOKEN=hf_abcdefghijklmnopqrstuvwxyz\n',
    'python a.py --api-key=abcdefgh\n',
    'DB_PASSWORD=hunter22\n',
    'TOKEN=abc123def456ghi\n',
  ])
    assert.ok(secret(body), body);
});

test('quiet: megabytes are named only where they cannot be meant', () => {
  const named = (directive: string, body = 'hostname\n'): boolean =>
    found(job(directive, body)).some((one) => one.includes('memory-without-unit'));
  assert.ok(named('#SBATCH --mem=16'));
  assert.ok(named('#SBATCH --mem=128', 'torchrun train.py\n'));
  assert.ok(!named('#SBATCH --mem=128'));
  assert.ok(!named('#SBATCH --mem-per-cpu=400'));
  assert.ok(!named('#SBATCH --mem=40  # MB, measured'));
  assert.ok(!named('#SBATCH --mem=0'));
});

test('quiet: log folders of the user, and mkdir in other words', () => {
  const said = (output: string, body = 'hostname\n'): string[] =>
    found(job(`#SBATCH --output=${output}`, body)).filter((one) => one.includes('log-folder'));
  for (const output of ['/scratch/%u/%j.out', '/home/%u/x.out', './x.out', '/tmp/x.out']) assert.deepEqual(said(output), [], output); // prettier-ignore
  assert.deepEqual(said('logs/%j.out'), ['3 info log-folder']);
  assert.deepEqual(said('/scratch/%u/logs/%j.out', 'mkdir -p /scratch/$USER/logs\n'), ['3 warning log-folder']);
});

test('a command in a remark is no misspelt directive', () => {
  assert.deepEqual(found('#!/bin/bash\n# sbatch --nodes=2 run.sh\n#sbatch --export=ALL run.sh\n#SBATCH --account=a\nhostname\n'), []); // prettier-ignore
  assert.deepEqual(found('#!/bin/bash\n#sbatch --nodes=2\n#SBATCH --account=a\nhostname\n'), [
    '2 error directive-misspelt',
  ]);
});

test('LSF: memory is a whole number, sections have square brackets, a limit is not below what is reserved', () => {
  const said = (line: string): string[] =>
    analyse(`#!/bin/bash\n#BSUB -n 1\n#BSUB ${line}\n./part.sh\n`).findings.flatMap(({ id, severity }) => (severity === 'error' || severity === 'warning' ? [`${severity} ${id}`] : [])); // prettier-ignore
  assert.deepEqual(said('-M 4.5G'), ['error invalid-value']);
  assert.deepEqual(said('-R "rusage{mem=8GB}"'), ['error lsf-requirement']);
  assert.deepEqual(said('-M 2GB -R "rusage[mem=8GB]"'), ['warning lsf-limit-below-reservation']);
  for (const line of ['-M 8GB -R "rusage[mem=8GB]"', '-M 8GB', '-M 4608MB', '-R "select[(mem>1000)] rusage[mem=8GB]"'])
    assert.deepEqual(said(line), [], line);
});
