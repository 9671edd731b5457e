/** Files of any host, built on a few operations: whole files written at once, and copies that resume and are checked. */
import { createHash, randomBytes } from 'node:crypto';
import type { PlatformPath } from 'node:path';
import { CancelledError, UserError } from '../errors';
import { ProgressMeter } from '../shared/progress';
import type { FileFacts, HostFiles, TransferControl } from './host';

const MiB = 1024 * 1024;
/** Bytes per write or read of a copy. A resumed copy goes back to a multiple of it: pieces before are whole. */
const PIECE = 8 * MiB;

/** Permissions of every copy: data that its owner writes and others read. A program gets its own where it is put to use. */
const COPY_MODE = 0o644;

/** The largest file that is read whole, in bytes: scripts, manifests. Larger ones are read in pieces. */
export const LARGEST_WHOLE = 64 * MiB;

/** Names that `partOf` gives. Errors name the file instead. */
const PART_NAME = /(?<![^/\\])\.([^/\\]+)\.[0-9a-f]{16}\.part/;

/** The files of one host. */
export abstract class FileStore implements HostFiles {
  /** @param host as errors name it */
  constructor(
    protected readonly host: string,
    private readonly here: () => FileStore,
    readonly path: PlatformPath,
  ) {}

  abstract stat(path: string): Promise<FileFacts | undefined>;
  abstract list(folder: string): Promise<{ name: string; facts: FileFacts }[]>;
  abstract read(path: string, offset?: number, length?: number): Promise<Buffer>;
  abstract makeFolder(path: string): Promise<void>;
  abstract remove(path: string): Promise<void>;
  /** Replaces what is there. */
  abstract rename(from: string, to: string): Promise<void>;
  /** Free bytes at an existing path; undefined if there is nothing, or if it is unknown. */
  protected abstract freeBytesAt(path: string): Promise<number | undefined>;
  /** Makes the file if there is none; bytes outside of the range stay. `offset` is a multiple of 1 MiB. */
  protected abstract writeAt(path: string, offset: number, bytes: Uint8Array): Promise<void>;
  protected abstract setMode(path: string, mode: number): Promise<void>;
  /** SHA-256 in hex, computed on that host; undefined where it has no program for it. */
  protected abstract ownDigest(path: string, signal?: AbortSignal): Promise<string | undefined>;

  async write(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
    const part = this.partOf(path, randomBytes(8).toString('hex'));
    try {
      await this.writeAt(part, 0, Buffer.from(content));
      await this.setMode(part, mode);
      await this.rename(part, path);
    } catch (error) {
      await this.remove(part).catch(() => undefined); // the first error is the one to report
      throw error;
    }
  }

  async freeBytes(path: string): Promise<number | undefined> {
    for (let place = path; ; place = this.path.dirname(place)) {
      const free = await this.freeBytesAt(place);
      if (free !== undefined || place === this.path.dirname(place)) return free;
    }
  }

  upload(local: string, remote: string, control?: TransferControl): Promise<void> {
    return this.receive('Uploading', this.here(), local, remote, control);
  }

  download(remote: string, local: string, control?: TransferControl): Promise<void> {
    return this.here().receive('Downloading', this, remote, local, control);
  }

  /** SHA-256 in hex; read back where the host has no program for it. */
  async digest(path: string, size: number, signal?: AbortSignal): Promise<string> {
    const own = await this.ownDigest(path, signal);
    if (own !== undefined) return own;
    const hash = createHash('sha256');
    for (let at = 0; at < size; at += PIECE) {
      if (signal?.aborted) throw new CancelledError();
      hash.update(await this.read(path, at, PIECE));
    }
    return hash.digest('hex');
  }

  /** Name beside `path` for a part of it. It depends on the content, so that a part of another content is not resumed. */
  private partOf(path: string, key: string): string {
    return this.path.join(
      this.path.dirname(path),
      `.${this.path.basename(path).slice(0, 60)}.${key.slice(0, 16)}.part`,
    );
  }

  private async factsOfFile(path: string): Promise<FileFacts> {
    const facts = await this.stat(path);
    if (facts?.kind === 'file') return facts;
    throw new UserError(
      `Cannot copy ${path} from ${this.host}: ${facts ? 'it is not a file' : 'there is no such file'}`,
    );
  }

  /** Bytes of a copy that are there already, in whole pieces. */
  private async arrived(part: string, size: number): Promise<number> {
    const there = (await this.stat(part))?.size ?? 0;
    return there > size ? 0 : there === size ? size : Math.floor(there / PIECE) * PIECE;
  }

  /**
   * @internal The receiving side of a copy. Permissions are ours to choose and never the source's: Windows reports 0666 of
   * every file, and what comes from a host is data here.
   */
  async receive(
    phase: string,
    source: FileStore,
    from: string,
    to: string,
    { onProgress, signal }: TransferControl = {},
  ): Promise<void> {
    const { size } = await source.factsOfFile(from);
    const wanted = await source.digest(from, size, signal);
    const present = await this.stat(to);
    if (present?.kind === 'file' && present.size === size && (await this.digest(to, size, signal)) === wanted) {
      onProgress?.({ phase, done: size, total: size, note: 'already there' });
      return;
    }
    await this.makeFolder(this.path.dirname(to));
    const part = this.partOf(to, wanted);
    for (let lastTry = false; ; lastTry = true) {
      let at = await this.arrived(part, size);
      await this.demandSpace(to, size - at);
      const meter = new ProgressMeter(phase, size, onProgress, at);
      if (at === 0) await this.writeAt(part, 0, new Uint8Array()); // an empty file has no pieces
      for (meter.update(at); at < size; meter.update(at)) {
        if (signal?.aborted) throw new CancelledError();
        const piece = await source.read(from, at, Math.min(PIECE, size - at));
        if (piece.length === 0) break; // the file shrank: the digest will not match
        await this.writeAt(part, at, piece);
        at += piece.length;
      }
      if ((await this.digest(part, size, signal)) === wanted) break;
      await this.remove(part);
      if (lastTry)
        throw new UserError(
          `The checksum of ${from} is wrong after copying it to ${this.host}: the file is being changed, or the disk is failing`,
        );
    }
    await this.setMode(part, COPY_MODE);
    await this.rename(part, to);
  }

  private async demandSpace(path: string, bytes: number): Promise<void> {
    const free = await this.freeBytes(path);
    if (free !== undefined && free < bytes) throw new UserError(this.failure('write', path, fullDisk(bytes, free)));
  }

  /**
   * What was read of a file that was asked for whole, `LARGEST_WHOLE` bytes and one more at most.
   * @throws UserError where it has more
   */
  protected whole(path: string, bytes: Buffer): Buffer {
    if (bytes.length <= LARGEST_WHOLE) return bytes;
    throw new UserError(this.failure('read', path, 'it has more than 64 MiB'));
  }

  /** One line: what failed, where, why. */
  protected failure(verb: string, path: string, reason: string): string {
    return `Cannot ${verb} ${path.replace(PART_NAME, '$1')} on ${this.host}: ${reason}`;
  }
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** Why there is not enough space for a write. */
function fullDisk(needed: number, free: number): string {
  return `the disk is full: ${megabytes(needed)} needed, ${megabytes(free)} free; remove files there or choose another folder`;
}
