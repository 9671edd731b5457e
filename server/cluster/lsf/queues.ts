/** Queues and hosts: the snapshot that scripts are checked against, and the load. */
import type { ClusterSnapshot, PartitionLoad } from '../../shared/protocol';
import { parseLimit, parseMemory } from './values';

/** Texts of the commands that a snapshot is made of. */
export interface SnapshotTexts {
  version: string;
  /** `bqueues -l` */
  queues: string;
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
  const partitions = texts.queues.split(/^(?=QUEUE: )/m).flatMap((part) => {
    const name = /^QUEUE: (\S+)/.exec(part)?.[1];
    if (name === undefined) return [];
    // The hard limit comes last: MAXIMUM LIMITS follow DEFAULT LIMITS.
    const limits = part.slice(Math.max(part.indexOf('MAXIMUM LIMITS:'), 0));
    const limit = parseLimit(/RUNLIMIT\s+(\d\S*)/.exec(limits)?.[1] ?? '');
    const hosts = /^HOSTS:(.+)$/m.exec(part)?.[1]?.trim();
    const status = /\bSTATUS\b.*\n\s*\S+\s+\S+\s+(\S+)/.exec(part)?.[1];
    return {
      name,
      ...(/This is the default queue/i.test(part) && { default: true }),
      up: !/^(?:Closed|Inact)/.test(status ?? ''),
      ...(limit !== undefined && { maxMinutes: limit / 60 }),
      nodes: !hosts || /^(?:all\b|all hosts)/i.test(hosts) ? nodes.map((node) => node.name) : hosts.split(/\s+/),
    };
  });
  const version = /^\d+\.\d+/.test(texts.version) ? { version: texts.version } : {};
  const cluster = /My cluster name is (\S+)/.exec(texts.identity)?.[1];
  return { ...(cluster && { name: cluster }), scheduler: 'lsf', ...version, taken, partitions, nodes };
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
