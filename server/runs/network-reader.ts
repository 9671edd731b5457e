/** Reads the networks that configs name, for checks, in a process that can be ended. */
import { type ChildProcess, fork } from 'node:child_process';
import { Socket } from 'node:net';
import path from 'node:path';
import { CancelledError, UserError } from '../errors';
import type { NetworkFacts } from '../models/network-facts';
import type { ReadLimits, ReadReply, ReadRequest } from './reader-messages';

/** A file that could not be read within its limits, so that nothing is known of it. */
export class NotCheckedError extends Error {}

/** Milliseconds for the process to start; it takes 0.1 s on an idle machine. */
const START_TIME = 30_000;
/** Milliseconds without a file after which the process is ended. */
const IDLE_TIME = 60_000;
const LIMITS: ReadLimits = { time: 2000, memory: 300e6 };

/**
 * One process, started when the first file is to be read; files are read one after the other. A file that takes too long
 * or too much memory costs that process its life, and the next file gets another.
 */
export class NetworkReader {
  private child?: ChildProcess;
  private queue: Promise<unknown> = Promise.resolve();
  private idle?: NodeJS.Timeout;
  private requests = 0;
  private endsAtExit = false;

  constructor(private readonly limits = LIMITS) {}

  /**
   * @param file absolute path
   * @throws UserError for a file that is no network; NotCheckedError; CancelledError
   */
  read(file: string, signal?: AbortSignal): Promise<NetworkFacts> {
    const read = this.queue.then(() => this.readNow(file, signal));
    this.queue = read.catch(() => undefined);
    return read;
  }

  /** Ends the process, if there is one. */
  end(): void {
    clearTimeout(this.idle);
    this.child?.kill('SIGKILL');
    this.child = undefined;
  }

  private async readNow(file: string, signal?: AbortSignal): Promise<NetworkFacts> {
    if (signal?.aborted) throw new CancelledError();
    clearTimeout(this.idle);
    if (this.child?.connected === false) this.end();
    try {
      const child = (this.child ??= await this.start(signal));
      const reply = await this.ask(child, file, signal);
      // What this file has left must not count against the next one.
      if (reply.memory > this.limits.memory / 2) this.end();
      if (reply.facts) return reply.facts;
      if (reply.refused !== undefined) throw new UserError(reply.refused);
      throw new NotCheckedError(`${file} was not checked: reading it failed (${reply.defect?.message ?? 'no reason'})`);
    } finally {
      this.idle = setTimeout(() => this.end(), IDLE_TIME).unref();
    }
  }

  private start(signal?: AbortSignal): Promise<ChildProcess> {
    if (!this.endsAtExit) process.once('exit', () => this.end());
    this.endsAtExit = true;
    return startReader(this.limits, signal);
  }

  private async ask(
    child: ChildProcess,
    file: string,
    signal?: AbortSignal,
  ): Promise<Extract<ReadReply, { type: 'read' }>> {
    const id = ++this.requests;
    const { time, memory } = this.limits;
    const answer = waitFor(child, (reply) => (reply.type === 'read' && reply.id === id ? reply : undefined), {
      time,
      late: () => new NotCheckedError(`${file} took more than ${time / 1000} s to read: not checked`),
      ended: (last) =>
        new NotCheckedError(
          last === 'memory'
            ? `${file} took more than ${memory / 1e6} MB of memory to read: not checked`
            : `${file} was not checked: the process that read it ended (${last || 'no reason'})`,
        ),
      signal,
    });
    const request: ReadRequest = { id, file };
    if (child.connected) child.send(request, () => undefined);
    try {
      return await answer;
    } catch (error) {
      this.end();
      throw error;
    }
  }
}

async function startReader({ time, memory }: ReadLimits, signal?: AbortSignal): Promise<ChildProcess> {
  // Run from source, it is a TypeScript file (the loader's flags are inherited); bundled, it is next to the bundle.
  const entry = __filename.endsWith('.ts') ? 'reader.ts' : 'reader.js';
  const child = fork(path.join(__dirname, entry), [String(time), String(memory)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  // While nothing is read, its end is noticed by the next file.
  child.on('error', () => undefined);
  try {
    await waitFor(child, (reply) => reply.type === 'ready' || undefined, {
      time: START_TIME,
      late: () => new NotCheckedError(`Networks are not checked: the process that reads them did not start`),
      ended: (last) => new NotCheckedError(`Networks are not checked: the process that reads them ended (${last})`),
      signal,
    });
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return child;
}

interface Waiting {
  time: number;
  late: () => Error;
  /** @param last line of the process's errors */
  ended: (last: string) => Error;
  signal?: AbortSignal;
}

/** Waits for a reply. Between two, neither the process nor its channel keeps this one alive. */
async function waitFor<T>(
  child: ChildProcess,
  accept: (reply: ReadReply) => T | undefined,
  { time, late, ended, signal }: Waiting,
): Promise<T> {
  let errors = '';
  const listen = (chunk: Buffer): void => void (errors = (errors + chunk.toString()).slice(-4000));
  const clear: (() => void)[] = [];
  keepAlive(child, true);
  child.stderr?.on('data', listen);
  try {
    return await new Promise<T>((resolve, reject) => {
      const hear = (reply: ReadReply): void => {
        const accepted = accept(reply);
        if (accepted !== undefined) resolve(accepted);
      };
      const close = (): void => reject(ended(errors.trim().split('\n').pop() ?? ''));
      const cancel = (): void => reject(new CancelledError());
      const timer = setTimeout(() => reject(late()), time);
      child.on('message', hear).on('error', reject).on('close', close);
      signal?.addEventListener('abort', cancel);
      clear.push(
        () => child.off('message', hear).off('error', reject).off('close', close),
        () => signal?.removeEventListener('abort', cancel),
        () => clearTimeout(timer),
      );
      if (!child.connected) close();
    });
  } finally {
    for (const one of clear) one();
    child.stderr?.off('data', listen);
    keepAlive(child, false);
  }
}

function keepAlive(child: ChildProcess, is: boolean): void {
  const { channel, stderr } = child;
  // A pipe of a child is a socket.
  const pipe = stderr instanceof Socket ? stderr : undefined;
  if (is) {
    child.ref();
    channel?.ref();
    pipe?.ref();
  } else {
    child.unref();
    channel?.unref();
    pipe?.unref();
  }
}

/** The reader of this process. */
export const networkReader = new NetworkReader();
