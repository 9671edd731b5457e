/**
 * The one place that starts git. A work tree may have been unpacked from an archive with its `.git`, and the user's own
 * settings change what git prints: neither may start a program here or change what is read. Whatever git can be told on
 * its command line outranks every file of settings.
 */
import { execFile, type ExecFileException } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { UserError } from './errors';
import { environmentFor, programNamed } from './programs';

const run = promisify(execFile);

/** Most bytes of output that are taken: the list of a million files. */
const MAX_OUTPUT = 256 << 20;

/** Settings of every call, by what they keep out. */
const SETTINGS: Readonly<Record<string, string>> = {
  // Programs that git would start.
  'core.fsmonitor': 'false',
  'core.hooksPath': '/dev/null',
  'core.pager': 'cat',
  'core.editor': 'false',
  'core.askPass': '',
  'core.sshCommand': 'false',
  'core.gitProxy': '',
  'core.alternateRefsCommand': 'false',
  'credential.helper': '',
  'diff.external': '',
  'gpg.program': 'false',
  'gpg.openpgp.program': 'false',
  'gpg.ssh.program': 'false',
  'gpg.x509.program': 'false',
  'gpg.ssh.defaultKeyCommand': '',
  'commit.gpgSign': 'false',
  'push.gpgSign': 'false',
  'gc.auto': '0',
  'maintenance.auto': 'false',
  'protocol.allow': 'never',
  'submodule.recurse': 'false',
  'push.recurseSubmodules': 'no',
  // What hides a change of a file.
  'core.ignoreStat': 'false',
  'core.trustctime': 'true',
  'core.checkStat': 'default',
  'core.untrackedCache': 'false',
  'core.splitIndex': 'false',
  'index.sparse': 'false',
  'sparse.expectFilesOutsideOfPatterns': 'false',
  'diff.ignoreSubmodules': 'none',
  'status.showUntrackedFiles': 'all',
  'add.ignoreErrors': 'false',
  // How things are printed.
  'color.ui': 'false',
  'column.ui': 'never',
  'core.abbrev': 'auto',
  'core.quotePath': 'false',
  'diff.renames': 'false',
  'format.pretty': 'medium',
  'grep.fullName': 'false',
  'grep.lineNumber': 'false',
  'i18n.commitEncoding': 'UTF-8',
  'i18n.logOutputEncoding': 'UTF-8',
  'log.mailmap': 'false',
  'log.showSignature': 'false',
  'status.relativePaths': 'false',
  'status.renames': 'false',
  'status.submoduleSummary': 'false',
};

/** The same for a git on another machine, in a repository that the workbench has made there. */
export const REMOTE_GIT: readonly string[] = [
  'git',
  ...[
    'core.fsmonitor=false',
    'core.hooksPath=/dev/null',
    'submodule.recurse=false',
    // Files kept by git LFS arrive as pointers, also where the account there has git-lfs: no server has their contents.
    'filter.lfs.smudge=cat',
    'filter.lfs.clean=cat',
    'filter.lfs.process=',
    'filter.lfs.required=false',
  ].flatMap((one) => ['-c', one]),
];

/** Variables of this process that say who commits, where settings and programs are, and where a repository may begin. */
const KEPT_VARIABLES = new Set([
  ...['AUTHOR', 'COMMITTER'].flatMap((role) => ['NAME', 'EMAIL', 'DATE'].map((key) => `GIT_${role}_${key}`)),
  'GIT_CONFIG_GLOBAL',
  'GIT_CONFIG_NOSYSTEM',
  'GIT_CONFIG_SYSTEM',
  'GIT_EXEC_PATH',
  'GIT_CEILING_DIRECTORIES',
  'GIT_DISCOVERY_ACROSS_FILESYSTEM',
]);

/** Variables of every call. */
const VARIABLES: Readonly<NodeJS.ProcessEnv> = {
  // Objects that a partial clone lacks are not fetched: a remote may name any program. `none` is no protocol.
  GIT_ALLOW_PROTOCOL: 'none',
  GIT_NO_LAZY_FETCH: '1',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_TERMINAL_PROMPT: '0',
  GIT_TRACE2: '0',
  GIT_TRACE2_EVENT: '0',
  GIT_TRACE2_PERF: '0',
  LC_ALL: 'C',
};

/** A call of git that failed, in git's own words. */
export class GitError extends UserError {
  constructor(
    folder: string,
    [command = '']: readonly string[],
    /** Exit status, or a code of the system such as ENOENT where there is no git. */
    readonly code: number | string | null,
    readonly stderr: string,
    stdout: string,
  ) {
    const last = (text: string): string | undefined => text.trim().split('\n').pop() || undefined;
    const missing = code === 'ENOENT';
    super(
      missing
        ? 'git is not on PATH: install git, as results are tied to commits'
        : `git ${command} in ${folder} failed: ${last(stderr) ?? last(stdout) ?? `exit status ${code}`}`,
    );
  }
}

/** What one call adds. */
interface Addition {
  environment?: NodeJS.ProcessEnv;
  /** Settings in their order; the last one counts. */
  settings?: readonly string[];
  /** Text for its standard input. */
  input?: string;
}

/**
 * Runs git without a shell, and without programs and settings that a repository or a user could bring in. Filters, such
 * as those of git LFS, do not run either: `git status` then takes a file under a filter for changed as soon as its size
 * or time differs, which says too much and never too little.
 * @returns its output without the line end that closes it
 * @throws GitError; UserError for a filter that cannot be switched off
 */
