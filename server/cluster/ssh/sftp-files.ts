/** Files of a host over sftp, with many requests under way at once, so that a distant host is hardly slower. */
import path from 'node:path';
import type { SFTPWrapper, Stats } from 'ssh2';
import { messageOf, UserError } from '../../errors';
import { factsOf, reasonIn, remoteDigest } from '../command-files';
import { FileStore, LARGEST_WHOLE } from '../file-store';
import { ConnectionLostError, type FileFacts, type Host } from '../host';
import { localFiles } from '../local-host';
import type { ClusterConnection } from './connection';

/** Bytes in one request, and requests under way at once. */
const BLOCK = 32 * 1024;
const UNDER_WAY = 64;

/** Status codes of the protocol. */
const NO_SUCH_FILE = 2;
const FAILURE = 4;
const REASONS: Readonly<Record<number, string | undefined>> = {
  2: 'no such file or folder',
  3: 'permission denied',
};

type Done<T> = (error: Error | null | undefined, result: T) => void;

export class SftpFiles extends FileStore {
  constructor(
    private readonly connection: ClusterConnection,
    private readonly runner: Pick<Host, 'run'>,
  ) {
    super(connection.destination, () => localFiles, path.posix);
  }

  async stat(file: string): Promise<FileFacts | undefined> {
    try {
      return factsOfStats(await this.ask<Stats>((sftp, done) => sftp.stat(file, done)));
    } catch (error) {
      if (codeOf(error) === NO_SUCH_FILE) return undefined;
      throw this.inWords('look at', file, error);
    }
  }

