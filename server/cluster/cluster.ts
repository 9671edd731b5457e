/** An open cluster: one value for everything that submits, follows, sends and fetches. */
import path from 'node:path';
import { UserError } from '../errors';
import type { ClusterProfile } from '../shared/protocol';
import { findScheduler } from './adapters';
import { lastLine, type Host, type HostFiles, type RunOptions } from './host';
import { LoginShellHost } from './login-shell-host';
import type { Scheduler } from './scheduler';
import type { Reconnect } from './submission';

/** A cluster with an open connection. */
export interface Cluster {
  profile: ClusterProfile;
  /** The login node. */
  host: Host;
  /** Files of the transfer host where the site has one, otherwise of the login node. */
  files: HostFiles;
  scheduler: Scheduler;
  /** Name of the user there. */
  user: string;
  /** Home folder there, absolute. */
  home: string;
  /** Machine type, as `uname -m` prints it. */
  machine: string;
}

const DEFAULT_WORK_FOLDER = '~/edm-workbench';
const WHO = ['sh', '-c', 'id -un; uname -m; printf "%s\\n" "$HOME"'];

/**
 * Finds the scheduler and asks once who the user is and where home and work folder are.
 * @param options.files of the transfer host; default the files of `host`
 * @throws UserError where there is no scheduler, no POSIX shell or no home
 */
export async function openCluster(
  profile: ClusterProfile,
  host: Host,
  { files = host.files, reconnect }: { files?: HostFiles; reconnect?: Reconnect } = {},
): Promise<Cluster> {
  const [makeScheduler, identity] = await Promise.all([findScheduler(host, profile), identify(host)]);
  const { clusters } = profile;
  const scheduler = makeScheduler({ home: identity.home, reconnect, ...(clusters !== undefined && { clusters }) });
  const there = await withWorkFolder(profile, host, identity.user);
  return { profile: there, host, files, scheduler, ...identity };
}

/** Names of variables in a path: `$SCRATCH`, `${SCRATCH}`. */
const VARIABLE = /\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g;

/**
 * The profile with its work folder as it is there: variables of the login shell and `%u`, the user's name, are filled in.
 * @throws UserError where a variable is not set there
 */
async function withWorkFolder(profile: ClusterProfile, host: Host, user: string): Promise<ClusterProfile> {
  const { name, work_folder: given, setup } = profile;
  if (given === undefined || !/[$%]/.test(given)) return profile;
  const values = new Map<string, string>();
  for (const [, braced, bare] of given.matchAll(VARIABLE)) {
    const variable = braced ?? bare ?? '';
    const { code, stdout } = await new LoginShellHost(host, setup).run(['printenv', variable]);
    const value = stdout.trimEnd();
    if (code !== 0 || value === '')
      throw new UserError(
        `work_folder of ${name}: $${variable} is not set by the login shell on ${host.name}: write the path itself, or set it in setup`,
      );
    values.set(variable, value);
  }
  const filled = given.replace(VARIABLE, (_, braced?: string, bare?: string) => values.get(braced ?? bare ?? '') ?? '');
  return { ...profile, work_folder: filled.replaceAll('%u', () => user) };
}

/** User, home and machine of a host. @throws UserError where the host has no POSIX shell or no home */
export async function identify(host: Host): Promise<Pick<Cluster, 'user' | 'home' | 'machine'>> {
  const { code, stdout, stderr } = await host.run(WHO);
  const [home, machine, user] = stdout.trimEnd().split('\n').reverse();
  if (code !== 0 || !home?.startsWith('/') || !machine || !user)
    throw new UserError(`Cannot find your home folder on ${host.name}: ${lastLine(stderr) ?? 'no answer'}`);
  return { user, home, machine };
}

/** Absolute path of the work folder, or of a place in it. */
export function placeOn({ profile, home }: Pick<Cluster, 'profile' | 'home'>, ...parts: string[]): string {
  const name = path.posix.join(profile.work_folder ?? DEFAULT_WORK_FOLDER, ...parts);
  return path.posix.resolve(home, expandHome(name, home));
}

/** The work folder as scripts write it, so that a script can be shown before anything is asked of the cluster. */
export function workFolderOf({ work_folder = DEFAULT_WORK_FOLDER }: ClusterProfile): string {
  return /^[~/$]/.test(work_folder) ? work_folder : `~/${work_folder}`;
}

/** A path with `~` or `~/` at its start replaced by the home folder. */
export function expandHome(name: string, home: string): string {
  return name.replace(/^~(?=\/|$)/, () => home);
}

/**
 * Runs a program after the profile's setup lines (`module load ...`).
 * @param attempt what is attempted, as an error begins: `Checking out a1b2c3d`
 * @returns its output without the last line end
 * @throws UserError with the program's last words unless it exits with 0
 */
export async function runOn(
  { host, profile }: Cluster,
  attempt: string,
  command: readonly string[],
  options?: RunOptions,
): Promise<string> {
  const { code, stdout, stderr } = await afterSetup(profile, host).run(command, options);
  if (code === 0) return stdout.trimEnd();
  const program = command[0] ?? '';
  const reason = lastLine(stderr) ?? lastLine(stdout) ?? `${program} ended with code ${code}`;
  const hint =
    code === 127
      ? `; is ${program} installed there? If it needs a module, add a line such as "module load ${program}" to setup in the profile of ${profile.name}`
      : '';
  throw new UserError(`${attempt} on ${profile.name} failed: ${reason}${hint}`, 1);
}

/** The same for a question that may go unanswered: undefined unless the program exits with 0. */
export async function askOn({ host, profile }: Cluster, command: readonly string[]): Promise<string | undefined> {
  const { code, stdout } = await afterSetup(profile, host).run(command);
  return code === 0 ? stdout.trimEnd() : undefined;
}

/** The host, with programs after the setup lines: in a login shell, because `module` is a function that only those have. */
function afterSetup({ setup = [] }: ClusterProfile, host: Host): Host {
  return setup.length === 0 ? host : new LoginShellHost(host, setup);
}
