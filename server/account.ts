/**
 * Who runs this program, and where that user's files are. An account need not be in the system's list: `docker run --user` and
 * some clusters give a number that has no entry there.
 */
import os from 'node:os';
import { UserError } from './errors';

/** Variables that name the user, in the order in which they are asked. */
const NAMES = ['USER', 'LOGNAME', 'USERNAME'] as const;

/**
 * The name of the user of this machine.
 * @throws UserError where neither the system nor a variable has one
 */
export function accountName(environment: NodeJS.ProcessEnv = process.env): string {
  try {
    return os.userInfo().username;
  } catch {
    const name = NAMES.map((variable) => environment[variable]).find(Boolean);
    if (name) return name;
    throw new UserError(
      `This account (UID ${process.getuid?.() ?? 'unknown'}) has no name on this machine: set USER, or name the user of the host, as in host: me@login.example.org`,
    );
  }
}

/** The home that the system's list of accounts has, whatever HOME says; undefined for an account that is not in it. */
export function accountHome(): string | undefined {
  try {
    return os.userInfo().homedir;
  } catch {
    return undefined;
  }
}

/** The user's home. @throws UserError where neither the system nor HOME says where it is */
export function homeFolder(): string {
  try {
    return os.homedir();
  } catch {
    throw new UserError(
      `This account (UID ${process.getuid?.() ?? 'unknown'}) has no home on this machine: set HOME to a folder that you may write to`,
    );
  }
}
