import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { crc32, createInflateRaw, inflateRaw } from 'node:zlib';
import type { Entry, ZipFile } from 'yauzl';
import { isCode, messageOf, UserError } from '../errors';
import { RegularFile } from '../regular-file';
import { entryStart, openZip } from '../zip-file';

const inflate = promisify(inflateRaw);

/** A file in an archive. */
export interface ArchiveEntry {
  /** Path in the archive, separated by `/`, never absolute and never with `..`. */
  readonly name: string;
  /** Unpacked bytes as the archive states them; `read` verifies the number. */
  readonly size: number;
  /** CRC-32 of the unpacked bytes as the archive states it; `read` verifies it. */
  readonly crc32: number;
  /**
   * The unpacked bytes, their checksum verified.
   * @throws UserError naming archive and entry if the bytes are damaged or not as many as stated
   */
  read(): Promise<Buffer>;
  /** Reads it from its start, a part at a time, for entries that are larger than memory. */
  reader(): EntryReader;
}

/** How an entry is stored (APPNOTE 4.4.5). */
const STORED = 0;
const DEFLATED = 8;

/** A byte of deflated data gives at most 1032 bytes (RFC 1951: 258 bytes by a length and a distance of one bit each). */
const MOST_PER_BYTE = 1032;

/** How much of a name or of a reason from a file a message shows. */
const MAX_SHOWN = 200;

/**
 * A zip file (also zip64) whose entries are read one at a time, in any order. Names that point outside the archive
 * (`../x`, `/x`, `C:\x`) are refused on opening.
 */
export class Archive {
  private constructor(
    /** Files only, in the archive's order; names are unique. */
    readonly entries: readonly ArchiveEntry[],
    private readonly file: RegularFile,
  ) {}

  /**
   * @param maxEntries more are refused
   * @throws UserError if `path` is missing, is not a zip file or has unsafe names
   */
  static async open(path: string, maxEntries = Infinity): Promise<Archive> {
    const file = new RegularFile(path);
    let zip: ZipFile | undefined;
    try {
      zip = await openZip(file);
      const entries = new Map<string, ArchiveEntry>();
      for await (const entry of zip.eachEntry()) {
        if (entry.fileName.endsWith('/')) continue;
        if (entries.size >= maxEntries) throw new Error(`it has more than ${maxEntries} entries`);
        if (entries.has(entry.fileName)) throw new Error(`it has ${entry.fileName} twice`);
        entries.set(entry.fileName, new StoredEntry(entry, file));
      }
      return new Archive([...entries.values()], file);
    } catch (error) {
      file.close();
      if (error instanceof UserError) throw error;
      throw new UserError(`Cannot read ${path} as a zip archive: ${messageOf(error).slice(0, MAX_SHOWN)}`);
    } finally {
      zip?.close();
    }
  }

  close(): void {
    this.file.close();
  }
}

/** @throws Error for an entry that cannot be unpacked */
function checkEntry(entry: Entry): void {
  if (entry.isEncrypted()) throw new Error('it is encrypted');
  if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED)
    throw new Error(`compression method ${entry.compressionMethod} is not read: use deflate or none`);
  if (entry.uncompressedSize > entry.compressedSize * MOST_PER_BYTE)
    throw new Error(`it claims ${entry.uncompressedSize} bytes in ${entry.compressedSize}`);
}

/** Bytes that a reader takes from the file at once. */
const PIECE = 2 ** 20;

/** An entry from front to back. Stored bytes are skipped without being read; deflated ones have to be unpacked. */
class EntryReader {
  position = 0;
  private sum = 0;
  private isWhole = true;
  private waiting: Buffer = Buffer.alloc(0);
  private pieces: AsyncIterator<Buffer> | undefined;

  constructor(
    private readonly file: RegularFile,
    private readonly entry: Entry,
  ) {}

