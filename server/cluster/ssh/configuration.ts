/** The user's own ssh configuration (ssh_config(5)): what it says about a host, and what of it is not honoured. */
import os from 'node:os';
import path from 'node:path';
import { accountName, homeFolder } from '../../account';
import { UserError } from '../../errors';
import { hostProblem, parseDestination, portNumber, userProblem } from './destination';
import { aliasesIn, Directives, withoutTilde } from './directives';

/** What ssh's configuration says about one host; lists have their order of preference. */
export interface SshSettings {
  /** The host as the destination names it. */
  alias: string;
  hostName: string;
  port: number;
  user: string;
  /** Files whose private keys are tried. */
  identityFiles: string[];
  /** True where the user named them. The standard ones may be missing without a word. */
  identitiesNamed: boolean;
  identitiesOnly: boolean;
  /** Socket, named pipe, or `pageant`; undefined where there is none. */
  agent?: string;
  /** `[user@]host[:port]` of each hop, the first one first. */
  proxyJump: string[];
  proxyCommand?: string;
  /** Seconds; 0 where none are sent. */
  aliveInterval: number;
  aliveCountMax: number;
  /** Seconds. */
  connectTimeout: number;
  knownHosts: string[];
  hostKeyAlias?: string;
  strictHostKeys: 'yes' | 'no' | 'ask' | 'accept-new';
  hashKnownHosts: boolean;
  forwardAgent: boolean;
  localForwards: { from: { host: string; port: number }; to: { host: string; port: number } }[];
  /** Login methods that are switched on, preferred first. */
  methods: LoginMethod[];
  passwordPrompts: number;
  /** Directives that apply to this host and are not honoured, as written. */
  ignored: readonly string[];
  /** Those of them that files of the machine say, not the user's own. */
  ignoredOfSite: readonly string[];
  /** Directives without effect on a connection that only runs commands, as written. */
  withoutEffect: readonly string[];
}

const LOGIN_METHODS = ['publickey', 'keyboard-interactive', 'password'] as const;
export type LoginMethod = (typeof LOGIN_METHODS)[number];

/** Files and surroundings that the configuration is read from. */
export interface ConfigurationFiles {
  /** The user's; default ~/.ssh/config. */
  file?: string;
  /** Home folder that `~` stands for. */
  home?: string;
  /** Environment that has SSH_AUTH_SOCK. */
  environment?: NodeJS.ProcessEnv;
  /** System whose places of files count; this one by default. */
  platform?: NodeJS.Platform;
}

/**
 * Folder of the configuration that an administrator makes for all users. On Windows it is that of OpenSSH for Windows, which
 * only administrators can write; `/etc/ssh` would be a folder that any user can make on the drive that happens to be current.
 */
export function systemFolder(
  platform: NodeJS.Platform = process.platform,
  environment: NodeJS.ProcessEnv = process.env,
): string {
  if (platform !== 'win32') return '/etc/ssh';
  const { ProgramData = '' } = environment;
  // A path without a drive would begin at the current one too.
  return path.win32.join(/^[A-Za-z]:[\\/]/.test(ProgramData) ? ProgramData : 'C:\\ProgramData', 'ssh');
}

/** Replaces `~`, `${VARIABLE}` and `%` tokens in a value. */
type Expand = (text: string) => string;

/**
 * Settings for `[user@]host[:port]`, which may be an alias.
 * @throws UserError where the configuration cannot be read or makes no sense
 */
