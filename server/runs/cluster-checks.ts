/** Rules that compare a run config with a snapshot of its cluster, as scripts/rules/cluster.ts does for scripts. Pure. */
import { listed, mostGpus, mostMinutes, nodesOf, partitionsOf } from '../scripts/reading/partitions';
import { secondsOf } from '../scripts/reading/values';
import { DEFAULT_JOB_TIME, FINISH_CPUS, JOB_CPUS } from '../shared/defaults';
import type { ClusterSnapshot, RunConfig } from '../shared/schema-types.gen';
import { partitionNames } from '../jobs/job-options';
import { didYouMean } from '../suggest';
import { jobChecks } from './job-checks';
import type { CrossProblem } from './cross-problem';

type Check = (config: RunConfig, cluster: ClusterSnapshot) => CrossProblem | undefined;

const CHECKS: readonly Check[] = [
  (config, { partitions }) => {
    const { partition } = config;
    const names = partitions.map(({ name }) => name);
    const unknown = named(config)?.find((name) => !names.includes(name));
    if (partition === undefined || unknown === undefined) return undefined;
    const hint = didYouMean(unknown, names);
    const isList = Array.isArray(partition);
    return {
      id: 'cluster-partition',
      severity: 'error',
      message: `There is no partition ${unknown} on this cluster (${names.slice(0, 8).join(', ')})`,
      path: isList ? ['partition', String(partition.indexOf(unknown))] : ['partition'],
      replacement: hint && (isList ? hint : partition.replace(unknown, hint)),
    };
  },
  (config, cluster) => {
    const allowed = partitionsOf(cluster, named(config));
    const most = mostGpus(nodesOf(cluster, allowed));
    if (!config.gpus || most === undefined || config.gpus <= most) return undefined;
    return {
      id: 'cluster-gpus',
      severity: 'error',
      message: `No node of ${listed(allowed)} has ${config.gpus} GPUs: the most is ${most}`,
      path: ['gpus'],
      replacement: String(most),
    };
  },
  ({ account }, { accounts }) =>
    // Slurm writes accounts in lower case, whatever was asked for.
    account !== undefined && accounts && !accounts.includes(account.toLowerCase())
      ? {
          id: 'cluster-account',
          severity: 'error',
          message: `${account} is not one of your accounts on this cluster (${accounts.join(', ')})`,
          path: ['account'],
          replacement: didYouMean(account, accounts),
        }
      : undefined,
  (config, cluster) => {
    const given = config.time !== undefined;
    const seconds = secondsOf(String(config.time ?? DEFAULT_JOB_TIME));
    const allowed = partitionsOf(cluster, named(config));
    const most = mostMinutes(allowed);
    if (seconds === undefined || seconds <= most * 60) return undefined;
    const asks = given ? '' : `: give time, as a run without it asks for ${DEFAULT_JOB_TIME}`;
    return {
      id: 'cluster-time',
      severity: cluster.enforcePartitionLimits ? 'error' : 'warning',
      message: `${listed(allowed)} allows at most ${most} minutes${asks}`,
      path: given ? ['time'] : placeOf(config),
      ...(given && { replacement: String(most) }),
    };
  },
  (config, cluster) => {
    const closed = partitionsOf(cluster, named(config)).find(({ allowed }) => allowed === false);
    if (!closed) return undefined;
    const open = cluster.partitions.filter(({ allowed }) => allowed !== false);
    const users = closed.users ? ` (only ${closed.users.join(', ')} may)` : '';
    return {
      id: 'cluster-queue-users',
      severity: 'error',
      message: `You may not use ${closed.name}${users}: choose one of ${listed(open)}`,
      path: placeOf(config),
    };
  },
  (config, cluster) => {
    const wanted = config.cpus ?? JOB_CPUS * Math.max(config.gpus ?? 1, 1);
    const [queue, another] = partitionsOf(cluster, named(config));
    // Where there are several, LSF chooses one that fits.
    if (!queue || another) return undefined;
    const most = Math.min(queue.maxSlots ?? Infinity, queue.userSlots ?? Infinity);
    const least = config.engine === 'edm' ? wanted : FINISH_CPUS;
    const message =
      wanted > most
        ? `${queue.name} gives a job at most ${most} slots, and this run asks for ${wanted}`
        : least < (queue.minSlots ?? 0)
          ? `${queue.name} takes jobs from ${queue.minSlots} slots on, and a job of this run asks for ${least}`
          : undefined;
    return message === undefined
      ? undefined
      : { id: 'cluster-slots', severity: 'error', message, path: placeOf(config) };
  },
  ({ qos }, { qos: known }) =>
    qos !== undefined && known && !known.includes(qos)
      ? {
          id: 'cluster-qos',
          severity: 'error',
          message: `${qos} is not one of your qualities of service on this cluster (${known.join(', ')})`,
          path: ['qos'],
          replacement: didYouMean(qos, known),
        }
      : undefined,
  (config, cluster) => {
    const { gpu_type: type } = config;
    const places = partitionsOf(cluster, named(config));
    const types = [
      ...new Set(nodesOf(cluster, places).flatMap(({ gres = [] }) => gres.flatMap((one) => one.type ?? []))),
    ];
    if (type === undefined || types.length === 0 || types.includes(type)) return undefined;
    return {
      id: 'cluster-gpu-type',
      severity: 'error',
      message: `No node of ${listed(places)} has GPUs called ${type} (${types.join(', ')})`,
      path: ['gpu_type'],
      replacement: didYouMean(type, types),
    };
  },
  (config, cluster) => {
    const { constraint } = config;
    const places = partitionsOf(cluster, named(config));
    const nodes = nodesOf(cluster, places);
    const features = [...new Set(nodes.flatMap(({ features = [] }) => features))];
    // Any part of the expression: which nodes fit together is the scheduler's to say.
    const unknown = constraint?.match(/[A-Za-z_][\w.-]*/g)?.find((name) => !features.includes(name));
    if (constraint === undefined || unknown === undefined || features.length === 0 || cluster.scheduler === 'lsf')
      return undefined;
    const hint = didYouMean(unknown, features);
    return {
      id: 'cluster-constraint',
      severity: 'error',
      message: `No node of ${listed(places)} has the feature ${unknown} (${features.slice(0, 8).join(', ')})`,
      path: ['constraint'],
      replacement: hint && constraint.replace(unknown, hint),
    };
  },
  (config, cluster) => {
    const { nodes: wanted = 1 } = config;
    const places = partitionsOf(cluster, named(config));
    const most = Math.max(
      ...places.map(({ maxNodes = Infinity, nodes }) => Math.min(maxNodes, nodes?.length ?? Infinity)),
    );
    if (wanted < 2 || places.length === 0 || wanted <= most) return undefined;
    const message = `${listed(places)} gives a job at most ${most} nodes, and this run asks for ${wanted}`;
    return { id: 'cluster-nodes', severity: 'error', message, path: ['nodes'], replacement: String(most) };
  },
];

/**
 * What the cluster would refuse in a config, or leave waiting for ever. Silent about what the snapshot does not know, and
 * about what is wrong on any cluster.
 */
export function clusterChecks(config: RunConfig, cluster: ClusterSnapshot): CrossProblem[] {
  const found = CHECKS.map((check) => check(config, cluster)).filter((problem) => problem !== undefined);
  const anywhere = new Set(jobChecks(config).map(({ message }) => message));
  return [...found, ...jobChecks(config, cluster.scheduler).filter(({ message }) => !anywhere.has(message))];
}

/** What a config says about the place of its jobs; it always has a network. */
const placeOf = ({ partition }: RunConfig): string[] => [partition === undefined ? 'network' : 'partition'];

/** The partitions that a config names. */
const named = (config: RunConfig): string[] | undefined => partitionNames(config);
