import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { type MachineFacts, usableCores, usableMemory } from '../../server/compute/machine';
import { shapeOf, shapeText, workerMemory } from '../../server/compute/pool-shape';
import { countBlocks } from '../../server/diffusion/seed-blocks';
import { UserError } from '../../server/errors';

const GIB = 2 ** 30;

function facts(files: Record<string, string>, env: NodeJS.ProcessEnv = {}): MachineFacts {
  return { env, read: (file) => files[file], cores: 16, memory: 32 * GIB };
}

function shape(cores: number, memory: number, each: number, pieces: number, asked?: number) {
  const from = { cores: { amount: cores, by: 'this machine' }, memory: { amount: memory * GIB, by: 'free memory of this machine' } }; // prettier-ignore
  return shapeOf({ ...from, each: each * GIB, pieces, asked });
}

test('as many processes as cores, as far as memory and seeds go; no core is given twice', () => {
  const rows: [...Parameters<typeof shape>, number[]][] = [
    [2, 32, 1, 99, undefined, [1, 1]],
    [5, 32, 1, 99, 2, [3, 2]],
    [8, 32, 1, 3, undefined, [3, 3, 2]],
    // A network that needs 2 GB, on a machine with 4 GB: one process, with all cores.
    [4, 4, 2, 99, undefined, [4]],
    [4, 4, 2, 99, 4, [4]],
    [4, 1, 2, 99, undefined, [4]],
    [4, 32, 1, 0, undefined, [4]],
    [4, 32, 1, 99, 1, [4]],
    [1, 32, 1, 99, undefined, [1]],
  ];
  for (const [cores, memory, each, pieces, asked, threads] of rows) {
    const found = shape(cores, memory, each, pieces, asked);
    assert.deepEqual([found.threads, found.workers], [threads, threads.length], JSON.stringify([cores, memory, each]));
    assert.equal(
      threads.reduce((a, b) => a + b),
      cores,
    );
  }
});

test('what is asked for and cannot be is said in one line', () => {
  assert.deepEqual(shape(2, 32, 1, 99, 8).notes, ['workers 8: only 2 processes will work (2 cores: this machine)']);
  assert.deepEqual(shape(4, 4, 2, 99, 4).notes, [
    'workers 4: only 1 process will work (each needs about 2.0 GiB, with 4.0 GiB of free memory of this machine)',
  ]);
  assert.deepEqual(shape(4, 1, 2, 99).notes, [
    'The network may not fit into memory (each needs about 2.0 GiB, with 1.0 GiB of free memory of this machine)',
  ]);
  assert.deepEqual(shape(4, 32, 1, 99, 4).notes, []);
  for (const asked of [0, -1, 1.5, NaN])
    assert.throws(() => shape(4, 32, 1, 99, asked), (error) => error instanceof UserError && /at least one process/.test(error.message)); // prettier-ignore
  assert.equal(shapeText(shape(2, 32, 1, 99)), '2 processes with 1 thread each (2 cores: this machine)');
  assert.equal(shapeText(shape(5, 32, 1, 99, 2)), '2 processes with 2 or 3 threads each (asked for)');
  assert.equal(shapeText(shape(4, 32, 1, 1)), '1 process with 4 threads (there are not enough seeds for more)');
});

