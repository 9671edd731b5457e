/** The one held connection of a cluster: everything that runs there shares it, and it is reopened without a prompt. */
import net from 'node:net';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ClientChannel, SFTPWrapper } from 'ssh2';
import { CancelledError, messageOf, UserError } from '../../errors';
import type { ClusterInfo } from '../../shared/protocol';
import { ConnectionLostError, type RunOptions } from '../host';
import type { OnOutput } from '../runner';
import { ChannelGate } from './channel-gate';
import { endRoute, hasEnded, logIn, type LoginOptions, type Route } from './login';

export type ConnectionState = Pick<ClusterInfo, 'connection' | 'message'>;

/** Channels open at once; servers allow 10 unless the site says less. One of them is sftp's. */
const CHANNELS = 8;
/** Milliseconds after which a refused channel is asked for again. */
const REFUSED_PAUSE = 200;
/** Refusals in a row, with no other channel open, after which there will be none. */
const REFUSALS = 25;

/** A session of files, and the client whose end is its end. */
interface SftpSession {
  sftp: SFTPWrapper;
  client: Client;
}

/** The server opens no further channel. */
class ChannelRefused extends UserError {}

export class ClusterConnection {
  private route?: Route;
  private opening?: Promise<void>;
  private current: ConnectionState = { connection: 'disconnected' };
  private sftpOpening?: Promise<SftpSession>;
  private closed = false;
  private forwards: net.Server[] = [];
  private readonly gate = new ChannelGate(CHANNELS);
  /** Whether a login without the user is bound to fail. */
  private needsUser = false;

  constructor(
    readonly destination: string,
    private readonly options: LoginOptions,
    private readonly onState: () => void,
  ) {}

  get state(): ConnectionState {
    return this.current;
  }

  /**
   * Connects unless connected.
   * @throws UserError saying why not; CancelledError where the user gave up
   */
  async connect(mayPrompt: boolean): Promise<void> {
    if (this.opening) await this.opening.catch(() => undefined);
    if (this.current.connection === 'connected') return;
    if (!mayPrompt && (this.current.connection === 'disconnected' || this.needsUser))
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
      const { prompter, ...silent } = this.options;
      const route = await logIn(this.destination, mayPrompt ? { ...silent, prompter } : silent, standing);
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
    const message = `The connection to ${this.destination} was lost`;
    this.options.log(message);
    this.change({ connection: 'lost', message });
    void this.reopen(route, message);
  }

  /** Once, without the user: by way of the jump host where that still stands, else from the start if nobody is asked there. */
  private async reopen({ before, asked }: Route, message: string): Promise<void> {
    const standing = before && !asked && !hasEnded(before.client) ? before : undefined;
    if (!standing) endRoute(before);
    const fails = (error: unknown): boolean => (this.options.log(messageOf(error)), false);
    const reopened = (way?: Route): Promise<boolean> => this.open(false, way).then(() => true, fails);
    if (standing && (await reopened(standing))) return;
    if (!this.needsUser && !this.closed) return void (await reopened());
    if (!this.closed) this.change({ connection: 'lost', message: `${message}: reconnect to log in again` });
  }

  private release(): void {
    this.route = undefined;
    this.sftpOpening = undefined;
    for (const server of this.forwards.splice(0)) server.close();
  }

  /** Ends it for good. */
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

  private listen({ client, settings }: Route): void {
    for (const { from, to } of settings.localForwards) {
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

  private async client(): Promise<Client> {
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
      const { end } = await this.channel(
        (client) => this.begin(client, line, (channel) => this.follow(client, channel, onOutput, stdin, signal)),
        signal,
      );
      return await end;
    } finally {
      leave();
    }
  }

  /** What `open` opens; asked for again where the server refuses, as one that is busy does for a while. */
  private async channel<T>(open: (client: Client) => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (let refusals = 1; ; refusals++) {
      try {
        return await open(await this.client());
      } catch (error) {
        if (!(error instanceof ChannelRefused)) throw error;
        // It counts what has ended until it has reaped it: only the second refusal says that it takes fewer than thought.
        const others = refusals > 1 && this.gate.shrink();
        if (!others && refusals >= REFUSALS) throw error;
      }
      await sleep(REFUSED_PAUSE);
      if (signal?.aborted) throw new CancelledError();
    }
  }

  private begin(
    client: Client,
    line: string,
    follow: (channel: ClientChannel) => Promise<number>,
  ): Promise<{ end: Promise<number> }> {
    return new Promise((resolve, reject) => {
      const lost = () => reject(this.lostError());
      client.once('close', lost);
      const refused = (error: Error) => {
        client.off('close', lost);
        reject(this.channelError(error, ''));
      };
      try {
        client.exec(line, (error, channel) => {
          if (error) return refused(error);
          client.off('close', lost);
          resolve({ end: follow(channel) }); // at once: its end may be in the same packet
        });
      } catch (error) {
        refused(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  private follow(
    client: Client,
    channel: ClientChannel,
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
      channel.on('error', () => undefined); // it may end before it has read everything: its exit code tells
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

  /** What a channel that did not open means. @param what what there is none of, for people */
  private channelError({ message }: Error, what: string): Error {
    if (/No response|Not connected/.test(message)) return this.lostError();
    const Kind = /Channel open failure/.test(message) ? ChannelRefused : UserError;
    return new Kind(`${this.destination}${what}: ${message}`, 1);
  }

  lostError(): ConnectionLostError {
    return new ConnectionLostError(`The connection to ${this.destination} was lost before the answer came`);
  }

  /** The shared session of files. */
  async sftp(): Promise<SftpSession> {
    await this.client();
    if (!this.sftpOpening) {
      const opening = this.channel((client) => this.openSftp(client));
      const forget = (): void => {
        if (this.sftpOpening === opening) this.sftpOpening = undefined;
      };
      // The server can end the session alone; a request to an ended one is never answered: the next opens another.
      opening.then(({ sftp }) => sftp.once('end', forget).on('error', forget), forget);
      this.sftpOpening = opening;
    }
    return this.sftpOpening;
  }

  private openSftp(client: Client): Promise<SftpSession> {
    return new Promise((resolve, reject) => {
      const lost = () => reject(this.lostError());
      client.once('close', lost);
      client.sftp((error, sftp) => {
        client.off('close', lost);
        if (error) reject(this.channelError(error, ' offers no sftp'));
        else resolve({ sftp, client });
      });
    });
  }
}

function askedAnywhere(route: Route): boolean {
  return route.asked || (route.before !== undefined && askedAnywhere(route.before));
}
