/** Hosts of profiles that say `local: true`: there is nothing to connect, ask or lose. */
import { UserError } from '../errors';
import type { ClusterProfile } from '../protocol';
import type { HostSource } from './clusters';
import type { Host } from './host';
import { LocalHost } from './local-host';

export class LocalHosts implements HostSource {
  private readonly here = new LocalHost();

  host(profile: ClusterProfile): Promise<Host> {
    if (profile.local) return Promise.resolve(this.here);
    return Promise.reject(new UserError(`Cluster ${profile.name} is reached by ssh, which this build does not have`));
  }

  state({ local }: ClusterProfile): { connection: 'connected' | 'disconnected' } {
    return { connection: local ? 'connected' : 'disconnected' };
  }

  onState(): void {}

  disconnect(): Promise<void> {
    return Promise.resolve();
  }
}
