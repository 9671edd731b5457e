/** Queues and hosts: the snapshot that scripts are checked against, and the load. */
import type { ClusterSnapshot, PartitionLoad } from '../../shared/protocol';
import { parseLimit, parseMemory } from './values';

/** Texts of the commands that a snapshot is made of. */
export interface SnapshotTexts {
  version: string;
  /** `bqueues -l` */
  queues: string;
  /** `bqueues -w -u ME`: those that the user may use, groups resolved; empty where LSF does not say. */
  mine: string;
  /** `bhosts -w` */
  hosts: string;
  /** `lshosts -w` */
  machines: string;
  /** `lsid`: names the cluster */
  identity: string;
}

/** Rows of a table with a heading, by column name; values contain no spaces. */
function tableRows(text: string): Record<string, string>[] {
  const lines = text.split('\n').filter((line) => line.trim());
  const start = lines.findIndex((line) => /^[A-Z_]+NAME\s/.test(line));
  const names = lines[start]?.trim().split(/\s+/) ?? [];
  return lines.slice(start + 1).map((line) => {
    const values = line.trim().split(/\s+/);
    return Object.fromEntries(names.map((name, i) => [name, values[i] ?? '-']));
  });
}

/** A limit of each name in a part of `bqueues -l`; a row of names has its values below it, each from where its name begins. */
function limitsIn(part: string): Partial<Record<string, string>> {
  const lines = part.split('\n');
  const limits: Record<string, string> = {};
  lines.forEach((line, at) => {
    if (!/^(?: +[A-Z]+LIMIT)+ *$/.test(line)) return;
    const names = [...line.matchAll(/[A-Z]+/g)];
    names.forEach(({ 0: name, index }, nth) => {
      limits[name] = (lines[at + 1] ?? '').slice(index, names[nth + 1]?.index).trim();
    });
  });
  return limits;
}

/** Slots of `PROCLIMIT` or `TASKLIMIT`: `4` (at most), `1 4` (from, to), `1 2 4` (from, without -n, to). */
function slotsOf(text: string | undefined): Pick<Queue, 'minSlots' | 'defaultSlots' | 'maxSlots'> {
  const numbers = (text ?? '').split(/\s+/).filter(Boolean).map(Number);
  if (numbers.some((count) => !Number.isInteger(count) || count < 1)) return {};
  const [first, second, third] = numbers;
  if (third !== undefined) return { minSlots: first, defaultSlots: second, maxSlots: third };
  return second !== undefined ? { minSlots: first, maxSlots: second } : first !== undefined ? { maxSlots: first } : {};
}

type Queue = ClusterSnapshot['partitions'][number];

/** One queue of `bqueues -l`. @param mine names of the queues that the user may use; empty where they are not known */
function queueOf(part: string, nodes: readonly { name: string }[], mine: ReadonlySet<string>): Queue | undefined {
  const name = /^QUEUE: (\S+)/.exec(part)?.[1];
  if (name === undefined) return undefined;
  // Hard limits stand alone, or below the default ones.
  const [before = '', above] = part.split(/^MAXIMUM LIMITS:/m);
  const isHard = above !== undefined || !/^DEFAULT LIMITS:/m.test(before);
  const hard = isHard ? limitsIn(above ?? before) : {};
  const standard = above !== undefined || !isHard ? limitsIn(before) : {};
  const limit = parseLimit(hard.RUNLIMIT ?? '');
  const usual = parseLimit(standard.RUNLIMIT ?? '') ?? limit;
  const hosts = /^HOSTS:(.+)$/m.exec(part)?.[1]?.trim();
  const users = /^USERS:(.+)$/m.exec(part)?.[1]?.trim() ?? '';
  const [, status = '', , perUser = ''] = /\bSTATUS\b.*\n\s*\S+\s+\S+\s+(\S+)\s+(\S+)\s+(\S+)/.exec(part) ?? [];
  return {
    name,
    ...(/This is the default queue/i.test(part) && { default: true }),
    up: !/^(?:Closed|Inact)/.test(status),
    ...(mine.size > 0 && { allowed: mine.has(name) }),
    ...(users && !/^all(?: users)?$/i.test(users) && { users: users.split(/\s+/) }),
    ...(limit !== undefined && { maxMinutes: limit / 60 }),
    ...(usual !== undefined && { defaultMinutes: usual / 60 }),
    ...slotsOf(hard.PROCLIMIT ?? hard.TASKLIMIT),
    ...(Number(perUser) > 0 && { userSlots: Number(perUser) }),
    nodes: !hosts || /^(?:all\b|all hosts)/i.test(hosts) ? nodes.map((node) => node.name) : hosts.split(/\s+/),
  };
}

/** @param taken ISO 8601 */
export function snapshotOf(texts: SnapshotTexts, taken: string): ClusterSnapshot {
  const machines = new Map(tableRows(texts.machines).map((row) => [row.HOST_NAME, row]));
  const nodes = tableRows(texts.hosts).map(({ HOST_NAME: name = '', STATUS = '', MAX, NJOBS }) => {
    const machine = machines.get(name);
    const memory = parseMemory(machine?.maxmem ?? '');
    return {
      name,
      cpus: Number(MAX) || Number(machine?.ncpus) || 0,
      ...(memory !== undefined && { memoryMegabytes: memory }),
      state: STATUS,
      cpusUsed: Number(NJOBS) || 0,
    };
  });
  const mine = new Set(tableRows(texts.mine).map(({ QUEUE_NAME = '' }) => QUEUE_NAME));
  const parts = texts.queues.split(/^(?=QUEUE: )/m);
  const partitions = parts.map((part) => queueOf(part, nodes, mine)).filter((queue) => queue !== undefined);
  const version = /^\d+\.\d+/.test(texts.version) ? { version: texts.version } : {};
  const cluster = /My cluster name is (\S+)/.exec(texts.identity)?.[1];
  return {
    ...(cluster && { name: cluster }),
    scheduler: 'lsf',
    ...version,
    taken,
    partitions,
    nodes,
    // bsub refuses a job beyond a hard limit of its queue.
    enforcePartitionLimits: true,
  };
}

/** Reads `bqueues -w` and `bhosts -w`: the used slots of each queue, of its maximum or of all hosts. */
export function parseLoad(queues: string, hosts: string): PartitionLoad[] {
  const all = tableRows(hosts).reduce((sum, { MAX }) => sum + (Number(MAX) || 0), 0);
  return tableRows(queues).map(({ QUEUE_NAME = '', MAX, RUN }) => ({
    partition: QUEUE_NAME,
    cpus: [Number(RUN) || 0, Number(MAX) || all],
    gpus: [0, 0],
  }));
}
