/** The user's own ssh configuration (ssh_config(5)): what it says about a host, and what of it is not honoured. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isCode, messageOf, UserError } from '../../errors';

/** What ssh's configuration says about one host; lists have their order of preference. */
export interface SshSettings {
  /** As it was asked for. */
  alias: string;
  hostName: string;
  port: number;
  user: string;
  /** Files whose private keys are tried. */
  identityFiles: string[];
  /** True where the user named them: others are looked for silently. */
  identitiesNamed: boolean;
  identitiesOnly: boolean;
  /** Socket, named pipe, or `pageant`; undefined where there is none. */
  agent?: string;
  /** `[user@]host[:port]` from the first hop on. */
  proxyJump: string[];
  proxyCommand?: string;
  /** Seconds; 0: none are sent. */
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
  /** Ways of login that are switched on, preferred first. */
  methods: LoginMethod[];
  passwordPrompts: number;
  /** Directives that apply to this host and are not honoured, as written. */
  ignored: string[];
  /** Of these, the ones that mean nothing for a connection that only runs commands. */
  meaningless: string[];
}

export const LOGIN_METHODS = ['publickey', 'keyboard-interactive', 'password'] as const;
export type LoginMethod = (typeof LOGIN_METHODS)[number];

/** What is honoured: `first` value counts, or `all` are collected. */
const HONOURED: Readonly<Record<string, 'first' | 'all'>> = {
  hostname: 'first',
  user: 'first',
  port: 'first',
  identityfile: 'all',
  identityagent: 'first',
  identitiesonly: 'first',
  proxyjump: 'first',
  proxycommand: 'first',
  serveraliveinterval: 'first',
  serveralivecountmax: 'first',
  connecttimeout: 'first',
  localforward: 'all',
  userknownhostsfile: 'first',
  globalknownhostsfile: 'first',
  hostkeyalias: 'first',
  stricthostkeychecking: 'first',
  hashknownhosts: 'first',
  forwardagent: 'first',
  preferredauthentications: 'first',
  numberofpasswordprompts: 'first',
  pubkeyauthentication: 'first',
  passwordauthentication: 'first',
  kbdinteractiveauthentication: 'first',
  challengeresponseauthentication: 'first',
};

/** Directives that mean nothing for a connection that only runs commands. */
const WITHOUT_MEANING = new Set(
  'loglevel requesttty escapechar visualhostkey permitlocalcommand addkeystoagent usekeychain ignoreunknown tcpkeepalive ipqos sendenv setenv batchmode exitonforwardfailure controlmaster controlpath controlpersist checkhostip updatehostkeys'.split(
    ' ',
  ),
);

interface Line {
  keyword: string;
  values: string[];
  text: string;
}

function readLines(text: string): Line[] {
  return text.split(/\r?\n/).flatMap((raw) => {
    const match = /^\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(raw);
    if (!match || raw.trimStart().startsWith('#')) return [];
    const values = [...match[2].matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare);
    const comment = values.findIndex((value) => value.startsWith('#'));
    const keyword = match[1].toLowerCase();
    // A command is the rest of its line, quotes and all.
    if (keyword === 'proxycommand') return [{ keyword, values: [match[2]], text: raw.trim() }];
    return [{ keyword, values: comment < 0 ? values : values.slice(0, comment), text: raw.trim() }];
  });
}

/** Whether a name fits patterns with `*`, `?` and `!`; a negated one that fits excludes. */
export function fitsPatterns(name: string, patterns: readonly string[]): boolean {
  const fits = (pattern: string) =>
    new RegExp(
      `^${pattern
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replaceAll('*', '.*')
        .replaceAll('?', '.')}$`,
      'i',
    ).test(name);
  if (patterns.some((pattern) => pattern.startsWith('!') && fits(pattern.slice(1)))) return false;
  return patterns.some((pattern) => !pattern.startsWith('!') && fits(pattern));
}

export interface ConfigurationFiles {
  /** The user's; default ~/.ssh/config. */
  file?: string;
  /** Home folder that `~` stands for. */
  home?: string;
  /** Environment that has SSH_AUTH_SOCK. */
  environment?: NodeJS.ProcessEnv;
}

/**
 * Settings for `[user@]host[:port]`, which may be an alias.
 * @throws UserError where the configuration cannot be read or makes no sense
 */
