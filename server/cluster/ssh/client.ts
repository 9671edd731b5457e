/** What a connection needs of a client, whether that is ssh2's own or one that leads through a process of OpenSSH. */
import type { EventEmitter } from 'node:events';
import type { Duplex, Readable } from 'node:stream';
import type { SFTPWrapper } from 'ssh2';

/**
 * A channel that a program or a subsystem is at the other end of. It says `exit` with a code, or with null and the name of a
 * signal, and `close` when all that came was read and nothing more will come; without `exit` before, the connection was lost.
 */
export interface ProgramChannel extends Duplex {
  readonly stderr: Readable;
  close(): void;
}

/** Gets the channel that was asked for, or why there is none: the second only counts without the first. */
export type OnChannel<Channel> = (error: Error | undefined, channel: Channel) => void;

/** A connected client. It says `close` when its connection has ended, whoever ended it. */
export interface SshClient extends EventEmitter {
  /** Hands a line to the login shell. */
  exec(line: string, done: OnChannel<ProgramChannel>): unknown;
  subsys(name: string, done: OnChannel<ProgramChannel>): unknown;
  sftp(done: OnChannel<SFTPWrapper>): unknown;
  /** Connects to a port from the other side. */
  forwardOut(fromHost: string, fromPort: number, host: string, port: number, done: OnChannel<Duplex>): unknown;
  end(): unknown;
}

/** The clients whose connection has ended. */
const ended = new WeakSet<SshClient>();

/** Remembers when a client that is connected loses its connection. */
export function watchEnd(client: SshClient): void {
  client.on('close', () => ended.add(client));
}

/** Whether a client that was connected has lost its connection. */
export function hasEnded(client: SshClient): boolean {
  return ended.has(client);
}