export function sshSettings(destination: string, files: ConfigurationFiles = {}): SshSettings {
  const home = files.home ?? homeFolder();
  const environment = files.environment ?? process.env;
  const target = parseDestination(destination);
  const directives = new Directives(target, home);
  const folder = path.join(home, '.ssh');
  directives.read(files.file ?? path.join(folder, 'config'), folder);
  const system = systemFolder(files.platform, environment);
  const own = directives.ignored.length;
  if (files.file === undefined) directives.read(path.join(system, 'ssh_config'), system);
  const ignoredOfSite = directives.ignored.slice(own);

  const alias = target.host;
  const hostName = (directives.first('hostname') ?? alias).replaceAll('%h', alias).replaceAll('%%', '%');
  const user = target.user ?? directives.first('user') ?? accountName(environment);
  const port = target.port ?? portNumber(directives.number('Port', 22));
  const hostKeyAlias = directives.first('hostkeyalias');
  refuse(alias, 'HostName', hostName, hostProblem);
  refuse(alias, 'User', user, userProblem);
  refuse(alias, 'HostKeyAlias', hostKeyAlias, hostProblem);
  const expand = expander({ alias, hostName, port, user, hostKeyAlias }, home, environment);
  return {
    ...{ alias, hostName, port, user },
    ...identitiesOf(directives, expand),
    agent: agentOf(directives.first('identityagent'), environment, expand),
    ...proxyOf(alias, directives, expand),
    aliveInterval: directives.number('ServerAliveInterval', 30),
    aliveCountMax: directives.number('ServerAliveCountMax', 3),
    connectTimeout: directives.number('ConnectTimeout', 20),
    hostKeyAlias,
    ...hostKeysOf(directives, expand, system),
    forwardAgent: directives.isYes('forwardagent', false),
    localForwards: directives.all('localforward').flatMap(([from, to]) => forward(from, to)),
    methods: methodsOf(directives),
    passwordPrompts: directives.number('NumberOfPasswordPrompts', 3),
    ignored: directives.ignored,
    ignoredOfSite,
    withoutEffect: directives.withoutEffect,
  };
}

/** Aliases that the user's configuration names, without patterns. */
export function hostAliases(files: ConfigurationFiles = {}): string[] {
  const home = files.home ?? homeFolder();
  const folder = path.join(home, '.ssh');
  return [...new Set(aliasesIn(files.file ?? path.join(folder, 'config'), folder, home))];
}

/**
 * What ssh's configuration says is checked as what the destination says, whoever wrote it: values of both are written into
 * the line of a ProxyCommand.
 * @throws UserError
 */
function refuse(
  alias: string,
  keyword: string,
  value: string | undefined,
  problemOf: (value: string) => string | undefined,
): void {
  const problem = value === undefined ? undefined : problemOf(value);
  if (problem !== undefined) throw new UserError(`ssh configuration of ${alias}: ${keyword} "${value}" ${problem}`);
}

/** TOKENS of ssh_config(5). */
function expander(
  host: Pick<SshSettings, 'alias' | 'hostName' | 'port' | 'user' | 'hostKeyAlias'>,
  home: string,
  environment: NodeJS.ProcessEnv,
): Expand {
  const localHost = os.hostname();
  const tokens: Readonly<Record<string, string | undefined>> = {
    '%': '%',
    d: home,
    h: host.hostName,
    i: String(process.getuid?.() ?? ''),
    k: host.hostKeyAlias ?? host.alias,
    l: localHost,
    L: localHost.split('.')[0],
    n: host.alias,
    p: String(host.port),
    r: host.user,
  };
  return (text) =>
    withoutTilde(text, home)
      .replace(/\$\{(\w+)\}/g, (_, name: string) => environment[name] ?? '')
      .replace(/%([hpruinLldk%])/g, (_, token: string) =>
        token === 'u' ? accountName(environment) : (tokens[token] ?? ''),
      );
}

function identitiesOf(
  directives: Directives,
  expand: Expand,
): Pick<SshSettings, 'identityFiles' | 'identitiesNamed' | 'identitiesOnly'> {
  const standard = ['id_rsa', 'id_ecdsa', 'id_ed25519'].map((name) => `~/.ssh/${name}`);
  const named = directives.all('identityfile').flatMap(([file]) => (file && file !== 'none' ? [file] : []));
  const identitiesNamed = directives.has('identityfile');
  return {
    identityFiles: (identitiesNamed ? named : standard).map(expand),
    identitiesNamed,
    identitiesOnly: directives.isYes('identitiesonly', false),
  };
}

