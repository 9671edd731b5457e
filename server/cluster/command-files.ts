/** Files of a host that only runs commands (a second ssh has no sftp): GNU programs, as every Linux cluster has them. */
import path from 'node:path';
import { UserError } from '../errors';
import { FileStore, LARGEST_WHOLE } from './file-store';
import { ConnectionLostError, type FileFacts, type Host, type RunOptions, type RunOutcome } from './host';
import { localFiles } from './local-host';

const MiB = 1024 * 1024;

/** Messages of the C library, and what they mean. The first that matches counts. */
const REASONS: readonly (readonly [words: RegExp, reason: string])[] = [
  [/No space left on device/, 'the disk is full: remove files there or choose another folder'],
  [/Disk quota exceeded/, 'your disk quota is used up: remove files there or choose another folder'],
  [/Permission denied|Operation not permitted/, 'permission denied'],
  [/Read-only file system/, 'the file system is read-only'],
  [/Is a directory/, 'it is a folder'],
  [/Not a directory/, 'a part of its path is a file'],
  [/No such file or directory/, 'no such file or folder'],
];

/** What a program's complaint about a file means; undefined for an unknown message. */
export function reasonIn(complaint: string): string | undefined {
  return REASONS.find(([words]) => words.test(complaint))?.[1];
}

/** Prints the SHA-256 of $1 with whatever program the host has; exit code 127 where it has none. */
const DIGEST = `for p in sha256sum 'shasum -a 256' 'openssl dgst -sha256 -r'; do
  command -v \${p%% *} >/dev/null && exec $p < "$1"
done; exit 127`;

/**
 * SHA-256 by a program of the host; undefined where it has none, or runs no programs at all (a transfer host).
 * @throws ConnectionLostError, CancelledError; UserError where the file cannot be read
 */
export async function remoteDigest(
  host: Pick<Host, 'run'>,
  file: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  try {
    const { code, stdout } = await host.run(['sh', '-c', DIGEST, 'sh', file], { signal });
    return code === 0 ? /^\\?([0-9a-f]{64})\b/.exec(stdout)?.[1] : undefined;
  } catch (error) {
    if (error instanceof ConnectionLostError || !(error instanceof UserError)) throw error;
    return undefined; // it runs no programs: the caller reads the file back, and reports what is wrong with that
  }
}

export class CommandFiles extends FileStore {
  constructor(private readonly runner: Pick<Host, 'name' | 'run' | 'stream'>) {
    super(runner.name, () => localFiles, path.posix);
  }

  async stat(file: string): Promise<FileFacts | undefined> {
    const { code, stdout, stderr } = await this.command(['stat', '-L', '-c', '%f %s %Y', '--', file]);
    if (code === 0) {
      const [mode = '', size, modified] = stdout.trim().split(' ');
      return factsOf(parseInt(mode, 16), Number(size), Number(modified));
    }
    if (/No such file|Not a directory/.test(stderr)) return undefined;
    throw this.inWords('look at', file, stderr);
  }

  async list(folder: string): Promise<{ name: string; facts: FileFacts }[]> {
    const format = '%y %m %s %T@ %f\\0';
    const find = ['find', '-L', folder, '-mindepth', '1', '-maxdepth', '1', '-printf', format];
    const stdout = await this.must('list', folder, find);
    const entries = stdout.split('\0').flatMap((entry) => {
      const found = /^(\S+) (\S+) (\d+) ([\d.]+) (.+)$/s.exec(entry);
      return found ? [found] : [];
    });
    return entries
      .map(([, type, mode = '', size, modified, name = '']) => {
        const kind: FileFacts['kind'] = type === 'f' ? 'file' : type === 'd' ? 'folder' : 'other';
        return { name, facts: { kind, size: Number(size), modified: Number(modified), mode: parseInt(mode, 8) } };
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async read(file: string, offset = 0, length?: number): Promise<Buffer> {
    if (length === undefined) return this.whole(file, await this.read(file, offset, LARGEST_WHOLE + 1));
    // Opening the file first reports a failure that the pipe would hide.
    const script = `: < "$1" || exit 1; tail -c "+$2" -- "$1" | head -c "$3"`;
    const chunks: Buffer[] = [];
    let stderr = '';
    const code = await this.runner.stream(
      ['sh', '-c', script, 'sh', file, String(offset + 1), String(length)],
      (chunk, source) => (source === 'stdout' ? chunks.push(chunk) : (stderr += chunk.toString())),
      { env: { LC_ALL: 'C' } },
    );
    if (code !== 0) throw this.inWords('read', file, stderr);
    return Buffer.concat(chunks);
  }

  async makeFolder(folder: string): Promise<void> {
    await this.must('make', folder, ['mkdir', '-p', '--', folder]);
  }

  async remove(file: string): Promise<void> {
    await this.must('remove', file, ['rm', '-rf', '--', file]);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.must('rename', `${from} to ${to}`, ['mv', '-fT', '--', from, to]);
  }

  protected override async freeBytesAt(file: string): Promise<number | undefined> {
    const { code, stdout } = await this.command(['df', '-Pk', '--', file]);
    const available = /^-?\d+$/.exec(stdout.split('\n')[1]?.trim().split(/\s+/).at(-3) ?? '')?.[0];
    return code === 0 && available !== undefined ? Math.max(0, Number(available)) * 1024 : undefined;
  }

  protected override async writeAt(file: string, offset: number, bytes: Uint8Array): Promise<void> {
    // dd writes in place, so a piece that is sent twice after a lost connection does no harm.
    const blocks = String(offset / MiB);
    const dd = ['dd', `of=${file}`, 'ibs=65536', `obs=${MiB}`, `seek=${blocks}`, 'conv=notrunc'];
    await this.must('write', file, dd, bytes);
  }

  protected override async setMode(file: string, mode: number): Promise<void> {
    await this.must('write', file, ['chmod', mode.toString(8), '--', file]);
  }

  protected override ownDigest(file: string, signal?: AbortSignal): Promise<string | undefined> {
    return remoteDigest(this.runner, file, signal);
  }

  private command(command: readonly string[], stdin?: Uint8Array): Promise<RunOutcome> {
    const options: RunOptions = { env: { LC_ALL: 'C' }, stdin };
    return this.runner.run(command, options);
  }

  private async must(verb: string, file: string, command: readonly string[], stdin?: Uint8Array): Promise<string> {
    const { code, stdout, stderr } = await this.command(command, stdin);
    if (code !== 0) throw this.inWords(verb, file, stderr);
    return stdout;
  }

  private inWords(verb: string, file: string, stderr: string): UserError {
    const reason = reasonIn(stderr) ?? (stderr.trim().split('\n')[0] || 'no reason given');
    return new UserError(this.failure(verb, file, reason));
  }
}

/** @param mode as `st_mode` */
export function factsOf(mode: number, size: number, modified: number): FileFacts {
  const type = mode & 0o170000;
  return {
    kind: type === 0o100000 ? 'file' : type === 0o040000 ? 'folder' : 'other',
    size,
    modified,
    mode: mode & 0o7777,
  };
}
