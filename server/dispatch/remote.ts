/** A cluster as the dispatcher sees it: a host to run commands on, files, a scheduler, and the user's work folder. */
import path from 'node:path';
import type { Host, HostFiles, RunOptions } from '../cluster/host';
import type { Scheduler } from '../cluster/scheduler';
import { UserError } from '../errors';
import type { ClusterProfile } from '../shared/protocol';
import { lastLine } from './commit';

/** What leads to a cluster, however it was reached. */
export interface ClusterAccess {
  profile: ClusterProfile;
  host: Host;
  /** Of the transfer host where the site has one. */
  files: HostFiles;
  scheduler: Scheduler;
}

const DEFAULT_WORK_FOLDER = '~/edm-workbench';

/** One cluster with its places; all paths are absolute there, with forward slashes. */
export class Remote implements ClusterAccess {
  readonly profile: ClusterProfile;
  readonly host: Host;
  readonly files: HostFiles;
  readonly scheduler: Scheduler;

  private constructor(
    access: ClusterAccess,
    readonly home: string,
    /** Machine as `uname -m` has it. */
    readonly machine: string,
  ) {
    ({ profile: this.profile, host: this.host, files: this.files, scheduler: this.scheduler } = access);
  }

  /** Asks a host once where home is. @throws UserError where the host has no POSIX shell or no home */
  static async open(access: ClusterAccess): Promise<Remote> {
    let known = places.get(access.host);
    if (!known) places.set(access.host, (known = await placeOf(access)));
    return new Remote(access, known.home, known.machine);
  }

  /** The work folder, or a place in it. */
  place(...parts: string[]): string {
    return this.absolute(path.posix.join(this.profile.work_folder ?? DEFAULT_WORK_FOLDER, ...parts));
  }

  /** A path of the profile or config: `~/` is the user's home there. */
  absolute(name: string): string {
    return path.posix.resolve(this.home, name.replace(/^~(?=\/|$)/, this.home));
  }

  /**
   * Runs a program after the profile's setup lines (`module load ...`); its output without the last line end.
   * @param attempt what is attempted, as an error begins: `Checking out a1b2c3d`
   * @throws UserError with the program's last words unless it exits with 0
   */
  async do(attempt: string, command: readonly string[], options?: RunOptions): Promise<string> {
    const { code, stdout, stderr } = await this.host.run(this.withSetup(command), options);
    if (code === 0) return stdout.trimEnd();
    const reason = lastLine(stderr) ?? lastLine(stdout) ?? `${command[0]} ended with code ${code}`;
    const hint =
      code === 127
        ? `; is ${command[0]} installed there? A line such as "module load ${command[0]}" belongs under setup in the profile of ${this.profile.name}`
        : '';
    throw new UserError(`${attempt} on ${this.profile.name} failed: ${reason}${hint}`, 1);
  }

  /** The same without an opinion: undefined unless it exits with 0. */
  async ask(command: readonly string[]): Promise<string | undefined> {
    const { code, stdout } = await this.host.run(this.withSetup(command));
    return code === 0 ? stdout.trimEnd() : undefined;
  }

  private withSetup(command: readonly string[]): readonly string[] {
    const { setup = [] } = this.profile;
    if (setup.length === 0) return command;
    // A login shell, because `module` is a function that only those know; what setup prints is not the program's.
    return ['bash', '-l', '-c', `{\n${setup.join('\n')}\n} >/dev/null 2>&1\nexec "$@"`, 'bash', ...command];
  }
}

/** What hosts said of themselves. */
const places = new WeakMap<Host, { home: string; machine: string }>();

async function placeOf({ host }: ClusterAccess): Promise<{ home: string; machine: string }> {
  const { code, stdout, stderr } = await host.run(['sh', '-c', 'printf "%s\\n" "$HOME"; uname -m']);
  const [home, machine] = stdout.trimEnd().split('\n');
  if (code !== 0 || !home?.startsWith('/') || !machine)
    throw new UserError(`${host.name} does not say where your home is: ${lastLine(stderr) ?? 'no answer'}`);
  return { home, machine };
}

/** The work folder as scripts write it, so that they can be shown before anything is asked of the cluster. */
export function workFolderOf({ work_folder = DEFAULT_WORK_FOLDER }: ClusterProfile): string {
  return work_folder.startsWith('~') || work_folder.startsWith('/') ? work_folder : `~/${work_folder}`;
}
