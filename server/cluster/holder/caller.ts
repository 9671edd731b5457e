/** One of those that use a holder's login: a window or a command. Programs and files pass through as they are. */
import type { Connection, ServerChannel, Session } from 'ssh2';
import { CancelledError, messageOf } from '../../errors';
import { ConnectionLostError } from '../host';
import type { ProgramChannel } from '../ssh/client';
import type { ClusterConnection } from '../ssh/connection';
import type { Prompter } from '../ssh/prompter';
import {
  CONTROL,
  errorOf,
  readMessages,
  writeMessage,
  type FromHolder,
  type Question,
  type ToHolder,
} from './holder-messages';
import type { SftpShare } from './sftp-share';

/** What a holder does for those that use it. */
export interface HolderServices {
  connection: ClusterConnection;
  sftp: SftpShare;
  /** Logs in unless that is done, and tells the caller what came of it. */
  open(caller: Caller, request: Extract<ToHolder, { kind: 'open' }>): Promise<void>;
  /** The login was used. */
  used(): void;
  /** Logs out and ends. */
  end(): void;
  left(caller: Caller): void;
}

/** How an unfinished command line is asked for: NUL and the number of the message with it. */
const NUMBERED = /^\0(\d+)$/;

export class Caller implements Prompter {
  private control?: ServerChannel;
  private readonly lines = new Map<number, string>();
  private readonly questions = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  private questionsAsked = 0;
  /** Channels of programs on the host, which end with us. */
  private readonly running = new Set<ProgramChannel>();
  private readonly gone = new AbortController();

  /** @param client the other side, which has shown that it is the same user's */
  constructor(
    private readonly client: Connection,
    private readonly holder: HolderServices,
  ) {
    client.on('session', (accept) => this.session(accept()));
    client.on('close', () => this.leave());
    client.on('error', () => undefined); // its end follows
  }

  get isGone(): boolean {
    return this.gone.signal.aborted;
  }

  send(message: FromHolder): void {
    if (this.control) writeMessage(this.control, message);
  }

  /** Ends the connection to it. */
  dismiss(): void {
    this.client.end();
  }

  /* ---- Questions of a login are passed on ---- */

  prompt(params: Parameters<Prompter['prompt']>[0]): Promise<string[] | null> {
    return this.ask({ about: 'prompt', params });
  }

  hostKey(params: Parameters<Prompter['hostKey']>[0]): Promise<boolean> {
    return this.ask({ about: 'hostKey', params });
  }

  secret(params: Parameters<Prompter['secret']>[0]): Promise<string | null> {
    return this.ask({ about: 'secret', params });
  }

  notice(line: string): void {
    this.send({ kind: 'tell', line });
  }

  private ask<Answer>(question: Question): Promise<Answer> {
    if (this.isGone) return Promise.reject(new CancelledError());
    const number = ++this.questionsAsked;
    return new Promise<Answer>((resolve, reject) => {
      this.questions.set(number, { resolve: resolve as (value: unknown) => void, reject });
      this.send({ kind: 'ask', number, question });
    });
  }

  /* ---- What it asks for ---- */

  private session(session: Session): void {
    const ending = new AbortController();
    session.on('close', () => ending.abort());
    const signal = AbortSignal.any([ending.signal, this.gone.signal]);
    session.on('exec', (accept, reject, { command }) => {
      const number = NUMBERED.exec(command)?.[1];
      const line = number === undefined ? command : this.lines.get(Number(number));
      if (number !== undefined) this.lines.delete(Number(number));
      const started = this.program(line ?? '', signal, accept);
      started.catch((error: unknown) => this.refuse(error, reject));
    });
    session.on('subsystem', (accept, reject, { name }) => {
      if (name === CONTROL) return this.listen(accept());
      if (name !== 'sftp') return reject();
      this.holder.used();
      this.holder.sftp.join(accept).catch((error: unknown) => this.refuse(error, reject));
    });
  }

