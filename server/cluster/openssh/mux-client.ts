/**
 * A client that uses the connection of an OpenSSH ControlMaster through its socket, by the request `proxy` of PROTOCOL.mux:
 * channels, exit codes, signals and refusals are the server's own, and no process is started for a program.
 */
import { EventEmitter } from 'node:events';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import type { SFTPWrapper } from 'ssh2';
import { UserError } from '../../errors';
import type { OnChannel, ProgramChannel, SshClient } from '../ssh/client';
import { MuxChannel, PACKET, WINDOW } from './mux-channel';
import { encode, MESSAGE, messagesOf, MUX, MUX_VERSION, Reader } from './wire';

/** Milliseconds for which a master may take to say hello. */
const PATIENCE = 10_000;

/** Why a master's socket cannot be used. */
export class NoMasterError extends UserError {}

/** A channel that was asked for. */
interface Opening {
  opened: (channel: MuxChannel) => void;
  refused: (error: Error) => void;
}

/** Turns a channel of bytes into ssh2's files over sftp. */
export type SftpOver = (channel: ProgramChannel, done: OnChannel<SFTPWrapper>) => void;

export class MuxClient extends EventEmitter implements SshClient {
  private readonly openings = new Map<number, Opening>();
  private readonly channels = new Map<number, MuxChannel>();
  private lastChannel = -1;
  private isClosed = false;

  private constructor(
    private readonly socket: net.Socket,
    private readonly settings: { forwardAgent: boolean; sftpOver: SftpOver },
  ) {
    super();
    this.setMaxListeners(0); // every program and request under way listens for its end
  }

  /**
   * Joins the connection of a master.
   * @param file its socket
   * @throws NoMasterError where nobody answers there, or cannot share its connection
   */
  static async join(file: string, settings: { forwardAgent: boolean; sftpOver: SftpOver }): Promise<MuxClient> {
    const socket = net.connect(file);
    const client = new MuxClient(socket, settings);
    try {
      await client.greet();
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return client;
  }

  private greet(): Promise<void> {
    const { socket } = this;
    return new Promise<void>((resolve, reject) => {
      const fail = (why: string): void => (clearTimeout(late), reject(new NoMasterError(why, 1)));
      const late = setTimeout(() => fail('it does not answer'), PATIENCE);
      let receive = (message: Buffer): void => {
        const problem = this.greeted(message);
        if (problem !== undefined) return fail(problem);
        if (!this.isProxied) return;
        clearTimeout(late);
        receive = (packet) => this.receive(packet);
        resolve();
      };
      const broken = (): void => (fail('what it says is not of that protocol'), void socket.destroy());
      const cut = messagesOf((message) => {
        try {
          receive(message);
        } catch {
          broken(); // shorter than it says
        }
      }, broken);
      socket.on('data', cut);
      socket.on('error', (error) => fail(error.message));
      socket.on('close', () => (fail('it closed the connection'), this.ended()));
      this.mux(MUX.HELLO, MUX_VERSION);
      this.mux(MUX.C_ALIVE_CHECK, 0);
    });
  }

  private isProxied = false;

  /** One word before the connection is ours. @returns why it cannot be, if so */
  private greeted(message: Buffer): string | undefined {
    const words = new Reader(message);
    const word = words.number();
    switch (word) {
      case MUX.HELLO: {
        const version = words.number();
        return version === MUX_VERSION ? undefined : `it speaks version ${version} of its protocol, not ${MUX_VERSION}`;
      }
      case MUX.S_ALIVE:
        this.mux(MUX.C_PROXY, 1);
        return undefined;
      case MUX.S_PROXY:
        this.isProxied = true;
        return undefined;
      case MUX.S_FAILURE:
      case MUX.S_PERMISSION_DENIED:
        words.number();
        return `it refuses: ${words.text()}`;
      default:
        return 'it does not share its connection as OpenSSH 7.4 and newer do';
    }
  }

  private mux(...words: readonly number[]): void {
    this.write(encode(...words));
  }

  private write(message: Buffer): void {
    if (!this.socket.writable) return;
    const head = Buffer.allocUnsafe(4);
    head.writeUInt32BE(message.length);
    this.socket.write(Buffer.concat([head, message]));
  }

  /** Sends a message of RFC 4254; before its type is the length of its padding, which there is none of. */
  private readonly send = (type: number, payload: Buffer): void => {
    this.write(Buffer.concat([Buffer.from([0, type]), payload]));
  };

  private receive(packet: Buffer): void {
    const type = packet.readUInt8(1);
    const message = new Reader(packet, 2);
    if (type < MESSAGE.OPEN || type > MESSAGE.FAILURE || type === MESSAGE.OPEN) return; // channels that others open are the master's
    const number = message.number();
    const opening = this.openings.get(number);
    if (opening) {
      this.openings.delete(number);
      if (type === MESSAGE.OPEN_CONFIRMATION) return this.opened(number, opening, message);
      const code = message.number();
      const why = message.text() || 'open failed';
      return opening.refused(new Error(`Channel open failure: ${why} (${code})`)); // in ssh2's words
    }
    this.channels.get(number)?.receive(type, message);
  }

  private opened(number: number, opening: Opening, message: Reader): void {
    const channel = new MuxChannel(this.send, message.number(), message.number(), message.number());
    this.channels.set(number, channel);
    channel.once('close', () => this.channels.delete(number));
    opening.opened(channel);
  }

  private ended(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const { refused } of this.openings.values()) refused(new Error('No response from server'));
    this.openings.clear();
    for (const channel of this.channels.values()) channel.finish();
    this.emit('close');
  }

  /** @throws Error where the connection has ended */
  private open(kind: string, parts: Buffer, done: (error: Error | undefined, channel?: MuxChannel) => void): void {
    if (this.isClosed || !this.socket.writable) throw new Error('Not connected');
    const number = ++this.lastChannel;
    this.openings.set(number, { opened: (channel) => done(undefined, channel), refused: done });
    this.send(MESSAGE.OPEN, Buffer.concat([encode(kind, number, WINDOW, PACKET), parts]));
  }

  private session(request: string, parts: Buffer, done: OnChannel<MuxChannel>): void {
    this.open('session', Buffer.alloc(0), (error, channel) => {
      if (!channel) return done(error, undefined as never);
      if (this.settings.forwardAgent) channel.request('auth-agent-req@openssh.com', Buffer.alloc(0));
      channel.request(request, parts, (isTaken) => {
        if (isTaken) return done(undefined, channel);
        channel.resume();
        channel.close();
        const lost = this.isClosed ? 'No response from server' : `Unable to start ${request}`;
        done(new Error(lost), undefined as never);
      });
    });
  }

  exec(line: string, done: OnChannel<ProgramChannel>): void {
    this.session('exec', encode(line), done);
  }

  subsys(name: string, done: OnChannel<ProgramChannel>): void {
    this.session('subsystem', encode(name), done);
  }

  sftp(done: OnChannel<SFTPWrapper>): void {
    this.subsys('sftp', (error, channel) => {
      if (error) done(error, undefined as never);
      else this.settings.sftpOver(channel, done);
    });
  }

  forwardOut(fromHost: string, fromPort: number, host: string, port: number, done: OnChannel<Duplex>): void {
    this.open('direct-tcpip', encode(host, port, fromHost, fromPort), (error, channel) => {
      if (channel) done(undefined, channel);
      else done(error, undefined as never);
    });
  }

  /** Lets go of the connection: what runs on it for us is ended, the master goes on. */
  end(): void {
    this.socket.end();
    this.socket.destroy();
  }
}
