/** One login by the system's OpenSSH: a ControlMaster that the user has open, or else one of our own, on each host of the way. */
import { lstat } from 'node:fs/promises';
import { UserError } from '../../errors';
import { watchEnd } from '../ssh/client';
import { endRoute, type LoginOptions, type Route, type RouteSource } from '../ssh/login';
import { Master, type MasterTarget } from './master';
import { MuxClient } from './mux-client';
import { sftpOver } from './sftp-over';
import { SharedClient } from './shared-client';
import { SshConfiguration, sshProgram, type SshProgram } from './ssh-program';

/** Logs in with OpenSSH. @throws UserError saying which host refused what; CancelledError, NeedsUserError, NoOpensshError */
export const logInWithOpenssh: RouteSource = async (destination, options, _mayBegin, standing) => {
  const ssh = await sshProgram(options.files?.environment);
  return hop(ssh, destination, options, { standing }, 0);
};

/**
 * What ssh makes of the configuration of each host on the way: what is wrong with it is told by `ssh -G`, without connecting.
 * @throws UserError
 */
export async function opensshConfiguration(
  destination: string,
  files: LoginOptions['files'],
): Promise<SshConfiguration[]> {
  const ssh = await sshProgram(files?.environment);
  const found: SshConfiguration[] = [];
  for (let jumps: readonly string[] | undefined, next: string | undefined = destination, depth = 0; next; depth++) {
    const configuration = await SshConfiguration.of(ssh, next, files);
    found.push(configuration);
    const chain: readonly string[] = jumps ?? configuration.jumps;
    demandFewHops(destination, depth);
    next = chain.at(-1);
    jumps = chain.length > 1 ? chain.slice(0, -1) : undefined;
  }
  return found;
}

const MAX_HOPS = 8;

function demandFewHops(destination: string, depth: number): void {
  if (depth > MAX_HOPS) throw new UserError(`ProxyJump of ${destination} goes through more than ${MAX_HOPS} hosts`);
}

/** The socket of the user's own ControlMaster for a host, where one is there that only this user can use. */
export async function ownMasterSocket(configuration: SshConfiguration): Promise<string | undefined> {
  const socket = configuration.first('controlpath');
  // Who wants to be asked each time (`ask`, `autoask`) is not taken for willing.
  if (socket === undefined || /ask/.test(configuration.first('controlmaster') ?? '')) return undefined;
  const stats = await lstat(socket).catch(() => undefined);
  const isOwn = stats?.isSocket() && stats.uid === process.getuid?.() && (stats.mode & 0o077) === 0;
  return isOwn && (await SharedClient.isAlive(socket)) ? socket : undefined;
}

async function hop(
  ssh: SshProgram,
  destination: string,
  options: LoginOptions,
  way: { standing?: Route; jumps?: readonly string[] },
  depth: number,
): Promise<Route> {
  demandFewHops(destination, depth);
  const configuration = await SshConfiguration.of(ssh, destination, options.files);
  const { alias } = configuration;
  const role = depth > 0 ? `${alias} (jump host)` : alias;
  const open = await ownMasterSocket(configuration);
  if (open !== undefined) {
    const client = new SharedClient(ssh, open, configuration);
    watchEnd(client);
    const by = `OpenSSH, by the connection that you have open (${open})`;
    options.log(`${role}: ${by}`);
    return { client, localForwards: [], asked: false, by, master: open };
  }
  const chain = way.jumps ?? configuration.jumps;
  const last = chain.at(-1);
  const jumps = chain.length > 1 ? chain.slice(0, -1) : undefined;
  const before = way.standing ?? (last === undefined ? undefined : await hop(ssh, last, options, { jumps }, depth + 1));
  try {
    const target: MasterTarget = { ssh, configuration, role };
    if (before?.master !== undefined && last !== undefined)
      target.through = { socket: before.master, target: (await SshConfiguration.of(ssh, last, options.files)).target };
    const master = await Master.start(target, options);
    const client = await joined(master, configuration.isYes('forwardagent'));
    const by = ssh.version.replace('_', ' ');
    return { client, ...(before && { before }), localForwards: [], asked: master.wasAsked, by, master: master.socket };
  } catch (error) {
    if (!way.standing) endRoute(before);
    throw error;
  }
}

/** The connection of a master of ours, which ends with it. */
async function joined(master: Master, forwardAgent: boolean): Promise<MuxClient> {
  try {
    const client = await MuxClient.join(master.socket, { forwardAgent, sftpOver });
    watchEnd(client);
    client.once('close', () => master.end());
    return client;
  } catch (error) {
    master.end();
    throw error;
  }
}
