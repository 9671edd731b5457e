/** Partitions, nodes and limits: the snapshot that scripts are checked against, and the load. */
import type { ClusterSnapshot, PartitionLoad } from '../../shared/protocol';
import { FIELD_END, RECORD_END } from './job-table';
import { optionsOfPlugIns } from './plug-ins';
import { parseDuration, parseGres } from './values';

/** Value of sinfo's `-O`: one row for each node of each partition. */
export const SINFO_FORMAT =
  ['NodeHost', 'PartitionName', 'CPUsState', 'Gres'].map((field) => `${field}:${FIELD_END}`).join(',') +
  `,GresUsed:${RECORD_END}`;

/** Reads `sinfo -h -N -O` of that format. CPUs and GPUs of nodes that are down do not count. */
export function parseLoad(text: string): PartitionLoad[] {
  const loads = new Map<string, PartitionLoad>();
  for (const record of text.split(RECORD_END)) {
    const [, partition, cpus, gres, used] = record.split(FIELD_END);
    if (partition === undefined || cpus === undefined || gres === undefined || used === undefined) continue;
    const load = loads.get(partition) ?? { partition, cpus: [0, 0], gpus: [0, 0] };
    // Allocated, idle, other (down or drained), total.
    const [allocated = 0, idle = 0] = cpus.split('/').map((count) => Number(count) || 0);
    load.cpus[0] += allocated;
    load.cpus[1] += allocated + idle;
    load.gpus[0] += gpus(used);
    load.gpus[1] += allocated + idle > 0 ? gpus(gres) : gpus(used);
    loads.set(partition, load);
  }
  return [...loads.values()];
}

const gpus = (gres: string): number =>
  parseGres(gres).reduce((sum, { name, count }) => sum + (name === 'gpu' ? count : 0), 0);

/** Texts of the commands that a snapshot is made of; undefined where a site does not allow one. */
export interface SnapshotTexts {
  version: string;
  /** `scontrol show partition --oneliner` */
  partitions: string;
  /** `scontrol show node --oneliner` */
  nodes: string;
  /** `scontrol show config` */
  config?: string;
  /** `sbatch --help` and `srun --help` */
  help?: { sbatch?: string; srun?: string };
  /** Names of the plug-ins in plugstack.conf. */
  plugIns?: readonly string[];
  /** `sacctmgr --parsable2 --noheader show assoc format=account,partition,qos,defaultqos` of the user */
  associations?: string;
  /** `sacctmgr --parsable2 --noheader show user format=defaultaccount` */
  defaultAccount?: string;
}

/** @param taken ISO 8601 */
export function snapshotOf(texts: SnapshotTexts, taken: string): ClusterSnapshot {
  const snapshot: ClusterSnapshot = { scheduler: 'slurm', version: texts.version, taken, partitions: [], nodes: [] };
  const members = new Map<string, string[]>();
  for (const line of lines(texts.nodes, 'NodeName=')) {
    const name = value(line, 'NodeName') ?? '';
    for (const partition of value(line, 'Partitions')?.split(',') ?? [])
      members.set(partition, [...(members.get(partition) ?? []), name]);
    snapshot.nodes?.push({ name, ...nodeFacts(line) });
  }
  for (const line of lines(texts.partitions, 'PartitionName=')) {
    const name = value(line, 'PartitionName') ?? '';
    const limit = parseDuration(value(line, 'MaxTime') ?? '');
    const maxNodes = Number(value(line, 'MaxNodes'));
    snapshot.partitions.push({
      name,
      ...(value(line, 'Default') === 'YES' && { default: true }),
      up: value(line, 'State') === 'UP',
      ...(limit !== undefined && { maxMinutes: limit / 60 }),
      ...(maxNodes >= 1 && { maxNodes }),
      ...list('allowAccounts', value(line, 'AllowAccounts')),
      ...list('allowQos', value(line, 'AllowQos')),
      nodes: members.get(name) ?? [],
    });
  }
  const rows = texts.associations?.split('\n').filter((row) => row.includes('|')).map((row) => row.split('|')); // prettier-ignore
  if (rows && rows.length > 0) {
    snapshot.accounts = unique(rows.map(([account = '']) => account));
    snapshot.qos = unique(rows.flatMap(([, , qos, defaultQos]) => [...(qos ?? '').split(','), defaultQos ?? '']));
  }
  const account = texts.defaultAccount?.trim().split('\n').pop();
  if (account) snapshot.defaultAccount = account;
  const setting = (name: string): string | undefined =>
    new RegExp(`^${name}\\s*=\\s*(.*?)\\s*$`, 'm').exec(texts.config ?? '')?.[1];
  const cluster = setting('ClusterName');
  if (cluster) snapshot.name = cluster;
  const enforced = setting('EnforcePartLimits');
  if (enforced !== undefined) snapshot.enforcePartitionLimits = !/^(?:NO|\(null\))$/i.test(enforced);
  const size = Number(setting('MaxArraySize'));
  if (size > 0) snapshot.maxArraySize = size;
  const enforces = setting('AccountingStorageEnforce');
  if (enforces !== undefined) snapshot.accountNeeded = /associations|limits|qos|safe|all/i.test(enforces);
  const [taskPlugin, selectType] = [setting('TaskPlugin'), setting('SelectType')];
  if (taskPlugin !== undefined) snapshot.taskPlugin = taskPlugin;
  if (selectType !== undefined) snapshot.selectType = selectType;
  const submitOptions = submitOptionsOf(texts);
  if (submitOptions) snapshot.submitOptions = submitOptions;
  return snapshot;
}

