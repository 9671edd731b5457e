/** One login: from a host's settings to a connected client, by way of its jump hosts. */
import { spawn } from 'node:child_process';
import net from 'node:net';
import { Duplex } from 'node:stream';
import { Client, type AnyAuthMethod, type AuthenticationType } from 'ssh2';
import { CancelledError, messageOf, UserError } from '../../errors';
import { sshSettings, type ConfigurationFiles, type SshSettings } from './configuration';
import { KeyRing, type UnlockedKeys } from './key-ring';
import { fingerprint, keyType, KnownHosts, knownHostName } from './known-hosts';
import type { Prompter } from './prompter';

/** What a login is given besides the host. */
export interface LoginOptions {
  /** As prompts name it. */
  cluster: string;
  /** Undefined: nobody may be asked; keys and agent alone count. */
  prompter?: Prompter;
  unlocked: UnlockedKeys;
  log: (line: string) => void;
  files?: ConfigurationFiles;
}

/** A client and the way to it. */
export interface Route {
  client: Client;
  /** The jump host that it goes through. */
  before?: Route;
  settings: SshSettings;
  /** Whether the user had to be asked for more than a passphrase, here and not on the way. */
  asked: boolean;
}

/** Clients that are gone. */
const ended = new WeakSet<Client>();

/** Whether a client that was connected is no more. */
export function hasEnded(client: Client): boolean {
  return ended.has(client);
}

/** Ends a route's client, then those it goes through. */
export function endRoute(route: Route | undefined): void {
  for (let one = route; one; one = one.before) one.client.end();
}

/** Nobody may be asked now. */
export class NeedsUserError extends UserError {}

const MAX_HOPS = 8;

/**
 * Logs in.
 * @param standing a jump host that is connected already: the login behind it needs none there
 * @throws UserError saying which host refused what; CancelledError where the user gave up; NeedsUserError
 */
export async function logIn(destination: string, options: LoginOptions, standing?: Route): Promise<Route> {
  return hop(destination, options, { standing }, 0);
}

async function hop(
  destination: string,
  options: LoginOptions,
  way: { standing?: Route; jumps?: readonly string[] },
  depth: number,
): Promise<Route> {
  if (depth > MAX_HOPS) throw new UserError(`ProxyJump of ${destination} goes through more than ${MAX_HOPS} hosts`);
  const settings = sshSettings(destination, options.files);
  const told = (what: string, lines: readonly string[]) => {
    if (lines.length > 0) options.log(`ssh configuration of ${settings.alias}: ${what}: ${lines.join('; ')}`);
  };
  told('not honoured', settings.ignored);
  told('without meaning for commands alone', settings.meaningless);
  const chain = way.jumps ?? settings.proxyJump;
  const last = chain.at(-1);
  const jumps = chain.length > 1 ? chain.slice(0, -1) : undefined;
  const before = way.standing ?? (last === undefined ? undefined : await hop(last, options, { jumps }, depth + 1));
  const role = depth > 0 ? `${settings.alias} (jump host)` : settings.alias;
  const attempts = { used: 0, asked: false };
  try {
    for (;;) {
      const socket = await socketTo(settings, before?.client, options.log);
      try {
        const client = await authenticate(socket, settings, role, options, attempts);
        return { client, ...(before && { before }), settings, asked: attempts.asked };
      } catch (error) {
        socket.destroy();
        if (!(error instanceof RefusedAnswer) || attempts.used >= settings.passwordPrompts) throw error;
      }
    }
  } catch (error) {
    if (!way.standing) endRoute(before);
    throw error;
  }
}

/** The server ended the connection after a wrong answer; another connection may try again. */
class RefusedAnswer extends UserError {}

async function socketTo(
  settings: SshSettings,
  through: Client | undefined,
  log: (line: string) => void,
): Promise<Duplex> {
  const { hostName, port, connectTimeout, proxyCommand, alias } = settings;
  if (through)
    return new Promise((resolve, reject) =>
      through.forwardOut('127.0.0.1', 0, hostName, port, (error, channel) =>
        error
          ? reject(new UserError(`The jump host does not reach ${hostName}:${port}: ${error.message}`, 1))
          : resolve(channel),
      ),
    );
  if (proxyCommand !== undefined) return commandSocket(proxyCommand, alias, log);
  const socket = net.connect({ host: hostName, port, noDelay: true });
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      socket.destroy();
      reject(new UserError(`Cannot reach ${alias} (${hostName}:${port}): ${why}`, 1));
    };
    const timer = setTimeout(() => fail(`no answer in ${connectTimeout} s`), connectTimeout * 1000);
    socket.once('connect', () => (clearTimeout(timer), socket.removeAllListeners('error'), resolve(socket)));
    socket.once('error', (error) => (clearTimeout(timer), fail(error.message)));
  });
}

