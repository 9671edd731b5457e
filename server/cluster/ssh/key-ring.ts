/**
 * All keys that may open a host, as one agent: those of the user's agent and those in files. A server is offered the
 * public half first, so that it chooses a key before the user is asked for a passphrase.
 */
import { promises as fs } from 'node:fs';
import { BaseAgent, createAgent, utils, type ParsedKey } from 'ssh2';
import { isCode, messageOf, UserError } from '../../errors';
import { fingerprint } from './known-hosts';
import type { SshSettings } from './configuration';

/** Gives the passphrase of a key file; null where nobody may be asked, or the user gave up. */
export type AskPassphrase = (file: string, key: string, retry: boolean) => Promise<string | null>;

/** Keys of files that were unlocked in this process, by fingerprint, so that a reconnect asks nothing. */
export type UnlockedKeys = Map<string, ParsedKey>;

type Signing = { hash?: 'sha1' | 'sha256' | 'sha512' };
type SignCallback = (error?: Error | null, signature?: Buffer) => void;

interface RingKey {
  publicKey: ParsedKey;
  /** Absent where only the public half is here and the agent must have the other. */
  sign?(data: Buffer, options: Signing): Promise<Buffer>;
}

const PASSPHRASE_TRIES = 3;

export class KeyRing extends BaseAgent<ParsedKey> {
  private keys?: RingKey[];
  private given = 0;
  /** True once a server asked for a signature, and so accepted a key. */
  used = false;
  private agent?: BaseAgent;

  constructor(
    private readonly settings: SshSettings,
    private readonly unlocked: UnlockedKeys,
    private readonly ask: AskPassphrase,
    private readonly log: (line: string) => void,
  ) {
    super();
  }

