/** The one connection of a cluster, shared by everything that runs there, and reopened without a prompt. */
import net from 'node:net';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SFTPWrapper } from 'ssh2';
import { CancelledError, messageOf, UserError } from '../../errors';
import type { ClusterInfo } from '../../shared/protocol';
import { ConnectionLostError, type RunOptions } from '../host';
import type { OnOutput } from '../runner';
import { ChannelGate } from './channel-gate';
import { hasEnded, type ProgramChannel, type SshClient } from './client';
import { endRoute, logIn, type HeldRoute, type LoginOptions, type Route, type RouteSource } from './login';
import type { Pace } from './pace';

export type ConnectionState = Pick<ClusterInfo, 'connection' | 'message' | 'by'>;

/** Channels open at once; servers allow 10 unless the site says less. One of them is sftp's. */
const CHANNELS = 8;
/** Milliseconds until a refused channel is asked for again. */
const REFUSED_PAUSE = 200;
/** So many refusals in a row, with no other channel open, mean that there will be none. */
const REFUSALS = 25;

/** The channel of sftp, and the client that it ends with. */
interface SftpChannel {
  sftp: SFTPWrapper;
  client: SshClient;
}

/** Asks ssh2 for a channel; `done` gets what came of it. */
type BeginChannel<T> = (client: SshClient, done: (error: unknown, channel?: T) => void) => void;

/** What a connection is given besides its destination. */
export interface ConnectionOptions extends LoginOptions {
  /** Where routes come from that others share; a login of this process where it is left out. */
  source?: RouteSource;
  /** How this process logs in; over ssh2 where it is left out. */
  logIn?: RouteSource;
  /** Limits how often the host is connected to. */
  pace?: Pace;
}

/** The host has no sftp, or no session to spare for it. */
export class NoSftpError extends UserError {}

/** The server opens no further channel. */
class ChannelRefused extends UserError {}

export class ClusterConnection {
  private route?: Route;
  private opening?: Promise<void>;
  private current: ConnectionState = { connection: 'disconnected' };
  private sftpOpening?: Promise<SftpChannel>;
  private closed = false;
  private forwards: net.Server[] = [];
  private readonly gate = new ChannelGate(CHANNELS);
  /** Whether the server allows one session at a time, so that sftp would leave none for programs. */
  private hasOneSession = false;
  /** Channels of sftp that are open. */
  private sftpChannels = 0;
  /** The channel of sftp that others share. */
  private sharedSftp?: { isIdle: () => boolean; end: () => void };
  /** Requests of sftp that are not answered yet. */
  private sftpRequests = 0;
  /** Whether a login without the user would fail. */
  private needsUser = false;

  constructor(
    readonly destination: string,
    private readonly options: ConnectionOptions,
    private readonly onState: () => void,
  ) {}

  get state(): ConnectionState {
    return this.current;
  }

  /** The holder that keeps the login; undefined where this process has its own. */
  get held(): HeldRoute | undefined {
    return this.route?.held;
  }

  /** How the host is connected to, where that is not over ssh2; in words. */
  get by(): string | undefined {
    return this.route?.by;
  }

  /** Whether the user had to be asked for the login that stands. */
  get wasAsked(): boolean {
    return this.needsUser;
  }

  /**
   * Connects unless connected.
   * @param mayBegin whether a login may be begun where there was none; otherwise one that was lost is begun again
   * @throws UserError saying why not; CancelledError where the user gave up
   */
  async connect(mayPrompt: boolean, mayBegin = mayPrompt): Promise<void> {
    if (this.opening) await this.opening.catch(() => undefined);
    if (this.current.connection === 'connected') return;
    const needsUser = this.needsUser && !this.options.source; // a holder may have asked somebody else meanwhile
    if (!mayPrompt && ((this.current.connection === 'disconnected' && !mayBegin) || needsUser))
      throw new ConnectionLostError(this.current.message ?? `Not connected to ${this.destination}: connect first`);
    await this.open(mayPrompt);
  }