/** What a ProxyCommand reads and writes. ssh too hands it to a shell: it is the user's own command line. */
function commandSocket(command: string, alias: string, log: (line: string) => void): Duplex {
  const shell = process.platform === 'win32' ? { shell: true } : { shell: '/bin/sh' };
  const line = process.platform === 'win32' ? command : `exec ${command}`;
  const child = spawn(line, { ...shell, stdio: ['pipe', 'pipe', 'pipe'], windowsHide: true });
  child.stderr.on('data', (chunk: Buffer) => log(`ProxyCommand of ${alias}: ${chunk.toString().trimEnd()}`));
  const socket = Duplex.from({ readable: child.stdout, writable: child.stdin });
  child.on('error', (error) => socket.destroy(error));
  socket.on('error', () => undefined); // told by the login that fails
  socket.on('close', () => child.kill());
  return socket;
}

function authenticate(
  sock: Duplex,
  settings: SshSettings,
  role: string,
  options: LoginOptions,
  attempts: { used: number; asked: boolean },
): Promise<Client> {
  const { prompter, cluster, log } = options;
  const client = new Client();
  return new Promise<Client>((resolve, reject) => {
    let reason: Error | undefined;
    let banner = '';
    let retry: string | undefined = attempts.used > 0 ? 'That was not right: try again' : undefined;
    let answered = false;
    let allowed: readonly string[] = [];
    const fail = (error: Error) => {
      reason ??= error;
      clearTimeout(timer);
      client.end();
      reject(reason);
    };
    const patience = () =>
      setTimeout(
        () => fail(new UserError(`${role} gave no answer in ${settings.connectTimeout} s`, 1)),
        settings.connectTimeout * 1000,
      );
    let timer = patience();
    /** The user may think as long as the server waits. */
    const whileAsking = async <T>(question: (who: Prompter) => Promise<T>, what: string): Promise<T> => {
      if (!prompter) throw new NeedsUserError(`${role} asks for ${what}: connect again`, 1);
      clearTimeout(timer);
      try {
        return await question(prompter);
      } finally {
        timer = patience();
      }
    };

    const ring = new KeyRing(
      settings,
      options.unlocked,
      async (file, key, again) => {
        const name = `passphrase:${key}`;
        if (!prompter) return null;
        if (!again) {
          const kept = await prompter.secret({ key: name });
          if (kept !== null) return kept;
        } else await prompter.secret({ key: name, value: null });
        const prompts = [{ text: `Passphrase of the key ${file}: `, echo: false }];
        const wrong = again ? { retry: 'That was not the passphrase: try again' } : {};
        const answer = await whileAsking(
          (who) => who.prompt({ cluster, host: '', instruction: '', prompts, ...wrong }),
          'a passphrase',
        );
        if (answer === null) throw new CancelledError();
        await prompter.secret({ key: name, value: answer[0] });
        return answer[0];
      },
      log,
    );

    const answer = (
      instruction: string,
      prompts: { text: string; echo: boolean }[],
      done: (answers: string[]) => void,
    ) => {
      const params = { cluster, host: role, instruction: [banner, instruction].filter(Boolean).join('\n'), prompts };
      banner = '';
      attempts.asked = true;
      whileAsking(
        (who) => who.prompt(retry ? { ...params, retry } : params),
        prompts[0]?.text.trim() || 'an answer',
      ).then(
        (answers) => {
          if (answers === null) return fail(new CancelledError());
          retry = undefined;
          answered = true;
          done(answers);
        },
        (error: unknown) => fail(error instanceof Error ? error : new Error(String(error))),
      );
    };
    const methods: Record<string, (next: (method: AnyAuthMethod) => void) => void> = {
      publickey: (next) => next({ type: 'agent', username: settings.user, agent: ring }),
      'keyboard-interactive': (next) =>
        next({
          type: 'keyboard-interactive',
          username: settings.user,
          prompt: (name, instructions, _language, prompts, finish) =>
            answer(
              [name, instructions].filter(Boolean).join('\n'),
              prompts.map(({ prompt, echo }) => ({ text: prompt, echo: echo ?? false })),
              finish,
            ),
        }),
      password: (next) =>
        answer('', [{ text: `Password of ${settings.user}@${settings.hostName}: `, echo: false }], ([password]) =>
          next({ type: 'password', username: settings.user, password }),
        ),
    };
    let current = '';
    let tried = new Set<string>();

    client.on('banner', (text) => (banner = text.trimEnd()));
    client.on('ready', () => {
      clearTimeout(timer);
      client.removeAllListeners('error').removeAllListeners('close');
      client.on('error', (error) => log(`${role}: ${error.message}`));
      client.on('close', () => ended.add(client));
      client.on('end', () => sock.destroy()); // a forwarded channel would stay half open
      resolve(client);
    });
    client.on('error', (error: Error & { level?: string }) => {
      if (error.level === 'agent') {
        if (error instanceof CancelledError || error instanceof UserError) return fail(error);
        return log(`${role}: ${error.message}`); // that key is passed over
      }
      if (answered) return refused();
      fail(reason ?? new UserError(`${role}: ${error.message}`, 1));
    });
    client.on('close', () =>
      answered ? refused() : fail(new UserError(`${role} closed the connection before the login was done`, 1)),
    );
    const refused = () => {
      if (reason) return;
      attempts.used++;
      const times = attempts.used === 1 ? 'once' : `${attempts.used} times`;
      fail(
        new RefusedAnswer(
          `${role} refused the answers given (${times}): connect again when you have the right ones`,
          1,
        ),
      );
    };

    const name = knownHostName(settings.hostKeyAlias ?? settings.hostName, settings.hostKeyAlias ? 22 : settings.port);
    const known = new KnownHosts(settings.knownHosts);
    const types = known.types(name).flatMap((type) => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]));
    try {
      client.connect({
        sock,
        username: settings.user,
        readyTimeout: 0, // ours stands still while the user is asked
        keepaliveInterval: settings.aliveInterval * 1000,
        keepaliveCountMax: settings.aliveCountMax,
        ...(settings.forwardAgent && settings.agent ? { agent: settings.agent, agentForward: true } : {}),
        algorithms: { serverHostKey: { append: [], prepend: supported(types), remove: [] } },
        hostVerifier: (key: Buffer, verify: (ok: boolean) => void) => {
          trust(known, name, key, settings, role, (question) =>
            whileAsking(question, 'whether its unknown host key is right'),
          ).then(
            () => verify(true),
            (error: unknown) => {
              reason = error instanceof Error ? error : new Error(String(error));
              verify(false);
            },
          );
        },
        authHandler: (left: AuthenticationType[] | null, partial: boolean | null, next) => {
          if (left === null) return next({ type: 'none', username: settings.user });
          if (current === 'publickey' && ring.more) return methods.publickey(next);
          // After an agent ssh2 hands on a list from before: it does not tell what the server takes beside that key.
          allowed =
            current === 'publickey' && ring.used ? settings.methods.filter((other) => other !== 'publickey') : left;
          if (partial) {
            tried = new Set(); // one of several factors is done
            answered = false;
          }
          if (answered) {
            attempts.used++;
            answered = false;
            retry = 'That was not right: try again';
            if (attempts.used < settings.passwordPrompts && allowed.includes(current)) return methods[current](next);
            attempts.used--;
            return refused();
          }
          const method = settings.methods.find((candidate) => allowed.includes(candidate) && !tried.has(candidate));
          if (!method) {
            const keys = tried.has('publickey') ? 'none of your keys was accepted' : 'no way of login is left';
            return fail(new UserError(`${role} refuses ${settings.user}: ${keys} (it takes ${allowed.join(', ')})`, 1));
          }
          tried.add((current = method));
          methods[method](next);
        },
      });
    } catch (error) {
      fail(new UserError(`${role}: ${messageOf(error)}`, 1));
    }
  });
}

