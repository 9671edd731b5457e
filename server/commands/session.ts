/** The login that a command on a cluster shares with the code it calls. */
import type { ClusterProfile } from '../shared/protocol';
import type { Cluster } from '../cluster/cluster';
import { Clusters, type BeforeLogin } from '../cluster/clusters';
import { askOnTerminal, closeTerminalHosts, endLogin, terminalHosts } from '../cluster/terminal-hosts';
import { CancelledError, UserError } from '../errors';
import { printNotes, type Call } from './command';

/** An open cluster, and the clusters known in the current folder. */
export interface Session {
  clusters: Clusters;
  name: string;
  cluster: Cluster;
}

/** The clusters known in the current folder; none of them is connected. */
export async function knownClusters(): Promise<{ clusters: Clusters } & Awaited<ReturnType<Clusters['load']>>> {
  const clusters = new Clusters({ hosts: terminalHosts(), folders: [process.cwd()], askAllowance: askOnTerminal });
  return { clusters, ...(await clusters.load()) };
}

/**
 * Connects to a cluster; what has to be asked is asked on the terminal. The connection ends with the command.
 * @param given name of the cluster; where it is undefined, the only one that is known
 * @param check also shows which directives of the ssh configuration are not honoured when the login succeeds
 * @param before refuses what can be refused here, before a password is asked for
 * @throws UserError where the cluster is not known or cannot be reached; CancelledError
 */
export async function openSession(
  { atEnd }: Pick<Call<'queue'>, 'atEnd'>,
  given: string | undefined,
  { check = false, before }: { check?: boolean; before?: BeforeLogin } = {},
): Promise<Session> {
  const { clusters, profiles, problems } = await knownClusters();
  printNotes(problems);
  const name = given ?? onlyName(profiles);
  atEnd(closeTerminalHosts);
  const cluster = await clusters.open(name, true, before).catch((error: unknown) => {
    if (error instanceof CancelledError) throw new CancelledError(`Cancelled: not connected to ${name}`);
    endLogin({ show: true });
    throw error;
  });
  endLogin({ show: check });
  printNotes(await clusters.settle(name));
  return { clusters, name, cluster };
}

/** The name of the only cluster. @throws UserError where there is none, or more than one */
export function onlyName(profiles: readonly ClusterProfile[]): string {
  const [only, another] = profiles;
  if (!only)
    throw new UserError(
      'No cluster is known here: add one to .edm-workbench/clusters.yaml, or run this on a login node',
    );
  if (!another) return only.name;
  throw new UserError(
    `Several clusters are known: choose one with --cluster ${profiles.map(({ name }) => name).join(' | ')}`,
  );
}