  private open(mayPrompt: boolean, standing?: Route): Promise<void> {
    this.closed = false;
    this.opening ??= this.tryToOpen(mayPrompt, standing).finally(() => (this.opening = undefined));
    return this.opening;
  }

  private async tryToOpen(mayPrompt: boolean, standing?: Route): Promise<void> {
    const before = this.current;
    this.change({ connection: 'connecting' });
    try {
      const { prompter, source, logIn: own = logIn, pace, ...silent } = this.options;
      await pace?.turn(mayPrompt);
      const options = mayPrompt ? { ...silent, prompter } : silent;
      const route = await (source ?? own)(this.destination, options, mayPrompt || !this.needsUser, standing);
      await pace?.succeeded();
      if (this.closed) {
        endRoute(route);
        throw new CancelledError();
      }
      this.route = route;
      this.needsUser = askedAnywhere(route);
      route.client.once('close', () => this.lost(route));
      this.listen(route);
      this.change({ connection: 'connected' });
    } catch (error) {
      endRoute(standing);
      const message = error instanceof CancelledError ? undefined : messageOf(error);
      const connection = this.closed || before.connection === 'disconnected' ? 'disconnected' : 'lost';
      this.change({ connection, ...(message !== undefined && { message }) });
      throw error;
    }
  }

  private lost(route: Route): void {
    if (this.route !== route) return;
    this.release();
    if (this.closed) return endRoute(route.before);
    if (route.held?.isLoggedOut()) return this.change({ connection: 'disconnected', message: 'Logged out' });
    const message = `The connection to ${this.destination} was lost`;
    this.options.log(message);
    this.change({ connection: 'lost', message });
    void this.reopen(route, message);
  }

  /** Tries once without the user: through the jump host where that is still connected, else from the start if nothing is asked there. */
  private async reopen({ before, asked }: Route, message: string): Promise<void> {
    const standing = before && !asked && !hasEnded(before.client) ? before : undefined;
    if (!standing) endRoute(before);
    const fails = (error: unknown): boolean => (this.options.log(messageOf(error)), false);
    const reopened = (way?: Route): Promise<boolean> => this.open(false, way).then(() => true, fails);
    if (standing && (await reopened(standing))) return;
    if (!this.closed && (!this.needsUser || this.options.source) && (await reopened())) return;
    if (!this.closed && this.needsUser)
      this.change({ connection: 'lost', message: `${message}: reconnect to log in again` });
  }

  private release(): void {
    this.route = undefined;
    this.sftpOpening = undefined;
    for (const server of this.forwards.splice(0)) server.close();
  }

  /** Closes it; only `connect` opens it again. */
  close(): void {
    this.closed = true;
    const { route } = this;
    this.release();
    endRoute(route);
    this.change({ connection: 'disconnected' });
  }

  private change(state: ConnectionState): void {
    this.current = state;
    this.onState();
  }

  private listen({ client, localForwards }: Route): void {
    for (const { from, to } of localForwards) {
      const server = net.createServer((socket) => {
        socket.on('error', () => socket.destroy());
        client.forwardOut('127.0.0.1', socket.remotePort ?? 0, to.host, to.port, (error, channel) => {
          if (!error) return void socket.pipe(channel).pipe(socket);
          this.options.log(`LocalForward ${from.port}: ${error.message}`);
          socket.destroy();
        });
      });
      server.on('error', (error) =>
        this.options.log(`LocalForward ${from.port} ${to.host}:${to.port}: ${error.message}`),
      );
      server.listen(from.port, from.host).unref();
      this.forwards.push(server);
    }
  }

  private async client(): Promise<SshClient> {
    if (this.opening) await this.opening.catch(() => undefined);
    if (this.route) return this.route.client;
    throw new ConnectionLostError(this.current.message ?? `Not connected to ${this.destination}: connect first`);
  }

