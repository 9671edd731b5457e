/** This machine as a host: the editor or the command line already runs on the login node. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants, createReadStream, promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { CancelledError, isCode, messageOf, UserError } from '../errors';
import { removeTree, renameOver } from '../held-file';
import { environmentFor } from '../programs';
import { FileStore, LARGEST_WHOLE } from './file-store';
import type { FileFacts, RunOptions } from './host';
import { Runner, type OnOutput } from './runner';

const NAME = 'this machine';

/** What the error codes of the file system mean. */
const REASONS: Readonly<Record<string, string | undefined>> = {
  ENOENT: 'no such file or folder',
  ENOSPC: 'the disk is full: remove files there or choose another folder',
  EDQUOT: 'your disk quota is used up: remove files there or choose another folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of its path is a file',
  EISDIR: 'it is a folder',
  ENAMETOOLONG: 'the path is too long',
  ELOOP: 'a link has its name',
};

export class LocalHost extends Runner {
  readonly name = NAME;
  readonly files = localFiles;

  protected override async execute(
    [program = '', ...args]: readonly string[],
    onOutput: OnOutput,
    { stdin, cwd, env }: Pick<RunOptions, 'stdin' | 'cwd' | 'env'>,
    signal: AbortSignal,
  ): Promise<number> {
    if (cwd !== undefined && (await localFiles.stat(cwd))?.kind !== 'folder')
      throw new UserError(`Cannot run ${program} in ${cwd} on ${NAME}: there is no such folder`);
    // A process group of its own, so that ending it also ends what it started.
    const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(program, args, {
      cwd,
      env: { ...environmentFor(), ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    const end = () => endGroup(child.pid);
    signal.addEventListener('abort', end, { once: true });
    child.stdout.on('data', (chunk: Buffer) => onOutput(chunk, 'stdout'));
    child.stderr.on('data', (chunk: Buffer) => onOutput(chunk, 'stderr'));
    child.stdin.on('error', () => undefined); // it may end before it has read everything; its exit code says so
    child.stdin.end(stdin);
    try {
      return await new Promise<number>((resolve, reject) => {
        child.on('error', (error) => {
          if (!isCode(error, 'ENOENT')) return reject(error);
          onOutput(Buffer.from(`${program}: command not found\n`), 'stderr'); // as a shell reports it
          resolve(127);
        });
        child.on('close', (code, by) => resolve(code ?? 128 + (by ? os.constants.signals[by] : 0)));
        signal.addEventListener('abort', () => reject(new CancelledError()), { once: true });
      });
    } finally {
      signal.removeEventListener('abort', end);
    }
  }
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGTERM');
  } catch (error) {
    if (!isCode(error, 'ESRCH')) throw error;
  }
}

class LocalFiles extends FileStore {
  constructor() {
    super(NAME, () => this, path);
  }

  async stat(file: string): Promise<FileFacts | undefined> {
    try {
      const stat = await fs.stat(file);
      const kind = stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : 'other';
      return { kind, size: stat.size, modified: stat.mtimeMs / 1000, mode: stat.mode & 0o7777 };
    } catch (error) {
      if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return undefined;
      throw this.inWords('look at', file, error);
    }
  }

  async list(folder: string): Promise<{ name: string; facts: FileFacts }[]> {
    const names = await this.attempt('list', folder, fs.readdir(folder));
    const entries = await Promise.all(
      names.sort().map(async (name) => ({ name, facts: await this.stat(path.join(folder, name)) })),
    );
    // A dangling link is listed too.
    return entries.map(({ name, facts }) => ({ name, facts: facts ?? { kind: 'other', size: 0, modified: 0 } }));
  }

  async read(file: string, offset = 0, length?: number): Promise<Buffer> {
    if (length === undefined) return this.whole(file, await this.read(file, offset, LARGEST_WHOLE + 1));
    if (length <= 0) return Buffer.alloc(0);
    const stream = createReadStream(file, { start: offset, end: offset + length - 1, highWaterMark: 1 << 20 });
    return this.attempt(
      'read',
      file,
      stream.toArray().then((chunks) => Buffer.concat(chunks as Buffer[])),
    );
  }

  async makeFolder(folder: string): Promise<void> {
    await this.attempt('make', folder, fs.mkdir(folder, { recursive: true }));
  }

  remove(file: string): Promise<void> {
    return this.attempt('remove', file, removeTree(file));
  }

  rename(from: string, to: string): Promise<void> {
    return this.attempt('rename', `${from} to ${to}`, renameOver(from, to));
  }

  protected override async freeBytesAt(file: string): Promise<number | undefined> {
    try {
      const { bavail, bsize } = await fs.statfs(file);
      return bavail * bsize;
    } catch (error) {
      if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return undefined;
      throw this.inWords('look at', file, error);
    }
  }

  protected override async writeAt(file: string, offset: number, bytes: Uint8Array): Promise<void> {
    const write = async () => {
      // What is written here is a part of a file of ours: a link that lies in wait under its name is refused.
      const handle = await fs.open(file, constants.O_WRONLY | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0));
      try {
        for (let done = 0; done < bytes.length;) {
          done += (await handle.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
        }
      } finally {
        await handle.close();
      }
    };
    await this.attempt('write', file, write());
  }

  protected override setMode(file: string, mode: number): Promise<void> {
    return this.attempt('write', file, fs.chmod(file, mode));
  }

  protected override async ownDigest(file: string, signal?: AbortSignal): Promise<string> {
    const hash = createHash('sha256');
    const reading = async () => {
      for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20, signal }))
        hash.update(chunk as Buffer);
    };
    await this.attempt('read', file, reading());
    return hash.digest('hex');
  }

  private async attempt<T>(verb: string, file: string, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw this.inWords(verb, file, error);
    }
  }

  private inWords(verb: string, file: string, error: unknown): Error {
    if (isCode(error, 'ABORT_ERR')) return new CancelledError();
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return new UserError(this.failure(verb, file, REASONS[code] ?? messageOf(error)));
  }
}

/** The files of this machine. */
export const localFiles: FileStore = new LocalFiles();
