/** Scripts rewritten for the other scheduler: they ask for the same, or it is said what they could not carry. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { analyse } from '../../server/scripts/analyse';
import { convert } from '../../server/scripts/convert';

/** A script with directives and a body, converted: its directives and body, and what is noted. */
function converted(
  keyword: 'BSUB' | 'SBATCH',
  directives: string,
  body = './prog\n',
): { text: string; notes: string[] } {
  const lines = directives.split('\n').map((line) => `#${keyword} ${line}\n`);
  const made = convert(`#!/bin/bash\n${lines.join('')}${body}`);
  assert.ok(made);
  // What comes out is a script that the other scheduler takes.
  assert.deepEqual(analyse(made.text).findings.filter(({ severity }) => severity === 'error'), [], made.text); // prettier-ignore
  const text = made.text.replace('#!/bin/bash\n', '').replaceAll(/^#(?:SBATCH|BSUB) /gm, '');
  return { text, notes: made.notes.map(({ what, why }) => `${what} ${why}`) };
}
const slurm = (directives: string, body?: string): ReturnType<typeof converted> => converted('BSUB', directives, body);
const lsf = (directives: string, body?: string): ReturnType<typeof converted> => converted('SBATCH', directives, body);

test('the number of slots stays the number of slots', () => {
  const threads = 'export OMP_NUM_THREADS=$LSB_DJOB_NUMPROC\n';
  assert.equal(
    slurm('-n 8\n-R "span[hosts=1]"', threads).text,
    '--nodes=1\n--ntasks=1\n--cpus-per-task=8\nexport OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK\n',
  );
  assert.equal(slurm('-W 10', threads).text, '--time=00:10:00\nexport OMP_NUM_THREADS=1\n');
  assert.equal(
    slurm('-n 8', 'mpirun -np $LSB_DJOB_NUMPROC ./prog\n').text,
    '--ntasks=8\nmpirun -np $SLURM_NTASKS ./prog\n',
  );
  const spread = slurm('-n 8\n-R "span[ptile=4]"', 'echo "${LSB_DJOB_NUMPROC}" ${LSB_DJOB_NUMPROC:-1}\n');
  assert.equal(
    spread.text,
    '--nodes=2\n--ntasks=2\n--cpus-per-task=4\necho "$((SLURM_NTASKS * SLURM_CPUS_PER_TASK))" ${LSB_DJOB_NUMPROC:-1}\n',
  );
  assert.ok(spread.notes.includes('LSB_DJOB_NUMPROC must be written as $((SLURM_NTASKS * SLURM_CPUS_PER_TASK))'));
});

test('ptile is the most on a host; uneven slots and minima are told', () => {
  assert.equal(slurm('-n 1\n-R "span[ptile=32]"').text, '--ntasks=1\n--cpus-per-task=1\n./prog\n');
  const uneven = slurm('-n 10\n-R "span[ptile=4]"');
  assert.equal(uneven.text, '--nodes=3\n--ntasks=3\n--cpus-per-task=4\n./prog\n');
  assert.match(uneven.notes.join(), /2 more than the slots/);
  assert.equal(slurm('-n 10\n-R "span[ptile=4]"', 'mpirun ./prog\n').text, '--nodes=3\n--ntasks=10\n--ntasks-per-node=4\nmpirun ./prog\n'); // prettier-ignore
  const range = slurm('-n 4,16\n-R "span[hosts=1]"');
  assert.equal(range.text, '--nodes=1\n--ntasks=1\n--cpus-per-task=4\n./prog\n');
  assert.match(range.notes.join(), /4 to 16 slots/);
  assert.equal(slurm('-n 2\n-R "affinity[core(4)]"').text, '--ntasks=2\n--cpus-per-task=4\n./prog\n');
});

test('memory per host, per slot and per job', () => {
  const on4 = (amount: string): ReturnType<typeof converted> => slurm(`-n 4\n-R "span[hosts=1] rusage[mem=${amount}]"`);
  assert.match(on4('2GB').text, /--mem=2G\n/);
  assert.match(on4('2GB').notes.join(), /RESOURCE_RESERVE_PER_TASK\), write --mem-per-cpu=2G/);
  assert.match(on4('2GB/task').text, /--mem-per-cpu=2G\n/);
  assert.match(on4('2GB/host').text, /--mem=2G\n/);
  assert.doesNotMatch(on4('2GB/host').notes.join(), /RESERVE/);
  assert.match(on4('4.5GB').text, /--mem=4608M\n/);
  assert.match(on4('4000').notes.join(), /unit depends on the LSF site/);
  const spread = slurm('-n 8\n-R "span[ptile=4] rusage[mem=8GB/job]"');
  assert.match(spread.text, /--mem=4096M\n/);
  assert.match(spread.notes.join(), /whole job/);
  assert.match(slurm('-M 16GB!').text, /--mem=16G\n/);
});

