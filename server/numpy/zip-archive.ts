import { crc32 } from 'node:zlib';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { UserError, messageOf } from '../errors';

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

/**
 * A zip file (also zip64) whose entries are read one at a time, in any order. Names that point outside the archive
 * (`../x`, `/x`, `C:\x`) are refused on opening.
 */
export class Archive {
  private constructor(
    /** Files only, in the archive's order; names are unique. */
    readonly entries: readonly ArchiveEntry[],
    private readonly zip: ZipFile,
  ) {}

  /** @throws UserError if `path` is missing, is not a zip file, or has unsafe names */
  static async open(path: string): Promise<Archive> {
    let zip: ZipFile | undefined;
    try {
      zip = await openPromise(path, { lazyEntries: true, autoClose: false });
      const entries = new Map<string, ArchiveEntry>();
      for await (const entry of zip.eachEntry()) {
        if (entry.fileName.endsWith('/')) continue;
        if (entries.has(entry.fileName)) throw new Error(`it has ${entry.fileName} twice`);
        entries.set(entry.fileName, new StoredEntry(entry, zip, path));
      }
      return new Archive([...entries.values()], zip);
    } catch (error) {
      zip?.close();
      const kind = error instanceof Error && 'code' in error ? '' : ' as a zip archive';
      throw new UserError(`Cannot read ${path}${kind}: ${messageOf(error)}`);
    }
  }

  close(): void {
    this.zip.close();
  }
}

class StoredEntry implements ArchiveEntry {
  constructor(
    private readonly entry: Entry,
    private readonly zip: ZipFile,
    private readonly archive: string,
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
      const chunks: Buffer[] = [];
      // yauzl fails if the stream becomes longer than the stated size, or ends before it.
      for await (const chunk of await this.zip.openReadStreamPromise(this.entry)) chunks.push(chunk as Buffer);
      const bytes = Buffer.concat(chunks);
      if (crc32(bytes) !== this.entry.crc32) throw new Error('checksum mismatch');
      return bytes;
    } catch (error) {
      throw new UserError(`${this.archive}: ${this.name} is damaged: ${messageOf(error)}`);
    }
  }
}
