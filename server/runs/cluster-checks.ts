/** Rules that hold a run config against a snapshot of the cluster it is for, as batch/rules/cluster.ts does scripts. Pure. */
import { secondsOf } from '../batch/values';
import type { ClusterSnapshot, RunConfig } from '../schema-types.gen';
import { didYouMean } from '../suggest';
import type { CrossProblem } from './checks';

type Check = (config: RunConfig, cluster: ClusterSnapshot) => CrossProblem | undefined;

const CHECKS: readonly Check[] = [
  ({ partition }, { partitions }) => {
    const names = partitions.map(({ name }) => name);
    const unknown = partition?.split(',').find((name) => !names.includes(name));
    if (partition === undefined || unknown === undefined) return undefined;
    const hint = didYouMean(unknown, names);
    return {
      id: 'cluster-partition',
      severity: 'error',
      message: `There is no partition ${unknown} on this cluster (${names.slice(0, 8).join(', ')})`,
      path: ['partition'],
      replacement: hint && partition.replace(unknown, hint),
    };
  },
  (config, cluster) => {
    const most = mostGpus(config, cluster);
    if (!config.gpus || most === undefined || config.gpus <= most) return undefined;
    return {
      id: 'cluster-gpus',
      severity: 'error',
      message: `No node of ${namesOf(config, cluster)} has ${config.gpus} GPUs: the most is ${most}`,
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
          message: `${account} is none of your accounts on this cluster (${accounts.join(', ')})`,
          path: ['account'],
          replacement: didYouMean(account, accounts),
        }
      : undefined,
  (config, cluster) => {
    const seconds = config.time === undefined ? undefined : secondsOf(String(config.time));
    const limits = partitionsOf(config, cluster).map(({ maxMinutes = Infinity }) => maxMinutes);
    const most = Math.max(...limits);
    if (seconds === undefined || limits.length === 0 || seconds <= most * 60) return undefined;
    return {
      id: 'cluster-time',
      severity: cluster.enforcePartitionLimits ? 'error' : 'warning',
      message: `${namesOf(config, cluster)} allows at most ${most} minutes`,
      path: ['time'],
      replacement: String(most),
    };
  },
];

/** What of a config the cluster would refuse, or let wait for ever. Silent about whatever the snapshot does not know. */
export function clusterChecks(config: RunConfig, cluster: ClusterSnapshot): CrossProblem[] {
  return CHECKS.map((check) => check(config, cluster)).filter((problem) => problem !== undefined);
}

/** The partitions that the config names, or those that are used where none is named. */
function partitionsOf({ partition }: RunConfig, { partitions }: ClusterSnapshot): ClusterSnapshot['partitions'] {
  const named = partition?.split(',');
  return partitions.filter((one) => (named ? named.includes(one.name) : one.default));
}

function namesOf(config: RunConfig, cluster: ClusterSnapshot): string {
  return partitionsOf(config, cluster)
    .map(({ name }) => name)
    .join(', ');
}

/** Most GPUs of one node there; undefined where the snapshot does not tell. */
function mostGpus(config: RunConfig, cluster: ClusterSnapshot): number | undefined {
  const names = new Set(partitionsOf(config, cluster).flatMap(({ nodes = [] }) => nodes));
  const nodes = (cluster.nodes ?? []).filter(({ name, gres }) => names.has(name) && gres);
  if (nodes.length === 0) return undefined;
  const gpus = nodes.map(({ gres = [] }) =>
    gres.filter(({ name }) => name === 'gpu').reduce((sum, { count }) => sum + count, 0),
  );
  return Math.max(...gpus);
}