test('what a requirement says beyond that is told part by part', () => {
  const { notes } = slurm('-R "select[type==any] rusage[mem=1GB,lic=1] span[block=2] same[model]"');
  for (const part of ['select[type==any]', 'rusage[lic=1]', 'span[block=2]', 'same[model]'])
    assert.ok(
      notes.some((note) => note.includes(`${part} has no counterpart`)),
      part,
    );
  assert.match(slurm('-R "rusage{mem=8GB}"').text, /--mem=8G/);
  assert.match(slurm('-R "rusage[mem=8GB"').notes.join(), /has a mistake/);
});

test('-nnodes and jsrun, -G, -We, arrays with spaces', () => {
  const nodes = slurm('-nnodes 2', 'jsrun -n 12 -a 2 -c 14 -g 2 ./prog\n');
  assert.match(nodes.text, /^--nodes=2\n/);
  assert.ok(nodes.notes.includes('jsrun does not exist under Slurm: write srun --ntasks=24 --cpus-per-task=7 --gpus-per-task=1')); // prettier-ignore
  assert.match(slurm('-G lab01').text, /--account=lab01/);
  assert.match(slurm('-G lab01\n-P proj').text, /^--account=proj\n\.\/prog/);
  const group = slurm('-G 2');
  assert.equal(group.text, './prog\n');
  assert.match(group.notes.join(), /not a number of GPUs/);
  const estimate = slurm('-W 60\n-We 30');
  assert.equal(estimate.text, '--time=01:00:00\n./prog\n');
  assert.match(estimate.notes.join(), /-We 30 has no counterpart/);
  assert.match(slurm('-J "gen[1, 2, 5-9]%3"').text, /--array=1,2,5-9%3\n/);
  assert.match(slurm('-gpu "num=2/task:mode=shared:gmem=16G"\n-n 2\n-R "span[hosts=1]"').text, /--gres=gpu:4/);
});

test('Slurm to LSF: ranges of nodes, tasks, CPUs, --time-min', () => {
  assert.match(lsf('--nodes=2-4 --ntasks-per-node=8').text, /^-n 16,32\n-R "span\[ptile=8\]"\n/);
  const range = lsf('--nodes=2-4 --ntasks=8');
  assert.equal(range.text, '-n 8\n./prog\n');
  assert.match(range.notes.join(), /--nodes=2-4 has no counterpart/);
  assert.equal(
    lsf('--ntasks=1 --cpus-per-task=8', 'export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK\n').text,
    '-n 8\n-R "span[hosts=1]"\nexport OMP_NUM_THREADS=$LSB_DJOB_NUMPROC\n',
  );
  assert.match(
    lsf('--nodes=2 --ntasks-per-node=2 --cpus-per-task=4', 'echo $SLURM_NTASKS $SLURM_CPUS_PER_TASK $SLURM_JOB_NUM_NODES\n').text, // prettier-ignore
    /^-n 16\n-R "span\[ptile=8\]"\necho \$\(\(LSB_DJOB_NUMPROC \/ 4\)\) 4 2\n/,
  );
  assert.match(lsf('--ntasks=8').notes.join(), /span\[hosts=1\] keeps them on one host/);
  const least = lsf('--time=60 --time-min=30');
  assert.equal(least.text, '-W 1:00\n./prog\n');
  assert.match(least.notes.join(), /--time-min=30 has no counterpart/);
});