  async list(folder: string): Promise<{ name: string; facts: FileFacts }[]> {
    const entries = await this.attempt(
      'list',
      folder,
      this.ask<{ filename: string; attrs: Stats }[]>((sftp, done) => sftp.readdir(folder, done)),
    );
    const found = await Promise.all(
      entries.map(async ({ filename: name, attrs }) => {
        const own = factsOfStats(attrs);
        return { name, facts: own.kind === 'other' ? ((await this.stat(path.posix.join(folder, name))) ?? own) : own };
      }),
    );
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async read(file: string, offset = 0, length?: number): Promise<Buffer> {
    const reading = async () => {
      const left = async (): Promise<number> =>
        (await this.ask<Stats>((sftp, done) => sftp.stat(file, done))).size - offset;
      // However large the host says that it is.
      const size = length ?? Math.min(LARGEST_WHOLE + 1, Math.max(0, await left()));
      const handle = await this.ask<Buffer>((sftp, done) => sftp.open(file, 'r', done));
      try {
        const target = Buffer.alloc(size);
        let end = size;
        await inParallel(size, async (at, bytes) => {
          for (let got = 0; got < bytes;) {
            const more = await this.ask<number>((sftp, done) =>
              sftp.read(handle, target, at + got, bytes - got, offset + at + got, (error, count) =>
                error && codeOf(error) === 1 ? done(null, 0) : done(error, count),
              ),
            );
            if (more === 0) {
              end = Math.min(end, at + got); // the file ends here
              return;
            }
            got += more;
          }
        });
        return target.subarray(0, end);
      } finally {
        await this.shut(handle);
      }
    };
    const bytes = await this.attempt('read', file, reading());
    return length === undefined ? this.whole(file, bytes) : bytes;
  }

  async makeFolder(folder: string): Promise<void> {
    const facts = await this.stat(folder);
    if (facts?.kind === 'folder') return;
    if (facts) throw new UserError(this.failure('make', folder, 'a file of that name is in the way'));
    const parent = path.posix.dirname(folder);
    if (parent !== folder) await this.makeFolder(parent);
    try {
      await this.ask<undefined>((sftp, done) => sftp.mkdir(folder, (error) => done(error, undefined)));
    } catch (error) {
      if ((await this.stat(folder))?.kind !== 'folder')
        throw await this.whyNotWritten('make', folder, error, ['mkdir', '--', folder]);
    }
  }

  async remove(file: string): Promise<void> {
    let own: Stats;
    try {
      own = await this.ask<Stats>((sftp, done) => sftp.lstat(file, done));
    } catch (error) {
      if (codeOf(error) === NO_SUCH_FILE) return;
      throw this.inWords('remove', file, error);
    }
    const isFolder = factsOfStats(own).kind === 'folder';
    if (isFolder) for (const { name } of await this.list(file)) await this.remove(path.posix.join(file, name));
    const removal = this.ask<undefined>((sftp, done) => {
      const end = (error?: Error | null) => done(error, undefined);
      if (isFolder) sftp.rmdir(file, end);
      else sftp.unlink(file, end);
    });
    await this.attempt('remove', file, removal);
  }

  async rename(from: string, to: string): Promise<void> {
    const renaming = async () => {
      try {
        await this.ask<undefined>((sftp, done) => sftp.ext_openssh_rename(from, to, (error) => done(error, undefined)));
      } catch (error) {
        if (!/does not support/.test(messageOf(error))) throw error;
        await this.remove(to); // without the extension, a rename cannot replace a file
        await this.ask<undefined>((sftp, done) => sftp.rename(from, to, (failure) => done(failure, undefined)));
      }
    };
    await this.attempt('rename', `${from} to ${to}`, renaming());
  }

  protected override async freeBytesAt(file: string): Promise<number | undefined> {
    try {
      const facts = await this.ask<{ f_bavail: number; f_frsize: number }>((sftp, done) =>
        sftp.ext_openssh_statvfs(file, done),
      );
      return facts.f_bavail * facts.f_frsize;
    } catch (error) {
      if (error instanceof ConnectionLostError) throw error;
      return undefined; // nothing there, or no such extension
    }
  }

  protected override async writeAt(file: string, offset: number, bytes: Uint8Array): Promise<void> {
    const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    try {
      // WRITE | CREAT, neither truncating nor appending: there is no name for this combination.
      const handle = await this.ask<Buffer>((sftp, done) => sftp.open(file, 0x2 | 0x8, done));
      try {
        await inParallel(content.length, (at, length) =>
          this.ask<undefined>((sftp, done) =>
            sftp.write(handle, content, at, length, offset + at, (error) => done(error, undefined)),
          ),
        );
      } finally {
        await this.shut(handle);
      }
    } catch (error) {
      const dd = ['dd', `of=${file}`, 'bs=1M', `seek=${offset}`, 'oflag=seek_bytes', 'conv=notrunc,fsync'];
      throw await this.whyNotWritten('write', file, error, dd, content);
    }
  }

  protected override setMode(file: string, mode: number): Promise<void> {
    return this.attempt(
      'write',
      file,
      this.ask<undefined>((sftp, done) => sftp.chmod(file, mode, (error) => done(error, undefined))),
    );
  }

  protected override ownDigest(file: string, signal?: AbortSignal): Promise<string | undefined> {
    return remoteDigest(this.runner, file, signal);
  }

  /** One request. @throws ConnectionLostError where the connection ends before its answer */
  private async ask<T>(request: (sftp: SFTPWrapper, done: Done<T>) => void): Promise<T> {
    const answered = this.connection.beginSftpRequest();
    try {
      return await this.askOn(await this.connection.sftp(), request);
    } finally {
      answered();
    }
  }

  private askOn<T>(
    { sftp, client }: Awaited<ReturnType<ClusterConnection['sftp']>>,
    request: (sftp: SFTPWrapper, done: Done<T>) => void,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const lost = () => reject(this.connection.lostError());
      client.once('close', lost);
      const done: Done<T> = (error, result) => {
        client.off('close', lost);
        if (!error) return resolve(result);
        reject(/No response from server/.test(error.message) ? this.connection.lostError() : error);
      };
      try {
        request(sftp, done);
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)), undefined as T);
      }
    });
  }

  private shut(handle: Buffer): Promise<void> {
    return this.ask<void>((sftp, done) => sftp.close(handle, (error) => done(error, undefined))).catch(() => undefined);
  }

  private async attempt<T>(verb: string, file: string, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw this.inWords(verb, file, error);
    }
  }

  /**
   * The protocol has one code, "Failure", for a full disk, a used-up quota and more. The reason is found by asking for
   * the free space, then by a program that does the same, where the host runs programs.
   */
  private async whyNotWritten(
    verb: string,
    file: string,
    error: unknown,
    same: readonly string[],
    stdin?: Uint8Array,
  ): Promise<Error> {
    if (codeOf(error) !== FAILURE) return this.inWords(verb, file, error);
    const free = await this.freeBytes(file);
    if (free !== undefined && free < 1024 * 1024)
      return new UserError(this.failure(verb, file, 'the disk is full: remove files there or choose another folder'));
    const said = await this.runner.run(same, { stdin, env: { LC_ALL: 'C' } }).then(({ stderr }) => stderr, messageOf);
    const reason = reasonIn(said) ?? 'the host refused it. Most often the disk quota is used up';
    return new UserError(this.failure(verb, file, reason));
  }

  private inWords(verb: string, file: string, error: unknown): Error {
    if (error instanceof UserError) return error;
    return new UserError(this.failure(verb, file, REASONS[codeOf(error) ?? -1] ?? messageOf(error)));
  }
}

function codeOf(error: unknown): number | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}

function factsOfStats({ mode, size, mtime }: Stats): FileFacts {
  return factsOf(mode, size, mtime);
}

/** Covers `size` bytes in blocks, a bounded number at once, begun in order. */
async function inParallel(size: number, block: (at: number, length: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < size) {
      const at = next;
      next += BLOCK;
      await block(at, Math.min(BLOCK, size - at));
    }
  };
  await Promise.all(Array.from({ length: UNDER_WAY }, lane));
}