  /** Hands a line to the login shell. @throws ConnectionLostError */
  async execute(
    line: string,
    onOutput: OnOutput,
    { stdin }: Pick<RunOptions, 'stdin'>,
    signal: AbortSignal,
  ): Promise<number> {
    const leave = await this.gate.enter(signal);
    try {
      const { end } = await this.openChannel<{ end: Promise<number> }>(
        (client, done) =>
          client.exec(this.held?.shorten(line) ?? line, (error, channel) =>
            // Followed at once: its end may be in the same packet.
            error ? done(error) : done(undefined, { end: this.follow(client, channel, onOutput, stdin, signal) }),
          ),
        '',
        signal,
      );
      return await end;
    } finally {
      leave();
    }
  }

  /**
   * Starts a program for somebody else. It has its place until its channel is closed.
   * @param take gets the channel at once: its end may be in the same packet
   * @throws ConnectionLostError, CancelledError, UserError
   */
  async start(line: string, signal: AbortSignal, take: (channel: ProgramChannel) => void): Promise<void> {
    const leave = await this.gate.enter(signal);
    const begin: BeginChannel<true> = (client, done) =>
      client.exec(line, (error, channel) => {
        if (error) return done(error);
        channel.on('close', leave);
        take(channel);
        done(undefined, true);
      });
    await this.openChannel(begin, '', signal).catch((error: unknown) => {
      leave();
      throw error;
    });
  }

  /**
   * A channel that speaks sftp, as bytes.
   * @param isIdle whether nobody would miss it now: it may be ended then
   * @throws ConnectionLostError, UserError
   */
  async sftpBytes(isIdle: () => boolean): Promise<ProgramChannel> {
    this.demandSession();
    const begin: BeginChannel<ProgramChannel> = (client, done) =>
      client.subsys('sftp', (error, channel) => (error ? done(error) : done(undefined, channel)));
    const channel = await this.openChannel(begin, ' offers no sftp');
    this.sftpChannels++;
    const end = (): void => void channel.close();
    this.sharedSftp = { isIdle, end };
    channel.once('close', () => {
      this.sftpChannels--;
      this.sharedSftp = undefined;
    });
    return channel;
  }

  /** @throws UserError where sftp would leave no session for programs */
  private demandSession(): void {
    if (this.hasOneSession)
      throw new NoSftpError(`${this.destination} offers no sftp besides programs: it allows one session at a time`, 1);
  }

  /** Ends sftp where nothing waits for it: a program is refused although no other runs, so there is one session. */
  private endIdleSftp(): void {
    if (this.sharedSftp?.isIdle()) {
      this.hasOneSession = true;
      this.sharedSftp.end();
    }
    if (!this.sftpOpening || this.sftpRequests > 0) return;
    this.hasOneSession = true;
    void this.sftpOpening.then(({ sftp }) => sftp.end(), () => undefined); // prettier-ignore
    this.sftpOpening = undefined;
  }

  /**
   * Opens a channel. A server that is busy refuses for a while, so it is asked again.
   * @param begin asks ssh2 for the channel
   * @param what is missing where it cannot be opened, for people: ` offers no sftp`
   * @throws ConnectionLostError, CancelledError, UserError
   */
  private async openChannel<T>(begin: BeginChannel<T>, what: string, signal?: AbortSignal): Promise<T> {
    const isProgram = what === '';
    for (let refusals = 1; ; refusals++) {
      try {
        return await this.tryChannel(await this.client(), begin, what);
      } catch (error) {
        if (!(error instanceof ChannelRefused)) throw error;
        // The server still counts channels that have just ended: only the second refusal means that it allows fewer.
        const others = refusals > 1 && this.gate.shrink();
        // What is refused beside one program, without sftp's channel, is a second session.
        if (isProgram && others && this.gate.isSingle && this.sftpChannels === 0) this.hasOneSession = true;
        if (isProgram && !others && refusals > 1) this.endIdleSftp();
        if (!others && refusals >= REFUSALS) throw isProgram ? error : new NoSftpError(error.message, 1);
      }
      await sleep(REFUSED_PAUSE);
      if (signal?.aborted) throw new CancelledError();
    }
  }

