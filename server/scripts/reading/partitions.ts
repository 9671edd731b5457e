/** What a cluster's snapshot says about the partitions that a job may run in, for rules of scripts and of run configs. Pure. */
import type { ClusterSnapshot } from '../../shared/schema-types.gen';

export type Partition = ClusterSnapshot['partitions'][number];
export type Node = NonNullable<ClusterSnapshot['nodes']>[number];

/** The known partitions among those a job names, or those that are used where it names none. */
export function partitionsOf({ partitions }: ClusterSnapshot, named?: readonly string[]): Partition[] {
  return partitions.filter((one) => (named ? named.includes(one.name) : one.default));
}

/** `cpu, gpu` */
export const listed = (partitions: readonly Partition[]): string => partitions.map(({ name }) => name).join(', ');

/** The nodes of those partitions that are known; none if any of the partitions does not say. */
export function nodesOf({ nodes = [] }: ClusterSnapshot, partitions: readonly Partition[]): Node[] {
  if (partitions.some((one) => one.nodes === undefined)) return [];
  const names = new Set(partitions.flatMap((one) => one.nodes ?? []));
  return nodes.filter(({ name }) => names.has(name));
}

/** The GPUs that one of the nodes has at most, of a type where it is given; undefined where no node tells. */
export function mostGpus(nodes: readonly Node[], type?: string): number | undefined {
  if (nodes.every(({ gres }) => gres === undefined)) return undefined;
  const gpus = nodes.map(({ gres = [] }) =>
    gres
      .filter((one) => one.name === 'gpu' && (type === undefined || one.type === type))
      .reduce((sum, { count }) => sum + count, 0),
  );
  return Math.max(...gpus);
}

/** The longest time that one of the partitions allows, in minutes; Infinity where one has no limit, or there are none. */
export function mostMinutes(partitions: readonly Partition[]): number {
  return partitions.length === 0 ? Infinity : Math.max(...partitions.map(({ maxMinutes = Infinity }) => maxMinutes));
}