  private async program(line: string, signal: AbortSignal, accept: () => ServerChannel | undefined): Promise<void> {
    const { connection } = this.holder;
    const used = (): void => this.holder.used();
    used();
    await connection.start(line, signal, (there) => {
      const here = signal.aborted ? undefined : accept();
      // Whoever asked has given up meanwhile.
      if (!here) return abandon(there);
      this.running.add(there);
      there.on('close', () => {
        this.running.delete(there);
        used();
      });
      passOn(here, there);
    });
  }

  private refuse(error: unknown, reject: () => void): void {
    // A lost connection is told by its end, as without a holder.
    if (error instanceof ConnectionLostError) return this.dismiss();
    this.send({ kind: 'refused', message: messageOf(error) });
    reject();
  }

  private listen(channel: ServerChannel): void {
    this.control = channel;
    channel.on('error', () => undefined);
    readMessages<ToHolder>(channel, (message) => this.receive(message));
  }

  private receive(message: ToHolder): void {
    switch (message.kind) {
      case 'open':
        return void this.holder.open(this, message);
      case 'answer': {
        const question = this.questions.get(message.to);
        this.questions.delete(message.to);
        if (message.failure) question?.reject(errorOf(message.failure));
        else question?.resolve(message.value);
        return;
      }
      case 'line':
        return void this.lines.set(message.number, message.line);
      case 'end':
        return this.holder.end();
    }
  }

  private leave(): void {
    if (this.isGone) return;
    this.gone.abort();
    for (const { reject } of this.questions.values()) reject(new CancelledError());
    for (const channel of this.running) abandon(channel);
    this.holder.left(this);
  }
}

/** Closes a channel whose output nobody reads any more: it is closed for good only once all of that is read. */
function abandon(channel: ProgramChannel): void {
  for (const output of [channel, channel.stderr]) output.removeAllListeners('data').resume();
  channel.on('error', () => undefined);
  channel.close();
}

/** What an ssh2 channel keeps while it waits for the other side to have room: the rest of a chunk of each of its two streams. */
interface Waiting {
  _chunk?: unknown;
  _chunkcb?: unknown;
  _chunkErr?: unknown;
  _chunkcbErr?: unknown;
}

/**
 * Passes output on, one chunk at a time. ssh2 1.17 goes on with one stream alone when there is room again, so that a chunk of the
 * other may wait for ever; and it keeps what it has sent, which it would send a second time once the other stream has waited.
 */
function passOutput(there: ProgramChannel, here: ServerChannel): void {
  const sources = [there, there.stderr];
  const forget: Waiting = { _chunk: undefined, _chunkcb: undefined, _chunkErr: undefined, _chunkcbErr: undefined };
  for (const [source, sink] of [[there, here], [there.stderr, here.stderr]] as const) {
    source.on('data', (chunk: Buffer) => {
      for (const one of sources) one.pause();
      sink.write(chunk, () => {
        Object.assign(here, forget);
        for (const one of sources) one.resume();
      });
    });
  }
} // prettier-ignore

/** Joins a channel of the caller with one of the host; each side waits where the other is slow. */
function passOn(here: ServerChannel, there: ProgramChannel): void {
  let exit: [code: number | null, signal?: string] | undefined;
  here.on('error', () => undefined);
  there.on('error', () => undefined); // the program may end before it has read everything; its exit code says so
  there.on('exit', (code: number | null, signal?: string) => (exit = [code, signal]));
  passOutput(there, here);
  here.pipe(there);
  here.on('close', () => abandon(there));
  const finish = (): void => {
    // Without an exit code the connection was lost: then none is passed on.
    const [code, signal] = exit ?? [null];
    if (code !== null) here.exit(code);
    else if (signal !== undefined) here.exit(signal);
    here.end();
    here.resume(); // what was still sent to the program is read, or the channel would not end
  };
  const written = (): void => {
    if (here.stderr.writable) here.stderr.end(finish);
    else finish();
  };
  there.on('close', () => {
    if (there.stderr.readableEnded || !there.stderr.readable) written();
    else there.stderr.on('end', written);
  });
}