/** Of ProxyJump and ProxyCommand the first one counts, also as `none`. */
function proxyOf(
  alias: string,
  directives: Directives,
  expand: Expand,
): Pick<SshSettings, 'proxyJump' | 'proxyCommand'> {
  const keyword = directives.firstOf('proxyjump', 'proxycommand');
  const value = keyword && directives.first(keyword);
  if (!value || value.toLowerCase() === 'none') return { proxyJump: [] };
  if (keyword === 'proxycommand') {
    // The account's name here is the one token that neither the destination nor the configuration decides.
    const tokens = value.replaceAll('%%', '');
    if (/%[^hpruinLldk]/.test(tokens)) directives.ignored.push(`ProxyCommand ${value}`);
    if (/%u/.test(tokens)) refuse(alias, 'ProxyCommand with %u:', accountName(), userProblem);
    return { proxyJump: [], proxyCommand: expand(value) };
  }
  const hops = value.split(',').map((hop) => hop.trim().replace(/^ssh:\/\//, ''));
  hops.forEach(parseDestination); // before the first of them is connected to
  return { proxyJump: hops };
}

function hostKeysOf(
  directives: Directives,
  expand: Expand,
  system: string,
): Pick<SshSettings, 'knownHosts' | 'strictHostKeys' | 'hashKnownHosts'> {
  const own = directives.all('userknownhostsfile')[0] ?? ['~/.ssh/known_hosts', '~/.ssh/known_hosts2'];
  const named = directives.all('globalknownhostsfile')[0];
  const strict = directives.first('stricthostkeychecking')?.toLowerCase();
  return {
    // The path of the system's folder is one already: `%` has no meaning in it.
    knownHosts: [
      ...[...own, ...(named ?? [])].filter((file) => file !== 'none').map(expand),
      ...(named ? [] : ['ssh_known_hosts', 'ssh_known_hosts2'].map((name) => path.join(system, name))),
    ],
    strictHostKeys:
      strict === 'yes' || strict === 'accept-new' ? strict : strict === 'no' || strict === 'off' ? 'no' : 'ask',
    hashKnownHosts: directives.isYes('hashknownhosts', false),
  };
}

function methodsOf(directives: Directives): LoginMethod[] {
  const interactive = directives.has('kbdinteractiveauthentication')
    ? 'kbdinteractiveauthentication'
    : 'challengeresponseauthentication';
  const on: Record<LoginMethod, boolean> = {
    publickey: directives.first('pubkeyauthentication')?.toLowerCase() !== 'no',
    'keyboard-interactive': directives.isYes(interactive, true),
    password: directives.isYes('passwordauthentication', true),
  };
  const preferred = directives.first('preferredauthentications')?.split(',') ?? [...LOGIN_METHODS];
  return LOGIN_METHODS.filter((method) => on[method] && preferred.includes(method)).sort(
    (a, b) => preferred.indexOf(a) - preferred.indexOf(b),
  );
}

function agentOf(configured: string | undefined, environment: NodeJS.ProcessEnv, expand: Expand): string | undefined {
  if (configured?.toLowerCase() === 'none') return undefined;
  if (configured && configured !== 'SSH_AUTH_SOCK')
    return configured.startsWith('$') ? environment[configured.slice(1)] : expand(configured);
  const windows = process.platform === 'win32' ? '\\\\.\\pipe\\openssh-ssh-agent' : undefined;
  return environment.SSH_AUTH_SOCK || windows;
}

function forward(from = '', to = ''): SshSettings['localForwards'] {
  const parse = (text: string, fallback: string) => {
    const match = /^(?:(.*):)?(\d+)$/.exec(text);
    return (
      match && {
        host: (match[1] ?? fallback).replace(/^\[|\]$/g, '').replace(/^\*$/, '0.0.0.0'),
        port: Number(match[2]),
      }
    );
  };
  const [listen, target] = [parse(from, '127.0.0.1'), parse(to, '')];
  return listen && target?.host ? [{ from: listen, to: target }] : [];
}
