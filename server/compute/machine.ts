/** What of this machine a process may use: CPU cores and memory, within affinity, control groups and the job it runs in. */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** An amount, and what sets it, to follow a figure in a sentence. */
export interface Allowed {
  amount: number;
  /** For example `this machine`, `SLURM_CPUS_PER_TASK`. */
  by: string;
}

/** Where facts are read; tests give their own. */
export interface MachineFacts {
  env: NodeJS.ProcessEnv;
  /** A file's text; undefined where it cannot be read. */
  read: (file: string) => string | undefined;
  /** Cores that the system's scheduler may give to this process (affinity counts). */
  cores: number;
  /** Bytes of memory that programs can have now without swapping. */
  memory: number;
}

const MIB = 2 ** 20;
const CGROUPS = '/sys/fs/cgroup';

/** The facts of this process. */
export function machineFacts(): MachineFacts {
  const read = (file: string): string | undefined => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return undefined;
    }
  };
  return { env: process.env, read, cores: os.availableParallelism(), memory: os.freemem() };
}

/**
 * Cores that this process may keep busy, at least 1: the least of affinity, the control groups' CPU quota (cgroups(7),
 * cpu.max or cpu.cfs_quota_us, rounded down) and what the job was given (sbatch(1): SLURM_CPUS_PER_TASK, else
 * SLURM_CPUS_ON_NODE; bsub: LSB_MCPU_HOSTS).
 */
export function usableCores(facts = machineFacts()): Allowed {
  const { env } = facts;
  const limits: Allowed[] = [{ amount: facts.cores, by: 'this machine' }];
  for (const group of controlGroups(facts, 'cpu')) {
    const quota = cpuQuota(facts, group);
    if (quota !== undefined) limits.push({ amount: quota, by: "the control group's CPU quota" });
  }
  const slurm = ['SLURM_CPUS_PER_TASK', 'SLURM_CPUS_ON_NODE'].find((name) => positive(env[name]) !== undefined);
  if (env.SLURM_JOB_ID && slurm) limits.push({ amount: positive(env[slurm]) ?? 1, by: slurm });
  const slots = lsfSlots(env);
  if (slots !== undefined) limits.push({ amount: slots, by: 'LSB_MCPU_HOSTS' });
  const least = limits.reduce((a, b) => (b.amount < a.amount ? b : a));
  return { ...least, amount: Math.max(1, Math.floor(least.amount)) };
}

/**
 * Bytes of memory that this process can still take: the least of what the machine has left, what its control groups leave
 * (files that only lie in the cache do not count as used), and what its Slurm job was given (SLURM_MEM_PER_NODE, or
 * SLURM_MEM_PER_CPU times the job's CPUs here, in MB).
 */
export function usableMemory(facts = machineFacts()): Allowed {
  const { env } = facts;
  const limits: Allowed[] = [{ amount: facts.memory, by: 'free memory of this machine' }];
  for (const group of controlGroups(facts, 'memory')) {
    const left = memoryLeft(facts, group);
    if (left !== undefined) limits.push({ amount: left, by: "memory left in the control group's limit" });
  }
  const perCpu = positive(env.SLURM_MEM_PER_CPU);
  const job = positive(env.SLURM_MEM_PER_NODE) ?? (perCpu && perCpu * (positive(env.SLURM_CPUS_ON_NODE) ?? 1));
  if (env.SLURM_JOB_ID && job) limits.push({ amount: job * MIB, by: 'memory of the Slurm job' });
  return limits.reduce((a, b) => (b.amount < a.amount ? b : a));
}

/**
 * Folders of the control groups that this process is in for a controller, from its own to the top (proc(5), cgroup):
 * version 2 lists `0::PATH`, version 1 `N:CONTROLLERS:PATH`. In a container the path may be that of the host, where only
 * the top is there: files that are missing are passed over.
 */
function controlGroups({ read }: MachineFacts, controller: 'cpu' | 'memory'): string[] {
  const folders: string[] = [];
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, own] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || own === undefined) continue;
    if (controllers !== '' && !controllers.split(',').includes(controller)) continue;
    const tops = controllers === '' ? [CGROUPS] : [path.posix.join(CGROUPS, controllers), path.posix.join(CGROUPS, controller)]; // prettier-ignore
    for (const top of new Set(tops))
      for (let place = own; ; place = path.posix.dirname(place)) {
        folders.push(path.posix.join(top, place));
        if (place === '/') break;
      }
  }
  return folders;
}

/** Cores of a control group's quota; undefined without one. */
function cpuQuota({ read }: MachineFacts, group: string): number | undefined {
  const [quota, period] = read(path.posix.join(group, 'cpu.max'))?.trim().split(/\s+/) ?? [
    read(path.posix.join(group, 'cpu.cfs_quota_us')),
    read(path.posix.join(group, 'cpu.cfs_period_us')),
  ];
  const [time, of] = [positive(quota), positive(period)];
  return time !== undefined && of !== undefined ? time / of : undefined;
}

/** Bytes that a control group leaves; undefined without a limit. */
function memoryLeft({ read }: MachineFacts, group: string): number | undefined {
  const number = (file: string): number | undefined => positive(read(path.posix.join(group, file)));
  const limit = number('memory.max') ?? number('memory.limit_in_bytes');
  const used = number('memory.current') ?? number('memory.usage_in_bytes');
  if (limit === undefined || used === undefined) return undefined;
  const facts = read(path.posix.join(group, 'memory.stat')) ?? '';
  const cached = Number(/^total_inactive_file (\d+)$/m.exec(facts)?.[1] ?? /^inactive_file (\d+)$/m.exec(facts)?.[1]);
  return Math.max(0, limit - used + (cached || 0));
}

/** Slots of an LSF job on this host, of `hostA 4 hostB 2`; on a host that it does not name, those of the first. */
function lsfSlots({ LSB_JOBID, LSB_MCPU_HOSTS = '' }: NodeJS.ProcessEnv): number | undefined {
  if (!LSB_JOBID) return undefined;
  const words = LSB_MCPU_HOSTS.trim().split(/\s+/);
  const short = (name: string | undefined): string | undefined => name?.split('.', 1)[0];
  const here = words.findIndex((word, i) => i % 2 === 0 && short(word) === short(os.hostname()));
  return positive(words[Math.max(here, 0) + 1]);
}

/** A whole number above 0; undefined for anything else, such as `max`. */
function positive(text: string | undefined): number | undefined {
  const value = /^\s*\d+\s*$/.test(text ?? '') ? Number(text) : 0;
  return value > 0 ? value : undefined;
}
