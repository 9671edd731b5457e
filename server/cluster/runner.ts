/** What all hosts have in common when they run programs: time limits, cancelling, collecting output. */
import { CancelledError, UserError } from '../errors';
import { durationText } from '../shared/progress';
import type { Host, HostFiles, RunOptions, RunOutcome } from './host';

export type OnOutput = (chunk: Buffer, source: 'stdout' | 'stderr') => void;

/** The largest output that is kept, in bytes: a queue of 100,000 jobs has some 50 MB. */
const LARGEST_OUTPUT = 256 << 20;

/** A host, built on its one operation `execute`. */
export abstract class Runner implements Host {
  abstract readonly name: string;
  abstract readonly files: HostFiles;

  /**
   * Starts a program and resolves with its exit code. When `signal` fires it ends the program and settles soon,
   * no matter how. `options` never has a signal or a time limit.
   */
  protected abstract execute(
    command: readonly string[],
    onOutput: OnOutput,
    options: Pick<RunOptions, 'stdin' | 'cwd' | 'env'>,
    signal: AbortSignal,
  ): Promise<number>;

  async stream(command: readonly string[], onOutput: OnOutput, options: RunOptions = {}): Promise<number> {
    const { signal: cancel, timeoutMs, stdin, cwd, env } = options;
    if (cancel?.aborted) throw new CancelledError();
    const ending = new AbortController();
    let late = false;
    const onCancel = () => ending.abort();
    cancel?.addEventListener('abort', onCancel, { once: true });
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            late = true;
            ending.abort();
          }, timeoutMs);
    try {
      const code = await this.execute(command, onOutput, { stdin, cwd, env }, ending.signal);
      ending.signal.throwIfAborted();
      return code;
    } catch (error) {
      if (!ending.signal.aborted) throw error;
      if (!late) throw new CancelledError();
      const waited = durationText((timeoutMs ?? 0) / 1000);
      throw new UserError(`${command[0]} on ${this.name} gave no answer within ${waited} and was stopped`, 1);
    } finally {
      clearTimeout(timer);
      cancel?.removeEventListener('abort', onCancel);
    }
  }

  async run(command: readonly string[], options: RunOptions = {}): Promise<RunOutcome> {
    const chunks: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
    const ending = new AbortController();
    let size = 0;
    const take: OnOutput = (chunk, source) => {
      size += chunk.length;
      options.onOutput?.(chunk, source);
      if (size <= LARGEST_OUTPUT) chunks[source].push(chunk);
      else ending.abort();
    };
    const signal = options.signal ? AbortSignal.any([options.signal, ending.signal]) : ending.signal;
    const code = await this.stream(command, take, { ...options, signal }).catch((error: unknown) => {
      if (size <= LARGEST_OUTPUT) throw error;
      throw new UserError(`${command[0]} on ${this.name} printed more than 256 MiB and was stopped`, 1);
    });
    return {
      code,
      stdout: Buffer.concat(chunks.stdout).toString(),
      stderr: Buffer.concat(chunks.stderr).toString(),
    };
  }
}
