/** What a cluster's snapshot says about the partitions that a job may run in: for the rules of scripts and of run configs. */
import type { ClusterSnapshot } from '../../shared/schema-types.gen';

/** A partition (a queue, in LSF's terms) as a snapshot describes it. */
export type Partition = ClusterSnapshot['partitions'][number];
/** A node as a snapshot describes it. */
export type Node = NonNullable<ClusterSnapshot['nodes']>[number];

/** The known partitions among those that a job names, or the default ones where it names none. */
export function partitionsOf({ partitions }: ClusterSnapshot, named?: readonly string[]): Partition[] {
  return partitions.filter((one) => (named ? named.includes(one.name) : one.default));
}

/** `cpu, gpu` */
export const listed = (partitions: readonly Partition[]): string => partitions.map(({ name }) => name).join(', ');

/** The known nodes of those partitions; empty if the nodes of any of the partitions are not known. */
export function nodesOf({ nodes = [] }: ClusterSnapshot, partitions: readonly Partition[]): Node[] {
  if (partitions.some((one) => one.nodes === undefined)) return [];
  const names = new Set(partitions.flatMap((one) => one.nodes ?? []));
  return nodes.filter(({ name }) => names.has(name));
}

/** The most GPUs, of a type if given, that any one of the nodes has; undefined where no node's GPUs are known. */
export function mostGpus(nodes: readonly Node[], type?: string): number | undefined {
  if (nodes.every(({ gres }) => gres === undefined)) return undefined;
  const gpus = nodes.map(({ gres = [] }) =>
    gres
      .filter((one) => one.name === 'gpu' && (type === undefined || one.type === type))
      .reduce((sum, { count }) => sum + count, 0),
  );
  return Math.max(...gpus);
}

/** The longest time that one of the partitions allows, in minutes; Infinity where one has no limit or there are no partitions. */
export function mostMinutes(partitions: readonly Partition[]): number {
  return partitions.length === 0 ? Infinity : Math.max(...partitions.map(({ maxMinutes = Infinity }) => maxMinutes));
}
