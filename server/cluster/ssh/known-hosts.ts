/** Host keys that the user trusts: known_hosts (sshd(8)), plain and hashed. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { promises as fs, readFileSync } from 'node:fs';
import path from 'node:path';
import { isCode, messageOf, UserError } from '../../errors';
import { fitsPatterns } from './host-patterns';

/** What the files say about a host's key. `authority`: only a certificate authority is listed, which we cannot check. */
export type HostKeyVerdict = 'known' | 'unknown' | 'changed' | 'revoked' | 'authority';

interface Entry {
  marker?: string;
  names: string;
  type: string;
  key: string;
  where: string;
}

/** `SHA256:…` as ssh-keygen -l prints it. @param key public key in ssh's wire format */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replaceAll('=', '')}`;
}

/** Name of a key's algorithm, the first field of its wire format. */
export function keyType(key: Buffer): string {
  return key.toString('latin1', 4, 4 + key.readUInt32BE(0));
}

/** The name of a host in known_hosts. */
export function knownHostName(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

export class KnownHosts {
  private readonly entries: Entry[];

  /** @param files missing ones count as empty; new keys are added to the first */
  constructor(private readonly files: readonly string[]) {
    this.entries = files.flatMap((file) =>
      readIfThere(file)
        .split(/\r?\n/)
        .flatMap((line, index) => {
          const match = /^\s*(?:(@\S+)\s+)?([^\s#@]\S*)\s+(\S+)\s+(\S+)/.exec(line);
          if (!match) return [];
          const [, marker, names = '', type = '', key = ''] = match;
          return [{ marker, names, type, key, where: `${file}:${index + 1}` }];
        }),
    );
  }

  /** Judges a key; `where` names the line that decided, as file:line. */
  judge(name: string, key: Buffer): { verdict: HostKeyVerdict; where?: string } {
    const encoded = key.toString('base64');
    const mine = this.entries.filter(({ names }) => fits(names, name));
    const find = (test: (entry: Entry) => boolean) => mine.find(test);
    const revoked = find(({ marker, key: other }) => marker === '@revoked' && other === encoded);
    if (revoked) return { verdict: 'revoked', where: revoked.where };
    const same = find(({ marker, key: other }) => marker === undefined && other === encoded);
    if (same) return { verdict: 'known', where: same.where };
    const other = find(({ marker, type }) => marker === undefined && type === keyType(key));
    const any = other ?? find(({ marker }) => marker === undefined);
    if (any) return { verdict: 'changed', where: any.where };
    const authority = find(({ marker }) => marker === '@cert-authority');
    return authority ? { verdict: 'authority', where: authority.where } : { verdict: 'unknown' };
  }

  /** The line that names a certificate authority for a host of which no key is known; file:line. */
  authority(name: string): string | undefined {
    const mine = this.entries.filter(({ marker, names }) => marker !== '@revoked' && fits(names, name));
    return mine.some(({ marker }) => marker === undefined)
      ? undefined
      : mine.find(({ marker }) => marker === '@cert-authority')?.where;
  }

  /** Types of the known keys of a host: the server is asked for one of these. */
  types(name: string): string[] {
    return this.entries
      .filter(({ marker, names }) => marker === undefined && fits(names, name))
      .map(({ type }) => type);
  }

  /** Adds a key permanently. @throws UserError where the file cannot be written */
  async add(name: string, key: Buffer, hashed: boolean): Promise<void> {
    const [file] = this.files;
    if (file === undefined) return;
    const line = `${hashed ? hash(name, randomBytes(20)) : name} ${keyType(key)} ${key.toString('base64')}\n`;
    try {
      await fs.mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
      const before = readIfThere(file);
      await fs.appendFile(file, (before === '' || before.endsWith('\n') ? '' : '\n') + line, { mode: 0o600 });
    } catch (error) {
      throw new UserError(`Cannot write the host key into ${file}: ${messageOf(error)}`);
    }
  }
}

function fits(names: string, name: string): boolean {
  if (!names.startsWith('|1|')) return fitsPatterns(name, names.split(','));
  return hash(name, Buffer.from(names.split('|')[2] ?? '', 'base64')) === names;
}

function hash(name: string, salt: Buffer): string {
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return '';
    throw new UserError(`Cannot read ${file}: ${messageOf(error)}`);
  }
}
