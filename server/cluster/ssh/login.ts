/** One login: from a host's settings to a connected client, by way of its jump hosts. */
import { UserError } from '../../errors';
import { Authentication, RefusedAnswerError, type Attempts, type AuthenticationOptions } from './authentication';
import type { SshClient } from './client';
import { sshSettings, type ConfigurationFiles, type SshSettings } from './configuration';
import { socketTo } from './socket';

/** What a login is given besides the host. */
export interface LoginOptions extends AuthenticationOptions {
  files?: ConfigurationFiles;
}

/** A client and the way to it. */
export interface Route {
  client: SshClient;
  /** The jump host that it goes through. */
  before?: Route;
  /** Ports that are forwarded through it from here. */
  localForwards: SshSettings['localForwards'];
  /** Whether the user had to be asked for more than a passphrase, here and not on the way. */
  asked: boolean;
  /** Where the client leads to a holder that keeps the login, and not to the host itself. */
  held?: HeldRoute;
  /** How it was connected where that is not over ssh2, and why; in words. */
  by?: string;
  /** Socket of the ControlMaster that has the connection, where OpenSSH made it. */
  master?: string;
}

/** What is particular about a route through a holder. */
export interface HeldRoute {
  /** When the login ends if nobody uses it any more, in ms since 1970. */
  until: number;
  /** What a command line is handed over as: the local connection has a limit for one message. */
  shorten(line: string): string;
  /** Why the holder refused the last channel; told once. */
  takeRefusal(): string | undefined;
  /** Whether the login was ended on purpose. */
  isLoggedOut(): boolean;
}

/**
 * Where routes come from: a login of this process (`logIn`), or a holder.
 * @param mayBegin whether a login may be begun where none is standing
 */
export type RouteSource = (
  destination: string,
  options: LoginOptions,
  mayBegin: boolean,
  standing?: Route,
) => Promise<Route>;

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
export const logIn: RouteSource = (destination, options, _mayBegin, standing) =>
  hop(destination, options, { standing }, 0);

/**
 * The settings of a host after those of the jump hosts on the way, in the order of connecting.
 * @throws UserError where the configuration cannot be read or makes no sense
 */
export function settingsOnTheWay(
  destination: string,
  files?: ConfigurationFiles,
  jumps?: readonly string[],
  depth = 0,
): [...SshSettings[], SshSettings] {
  if (depth > MAX_HOPS) throw tooManyHops(destination);
  const settings = sshSettings(destination, files);
  const chain = jumps ?? settings.proxyJump;
  const last = chain.at(-1);
  if (last === undefined) return [settings];
  return [...settingsOnTheWay(last, files, chain.length > 1 ? chain.slice(0, -1) : undefined, depth + 1), settings];
}

function tooManyHops(destination: string): UserError {
  return new UserError(`ProxyJump of ${destination} goes through more than ${MAX_HOPS} hosts`);
}

async function hop(
  destination: string,
  options: LoginOptions,
  way: { standing?: Route; jumps?: readonly string[] },
  depth: number,
): Promise<Route> {
  if (depth > MAX_HOPS) throw tooManyHops(destination);
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
        const { localForwards } = settings;
        return { client, ...(before && { before }), localForwards, asked: attempts.asked };
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
