/** One authentication over a socket: which methods are tried, what the user is asked, and what a refusal means. */
import type { Duplex } from 'node:stream';
import { Client, type AnyAuthMethod, type AuthenticationType, type NextAuthHandler } from 'ssh2';
import { CancelledError, messageOf, UserError } from '../../errors';
import { durationText } from '../../shared/progress';
import type { PromptParams } from '../../shared/protocol';
import type { LoginMethod, SshSettings } from './configuration';
import { watchEnd } from './client';
import { HostKey, type AskUser } from './host-key';
import { KeyRing, type UnlockedKeys } from './key-ring';
import type { Prompter } from './prompter';

/** What an authentication is given besides the host. */
export interface AuthenticationOptions {
  /** As prompts name it. */
  cluster: string;
  /** Undefined where nobody may be asked; then only keys and the agent are used. */
  prompter?: Prompter;
  unlocked: UnlockedKeys;
  log: (line: string) => void;
}

/** How often the user was asked in one login, over all its connections. */
export interface Attempts {
  /** Answers that the server refused. */
  used: number;
  /** Whether the user had to answer more than a passphrase. */
  asked: boolean;
}

/** The user has to be asked, and nobody may be asked now. */
export class NeedsUserError extends UserError {}

/** The server ended the connection after a wrong answer; another connection may try again. */
export class RefusedAnswerError extends UserError {}

const WRONG = 'That was not right: try again';
/** Seconds that a server may take to judge a key or an answer: somebody may have to approve it on a phone. */
const JUDGEMENT = 300;

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

export class Authentication {
  private readonly client = new Client();
  private readonly ring: KeyRing;
  /** Why the login fails; the first reason counts. */
  private reason: Error | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Whether the hosts know each other: from then on the login itself is waited for. */
  private isJudging = false;
  private settle: { resolve: (client: Client) => void; reject: (error: Error) => void } | undefined;
  private banner = '';
  private retry: string | undefined;
  /** Whether the server has an answer of the user that it has not judged yet. */
  private answered = false;
  private current: LoginMethod | undefined;
  private readonly tried = new Set<LoginMethod>();

  /**
   * @param sock leads to the host
   * @param role the host as messages name it
   */
  constructor(
    private readonly sock: Duplex,
    private readonly settings: SshSettings,
    private readonly role: string,
    private readonly options: AuthenticationOptions,
    private readonly attempts: Attempts,
  ) {
    this.retry = attempts.used > 0 ? WRONG : undefined;
    const askPassphrase = (file: string, key: string, again: boolean) => this.passphrase(file, key, again);
    this.ring = new KeyRing(settings, options.unlocked, askPassphrase, options.log);
  }

  /** @throws UserError saying what was refused; RefusedAnswerError, NeedsUserError, CancelledError */
  run(): Promise<Client> {
    return new Promise<Client>((resolve, reject) => {
      this.settle = { resolve, reject };
      this.wait();
      this.listen();
      try {
        this.connect();
      } catch (error) {
        this.fail(new UserError(`${this.role}: ${messageOf(error)}`, 1));
      }
    });
  }

  private connect(): void {
    const { sock, settings } = this;
    const hostKey = new HostKey(settings, this.role, this.options.log);
    const ask: AskUser = (question) => this.ask(question, 'whether its unknown host key is right');
    this.client.connect({
      sock,
      username: settings.user,
      readyTimeout: 0, // our own timer pauses while the user is asked
      keepaliveInterval: settings.aliveInterval * 1000,
      keepaliveCountMax: settings.aliveCountMax,
      ...(settings.forwardAgent && settings.agent ? { agent: settings.agent, agentForward: true } : {}),
      algorithms: { serverHostKey: { append: [], prepend: hostKey.algorithms(), remove: [] } },
      hostVerifier: (key: Buffer, verify: (ok: boolean) => void) => {
        hostKey.check(key, ask).then(
          () => verify(true),
          (error: unknown) => {
            this.reason = asError(error);
            verify(false);
          },
        );
      },
      authHandler: (left, partial, next) => this.nextMethod(left, partial, next),
    });
  }

  private listen(): void {
    const { client, role } = this;
    client.on('banner', (text) => (this.banner = text.trimEnd()));
    client.on('ready', () => this.succeed());
    client.on('error', (error: Error & { level?: string }) => {
      if (error.level === 'agent') {
        if (error instanceof CancelledError || error instanceof UserError) return this.fail(error);
        return this.options.log(`${role}: ${error.message}`); // that key is skipped
      }
      if (this.answered) return this.refuse();
      this.fail(new UserError(`${role}: ${error.message}`, 1));
    });
    client.on('close', () =>
      this.answered
        ? this.refuse()
        : this.fail(new UserError(`${role} closed the connection before the login was complete`, 1)),
    );
  }

  private succeed(): void {
    const { client, sock, role } = this;
    clearTimeout(this.timer);
    client.removeAllListeners('error').removeAllListeners('close');
    client.setMaxListeners(0); // every program and request under way listens for its end
    client.on('error', (error) => this.options.log(`${role}: ${error.message}`));
    watchEnd(client);
    client.on('end', () => sock.destroy()); // a forwarded channel would stay half open
    this.settle?.resolve(client);
  }

