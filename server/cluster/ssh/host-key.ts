/** Whether the key of a host is to be trusted: known_hosts decides, or the user. */
import { CancelledError, messageOf, UserError } from '../../errors';
import type { SshSettings } from './configuration';
import { fingerprint, keyType, KnownHosts, knownHostName } from './known-hosts';
import type { Prompter } from './prompter';

/** Asks the user one question; rejects where nobody may be asked. */
export type AskUser = <T>(question: (who: Prompter) => Promise<T>) => Promise<T>;

/** Algorithms that ssh2 has; it throws for others. */
const ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;

/** The host key of one host. */
export class HostKey {
  private readonly name: string;
  private readonly known: KnownHosts;

  /**
   * @param role the host as messages name it
   * @param log gets a line where a key that is trusted cannot be kept
   */
  constructor(
    private readonly settings: SshSettings,
    private readonly role: string,
    private readonly log: (line: string) => void,
  ) {
    const { hostKeyAlias, hostName, port, knownHosts } = settings;
    this.name = knownHostName(hostKeyAlias ?? hostName, hostKeyAlias ? 22 : port);
    this.known = new KnownHosts(knownHosts);
  }

  /** Algorithms of the keys that are known: the server is asked for one of these. */
  algorithms(): (typeof ALGORITHMS)[number][] {
    const known = this.known
      .types(this.name)
      .flatMap((type) => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]));
    return ALGORITHMS.filter((algorithm) => known.includes(algorithm)).sort(
      (a, b) => known.indexOf(a) - known.indexOf(b),
    );
  }

  /**
   * Checks a key; one that the user trusts is added to known_hosts.
   * @throws UserError where it is not to be trusted; CancelledError where the user does not trust it
   */
  async check(key: Buffer, ask: AskUser): Promise<void> {
    const { role } = this;
    const { verdict, where } = this.known.judge(this.name, key);
    const print = `${keyType(key)} ${fingerprint(key)}`;
    switch (verdict) {
      case 'known':
        return;
      case 'revoked':
        throw new UserError(`The key of ${role} (${print}) is revoked at ${where}: do not log in there`, 1);
      case 'changed':
        throw new UserError(
          `THE HOST KEY OF ${role} HAS CHANGED: it is ${print}, but ${where} says otherwise. Somebody may be listening: ask the site, and only then remove that line`,
          1,
        );
      case 'authority':
        throw new UserError(
          `${role} is known only by a certificate authority (${where}), which ssh2 cannot check: set transport: openssh, or add its key by connecting with ssh once`,
          1,
        );
      case 'unknown':
        return this.learn(key, print, ask);
    }
  }

  private async learn(key: Buffer, print: string, ask: AskUser): Promise<void> {
    const { strictHostKeys, hashKnownHosts, hostName: host, port } = this.settings;
    if (strictHostKeys === 'yes')
      throw new UserError(
        `The key of ${this.role} (${print}) is unknown, and StrictHostKeyChecking is yes: add it to known_hosts`,
        1,
      );
    if (strictHostKeys === 'ask') {
      const params = { host, port, algorithm: keyType(key), fingerprint: fingerprint(key) };
      if (!(await ask((who) => who.hostKey(params)))) throw new CancelledError();
    }
    // As ssh does: the key is trusted, whether it can be kept or not.
    await this.known.add(this.name, key, hashKnownHosts).catch((error: unknown) => {
      this.log(`${this.role}: ${messageOf(error)}; its key (${print}) counts for this login alone`);
    });
  }
}