  private tryChannel<T>(client: SshClient, begin: BeginChannel<T>, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const lost = () => reject(this.lostError());
      client.once('close', lost);
      const done = (error: unknown, channel?: T) => {
        client.off('close', lost);
        if (error !== undefined) reject(this.channelError(error, what));
        else resolve(channel as T);
      };
      try {
        begin(client, done);
      } catch (error) {
        done(error); // ssh2 throws at once where it knows that there is no connection
      }
    });
  }

  private follow(
    client: SshClient,
    channel: ProgramChannel,
    onOutput: OnOutput,
    stdin: RunOptions['stdin'],
    signal: AbortSignal,
  ): Promise<number> {
    return new Promise<number>((resolve, reject) => {
      let code: number | undefined;
      const lost = () => reject(this.lostError());
      const cancel = () => {
        channel.close();
        reject(new CancelledError());
      };
      client.once('close', lost);
      if (signal.aborted) cancel();
      signal.addEventListener('abort', cancel, { once: true });
      channel.on('data', (chunk: Buffer) => onOutput(chunk, 'stdout'));
      channel.stderr.on('data', (chunk: Buffer) => onOutput(chunk, 'stderr'));
      channel.on('error', () => undefined); // it may end before it has read everything; its exit code says so
      channel.on('exit', (status: number | null, name?: string) => {
        code = status ?? 128 + (os.constants.signals[(name ?? '') as NodeJS.Signals] ?? 0);
      });
      channel.on('close', () => {
        client.off('close', lost);
        signal.removeEventListener('abort', cancel);
        if (code === undefined) reject(this.lostError());
        else resolve(code);
      });
      channel.end(stdin);
    });
  }

  /** Why a channel did not open. */
  private channelError(error: unknown, what: string): Error {
    const message = messageOf(error);
    if (/No response|Not connected/.test(message)) return this.lostError();
    const refusal = this.held?.takeRefusal();
    const Kind = what === '' ? UserError : NoSftpError;
    if (refusal !== undefined) return new Kind(refusal, 1); // the holder has asked again, and said what came of it
    const words = `${this.destination}${what}: ${message}`;
    return /Channel open failure/.test(message) ? new ChannelRefused(words, 1) : new Kind(words, 1);
  }

  lostError(): ConnectionLostError {
    return new ConnectionLostError(`The connection to ${this.destination} was lost before the answer came`);
  }

  /** Counts a request of sftp until it is answered. @returns ends that */
  beginSftpRequest(): () => void {
    this.sftpRequests++;
    return () => this.sftpRequests--;
  }

  /** The channel of sftp, which all transfers share. @throws ConnectionLostError, UserError */
  async sftp(): Promise<SftpChannel> {
    await this.client();
    this.demandSession();
    if (!this.sftpOpening) {
      const opening = this.openChannel<SftpChannel>(
        (client, done) => client.sftp((error, sftp) => (error ? done(error) : done(undefined, { sftp, client }))),
        ' offers no sftp',
      );
      const forget = (): void => {
        if (this.sftpOpening === opening) this.sftpOpening = undefined;
      };
      // The server may end this channel only. A request on an ended one is never answered, so the next one opens another.
      opening.then(({ sftp }) => {
        this.sftpChannels++;
        sftp
          .once('end', forget)
          .once('close', () => this.sftpChannels--)
          .on('error', forget);
      }, forget);
      this.sftpOpening = opening;
    }
    return this.sftpOpening;
  }
}

function askedAnywhere(route: Route): boolean {
  return route.asked || (route.before !== undefined && askedAnywhere(route.before));
}
