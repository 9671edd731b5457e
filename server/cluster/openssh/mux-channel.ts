/** One channel of a connection that an OpenSSH ControlMaster has: a program, a subsystem, or a port of the other side. */
import { Duplex, Readable } from 'node:stream';
import type { ProgramChannel } from '../ssh/client';
import { encode, MESSAGE, Reader } from './wire';

/** Bytes that the other side may send before we have read them, and in one message. */
export const WINDOW = 2 << 20;
export const PACKET = 32 << 10;
/** Kind of extended data: standard error. */
const STDERR = 1;

/** Sends one message. */
export type Send = (type: number, payload: Buffer) => void;

class Stderr extends Readable {
  constructor(private readonly onRead: () => void) {
    super({ highWaterMark: WINDOW });
  }

  override _read(): void {
    this.onRead();
  }
}

export class MuxChannel extends Duplex implements ProgramChannel {
  readonly stderr: Stderr;
  /** Bytes that the other side may send now. */
  private incoming = WINDOW;
  /** What is left of a chunk that the other side has no room for. */
  private waiting?: { rest: Buffer; done: () => void };
  /** Of output and errors, those that hold as much as they should. */
  private readonly full = new Set<Readable>();
  private isClosing = false;
  private isOver = false;
  /** What waits for the answer to a request. */
  private readonly replies: ((isTaken: boolean) => void)[] = [];

  /**
   * @param there the other side's number of the channel
   * @param outgoing bytes that may be sent now
   * @param packet bytes in one message
   */
  constructor(
    private readonly send: Send,
    private readonly there: number,
    private outgoing: number,
    private readonly packet: number,
  ) {
    super({ highWaterMark: WINDOW, emitClose: false, autoDestroy: false });
    this.stderr = new Stderr(() => this.isRead(this.stderr));
  }

  /** Asks for something (RFC 4254, section 6). @param answered told whether it was granted; without it no answer is wanted */
  request(name: string, parts: Buffer, answered?: (isTaken: boolean) => void): void {
    if (answered) this.replies.push(answered);
    this.send(MESSAGE.REQUEST, Buffer.concat([encode(this.there, name, answered !== undefined), parts]));
  }

  /** Ends it on both sides; what has come is still read. */
  close(): void {
    if (this.isClosing) return;
    this.isClosing = true;
    this.send(MESSAGE.CLOSE, encode(this.there));
  }

  /* ---- What comes from the other side ---- */

  /** @throws RangeError for a message that is cut short */
  receive(type: number, message: Reader): void {
    switch (type) {
      case MESSAGE.DATA:
        return this.came(this, message.string());
      case MESSAGE.EXTENDED_DATA:
        return message.number() === STDERR ? this.came(this.stderr, message.string()) : undefined;
      case MESSAGE.WINDOW_ADJUST:
        this.outgoing += message.number();
        return this.goOn();
      case MESSAGE.REQUEST:
        return this.told(message);
      case MESSAGE.SUCCESS:
      case MESSAGE.FAILURE:
        return this.replies.shift()?.(type === MESSAGE.SUCCESS);
      case MESSAGE.EOF:
        return;
      case MESSAGE.CLOSE:
        this.close();
        return this.finish();
    }
  }

  private came(stream: Readable, bytes: Buffer): void {
    this.incoming -= bytes.length;
    if (this.isOver) return;
    if (!stream.push(bytes)) this.full.add(stream);
    this.makeRoom();
  }

  private told(message: Reader): void {
    const name = message.text();
    const wantsReply = message.bool();
    if (name === 'exit-status') this.emit('exit', message.number());
    else if (name === 'exit-signal') this.emit('exit', null, `SIG${message.text()}`);
    else if (wantsReply) this.send(MESSAGE.FAILURE, encode(this.there));
  }

  /** Nothing more will come: told once everything that came was read. */
  finish(): void {
    if (this.isOver) return;
    this.isOver = this.isClosing = true;
    for (const reply of this.replies.splice(0)) reply(false);
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.done(); // what was still to be sent is lost, as with a program that ends before it has read everything
    const told = (): void => {
      this.emit('close');
      this.destroy();
      this.stderr.destroy();
    };
    // Of standard error nothing is waited for where nobody reads it.
    const afterOutput = (): void => {
      if (this.stderr.readableFlowing === null || this.stderr.readableEnded) told();
      else this.stderr.once('end', told);
    };
    if (this.readableEnded) setImmediate(afterOutput);
    else this.once('end', afterOutput);
    this.push(null);
    this.stderr.push(null);
  }

  /* ---- The two sides of the stream ---- */

  override _read(): void {
    this.isRead(this);
  }

  private isRead(stream: Readable): void {
    this.full.delete(stream);
    this.makeRoom();
  }

  /** Lets the other side send more where what came is read. A stream asks to be filled once only after it was full. */
  private makeRoom(): void {
    if (this.isOver || this.full.size > 0 || this.incoming > WINDOW / 2) return;
    const more = WINDOW - this.incoming;
    this.incoming += more;
    this.send(MESSAGE.WINDOW_ADJUST, encode(this.there, more));
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.waiting = { rest: chunk, done };
    this.goOn();
  }

  private goOn(): void {
    while (this.waiting && !this.isClosing) {
      const { rest, done } = this.waiting;
      const part = rest.subarray(0, Math.min(this.outgoing, this.packet));
      if (part.length === 0 && rest.length > 0) return;
      this.outgoing -= part.length;
      if (part.length > 0) this.send(MESSAGE.DATA, encode(this.there, part));
      this.waiting = part.length < rest.length ? { rest: rest.subarray(part.length), done } : undefined;
      if (!this.waiting) done();
    }
    if (this.waiting && this.isClosing) {
      const { done } = this.waiting;
      this.waiting = undefined;
      done();
    }
  }

  override _final(done: () => void): void {
    if (!this.isClosing) this.send(MESSAGE.EOF, encode(this.there));
    done();
  }
}
