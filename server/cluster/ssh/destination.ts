/**
 * Names of hosts and users, before they reach ssh, a shell or a network. A ProxyCommand is a line for a shell into which
 * they are written, so what could be an option or a word of a shell is refused. The rules are OpenSSH's own
 * (`valid_hostname` and `valid_ruser` in ssh.c, 9.6), and stricter by one character: a `$` in the name of a user is refused
 * too. Pure.
 */
import { UserError } from '../../errors';

/** Parts of `[user@]host[:port]`. */
export interface Destination {
  user?: string;
  host: string;
  port?: number;
}

/** Words of shells, in the name of a host. */
const IN_HOST = /['"`$\\;&<>|(){}\s\p{Cc}]/u;
/** Words of shells, in the name of a user: a domain may be before a backslash, and spaces may be inside. */
const IN_USER = /['"`$;&<>|(){}\p{Cc}]|\s-|\\$/u;
/** A host and its port, if any; addresses of IPv6 also without brackets. */
const PLACE = /^(?:(\[[0-9a-fA-F:]+\]|[A-Za-z0-9_][A-Za-z0-9_.-]*)(?::(\d+))?|([0-9a-fA-F:]+))$/;

/** Why a name cannot be that of a host; undefined for one that can. */
export function hostProblem(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name.startsWith('-')) return 'begins with "-", as an option does';
  return IN_HOST.test(name) ? 'has characters that mean something to a shell, which ssh refuses' : undefined;
}

/** The same for the name of a user. */
export function userProblem(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name.startsWith('-')) return 'begins with "-", as an option does';
  return IN_USER.test(name) ? 'has characters that mean something to a shell, which ssh refuses' : undefined;
}

/** Why a text cannot be a destination; undefined for one that can. */
export function destinationProblem(text: string): string | undefined {
  try {
    parseDestination(text);
    return undefined;
  } catch (error) {
    return error instanceof UserError ? error.message : String(error);
  }
}

/** Parts of `[user@]host[:port]`, as ssh takes them apart. @throws UserError for what ssh would refuse */
export function parseDestination(text: string): Destination {
  // As ssh does, at the last "@": a name of a user may have one.
  const at = text.lastIndexOf('@');
  const wrong = at < 0 ? undefined : userProblem(text.slice(0, at));
  if (wrong !== undefined) throw new UserError(`"${text}": the name of the user ${wrong}`);
  const user = at > 0 ? text.slice(0, at) : undefined;
  const [, name, port, address] = PLACE.exec(text.slice(at + 1)) ?? [];
  const host = name ?? (address?.includes('::') ? address : undefined);
  if (host === undefined || /\s/.test(text)) {
    const why = at + 1 === text.length ? undefined : hostProblem(text.slice(at + 1).replace(/:\d+$/, ''));
    const advice = 'write an alias of your ssh configuration, or user@host';
    throw new UserError(`"${text}" is not a host name: ${why === undefined ? advice : `it ${why}`}`);
  }
  return { user, host: host.replace(/^\[|\]$/g, ''), port: port === undefined ? undefined : portNumber(port) };
}

/** @throws UserError for anything but 1 to 65535 */
export function portNumber(text: string | number): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65535) return port;
  throw new UserError(`ssh: ${text} is not a port: ports are 1 to 65535`);
}