export function sshSettings(destination: string, files: ConfigurationFiles = {}): SshSettings {
  const home = files.home ?? os.homedir();
  const environment = files.environment ?? process.env;
  const target = parseDestination(destination);
  const found = new Map<string, string[][]>();
  const ignored: string[] = [];
  const meaningless: string[] = [];
  const localUser = os.userInfo().username;

  const walk = (file: string, base: string, active: boolean, depth: number): void => {
    if (depth > 16) throw new UserError(`${file}: Include goes deeper than 16 files`);
    for (const { keyword, values, text } of readLines(readIfThere(file))) {
      if (keyword === 'host') active = fitsPatterns(target.host, values);
      else if (keyword === 'match') active = matches(values);
      else if (!active) continue;
      else if (keyword === 'include')
        for (const name of included(values, base, home)) walk(name, base, true, depth + 1);
      else if (keyword in HONOURED) {
        const list = found.get(keyword) ?? [];
        if (HONOURED[keyword] === 'all' || list.length === 0) found.set(keyword, [...list, values]);
      } else (WITHOUT_MEANING.has(keyword) ? meaningless : ignored).push(text);
    }
  };
  const first = (keyword: string): string | undefined => found.get(keyword)?.[0]?.[0];
  const matches = (criteria: readonly string[]): boolean => {
    const words = [...criteria];
    while (words.length > 0) {
      const word = words.shift() ?? '';
      const negated = word.startsWith('!');
      const name = word.replace(/^!/, '').toLowerCase();
      if (name === 'all') continue;
      const values = (words.shift() ?? '').split(',');
      const subject = {
        host: first('hostname')?.replaceAll('%h', target.host) ?? target.host,
        originalhost: target.host,
        user: target.user ?? first('user') ?? localUser,
        localuser: localUser,
      }[name];
      if (subject === undefined) {
        ignored.push(`Match ${criteria.join(' ')}`);
        return false;
      }
      if (fitsPatterns(subject, values) === negated) return false;
    }
    return true;
  };

  const folder = path.join(home, '.ssh');
  walk(files.file ?? path.join(folder, 'config'), folder, true, 0);
  if (files.file === undefined) walk('/etc/ssh/ssh_config', '/etc/ssh', true, 0);

  const hostName = (first('hostname') ?? target.host).replaceAll('%h', target.host).replaceAll('%%', '%');
  const user = target.user ?? first('user') ?? localUser;
  const port = target.port ?? number(first('port'), 22, 'Port');
  const expand = (text: string): string =>
    untilde(text, home)
      .replace(/\$\{(\w+)\}/g, (_, name: string) => environment[name] ?? '')
      .replace(/%([hpruinLldk%])/g, (_, token: string) => {
        const tokens: Record<string, string> = {
          ...{ h: hostName, p: String(port), r: user, u: localUser, n: target.host, '%': '%', d: home },
          ...{ i: String(process.getuid?.() ?? ''), l: os.hostname(), L: os.hostname().split('.')[0] },
          k: first('hostkeyalias') ?? target.host,
        };
        return tokens[token];
      });
  const yes = (keyword: string, fallback: boolean): boolean => {
    const value = first(keyword)?.toLowerCase();
    return value === undefined ? fallback : value === 'yes' || value === 'true';
  };
  const named = (found.get('identityfile') ?? []).map(([file]) => file).filter((file) => file && file !== 'none');
  const standard = ['id_rsa', 'id_ecdsa', 'id_ed25519'].map((name) => `~/.ssh/${name}`);
  const interactive =
    first('kbdinteractiveauthentication') === undefined
      ? yes('challengeresponseauthentication', true)
      : yes('kbdinteractiveauthentication', true);
  const on: Record<LoginMethod, boolean> = {
    publickey: first('pubkeyauthentication')?.toLowerCase() !== 'no',
    'keyboard-interactive': interactive,
    password: yes('passwordauthentication', true),
  };
  const preferred = first('preferredauthentications')?.split(',') ?? [...LOGIN_METHODS];
  // Whichever of the two stands first counts, also as `none`.
  const proxy = [...found.keys()].find((keyword) => keyword === 'proxyjump' || keyword === 'proxycommand');
  const jump = proxy === 'proxyjump' ? first('proxyjump') : undefined;
  const command = proxy === 'proxycommand' ? first('proxycommand') : undefined;
  const strict = first('stricthostkeychecking')?.toLowerCase();
  const known = found.get('userknownhostsfile')?.[0] ?? ['~/.ssh/known_hosts', '~/.ssh/known_hosts2'];
  const global = found.get('globalknownhostsfile')?.[0] ?? ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'];
  return {
    alias: target.host,
    hostName,
    port,
    user,
    identityFiles: (found.has('identityfile') ? named : standard).map(expand),
    identitiesNamed: found.has('identityfile'),
    identitiesOnly: yes('identitiesonly', false),
    agent: agentOf(first('identityagent'), environment, expand),
    proxyJump:
      jump && jump.toLowerCase() !== 'none' ? jump.split(',').map((hop) => hop.trim().replace(/^ssh:\/\//, '')) : [],
    proxyCommand: command && command.toLowerCase() !== 'none' ? expand(command) : undefined,
    aliveInterval: number(first('serveraliveinterval'), 30, 'ServerAliveInterval'),
    aliveCountMax: number(first('serveralivecountmax'), 3, 'ServerAliveCountMax'),
    connectTimeout: number(first('connecttimeout'), 20, 'ConnectTimeout'),
    knownHosts: [...known, ...global].filter((file) => file !== 'none').map(expand),
    hostKeyAlias: first('hostkeyalias'),
    strictHostKeys:
      strict === 'yes' || strict === 'accept-new' ? strict : strict === 'no' || strict === 'off' ? 'no' : 'ask',
    hashKnownHosts: yes('hashknownhosts', false),
    forwardAgent: yes('forwardagent', false),
    localForwards: (found.get('localforward') ?? []).flatMap(([from, to]) => forward(from, to)),
    methods: LOGIN_METHODS.filter((method) => on[method] && preferred.includes(method)).sort(
      (a, b) => preferred.indexOf(a) - preferred.indexOf(b),
    ),
    passwordPrompts: number(first('numberofpasswordprompts'), 3, 'NumberOfPasswordPrompts'),
    ignored,
    meaningless,
  };
}

/** Aliases that the user's configuration names, without patterns. */
export function hostAliases(files: ConfigurationFiles = {}): string[] {
  const home = files.home ?? os.homedir();
  const folder = path.join(home, '.ssh');
  const collect = (file: string, depth: number): string[] =>
    readLines(readIfThere(file)).flatMap(({ keyword, values }) => {
      if (keyword === 'host') return values.filter((value) => !/[*?!]/.test(value));
      if (keyword !== 'include' || depth > 16) return [];
      return included(values, folder, home).flatMap((name) => collect(name, depth + 1));
    });
  return [...new Set(collect(files.file ?? path.join(folder, 'config'), 0))];
}

/** Parts of `[user@]host[:port]`. @throws UserError for what could be taken for an option or a shell's word */
export function parseDestination(text: string): { user?: string; host: string; port?: number } {
  const match =
    /^(?:([^@\s]+)@)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9_][A-Za-z0-9_.-]*|[0-9a-fA-F:]*::[0-9a-fA-F:]*)(?::(\d+))?$/.exec(
      text,
    );
  if (!match) throw new UserError(`"${text}" is no host name: write an alias of your ssh configuration, or user@host`);
  return { user: match[1], host: match[2].replace(/^\[|\]$/g, ''), port: match[3] ? Number(match[3]) : undefined };
}