/** What the commands' help and plugstack.conf say; undefined where they say nothing. */
function submitOptionsOf({ help, plugIns }: SnapshotTexts): ClusterSnapshot['submitOptions'] {
  const [sbatch, srun] = [optionsIn(help?.sbatch), optionsIn(help?.srun)];
  if (!(sbatch ?? srun)) return undefined;
  const added = [help?.sbatch, help?.srun].flatMap((text = '') => optionsOfPlugIns(text));
  const first = new Map(added.reverse().map((option) => [option.name, option]));
  return {
    ...(sbatch && { sbatch }),
    ...(srun && { srun }),
    ...(first.size > 0 && { added: [...first.values()].reverse() }),
    ...(plugIns && { plugIns: unique(plugIns) }),
  };
}

/** The long options that a command's help lists, those of plug-ins too; undefined for a text that is no help. */
function optionsIn(help: string | undefined): string[] | undefined {
  const names = [...(help ?? '').matchAll(/^[ \t]+(?:-\w,?[ \t]+)?(--[A-Za-z][\w-]*)/gm)].map(([, name = '']) => name);
  return names.length > 0 ? unique(names) : undefined;
}

function nodeFacts(line: string): Omit<NonNullable<ClusterSnapshot['nodes']>[number], 'name'> {
  // What a job can get, without cores reserved for the system; since 22.05.
  const cpus = value(line, 'CPUEfctv') ?? value(line, 'CPUTot');
  const memory = Number(value(line, 'RealMemory')) - Number(value(line, 'MemSpecLimit') ?? 0);
  const used = parseGres(value(line, 'GresUsed') ?? '');
  const allocated = value(line, 'AllocTRES') ?? '';
  const gres = parseGres(known(value(line, 'Gres'))).map(({ name, type, count }) => {
    const inUse =
      used.find((other) => other.name === name && other.type === type)?.count ??
      Number(new RegExp(`gres/${name}${type ? `:${type}` : ''}=(\\d+)`).exec(allocated)?.[1] ?? NaN);
    return { name, ...(type !== undefined && { type }), count, ...(inUse >= 0 && { used: inUse }) };
  });
  // With one model of GPU, the plain count is that of the model.
  const plain = Number(/gres\/gpu=(\d+)/.exec(allocated)?.[1] ?? 0);
  const [gpu, another] = gres.filter(({ name }) => name === 'gpu');
  if (gpu && !another) gpu.used ??= plain;
  const features = known(value(line, 'AvailableFeatures'));
  return {
    cpus: Number(cpus ?? 0),
    memoryMegabytes: Math.max(memory || 0, 0),
    features: features ? features.split(',') : [],
    gres,
    state: value(line, 'State') ?? '',
    cpusUsed: Number(value(line, 'CPUAlloc') ?? 0),
  };
}

const known = (text: string | undefined): string => (text === undefined || text === '(null)' ? '' : text);
const lines = (text: string, start: string): string[] => text.split('\n').filter((line) => line.startsWith(start));
const unique = (names: readonly string[]): string[] => [...new Set(names.filter(Boolean))];

/** The value of the first `Key=` of a line: free text (Reason, OS) comes after everything that is asked for here. */
function value(line: string, key: string): string | undefined {
  return new RegExp(`(?:^| )${key}=(\\S*)`).exec(line)?.[1];
}

function list<K extends string>(key: K, text: string | undefined): Partial<Record<K, string[]>> {
  if (text === undefined || text === 'ALL' || text === '(null)') return {};
  return { [key]: text.split(',') } as Partial<Record<K, string[]>>;
}
