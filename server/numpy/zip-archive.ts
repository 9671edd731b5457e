import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
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
  /** Time of the last change as the archive states it, in ms since the epoch. */
  readonly modified: number;
  /**
   * The unpacked bytes, their checksum verified.
   * @throws UserError naming archive and entry if the bytes are damaged or not as many as stated
   */
  read(): Promise<Buffer>;
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

  get modified(): number {
    return this.entry.getLastModDate({ timezone: 'UTC' }).getTime();
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

  private async unpacked(): Promise<Buffer> {
    const { entry, file } = this;
    if (entry.isEncrypted()) throw new Error('it is encrypted');
    if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED)
      throw new Error(`compression method ${entry.compressionMethod} is not read: use deflate or none`);
    if (entry.uncompressedSize > entry.compressedSize * MOST_PER_BYTE)
      throw new Error(`it claims ${entry.uncompressedSize} bytes in ${entry.compressedSize}`);
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
