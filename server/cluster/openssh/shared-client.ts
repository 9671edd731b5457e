/**
 * A client that uses the ControlMaster which the user has open. Each channel is a process of ssh, as when ssh is typed: the
 * request `proxy` would do without, but a master of OpenSSH 9.2 ends, and with it all that the user does over it, when one who
 * uses `proxy` goes after a channel was refused ("chan_send_close2: channel 11: no remote_id").
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Duplex, type Readable } from 'node:stream';
import type { SFTPWrapper } from 'ssh2';
import type { OnChannel, ProgramChannel, SshClient } from '../ssh/client';
import { sftpOver } from './sftp-over';
import type { SshConfiguration, SshProgram } from './ssh-program';
import { encode, messagesOf, MUX, MUX_VERSION, Reader } from './wire';

/** Milliseconds for which a master may take to say hello. */
const PATIENCE = 10_000;
/** Milliseconds between two looks whether it is still there: to stay on its socket would keep it from ending. */
const LOOK_EVERY = 5000;
/** Milliseconds between two looks whether it has granted a channel. */
const GRANTED_EVERY = 10;

export class SharedClient extends EventEmitter implements SshClient {
  private readonly folder = mkdtempSync(path.join(os.tmpdir(), 'edmw-')); // of mode 0700
  private readonly running = new Set<ProcessChannel>();
  private started = 0;
  private isEnded = false;
  private readonly timer: NodeJS.Timeout;

  /** @param socket of the master, which was looked at */
  constructor(
    private readonly ssh: SshProgram,
    private readonly socket: string,
    private readonly configuration: SshConfiguration,
  ) {
    super();
    this.setMaxListeners(0);
    this.timer = setInterval(() => void this.look(), LOOK_EVERY);
    this.timer.unref();
  }

  /** Whether a master answers there, as `ssh -O check` asks. */
  static isAlive(socket: string): Promise<boolean> {
    return new Promise((resolve) => {
      const line = net.connect(socket);
      const say = (isAlive: boolean): void => {
        clearTimeout(late);
        line.destroy();
        resolve(isAlive);
      };
      const late = setTimeout(() => say(false), PATIENCE);
      const write = (...words: number[]): void => void line.write(encode(encode(...words)));
      line.on('error', () => say(false)).on('close', () => say(false));
      const receive = messagesOf((message) => {
        if (message.length < 4) return say(false);
        const word = new Reader(message).number();
        if (word === MUX.S_ALIVE) say(true);
        else if (word !== MUX.HELLO) say(false);
      }, () => say(false)); // prettier-ignore
      line.on('data', receive);
      line.on('connect', () => (write(MUX.HELLO, MUX_VERSION), write(MUX.C_ALIVE_CHECK, 0)));
    });
  }

  private async look(): Promise<boolean> {
    if (this.isEnded) return false;
    if (await SharedClient.isAlive(this.socket)) return true;
    this.end();
    return false;
  }

  exec(line: string, done: OnChannel<ProgramChannel>): void {
    this.start([line], [], done);
  }

  subsys(name: string, done: OnChannel<ProgramChannel>): void {
    this.start([name], ['-s'], done);
  }

  sftp(done: OnChannel<SFTPWrapper>): void {
    this.subsys('sftp', (error, channel) => {
      if (error) done(error, undefined as never);
      else sftpOver(channel, done);
    });
  }

  forwardOut(_host: string, _port: number, host: string, port: number, done: OnChannel<Duplex>): void {
    this.start([], ['-W', `${host.includes(':') ? `[${host}]` : host}:${port}`], done);
  }