  /** One key at a time: ssh2 notices the success of a first factor only between two agents. */
  override getIdentities(callback: (error?: Error | null, keys?: ParsedKey[]) => void): void {
    const next = async () => {
      this.keys ??= await this.collect();
      return this.keys.slice(this.given, ++this.given).map(({ publicKey }) => publicKey);
    };
    next().then(
      (keys) => callback(null, keys),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error))),
    );
  }

  /** Whether there are keys that have not been tried. */
  get more(): boolean {
    return !this.used && this.given < (this.keys?.length ?? 1);
  }

  override sign(
    publicKey: ParsedKey | Buffer | string,
    data: Buffer,
    options: Signing | SignCallback,
    callback?: SignCallback,
  ): void {
    const done = typeof options === 'function' ? options : callback;
    const wanted = utils.parseKey(publicKey);
    this.used = true;
    const found = wanted instanceof Error ? undefined : this.keys?.find((key) => sameKey(key.publicKey, wanted));
    const signing = found?.sign
      ? found.sign(data, typeof options === 'function' ? {} : options)
      : Promise.reject(new UserError('The key to sign with is no longer there'));
    signing.then(
      (signature) => done?.(null, signature),
      (error: unknown) => done?.(error instanceof Error ? error : new Error(String(error))),
    );
  }

  private async collect(): Promise<RingKey[]> {
    const { agent: socket, identitiesOnly, identityFiles } = this.settings;
    const inAgent = socket ? await this.agentKeys(socket) : [];
    const inFiles = (await Promise.all(identityFiles.map((file) => this.fileKey(file)))).filter(
      (key) => key !== undefined,
    );
    const named = (key: RingKey) => inFiles.some((other) => sameKey(key.publicKey, other.publicKey));
    const others = identitiesOnly ? [] : inAgent.filter((key) => !named(key));
    const rest = inFiles.filter((key) => key.sign && !inAgent.some((other) => sameKey(key.publicKey, other.publicKey)));
    return [...inAgent.filter(named), ...others, ...rest];
  }

  private async agentKeys(socket: string): Promise<RingKey[]> {
    const agent = (this.agent ??= createAgent(socket));
    const keys = await new Promise<ParsedKey[]>((resolve) =>
      agent.getIdentities((error, found) => {
        if (error) this.log(`The ssh agent at ${socket} does not answer: ${error.message}`);
        const parsed = (found ?? []).map((key) => utils.parseKey(key as ParsedKey));
        resolve(parsed.filter((key): key is ParsedKey => !(key instanceof Error)));
      }),
    );
    return keys.map((publicKey) => ({
      publicKey,
      sign: (data, options) =>
        new Promise((resolve, reject) =>
          agent.sign(publicKey, data, options, (error, signature) =>
            signature ? resolve(signature) : reject(error ?? new Error('The ssh agent refused to sign')),
          ),
        ),
    }));
  }

  private async fileKey(file: string): Promise<RingKey | undefined> {
    const text = await readKey(file);
    if (text === undefined) {
      const publicKey = utils.parseKey((await readKey(`${file}.pub`)) ?? '');
      if (!(publicKey instanceof Error)) return { publicKey };
      if (this.settings.identitiesNamed) this.log(`IdentityFile ${file}: there is no such file`);
      return undefined;
    }
    if ((await readKey(`${file}-cert.pub`)) !== undefined)
      this.log(
        `${file}-cert.pub: ssh2 has no certificates, so the key is tried without it (transport: openssh uses it)`,
      );
    const open = utils.parseKey(text);
    if (!(open instanceof Error))
      return open.isPrivateKey()
        ? { publicKey: open, sign: (data, { hash }) => signed(open, data, hash) }
        : { publicKey: open };
    const publicKey = publicPart(text) ?? utils.parseKey((await readKey(`${file}.pub`)) ?? '');
    if (publicKey instanceof Error) {
      this.log(`IdentityFile ${file}: ${open.message}`);
      return undefined;
    }
    return { publicKey, sign: async (data, { hash }) => signed(await this.unlock(file, text, publicKey), data, hash) };
  }

  private async unlock(file: string, text: string, publicKey: ParsedKey): Promise<ParsedKey> {
    const name = fingerprint(publicKey.getPublicSSH());
    const known = this.unlocked.get(name);
    if (known) return known;
    for (let tries = 0; tries < PASSPHRASE_TRIES; tries++) {
      const passphrase = await this.ask(file, name, tries > 0);
      if (passphrase === null) throw new UserError(`The key ${file} is still locked: no passphrase was given`);
      const key = utils.parseKey(text, passphrase);
      if (key instanceof Error) continue;
      this.unlocked.set(name, key);
      return key;
    }
    throw new UserError(`The passphrase of ${file} was wrong ${PASSPHRASE_TRIES} times`);
  }
}

function sameKey(a: ParsedKey, b: ParsedKey): boolean {
  return a.getPublicSSH().equals(b.getPublicSSH());
}

function signed(key: ParsedKey, data: Buffer, hash?: string): Promise<Buffer> {
  const signature: unknown = key.sign(data, hash);
  return Buffer.isBuffer(signature)
    ? Promise.resolve(signature)
    : Promise.reject(signature instanceof Error ? signature : new Error('The key cannot sign'));
}

/** The public key in OpenSSH's private key format, where it is not encrypted; undefined for older formats. */
function publicPart(text: string): ParsedKey | undefined {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END/.exec(text)?.[1];
  if (!body) return undefined;
  const bytes = Buffer.from(body, 'base64');
  let at = 'openssh-key-v1\0'.length;
  const next = () => {
    const length = bytes.readUInt32BE(at);
    const part = bytes.subarray(at + 4, at + 4 + length);
    at += 4 + length;
    return part;
  };
  try {
    next(); // cipher
    next(); // key derivation
    next(); // its options
    at += 4; // number of keys
    const blob = next();
    const key = utils.parseKey(`${blob.toString('latin1', 4, 4 + blob.readUInt32BE(0))} ${blob.toString('base64')}`);
    return key instanceof Error ? undefined : key;
  } catch (error) {
    if (error instanceof RangeError) return undefined; // cut short
    throw error;
  }
}

async function readKey(file: string): Promise<string | undefined> {
  try {
    return await fs.readFile(file, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return undefined;
    throw new UserError(`Cannot read the key ${file}: ${messageOf(error)}`);
  }
}