function agentOf(
  configured: string | undefined,
  environment: NodeJS.ProcessEnv,
  expand: (text: string) => string,
): string | undefined {
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

function number(text: string | undefined, fallback: number, name: string): number {
  if (text === undefined || text.toLowerCase() === 'none') return fallback;
  if (!/^\d+$/.test(text)) throw new UserError(`ssh configuration: ${name} ${text} is no number`);
  return Number(text);
}

const untilde = (text: string, home: string): string => text.replace(/^~(?=\/|$)/, () => home);

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return '';
    throw new UserError(`Cannot read the ssh configuration ${file}: ${messageOf(error)}`);
  }
}

/** Files that an Include names, wildcards expanded and sorted as a shell does. @param base folder of relative names */
function included(patterns: readonly string[], base: string, home: string): string[] {
  return patterns.flatMap((pattern) => globFiles(path.resolve(base, untilde(pattern, home))));
}

function globFiles(pattern: string): string[] {
  const { root } = path.parse(pattern);
  const parts = pattern.slice(root.length).split(path.sep);
  return parts.reduce(
    (folders, part) =>
      folders.flatMap((folder) => {
        if (!/[*?]/.test(part)) return [path.join(folder, part)];
        const names = existsSync(folder) && statSync(folder).isDirectory() ? readdirSync(folder).sort() : [];
        const fitting = names.filter((name) => !name.startsWith('.') && fitsPatterns(name, [part]));
        return fitting.map((name) => path.join(folder, name));
      }),
    [root],
  );
}
