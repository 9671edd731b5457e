/** Hosts for the command line: what connecting has to ask is asked on the terminal. */
import type { HostSource } from './clusters';
import { LocalHosts } from './local-hosts';

export function terminalHosts(): HostSource {
  return new LocalHosts();
}
