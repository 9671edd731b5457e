/** The system's ssh: where it is, how old it is, and what it makes of its configuration (`ssh -G`). */
import { execFile } from 'node:child_process';
import { existsSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { accountHome, homeFolder } from '../../account';
import { isBelow } from '../../containment';
import { UserError } from '../../errors';
import type { ConfigurationFiles } from '../ssh/configuration';
import { parseDestination } from '../ssh/destination';

/** The oldest release that asks by SSH_ASKPASS when it is told to, and what is missing before. */
const OLDEST = [8, 4] as const;
/** Milliseconds for which ssh may take to read its configuration: a `Match exec` runs programs. */
const PATIENCE = 20_000;

/** Folders whose programs nobody but the machine's administrator, or its owner, puts there. */
const SYSTEM_FOLDERS = '/usr/bin /bin /usr/local/bin /opt/homebrew/bin /opt/local/bin /run/current-system/sw/bin'.split(
  ' ',
);

/** The program. */
export interface SshProgram {
  /** Absolute. */
  path: string;
  /** As it says itself: `OpenSSH_9.2p1`. */
  version: string;
}

/** Why the system's ssh cannot be used. */
export class NoOpensshError extends UserError {}

const found = new Map<string, Promise<SshProgram>>();

/**
 * The system's ssh: of its own folders the one that PATH names first, then any other on PATH. Relative entries, and those in
 * the folder that is open, are passed over.
 * @throws NoOpensshError where there is none, or one that cannot do what is needed
 */
export function sshProgram(environment: NodeJS.ProcessEnv = process.env): Promise<SshProgram> {
  const search = environment.PATH ?? '';
  let looking = found.get(search);
  if (!looking) {
    looking = look(search);
    looking.catch(() => found.delete(search)); // it may be installed meanwhile
    found.set(search, looking);
  }
  return looking;
}

async function look(search: string): Promise<SshProgram> {
  if (process.platform === 'win32')
    throw new NoOpensshError('OpenSSH on Windows cannot share a connection (ControlMaster)', 1);
  const listed = search.split(path.delimiter).filter((folder) => path.isAbsolute(folder) && !isOpenFolder(folder));
  const isSystem = (folder: string): boolean => SYSTEM_FOLDERS.includes(folder);
  const file = [...listed.filter(isSystem), ...SYSTEM_FOLDERS, ...listed]
    .map((folder) => path.join(folder, 'ssh'))
    .find((one) => existsSync(one) && statSync(one).isFile());
  if (file === undefined) throw new NoOpensshError('there is no ssh on PATH: install the OpenSSH client', 1);
  const { stderr } = await callOf(file, ['-V']);
  const version = /OpenSSH_\S+/.exec(stderr)?.[0]?.replace(/,$/, '');
  const problem = versionProblem(version);
  if (problem !== undefined) throw new NoOpensshError(`${file}: ${problem}`, 1);
  return { path: file, version: version ?? '' };
}

/** Whether programs of that folder came with the folder that is open here. */
function isOpenFolder(folder: string): boolean {
  const here = process.cwd();
  // A shell in the root, or in the home folder, has opened nothing.
  if (here === path.parse(here).root || here === homeFolder()) return false;
  try {
    return isBelow(realpathSync(here), realpathSync(folder));
  } catch {
    return false;
  }
}

/** Why that version cannot be used. @param version as `OpenSSH_9.2p1`; undefined where it is another ssh */
export function versionProblem(version: string | undefined): string | undefined {
  const [, major, minor] = /^OpenSSH_(?:for_\w+_)?(\d+)\.(\d+)/.exec(version ?? '') ?? [];
  if (major === undefined || minor === undefined) return 'it is not OpenSSH';
  const [needed, least] = OLDEST;
  if (Number(major) > needed || (Number(major) === needed && Number(minor) >= least)) return undefined;
  return `${version} cannot ask for a password or a code outside a terminal: ${OLDEST.join('.')} or newer is needed`;
}

/** What `ssh -G` says about a host: the values of each keyword, in lower case. */
export class SshConfiguration {
  private constructor(
    /** Arguments that lead ssh to the host, the last of them the host itself. */
    readonly target: readonly string[],
    private readonly lines: ReadonlyMap<string, readonly string[]>,
    /** All of it, as ssh prints it. */
    readonly text: string,
    /** As the destination names it. */
    readonly alias: string,
  ) {}

  /**
   * @param destination `[user@]host[:port]`, which may be an alias
   * @throws UserError where ssh cannot read its configuration, or the destination is none
   */
  static async of(ssh: SshProgram, destination: string, files: ConfigurationFiles = {}): Promise<SshConfiguration> {
    const { user, host, port } = parseDestination(destination); // refuses what could be an option
    const file = configurationFile(files);
    const target = [
      ...(file === undefined ? [] : ['-F', file]),
      ...(user === undefined ? [] : ['-l', user]),
      ...(port === undefined ? [] : ['-p', String(port)]),
      '--',
      host,
    ];
    const { code, stdout, stderr } = await callOf(ssh.path, ['-G', ...target], files.environment);
    if (code !== 0) {
      const why = stderr.trim().split(/\r?\n/).join('; ') || `ssh -G ended with ${code}`;
      throw new UserError(`ssh configuration of ${host}: ${why}`);
    }
    const lines = new Map<string, string[]>();
    for (const line of stdout.split('\n')) {
      const [, keyword, value] = /^(\S+) (.*)$/.exec(line) ?? [];
      if (keyword === undefined || value === undefined) continue;
      const values = lines.get(keyword.toLowerCase()) ?? [];
      values.push(value);
      lines.set(keyword.toLowerCase(), values);
    }
    return new SshConfiguration(target, lines, stdout, host);
  }

  first(keyword: string): string | undefined {
    const value = this.lines.get(keyword)?.[0];
    return value === undefined || value === 'none' ? undefined : value;
  }

  number(keyword: string, fallback: number): number {
    const value = Number(this.first(keyword) ?? fallback);
    return Number.isFinite(value) ? value : fallback;
  }

  isYes(keyword: string): boolean {
    const value = this.first(keyword);
    return value !== undefined && value !== 'no' && value !== 'false';
  }

  /** Hosts on the way, the first one first. */
  get jumps(): string[] {
    return (this.first('proxyjump') ?? '')
      .split(',')
      .map((hop) => hop.trim().replace(/^ssh:\/\//, ''))
      .filter(Boolean);
  }
}

/** The file that ssh is to read in place of its own; undefined where it finds its own by itself. */
function configurationFile({ file, home = homeFolder() }: ConfigurationFiles): string | undefined {
  if (file !== undefined) return file;
  // ssh takes the home folder of the account, whatever HOME says.
  const own = path.join(home, '.ssh', 'config');
  return path.resolve(home) !== path.resolve(accountHome() ?? home) && existsSync(own) ? own : undefined;
}

function callOf(
  file: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<{ code: number | string; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    // Never in the folder that is open: a relative name in the configuration would be looked up there.
    const options = { env: { ...environment }, cwd: '/', timeout: PATIENCE, maxBuffer: 4 << 20 };
    const child = execFile(file, args, options, (error, stdout, stderr) =>
      resolve({ code: error ? (error.code ?? 'a signal') : 0, stdout, stderr: stderr || (error?.message ?? '') }),
    );
    child.stdin?.end();
  });
}
