/**
 * A machine where scheduler commands run and files lie: over ssh, by a second ssh on its login host, or this machine
 * itself. Everything above works on this interface alone and knows neither ssh2 nor child processes.
 */
import { UserError } from '../errors';
import type { OnProgress } from '../shared/progress';

/** What a program gets besides its arguments. */
export interface RunOptions {
  /** Its standard input; empty by default. */
  stdin?: string | Uint8Array;
  /** Absolute folder to run in. */
  cwd?: string;
  /** Variables to set; values are quoted like arguments. */
  env?: Readonly<Record<string, string>>;
  /** Ends the program and rejects with `CancelledError`. */
  signal?: AbortSignal;
  /** Ends the program and rejects with a `UserError` that says how long we waited. */
  timeoutMs?: number;
  /** Told of output as it comes; `run` collects it all the same. */
  onOutput?: (chunk: Buffer, source: 'stdout' | 'stderr') => void;
}

/** How a program ended; any exit code is an answer, not an error. Text is UTF-8 with bad bytes replaced. */
export interface RunOutcome {
  /** Exit code; 128 + n where signal n ended it. */
  code: number;
  stdout: string;
  stderr: string;
}

/** The last line of a program's output that is not empty: usually its reason. */
export function lastLine(text: string | undefined): string | undefined {
  return text?.trim().split('\n').pop()?.trim() || undefined;
}

/** What a file is; `modified` is in seconds since 1970 by the clock of that machine. */
export interface FileFacts {
  kind: 'file' | 'folder' | 'other';
  size: number;
  modified: number;
  /** Permission bits, where the host reports them. */
  mode?: number;
}

/** How a long transfer reports and is stopped. What arrived before a stop is kept: the next call resumes. */
export interface TransferControl {
  /** Counts bytes. */
  onProgress?: OnProgress;
  signal?: AbortSignal;
}

/** Files of a host; every path is absolute, every error a `UserError` that names the path and the reason. */
export interface HostFiles {
  /** Undefined where there is nothing. */
  stat(path: string): Promise<FileFacts | undefined>;
  /** Names with their facts, sorted. */
  list(folder: string): Promise<{ name: string; facts: FileFacts }[]>;
  /** Bytes from `offset`, at most `length`. */
  read(path: string, offset?: number, length?: number): Promise<Buffer>;
  /** Writes a whole file at once, under a temporary name beside it first. `mode` is octal permission bits, default 0o644. */
  write(path: string, content: string | Uint8Array, mode?: number): Promise<void>;
  /** The folder and its parents. */
  makeFolder(path: string): Promise<void>;
  /** A file, or a folder with everything in it. It is not an error if there is nothing. */
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Free bytes for this user where the path lies; undefined if unknown. */
  freeBytes(path: string): Promise<number | undefined>;
  /**
   * Copies a local file to the host (or back): resumes a part that an earlier call left, checks the SHA-256 of the
   * whole, then renames it into place. A file that is already there with the right digest is not sent again.
   */
  upload(local: string, remote: string, control?: TransferControl): Promise<void>;
  download(remote: string, local: string, control?: TransferControl): Promise<void>;
}

export interface Host {
  /** Its name for the user: the alias of ssh's configuration, or `this machine`. */
  readonly name: string;
  /**
   * Runs one program. Its arguments arrive unchanged: no shell interprets them, whatever shell the account has and
   * whatever that shell prints at login.
   * @throws ConnectionLostError, CancelledError, UserError
   */
  run(command: readonly string[], options?: RunOptions): Promise<RunOutcome>;
  /** The same, with output as it arrives; resolves with the exit code. */
  stream(
    command: readonly string[],
    onOutput: (chunk: Buffer, source: 'stdout' | 'stderr') => void,
    options?: RunOptions,
  ): Promise<number>;
  readonly files: HostFiles;
}

/**
 * The connection ended before the answer came. What was asked may or may not have happened: the caller must look before
 * asking again.
 */
export class ConnectionLostError extends UserError {
  constructor(message: string) {
    super(message, 1);
    this.name = 'ConnectionLostError';
  }
}