  private fail(error: Error): void {
    this.reason ??= error;
    clearTimeout(this.timer);
    this.client.end();
    this.settle?.reject(this.reason);
  }

  /** The server does not accept what the user answered, and takes no further answer on this connection. */
  private refuse(): void {
    if (this.reason) return;
    this.attempts.used++;
    const times = this.attempts.used === 1 ? 'once' : `${this.attempts.used} times`;
    const message = `${this.role} refused the answers given (${times}): connect again when you have the right ones`;
    this.fail(new RefusedAnswerError(message, 1));
  }

  private wait(): void {
    clearTimeout(this.timer);
    const seconds = this.isJudging ? JUDGEMENT : this.settings.connectTimeout;
    const words = this.isJudging
      ? `did not complete the login in ${durationText(seconds)}: if it waits for an approval, e.g. on your phone, give it and connect again`
      : `gave no answer in ${seconds} s`;
    this.timer = setTimeout(() => this.fail(new UserError(`${this.role} ${words}`, 1)), seconds * 1000);
  }

  /** Asks the user, who may think as long as the server waits. @param what is asked for, as an error names it */
  private async ask<T>(question: (who: Prompter) => Promise<T>, what: string): Promise<T> {
    const { prompter } = this.options;
    if (!prompter) throw new NeedsUserError(`${this.role} asks for ${what}: connect again`, 1);
    clearTimeout(this.timer);
    try {
      return await question(prompter);
    } finally {
      this.wait();
    }
  }

  private async passphrase(file: string, key: string, again: boolean): Promise<string | null> {
    const { prompter, cluster } = this.options;
    if (!prompter) return null;
    const name = `passphrase:${key}`;
    if (again) await prompter.secret({ key: name, value: null });
    else {
      const kept = await prompter.secret({ key: name });
      if (kept !== null) return kept;
    }
    const prompts = [{ text: `Passphrase of the key ${file}: `, echo: false }];
    const wrong = again ? { retry: 'That was not the passphrase: try again' } : {};
    const params = { cluster, host: '', instruction: '', prompts, ...wrong };
    const [answer] = (await this.ask((who) => who.prompt(params), 'a passphrase')) ?? [];
    if (answer === undefined) throw new CancelledError();
    await prompter.secret({ key: name, value: answer });
    return answer;
  }

  /** Puts the server's questions to the user. */
  private answer(instruction: string, prompts: PromptParams['prompts'], done: (answers: string[]) => void): void {
    const { banner, retry } = this;
    this.banner = '';
    this.attempts.asked = true;
    const params: PromptParams = {
      cluster: this.options.cluster,
      host: this.role,
      instruction: [banner, instruction].filter(Boolean).join('\n'),
      prompts,
      ...(retry && { retry }),
    };
    this.ask((who) => who.prompt(params), prompts[0]?.text.trim() || 'an answer').then(
      (answers) => {
        if (answers === null) return this.fail(new CancelledError());
        this.retry = undefined;
        this.answered = true;
        done(answers);
      },
      (error: unknown) => this.fail(asError(error)),
    );
  }

  /** ssh2 asks for the next method. @param left what the server takes; null before the first @param partial whether one of several factors is done */
  private nextMethod(left: AuthenticationType[] | null, partial: boolean | null, next: NextAuthHandler): void {
    const { settings, ring, attempts, current, tried } = this;
    this.isJudging = true;
    this.wait();
    if (left === null) return next({ type: 'none', username: settings.user });
    if (current === 'publickey' && ring.more) return this.offer('publickey', next);
    // After an agent ssh2 passes on an outdated list: it does not say what the server takes besides that key.
    const allowed: readonly string[] =
      current === 'publickey' && ring.used ? settings.methods.filter((other) => other !== 'publickey') : left;
    if (partial) {
      tried.clear();
      this.answered = false;
    }
    if (this.answered) {
      this.answered = false;
      this.retry = WRONG;
      const mayRetry = attempts.used + 1 < settings.passwordPrompts;
      if (!mayRetry || current === undefined || !allowed.includes(current)) return this.refuse();
      attempts.used++;
      return this.offer(current, next);
    }
    const method = settings.methods.find((candidate) => allowed.includes(candidate) && !tried.has(candidate));
    if (!method) {
      const why = tried.has('publickey') ? 'none of your keys was accepted' : 'no login method is left';
      const takes = `it takes ${allowed.join(', ')}`;
      return this.fail(new UserError(`${this.role} refuses ${settings.user}: ${why} (${takes})`, 1));
    }
    this.current = method;
    tried.add(method);
    this.offer(method, next);
  }

  private offer(method: LoginMethod, next: (method: AnyAuthMethod) => void): void {
    const { user: username, hostName } = this.settings;
    switch (method) {
      case 'publickey':
        return next({ type: 'agent', username, agent: this.ring });
      case 'keyboard-interactive':
        return next({
          type: 'keyboard-interactive',
          username,
          prompt: (name, instructions, _language, prompts, finish) =>
            this.answer(
              [name, instructions].filter(Boolean).join('\n'),
              prompts.map(({ prompt, echo }) => ({ text: prompt, echo: echo ?? false })),
              finish,
            ),
        });
      case 'password':
        return this.answer('', [{ text: `Password of ${username}@${hostName}: `, echo: false }], ([password = '']) =>
          next({ type: 'password', username, password }),
        );
    }
  }
}
