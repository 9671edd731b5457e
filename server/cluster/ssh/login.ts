/** One login: from a host's settings to a connected client, by way of its jump hosts. */
import type { Client } from 'ssh2';
import { UserError } from '../../errors';
import { Authentication, RefusedAnswerError, type Attempts, type AuthenticationOptions } from './authentication';
import { sshSettings, type ConfigurationFiles, type SshSettings } from './configuration';
import { socketTo } from './socket';

/** What a login is given besides the host. */
export interface LoginOptions extends AuthenticationOptions {
  files?: ConfigurationFiles;
}

/** A client and the way to it. */
export interface Route {
  client: Client;
  /** The jump host that it goes through. */
  before?: Route;
  settings: SshSettings;
  /** Whether the user had to be asked for more than a passphrase, here and not on the way. */
  asked: boolean;
}

/** Ends a route's client, then those it goes through. */
export function endRoute(route: Route | undefined): void {
  for (let one = route; one; one = one.before) one.client.end();
}

const MAX_HOPS = 8;

/**
 * Logs in.
 * @param standing a jump host that is connected already, so that no login is needed there
 * @throws UserError saying which host refused what; CancelledError where the user gave up; NeedsUserError
 */
export async function logIn(destination: string, options: LoginOptions, standing?: Route): Promise<Route> {
  return hop(destination, options, { standing }, 0);
}

async function hop(
  destination: string,
  options: LoginOptions,
  way: { standing?: Route; jumps?: readonly string[] },
  depth: number,
): Promise<Route> {
  if (depth > MAX_HOPS) throw new UserError(`ProxyJump of ${destination} goes through more than ${MAX_HOPS} hosts`);
  const settings = sshSettings(destination, options.files);
  const note = (what: string, lines: readonly string[]) => {
    if (lines.length > 0) options.log(`ssh configuration of ${settings.alias}: ${what}: ${lines.join('; ')}`);
  };
  note('not honoured', settings.ignored);
  note('without effect on commands', settings.withoutEffect);
  const chain = way.jumps ?? settings.proxyJump;
  const last = chain.at(-1);
  const jumps = chain.length > 1 ? chain.slice(0, -1) : undefined;
  const before = way.standing ?? (last === undefined ? undefined : await hop(last, options, { jumps }, depth + 1));
  const role = depth > 0 ? `${settings.alias} (jump host)` : settings.alias;
  const attempts: Attempts = { used: 0, asked: false };
  try {
    for (;;) {
      const socket = await socketTo(settings, before?.client, options.log);
      try {
        const client = await new Authentication(socket, settings, role, options, attempts).run();
        return { client, ...(before && { before }), settings, asked: attempts.asked };
      } catch (error) {
        socket.destroy();
        if (!(error instanceof RefusedAnswerError) || attempts.used >= settings.passwordPrompts) throw error;
      }
    }
  } catch (error) {
    if (!way.standing) endRoute(before);
    throw error;
  }
}