test('cores: affinity, quota of the control groups, the job', () => {
  const two = { '/proc/self/cgroup': '0::/user.slice/job\n' };
  const rows: [MachineFacts, number, RegExp][] = [
    [facts({}), 16, /this machine/],
    [facts({ ...two, '/sys/fs/cgroup/user.slice/job/cpu.max': 'max 100000\n' }), 16, /this machine/],
    [facts({ ...two, '/sys/fs/cgroup/user.slice/job/cpu.max': '250000 100000\n' }), 2, /quota/],
    // A limit further up counts as well.
    [facts({ ...two, '/sys/fs/cgroup/user.slice/cpu.max': '50000 100000\n' }), 1, /quota/],
    [
      facts({
        '/proc/self/cgroup': '3:cpuacct,cpu:/docker/abc\n1:name=systemd:/\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '400000\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      }),
      4,
      /quota/,
    ],
    [facts({ '/proc/self/cgroup': '1:cpu:/\n', '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n', '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n' }), 16, /this machine/], // prettier-ignore
    [facts({}, { SLURM_JOB_ID: '7', SLURM_CPUS_PER_TASK: '3', SLURM_CPUS_ON_NODE: '8' }), 3, /^SLURM_CPUS_PER_TASK$/],
    [facts({}, { SLURM_JOB_ID: '7', SLURM_CPUS_ON_NODE: '8' }), 8, /^SLURM_CPUS_ON_NODE$/],
    [facts({}, { SLURM_CPUS_ON_NODE: '8' }), 16, /this machine/],
    [facts({}, { SLURM_JOB_ID: '7', SLURM_CPUS_ON_NODE: 'many' }), 16, /this machine/],
    [facts({}, { LSB_JOBID: '7', LSB_MCPU_HOSTS: `elsewhere 2 ${hostname()} 5` }), 5, /^LSB_MCPU_HOSTS$/],
    [facts({}, { LSB_JOBID: '7', LSB_MCPU_HOSTS: 'elsewhere 2' }), 2, /^LSB_MCPU_HOSTS$/],
  ];
  for (const [given, amount, by] of rows) {
    const found = usableCores(given);
    assert.equal(found.amount, amount, JSON.stringify(given.env));
    assert.match(found.by, by);
  }
});

test('memory: what is free, what the control groups leave without cached files, the job', () => {
  const group = (more: Record<string, string>) => facts({ '/proc/self/cgroup': '0::/job\n', ...more });
  assert.equal(usableMemory(facts({})).amount, 32 * GIB);
  const limited = {
    '/sys/fs/cgroup/job/memory.max': `${8 * GIB}`,
    '/sys/fs/cgroup/job/memory.current': `${7 * GIB}`,
    '/sys/fs/cgroup/job/memory.stat': `anon 1\ninactive_file ${5 * GIB}\nactive_file 3\n`,
  };
  assert.equal(usableMemory(group(limited)).amount, 6 * GIB);
  assert.equal(usableMemory(group({ ...limited, '/sys/fs/cgroup/job/memory.max': 'max' })).amount, 32 * GIB);
  const old = facts({
    '/proc/self/cgroup': '4:memory:/j\n',
    '/sys/fs/cgroup/memory/j/memory.limit_in_bytes': `${4 * GIB}`,
    '/sys/fs/cgroup/memory/j/memory.usage_in_bytes': `${GIB}`,
  });
  assert.equal(usableMemory(old).amount, 3 * GIB);
  assert.equal(usableMemory(facts({}, { SLURM_JOB_ID: '7', SLURM_MEM_PER_NODE: '2048' })).amount, 2 * GIB);
  const perCpu = { SLURM_JOB_ID: '7', SLURM_MEM_PER_CPU: '1024', SLURM_CPUS_ON_NODE: '4' };
  assert.equal(usableMemory(facts({}, perCpu)).amount, 4 * GIB);
});

test('the estimate of memory is above what was measured', () => {
  for (const [file, peak] of [
    [223_071_250, 2041],
    [7_108_163, 183],
    [3_250_789, 137],
  ] as const)
    // prettier-ignore
    assert.ok(workerMemory(file) >= peak * 2 ** 20 && workerMemory(file) < 1.5 * peak * 2 ** 20, String(file));
});

test('blocks of seeds are counted once, and no further than asked', () => {
  const rows: [string, number, number][] = [
    ['0-15', 9, 1],
    ['0-16', 9, 2],
    ['0,1,2,15', 9, 1],
    ['-1,0', 9, 2],
    ['0-9999999', 4, 4],
    ['0-31,16-47', 9, 3],
  ];
  for (const [list, atMost, blocks] of rows) assert.equal(countBlocks(list, atMost), blocks, list);
  assert.throws(() => countBlocks('5-1', 4), UserError);
});