  private start(words: readonly string[], kind: readonly string[], done: OnChannel<ProgramChannel>): void {
    if (this.isEnded) throw new Error('Not connected');
    const log = path.join(this.folder, String(++this.started));
    const options = {
      ControlMaster: 'no',
      BatchMode: 'yes',
      PermitLocalCommand: 'no',
      RemoteCommand: 'none',
      ClearAllForwardings: kind.includes('-W') ? 'no' : 'yes',
      // Where the master refuses, ssh would connect by itself and ask.
      ProxyCommand: 'false',
      LogLevel: 'DEBUG2',
    };
    const set = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    const args = ['-T', '-x', '-S', this.socket, '-E', log, ...set, ...kind, ...this.configuration.target, ...words];
    const child = spawn(this.ssh.path, args, { cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] });
    const channel = new ProcessChannel(child, log, () => this.look());
    this.running.add(channel);
    channel.once('close', () => this.running.delete(channel));
    channel.opened.then(
      () => done(undefined, channel),
      (error: Error) => done(error, undefined as never),
    );
  }

  /** Ends what runs for us; the master goes on. */
  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    clearInterval(this.timer);
    for (const channel of this.running) channel.close();
    rmSync(this.folder, { recursive: true, force: true });
    setImmediate(() => this.emit('close'));
  }
}

/** A process of ssh as a channel. */
class ProcessChannel extends Duplex implements ProgramChannel {
  readonly stderr: Readable;
  /** Once the master has granted it. */
  readonly opened: Promise<void>;

  /** @param log file of ssh's own words @param isAlive looks whether the master is there */
  constructor(
    private readonly child: ChildProcess,
    private readonly log: string,
    private readonly isAlive: () => Promise<boolean>,
  ) {
    super({ emitClose: false, autoDestroy: false });
    const { stdout, stderr, stdin } = child;
    if (!stdout || !stderr || !stdin) throw new Error('a process without its streams');
    this.stderr = stderr;
    stdin.on('error', () => undefined); // it may end before it has read everything
    stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) stdout.pause();
    });
    stdout.on('end', () => this.push(null));
    this.opened = this.granted();
    // Whoever asked may have gone before it was granted.
    this.opened.catch(() => this.stderr.resume());
  }

  private granted(): Promise<void> {
    return new Promise((resolve, reject) => {
      let isOpen = false;
      const look = setInterval(() => {
        if (!isOpen && /session id: \d+|stdio forwarding: /.test(this.words())) open();
      }, GRANTED_EVERY);
      const open = (): void => {
        isOpen = true;
        clearInterval(look);
        resolve();
      };
      this.child.once('error', (error) => (clearInterval(look), reject(error)));
      this.child.once('exit', (code, signal) => {
        clearInterval(look);
        const words = this.words();
        const refused = /request failed: (.*)/.exec(words)?.[1]?.trim();
        const status = /Received exit status from master (\d+)/.exec(words)?.[1];
        if (!isOpen && refused !== undefined) return reject(new Error(`Channel open failure: ${refused}`));
        if (!isOpen && !/session id: \d+/.test(words)) return reject(new Error('No response from server'));
        if (!isOpen) open();
        // 255 is also what ssh says by itself, where the program did not say how it ended.
        void this.finish(status === undefined ? undefined : Number(status), signal ?? code);
      });
    });
  }

  private words(): string {
    try {
      return readFileSync(this.log, 'utf8');
    } catch {
      return '';
    }
  }

  /** @param status that the program gave; undefined where a signal ended it, or the connection is lost */
  private async finish(status: number | undefined, _how: unknown): Promise<void> {
    const code = status ?? ((await this.isAlive()) ? 255 : undefined);
    rmSync(this.log, { force: true });
    // The others first hear of what `opened` grants.
    setImmediate(() => {
      if (code !== undefined) this.emit('exit', code);
      const told = (): void => {
        this.emit('close');
        this.destroy();
      };
      const afterOutput = (): void => {
        if (this.stderr.readableFlowing === null || this.stderr.readableEnded) told();
        else this.stderr.once('end', told);
      };
      if (this.readableEnded) afterOutput();
      else this.once('end', afterOutput);
    });
  }

  close(): void {
    this.child.kill();
  }

  override _read(): void {
    this.child.stdout?.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const { stdin } = this.child;
    if (!stdin?.writable) return done();
    stdin.write(chunk, () => done());
  }

  override _final(done: () => void): void {
    this.child.stdin?.end();
    done();
  }
}
