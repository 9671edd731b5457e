/** Rules that compare a run config with a snapshot of its cluster, as scripts/rules/cluster.ts does for scripts. Pure. */
import { listed, mostGpus, mostMinutes, nodesOf, partitionsOf } from '../scripts/reading/partitions';
import { secondsOf } from '../scripts/reading/values';
import type { ClusterSnapshot, RunConfig } from '../shared/schema-types.gen';
import { didYouMean } from '../suggest';
import type { CrossProblem } from './checks';

type Check = (config: RunConfig, cluster: ClusterSnapshot) => CrossProblem | undefined;

const CHECKS: readonly Check[] = [
  (config, { partitions }) => {
    const { partition } = config;
    const names = partitions.map(({ name }) => name);
    const unknown = named(config)?.find((name) => !names.includes(name));
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
    const seconds = config.time === undefined ? undefined : secondsOf(String(config.time));
    const allowed = partitionsOf(cluster, named(config));
    const most = mostMinutes(allowed);
    if (seconds === undefined || seconds <= most * 60) return undefined;
    return {
      id: 'cluster-time',
      severity: cluster.enforcePartitionLimits ? 'error' : 'warning',
      message: `${listed(allowed)} allows at most ${most} minutes`,
      path: ['time'],
      replacement: String(most),
    };
  },
];

/** What the cluster would refuse in a config, or leave waiting for ever. Silent about what the snapshot does not know. */
export function clusterChecks(config: RunConfig, cluster: ClusterSnapshot): CrossProblem[] {
  return CHECKS.map((check) => check(config, cluster)).filter((problem) => problem !== undefined);
}

/** The partitions that a config names. */
const named = ({ partition }: RunConfig): string[] | undefined => partition?.split(',');
