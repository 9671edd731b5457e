// Generated from schemas/cluster-snapshot.schema.json by `npx tsx tools/rules-page.ts`. Do not edit.

/**
 * What is known of a cluster at one moment: filled from the scheduler's own commands, or written by hand. Batch scripts are checked against it, offline.
 */
export interface ClusterSnapshot {
  /**
   * Name of the cluster, as its users call it.
   */
  name?: string;
  /**
   * The scheduler it runs.
   */
  scheduler: "slurm" | "lsf";
  /**
   * Version of the scheduler, for example `22.05.8`.
   */
  version?: string;
  /**
   * When the snapshot was taken, ISO 8601.
   */
  taken?: string;
  /**
   * Partitions (Slurm) or queues (LSF).
   */
  partitions: ClusterPartition[];
  /**
   * Compute nodes.
   */
  nodes?: ClusterNode[];
  /**
   * Accounts of the user; absent if unknown.
   */
  accounts?: string[];
  /**
   * Account that is charged where a script names none.
   */
  defaultAccount?: string;
  /**
   * Qualities of service of the user; absent if unknown.
   */
  qos?: string[];
  /**
   * Jobs beyond a partition's limits are refused (Slurm's EnforcePartLimits) instead of waiting for ever.
   */
  enforcePartitionLimits?: boolean;
  /**
   * Array indices must stay below this (Slurm's MaxArraySize).
   */
  maxArraySize?: number;
  /**
   * Whether compute nodes reach the internet; absent if unknown.
   */
  nodesOnline?: boolean;
}
export interface ClusterPartition {
  /**
   * Name of the partition or queue.
   */
  name: string;
  /**
   * Used where a script names none.
   */
  default?: boolean;
  /**
   * Accepts jobs.
   */
  up?: boolean;
  /**
   * Longest time limit in minutes; absent if unlimited.
   */
  maxMinutes?: number;
  /**
   * Most nodes one job may have; absent if unlimited.
   */
  maxNodes?: number;
  /**
   * Accounts that may use it; absent if all may.
   */
  allowAccounts?: string[];
  /**
   * Qualities of service that may be used; absent if all may.
   */
  allowQos?: string[];
  /**
   * Names of its nodes.
   */
  nodes?: string[];
}
export interface ClusterNode {
  /**
   * Name of the node.
   */
  name: string;
  /**
   * CPUs a job can get.
   */
  cpus?: number;
  /**
   * Memory a job can get, in megabytes.
   */
  memoryMegabytes?: number;
  /**
   * Features for --constraint.
   */
  features?: string[];
  /**
   * Generic resources, GPUs above all.
   */
  gres?: ClusterGres[];
  /**
   * State in the scheduler's words, for example `idle`.
   */
  state?: string;
  /**
   * CPUs that were in use.
   */
  cpusUsed?: number;
}
export interface ClusterGres {
  /**
   * Kind of resource, for example `gpu`.
   */
  name: string;
  /**
   * Model, for example `a100`.
   */
  type?: string;
  /**
   * How many the node has.
   */
  count: number;
  /**
   * How many were in use.
   */
  used?: number;
}
