/** What a host is connected with: ssh2, which is part of the workbench, or the system's OpenSSH. */
import { messageOf } from '../errors';
import type { ClusterProfile } from '../shared/protocol';
import { factsOf } from './openssh/facts';
import { logInWithOpenssh, opensshConfiguration } from './openssh/login';
import { NoOpensshError, sshProgram, type SshProgram } from './openssh/ssh-program';
import type { ConfigurationFiles } from './ssh/configuration';
import { logIn, settingsOnTheWay, type RouteSource } from './ssh/login';
import { reasonForOpenssh } from './transport-reasons';

/** As a profile names it. */
export type Transport = NonNullable<ClusterProfile['transport']>;

/** Logins over a transport. */
export function logInBy(transport: Transport): RouteSource {
  return { openssh: logInWithOpenssh, ssh2: logIn, auto: logInAsNeeded }[transport];
}

/** By OpenSSH where there is a reason, which is told. */
const logInAsNeeded: RouteSource = async (destination, options, mayBegin, standing) => {
  // A jump host that still stands is gone through as it was connected.
  if (standing)
    return logInBy(standing.master === undefined ? 'ssh2' : 'openssh')(destination, options, mayBegin, standing);
  const { files, log } = options;
  const { ssh, why, missing } = await choose(destination, files);
  if (why === undefined) return logIn(destination, options, mayBegin);
  if (!ssh) {
    log(`Connecting to ${destination} without OpenSSH, although ${why}: ${missing}`);
    return logIn(destination, options, mayBegin);
  }
  log(`Connecting to ${destination} by OpenSSH, because ${why}`);
  const route = await logInWithOpenssh(destination, options, mayBegin);
  return { ...route, by: `${route.by ?? 'OpenSSH'}, because ${why}` };
};

/**
 * What a host is connected by where that is OpenSSH, and why, without connecting; undefined for ssh2.
 * @throws UserError where ssh's configuration makes no sense
 */
export async function transportWords(
  transport: Transport,
  destination: string,
  files?: ConfigurationFiles,
): Promise<string | undefined> {
  if (transport !== 'auto') return transport === 'openssh' ? 'by OpenSSH' : undefined;
  const { ssh, why, missing } = await choose(destination, files);
  if (why === undefined) return undefined;
  return ssh ? `by OpenSSH, because ${why}` : `without OpenSSH, although ${why}: ${missing}`;
}

/** Which hosts on the way need OpenSSH, and whether there is one. */
async function choose(
  destination: string,
  files?: ConfigurationFiles,
): Promise<{ ssh?: SshProgram; why?: string; missing: string }> {
  let ssh: SshProgram | undefined;
  let missing = '';
  try {
    ssh = await sshProgram(files?.environment);
  } catch (error) {
    if (!(error instanceof NoOpensshError)) throw error;
    missing = messageOf(error);
  }
  const way = await Promise.all(settingsOnTheWay(destination, files).map((one) => factsOf(one, ssh, files)));
  return { ssh, why: reasonForOpenssh(way), missing };
}

/**
 * All of ssh's configuration that a login depends on; JSON.
 * @throws UserError saying what is wrong with it
 */
export async function configurationFor(
  transport: Transport,
  destination: string,
  files?: ConfigurationFiles,
): Promise<unknown> {
  if (transport === 'openssh')
    return [transport, (await opensshConfiguration(destination, files)).map(({ text }) => text)];
  // The agent's socket is another one in each terminal; which keys it has is found out at the login.
  return [transport, settingsOnTheWay(destination, files).map((one) => ({ ...one, agent: undefined }))];
}