  /** The next bytes. @throws UserError for an entry that is damaged or has fewer */
  async take(length: number): Promise<Buffer> {
    const { entry, file } = this;
    try {
      if (this.position === 0) checkEntry(entry);
      if (this.position + length > entry.uncompressedSize)
        throw new Error(`it ends before byte ${this.position + length}`);
      const bytes =
        entry.compressionMethod === STORED
          ? Buffer.from(file.read(entryStart(file, entry) + this.position, length).buffer)
          : await this.inflated(length);
      this.position += length;
      if (this.isWhole) this.sum = crc32(bytes, this.sum);
      return bytes;
    } catch (error) {
      return this.fail(error);
    }
  }

  async skip(length: number): Promise<void> {
    if (length > 0 && this.entry.compressionMethod === STORED) {
      this.position += length;
      this.isWhole = false;
      return;
    }
    for (let left = length; left > 0; left -= PIECE) await this.take(Math.min(left, PIECE));
  }

  /** Compares the checksum, if all bytes were taken. @throws UserError if it is another one */
  finish(): Promise<void> {
    const { entry, isWhole, position, sum } = this;
    if (isWhole && position === entry.uncompressedSize && sum !== entry.crc32)
      this.fail(new Error('checksum mismatch'));
    return Promise.resolve();
  }

  private async inflated(length: number): Promise<Buffer> {
    this.pieces ??= this.inflate()[Symbol.asyncIterator]();
    const parts = [this.waiting];
    let count = this.waiting.length;
    while (count < length) {
      const next = await this.pieces.next();
      if (next.done)
        throw new Error(`it has ${this.position + count} bytes where ${this.entry.uncompressedSize} are stated`);
      parts.push(next.value);
      count += next.value.length;
    }
    const bytes = parts.length === 1 ? this.waiting : Buffer.concat(parts);
    this.waiting = bytes.subarray(length);
    return bytes.subarray(0, length);
  }

  private inflate(): AsyncIterable<Buffer> {
    const { file, entry } = this;
    const start = entryStart(file, entry);
    const stored = function* (): Generator<Uint8Array> {
      for (let at = 0; at < entry.compressedSize; at += PIECE)
        yield file.read(start + at, Math.min(PIECE, entry.compressedSize - at));
    };
    const inflate = createInflateRaw({ chunkSize: PIECE });
    // An error of either stream destroys the other, and whoever takes bytes gets it.
    pipeline(Readable.from(stored()), inflate).catch(() => undefined);
    return inflate;
  }

  private fail(error: unknown): never {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `${this.file.path}: ${this.entry.fileName.slice(0, MAX_SHOWN)} is damaged: ${messageOf(error)}`,
    );
  }
}
export type { EntryReader };

class StoredEntry implements ArchiveEntry {
  constructor(
    private readonly entry: Entry,
    private readonly file: RegularFile,
  ) {}

  get name(): string {
    return this.entry.fileName;
  }

  get size(): number {
    return this.entry.uncompressedSize;
  }

  get crc32(): number {
    return this.entry.crc32;
  }

  async read(): Promise<Buffer> {
    try {
      const bytes = await this.unpacked();
      if (bytes.length !== this.size) throw new Error(`it has ${bytes.length} bytes where ${this.size} are stated`);
      if (crc32(bytes) !== this.entry.crc32) throw new Error('checksum mismatch');
      return bytes;
    } catch (error) {
      const name = this.name.slice(0, MAX_SHOWN);
      throw new UserError(`${this.file.path}: ${name} is damaged: ${messageOf(error)}`);
    }
  }

  reader(): EntryReader {
    return new EntryReader(this.file, this.entry);
  }

  private async unpacked(): Promise<Buffer> {
    const { entry, file } = this;
    checkEntry(entry);
    const bytes = file.read(entryStart(file, entry), entry.compressedSize);
    if (entry.compressionMethod === STORED) return Buffer.from(bytes.buffer);
    // More than stated is an error before it is unpacked. zlib does not take a limit of 0.
    return inflate(bytes, { maxOutputLength: Math.max(entry.uncompressedSize, 1) }).catch((error: unknown) => {
      if (isCode(error, 'ERR_BUFFER_TOO_LARGE'))
        throw new Error(`too many bytes: ${entry.uncompressedSize} are stated`);
      throw error;
    });
  }
}
