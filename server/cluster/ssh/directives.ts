/** The directives of ssh's configuration files that apply to one host: Host, Match and Include are resolved here. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { accountName } from '../../account';
import { isCode, messageOf, UserError } from '../../errors';
import { fitsPatterns } from './host-patterns';

/** What is honoured: of some directives the `first` value counts, of others `all` are collected. */
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

/** Directives without effect on a connection that only runs commands. */
const WITHOUT_EFFECT = new Set(
  'loglevel requesttty escapechar visualhostkey permitlocalcommand addkeystoagent usekeychain ignoreunknown tcpkeepalive ipqos sendenv setenv batchmode exitonforwardfailure controlmaster controlpath controlpersist checkhostip updatehostkeys'.split(
    ' ',
  ),
);

const MAX_DEPTH = 16;

interface Line {
  keyword: string;
  values: string[];
  text: string;
}

/** All directives that apply to one host. */
export class Directives {
  private readonly found = new Map<string, string[][]>();
  /** Those that are not honoured, as written. */
  readonly ignored: string[] = [];
  /** Those without effect on a connection that only runs commands, as written. */
  readonly withoutEffect: string[] = [];

  /**
   * @param target host and user as the destination names them
   * @param home folder that `~` stands for
   */
  constructor(
    private readonly target: { host: string; user?: string },
    private readonly home: string,
  ) {}

  /**
   * Adds what a file says about the host; what was read before wins.
   * @param base folder of relative names in its Include lines
   * @throws UserError where it cannot be read
   */
  read(file: string, base: string, active = true, depth = 0): void {
    if (depth > MAX_DEPTH) throw new UserError(`${file}: Include goes deeper than ${MAX_DEPTH} files`);
    for (const { keyword, values, text } of readLines(file)) {
      if (keyword === 'host') active = fitsPatterns(this.target.host, values);
      else if (keyword === 'match') active = this.matches(values);
      else if (!active) continue;
      else if (keyword === 'include')
        for (const name of includedFiles(values, base, this.home)) this.read(name, base, true, depth + 1);
      else this.add(keyword, values, text);
    }
  }

  /** First value of a directive; of those with several values on a line, the first of them. */
  first(keyword: string): string | undefined {
    return this.found.get(keyword)?.[0]?.[0];
  }

  /** The values of each line of a directive. */
  all(keyword: string): readonly string[][] {
    return this.found.get(keyword) ?? [];
  }

  has(keyword: string): boolean {
    return this.found.has(keyword);
  }

  /** Which of these directives comes first. */
  firstOf(...keywords: readonly string[]): string | undefined {
    return [...this.found.keys()].find((keyword) => keywords.includes(keyword));
  }

  isYes(keyword: string, fallback: boolean): boolean {
    const value = this.first(keyword)?.toLowerCase();
    return value === undefined ? fallback : value === 'yes' || value === 'true';
  }

  /** @param name as an error writes it: `Port` @throws UserError where it is not a number */
  number(name: string, fallback: number): number {
    const text = this.first(name.toLowerCase());
    if (text === undefined || text.toLowerCase() === 'none') return fallback;
    if (!/^\d+$/.test(text)) throw new UserError(`ssh configuration: ${name} ${text} is not a number`);
    return Number(text);
  }

  private add(keyword: string, values: string[], text: string): void {
    const kind = Object.hasOwn(HONOURED, keyword) ? HONOURED[keyword] : undefined;
    if (kind === undefined) {
      (WITHOUT_EFFECT.has(keyword) ? this.withoutEffect : this.ignored).push(text);
      return;
    }
    const list = this.found.get(keyword) ?? [];
    if (kind === 'all' || list.length === 0) this.found.set(keyword, [...list, values]);
  }

  private matches(criteria: readonly string[]): boolean {
    const words = [...criteria];
    while (words.length > 0) {
      const word = words.shift() ?? '';
      const name = word.replace(/^!/, '').toLowerCase();
      if (name === 'all') continue;
      const values = (words.shift() ?? '').split(',');
      const subject = this.subject(name);
      if (subject === undefined) {
        this.ignored.push(`Match ${criteria.join(' ')}`);
        return false;
      }
      if (fitsPatterns(subject, values) === word.startsWith('!')) return false;
    }
    return true;
  }

  /** What a criterion of Match is compared with; undefined for one that is not supported. */
  private subject(criterion: string): string | undefined {
    const { host, user } = this.target;
    switch (criterion) {
      case 'host':
        return this.first('hostname')?.replaceAll('%h', host) ?? host;
      case 'originalhost':
        return host;
      case 'user':
        return user ?? this.first('user') ?? accountName();
      case 'localuser':
        return accountName();
      default:
        return undefined;
    }
  }
}

/** Aliases that a configuration file and the files it includes name, without patterns. */
export function aliasesIn(file: string, base: string, home: string, depth = 0): string[] {
  return readLines(file).flatMap(({ keyword, values }) => {
    if (keyword === 'host') return values.filter((value) => !/[*?!]/.test(value));
    if (keyword !== 'include' || depth > MAX_DEPTH) return [];
    return includedFiles(values, base, home).flatMap((name) => aliasesIn(name, base, home, depth + 1));
  });
}

/** A path with `~` at its start replaced. */
export function withoutTilde(text: string, home: string): string {
  return text.replace(/^~(?=[/\\]|$)/, () => home);
}

/** The directives of a file, which may be missing. */
function readLines(file: string): Line[] {
  return readIfThere(file)
    .split(/\r?\n/)
    .flatMap((raw) => {
      const text = raw.trim();
      const [name = ''] = /^[A-Za-z0-9]+(?=[\s=])/.exec(text) ?? [];
      if (name === '') return [];
      const keyword = name.toLowerCase();
      const rest = text.slice(name.length).trimStart().replace(/^=/, '').trimStart();
      // A command is the rest of its line, quotes and all.
      if (keyword === 'proxycommand') return [{ keyword, values: [rest], text }];
      const values = [...rest.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, bare = '']) => quoted ?? bare);
      const comment = values.findIndex((value) => value.startsWith('#'));
      return [{ keyword, values: comment < 0 ? values : values.slice(0, comment), text }];
    });
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return '';
    throw new UserError(`Cannot read the ssh configuration ${file}: ${messageOf(error)}`);
  }
}

/** Files that an Include names, wildcards expanded and sorted as a shell does. @param base folder of relative names */
function includedFiles(patterns: readonly string[], base: string, home: string): string[] {
  return patterns.flatMap((pattern) => globFiles(path.resolve(base, withoutTilde(pattern, home))));
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
