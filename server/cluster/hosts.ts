/** Hosts of cluster profiles: one held connection for each cluster, opened when the user wants it. */
import { UserError } from '../errors';
import type { ClusterProfile } from '../shared/protocol';
import type { HostSource } from './clusters';
import type { Host } from './host';
import { LocalHost } from './local-host';
import type { ConfigurationFiles } from './ssh/configuration';
import type { ClusterConnection, ConnectionState } from './ssh/connection';
import { parseDestination } from './ssh/destination';
import type { UnlockedKeys } from './ssh/key-ring';
import type { Prompter } from './ssh/prompter';

interface Held {
  connection: ClusterConnection;
  host: Host;
  /** What the host was made from: a profile of that name with other values needs another connection. */
  key: string;
}

export class Hosts implements HostSource {
  private readonly here = new LocalHost();
  private readonly held = new Map<string, Held>();
  private readonly listeners: ((cluster: string) => void)[] = [];
  private readonly unlocked: UnlockedKeys = new Map();

  /** @param log gets single lines, never with a secret */
  constructor(
    private readonly prompter: Prompter,
    private readonly log: (line: string) => void,
    private readonly files?: ConfigurationFiles,
  ) {}

  async host(profile: ClusterProfile, mayPrompt = false): Promise<Host> {
    if (profile.local) return this.here;
    if (!profile.host) throw new UserError(`Cluster ${profile.name} needs a host (an alias of your ssh configuration)`);
    return this.connected(profile.name, profile.name, profile.host, profile.via, mayPrompt);
  }

  /** The host for file transfers: the transfer host of the site, or else the host itself. */
  async transferHost(profile: ClusterProfile, mayPrompt = false): Promise<Host> {
    if (profile.local || profile.transfer_host === undefined) return this.host(profile, mayPrompt);
    return this.connected(`${profile.name} (files)`, profile.name, profile.transfer_host, undefined, mayPrompt);
  }

  state(profile: ClusterProfile): ConnectionState {
    if (profile.local) return { connection: 'connected' };
    return this.held.get(profile.name)?.connection.state ?? { connection: 'disconnected' };
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

  /** Ends all connections. */
  close(): void {
    for (const { connection } of this.held.values()) connection.close();
    this.held.clear();
  }

  private async connected(
    name: string,
    cluster: string,
    destination: string,
    via: string | undefined,
    mayPrompt: boolean,
  ): Promise<Host> {
    if (via !== undefined) parseDestination(via); // the ssh there reads its own configuration, which may have a ProxyCommand
    // Loaded with the first connection: ssh2 takes longer to load than everything that checks scripts.
    const [{ ClusterConnection }, { SecondHopHost, SshHost }] = await Promise.all([
      import('./ssh/connection'),
      import('./ssh/ssh-host'),
    ]);
    const key = JSON.stringify([destination, via]);
    let held = this.held.get(name);
    if (held && held.key !== key) {
      held.connection.close();
      held = undefined;
    }
    if (!held) {
      const { prompter, unlocked, log, files } = this;
      const tell = () => this.listeners.forEach((listener) => listener(cluster));
      const connection = new ClusterConnection(destination, { cluster, prompter, unlocked, log, files }, tell);
      const outer = new SshHost(connection);
      held = { connection, key, host: via === undefined ? outer : new SecondHopHost(outer, via) };
      this.held.set(name, held);
    }
    await held.connection.connect(mayPrompt);
    return held.host;
  }
}