/** Algorithms that ssh2 has: it throws for others. */
function supported(types: readonly string[]): ('ssh-ed25519' | 'rsa-sha2-512' | 'rsa-sha2-256')[] {
  const known = [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
  ];
  return [...new Set(types)].filter((type) => known.includes(type)) as 'ssh-ed25519'[];
}

/** @throws UserError where the key is not to be trusted */
async function trust(
  known: KnownHosts,
  name: string,
  key: Buffer,
  settings: SshSettings,
  role: string,
  ask: <T>(question: (who: Prompter) => Promise<T>) => Promise<T>,
): Promise<void> {
  const { verdict, where } = known.judge(name, key);
  const print = `${keyType(key)} ${fingerprint(key)}`;
  switch (verdict) {
    case 'known':
      return;
    case 'revoked':
      throw new UserError(`The key of ${role} (${print}) is revoked at ${where}: do not log in there`, 1);
    case 'changed':
      throw new UserError(
        `THE HOST KEY OF ${role} HAS CHANGED: it is ${print}, ${where} says otherwise. Somebody may be listening: ask the site, and only then remove that line`,
        1,
      );
    case 'authority':
      throw new UserError(
        `${role} is known by a certificate authority alone (${where}), which is not supported: add its key by connecting with ssh once`,
        1,
      );
    case 'unknown': {
      if (settings.strictHostKeys === 'yes')
        throw new UserError(
          `The key of ${role} (${print}) is unknown, and StrictHostKeyChecking is yes: add it to known_hosts`,
          1,
        );
      const { hostName: host, port } = settings;
      if (settings.strictHostKeys === 'ask') {
        const params = { host, port, algorithm: keyType(key), fingerprint: fingerprint(key) };
        if (!(await ask((who) => who.hostKey(params)))) throw new CancelledError();
      }
      await known.add(name, key, settings.hashKnownHosts);
    }
  }
}
