/** Hosts of cluster profiles: one held connection for each cluster, opened when the user wants it. */
import { UserError } from '../errors';
import type { ClusterProfile } from '../shared/protocol';
import type { HostSource } from './clusters';
import type { Keeping } from './holder/held-login';
import type { Host } from './host';
import { LocalHost } from './local-host';
import type { ConfigurationFiles } from './ssh/configuration';
import type { ClusterConnection, ConnectionState } from './ssh/connection';
import { parseDestination } from './ssh/destination';
import type { UnlockedKeys } from './ssh/key-ring';
import type { RouteSource } from './ssh/login';
import type { Prompter } from './ssh/prompter';

interface Held {
  connection: ClusterConnection;
  host: Host;
  /** What the host was made from: a profile of that name with other values needs another connection. */
  key: string;
}

/** Seconds for which a login is kept that nobody uses. */
export const LOGIN_IDLE = {
  /** One that came with the first command or window that needed it. */
  byItself: 15 * 60,
  /** One that was made ahead of its use, by `edm-workbench login`. */
  ahead: 4 * 3600,
} as const;

/** How the logins of a process are kept for others; see `Keeping`. */
export type KeepsLogins = Pick<Keeping, 'tell'> & {
  /** Whether logins are made ahead of their use. */
  isAhead?: boolean;
};

export class Hosts implements HostSource {
  private readonly here = new LocalHost();
  private readonly held = new Map<string, Held>();
  private readonly listeners: ((cluster: string) => void)[] = [];
  private readonly unlocked: UnlockedKeys = new Map();

  /**
   * @param log gets single lines, never with a secret
   * @param keeps where logins are kept for other processes; without it each connection is this process's own
   */
  constructor(
    private readonly prompter: Prompter,
    private readonly log: (line: string) => void,
    private readonly files?: ConfigurationFiles,
    private readonly keeps?: KeepsLogins,
  ) {}

  async host(profile: ClusterProfile, mayPrompt = false): Promise<Host> {
    if (profile.local) return this.here;
    if (!profile.host) throw new UserError(`Cluster ${profile.name} needs a host (an alias of your ssh configuration)`);
    return this.connected(profile.name, profile, { destination: profile.host, via: profile.via }, mayPrompt);
  }

  /** The host for file transfers: the transfer host of the site, or else the host itself. */
  async transferHost(profile: ClusterProfile, mayPrompt = false): Promise<Host> {
    if (profile.local || profile.transfer_host === undefined) return this.host(profile, mayPrompt);
    return this.connected(`${profile.name} (files)`, profile, { destination: profile.transfer_host }, mayPrompt);
  }

  /** When the login to a connected cluster ends if nobody uses it, in ms since 1970; undefined where it ends with this process. */
  keptUntil({ name }: ClusterProfile): number | undefined {
    return this.held.get(name)?.connection.held?.until;
  }

  state(profile: ClusterProfile): ConnectionState {
    if (profile.local) return { connection: 'connected' };
    const connection = this.held.get(profile.name)?.connection;
    if (!connection) return { connection: 'disconnected' };
    const { by } = connection;
    return { ...connection.state, ...(by !== undefined && { by }) };
  }

  onState(listener: (cluster: string) => void): void {
    this.listeners.push(listener);
  }

  disconnect(cluster: string): Promise<void> {
    for (const name of [cluster, `${cluster} (files)`]) {
      this.held.get(name)?.connection.close();
      this.held.delete(name);
    }
    return Promise.resolve();
  }

  async logOut({ host, transfer_host }: ClusterProfile): Promise<void> {
    const { logOut } = await import('./holder/held-login');
    const { failed } = await logOut([host, transfer_host].filter((one) => one !== undefined));
    if (failed.length > 0) throw new UserError(`Not logged out of ${failed.join('; ')}`, 1);
  }

  /** Ends all connections of this process. */
  close(): void {
    for (const { connection } of this.held.values()) connection.close();
    this.held.clear();
  }

  private async connected(
    name: string,
    profile: ClusterProfile,
    { destination, via }: { destination: string; via?: string },
    mayPrompt: boolean,
  ): Promise<Host> {
    const cluster = profile.name;
    if (via !== undefined) parseDestination(via); // the ssh there reads its own configuration, which may have a ProxyCommand
    // Loaded with the first connection: ssh2 takes longer to load than everything that checks scripts.
    const [{ ClusterConnection }, { SecondHopHost, SshHost }, { logInBy }, source] = await Promise.all([
      import('./ssh/connection'),
      import('./ssh/ssh-host'),
      import('./transport'),
      this.sourceFor(profile),
    ]);
    const { transport = 'auto', login_idle } = profile;
    const key = JSON.stringify([destination, via, login_idle, transport]);
    let held = this.held.get(name);
    if (held && held.key !== key) {
      held.connection.close();
      held = undefined;
    }
    if (!held) {
      const { prompter, unlocked, log, files } = this;
      const tell = () => this.listeners.forEach((listener) => listener(cluster));
      const options = { cluster, prompter, unlocked, log, files, source, logIn: logInBy(transport) };
      const connection = new ClusterConnection(destination, options, tell);
      const outer = new SshHost(connection, log);
      held = { connection, key, host: via === undefined ? outer : new SecondHopHost(outer, via) };
      this.held.set(name, held);
    }
    await held.connection.connect(mayPrompt);
    return held.host;
  }

  private async sourceFor({
    login_idle: minutes,
    transport = 'auto',
  }: ClusterProfile): Promise<RouteSource | undefined> {
    const { keeps } = this;
    if (!keeps || minutes === 0) return undefined;
    const { heldLogins } = await import('./holder/held-login');
    const usual = keeps.isAhead ? LOGIN_IDLE.ahead : LOGIN_IDLE.byItself;
    return heldLogins({ idle: minutes === undefined ? usual : minutes * 60, tell: keeps.tell, transport });
  }
}
