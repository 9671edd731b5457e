/**
 * A machine where scheduler commands run and files lie: over ssh, by a second ssh on its login host, or this machine
 * itself. Everything above works on this interface alone and knows neither ssh2 nor child processes.
 */
import { UserError } from '../errors';
import type { OnProgress } from '../shared/progress';

/** What a program is given besides its arguments. */
export interface RunOptions {
  /** Bytes for its standard input; without them it gets an empty one. */
  stdin?: string | Uint8Array;
  /** Absolute folder to run in. */
  cwd?: string;
  /** Variables to set; values are quoted like arguments. */
  env?: Readonly<Record<string, string>>;
  /** Ends the program and rejects with `CancelledError`. */
  signal?: AbortSignal;
  /** Ends the program and rejects with a `UserError` that says how long was waited. */
  timeoutMs?: number;
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
  /** Permission bits, where the host tells. */
  mode?: number;
}

/** How a long transfer reports and is stopped. Stopping keeps what arrived: the next call resumes. */
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
  /** Whole file at once, by way of a temporary name beside it. `mode` is octal permission bits, default 0o644. */
  write(path: string, content: string | Uint8Array, mode?: number): Promise<void>;
  /** The folder and its parents. */
  makeFolder(path: string): Promise<void>;
  /** A file, or a folder with all in it; nothing there is no error. */
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Free bytes for this user where the path lies; undefined if unknown. */
  freeBytes(path: string): Promise<number | undefined>;
  /**
   * Copies a local file to the host (or back): resumes a part that an earlier call left, checks the SHA-256 of the
   * whole, then renames it into place. A file that is there already with the right digest is not sent again.
   */
  upload(local: string, remote: string, control?: TransferControl): Promise<void>;
  download(remote: string, local: string, control?: TransferControl): Promise<void>;
}

export interface Host {
  /** As the user calls it: the alias of ssh's configuration, or `this machine`. */
  readonly name: string;
  /**
   * Runs one program. Arguments reach it as they are: nothing is interpreted by any shell, whatever shell the account
   * has and whatever that shell prints on login.
   * @throws ConnectionLostError, CancelledError, UserError
   */
  run(command: readonly string[], options?: RunOptions): Promise<RunOutcome>;
  /** The same with output as it comes; resolves with the exit code. */
  stream(
    command: readonly string[],
    onOutput: (chunk: Buffer, source: 'stdout' | 'stderr') => void,
    options?: RunOptions,
  ): Promise<number>;
  readonly files: HostFiles;
}

/**
 * The connection ended before the answer came: what was asked may or may not have happened, and whoever asked must
 * look before asking again.
 */
export class ConnectionLostError extends UserError {
  constructor(message: string) {
    super(message, 1);
    this.name = 'ConnectionLostError';
  }
}