export function git(folder: string, ...args: string[]): Promise<string> {
  return gitWith({}, folder, ...args);
}

/** The same with environment variables, e.g. `GIT_INDEX_FILE`, and a text for its standard input. */
export async function gitWith(
  { environment, input }: Pick<Addition, 'environment' | 'input'>,
  folder: string,
  ...args: string[]
): Promise<string> {
  return start(folder, args, { environment, input, settings: await programsOff(folder) });
}

/**
 * Pushes one commit. Transport needs programs: ssh and the helpers for passwords are those that the user has set for all
 * repositories (or none), never the repository's own; only files, https, http and ssh are spoken.
 * @param name of the remote
 * @throws GitError
 */
export async function pushCommit(folder: string, name: string, commit: string, ref: string): Promise<void> {
  const ssh = (await userSettings(folder, 'core.sshCommand')).pop() ?? sshHere(folder);
  const helpers = await userSettings(folder, 'credential.helper');
  const { GIT_SSH, GIT_SSH_COMMAND, GIT_SSH_VARIANT } = process.env;
  const settings = [
    ...(await programsOff(folder)),
    `core.sshCommand=${ssh}`,
    'push.pushOption=',
    ...helpers.map((helper) => `credential.helper=${helper}`),
  ];
  const environment = { GIT_ALLOW_PROTOCOL: 'file:http:https:ssh', GIT_SSH, GIT_SSH_COMMAND, GIT_SSH_VARIANT };
  const options = ['--quiet', '--no-follow-tags', '--no-signed', '--receive-pack=git-receive-pack'];
  await start(folder, ['push', ...options, '--', name, `${commit}:${ref}`], { environment, settings });
}

/** ssh for a shell of git's: by its path, as git would look for its name. */
function sshHere(folder: string): string {
  const file = programNamed('ssh', folder);
  // Git for Windows brings one of its own, which is not on PATH.
  return file === undefined
    ? 'ssh'
    : `'${file
        .split(path.sep)
        .join('/')
        .replaceAll("'", String.raw`'\''`)}'`;
}

/** The version that `git --version` prints. @throws GitError where git cannot be started, or does not run */
export function gitVersion(folder = '.'): Promise<string> {
  return start(folder, ['--version']);
}

/** Names of the filters that the settings define, such as `lfs`. */
export async function filterDrivers(folder: string): Promise<string[]> {
  const names = (await programSettings(folder)).flatMap((name) => /^filter\.(.*)\.[^.]+$/s.exec(name)?.[1] ?? []);
  return [...new Set(names)];
}

/** Settings that switch off the filters and hooks which the settings define by names of their own. */
async function programsOff(folder: string): Promise<string[]> {
  const named = (await programSettings(folder)).map((name) => name.slice(0, name.lastIndexOf('.')));
  return [...new Set(named)].flatMap((name) => {
    // On the command line a setting's name ends at the first "=".
    if (name.includes('=')) {
      throw new UserError(
        `The git settings of ${folder} define ${name}, which cannot be switched off: rename it there`,
      );
    }
    if (name.startsWith('hook.')) return [`${name}.enabled=false`, `${name}.command=false`];
    return [`${name}.clean=`, `${name}.smudge=`, `${name}.process=`, `${name}.required=false`];
  });
}

async function programSettings(folder: string): Promise<string[]> {
  const list = start(folder, ['config', '-z', '--name-only', '--get-regexp', String.raw`^(filter|hook)\..*\.`]);
  return namesOf(
    await list.catch((error: unknown) => {
      // Its exit status where nothing is set. Any other failure ends the call: what is not known is not switched off.
      if (error instanceof GitError && error.code === 1) return '';
      throw error;
    }),
  );
}

/** Values of a setting that the user has made for all repositories, in order. */
async function userSettings(folder: string, name: string): Promise<string[]> {
  const scopes = ['--system', '--global'].map((scope) =>
    start(folder, ['config', scope, '--includes', '-z', '--get-all', name]).catch(() => ''),
  );
  return (await Promise.all(scopes)).flatMap(namesOf);
}

/** What `git config -z` lists. */
function namesOf(list: string): string[] {
  return list.split('\0').filter(Boolean);
}

async function start(folder: string, args: readonly string[], addition: Addition = {}): Promise<string> {
  const { environment, settings = [], input } = addition;
  const program = programNamed('git', folder);
  if (program === undefined) throw new GitError(folder, args, 'ENOENT', '', '');
  const own = Object.entries(environmentFor(folder)).filter(
    ([name]) => !name.startsWith('GIT_') || KEPT_VARIABLES.has(name),
  );
  const fixed = [...Object.entries(SETTINGS).map(([name, value]) => `${name}=${value}`), ...settings];
  const running = run(program, ['--no-pager', ...fixed.flatMap((setting) => ['-c', setting]), '-C', folder, ...args], {
    maxBuffer: MAX_OUTPUT,
    env: { ...Object.fromEntries(own), ...VARIABLES, ...environment },
  });
  // A git that has failed reads no more; its own error is the one to report.
  running.child.stdin?.on('error', () => undefined).end(input ?? '');
  const { stdout } = await running.catch((error: ExecFileException & { stdout?: string; stderr?: string }) => {
    throw new GitError(folder, args, error.code ?? null, error.stderr ?? '', error.stdout ?? '');
  });
  return stdout.replace(/\r?\n$/, '');
}
