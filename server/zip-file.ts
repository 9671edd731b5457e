/** Opening zip files (also zip64) that somebody else has made, by yauzl. */
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';

/** What a zip file is read from: a file, or bytes inside one. */
export interface ZipSource {
  readonly size: number;
  /** @throws UserError when the source ends before `offset + length` */
  read(offset: number, length: number): Uint8Array;
  /** @throws UserError naming the file and the problem */
  fail(problem: string): never;
}

/**
 * The directory of a zip file; `file` stays open when the result is closed. All reading goes through `file`, which refuses
 * offsets that are not in it: yauzl alone would give a number beyond 2^53 to the operating system, and the error would be
 * thrown where nobody can catch it.
 * @throws Error if it is not a zip file
 */
export function openZip(file: ZipSource): Promise<ZipFile> {
  return fromRandomAccessReaderPromise(new FileReader(file), file.size, { autoClose: false, lazyEntries: true });
}

class FileReader extends RandomAccessReader {
  constructor(private readonly file: ZipSource) {
    super();
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    try {
      buffer.set(this.file.read(position, length), offset);
    } catch (error) {
      return callback(error as Error);
    }
    callback(null, length);
  }
}

/** Bytes before an entry's name in its local header (APPNOTE 4.3.7), and where the lengths of name and extra field are. */
const LOCAL_HEADER = { bytes: 30, nameLength: 26, extraLength: 28 };

/**
 * Where an entry's bytes begin, as stored.
 * @throws UserError if they are not in the file
 */
export function entryStart(file: ZipSource, entry: Entry): number {
  const { relativeOffsetOfLocalHeader: at, compressedSize } = entry;
  const header = file.read(at, LOCAL_HEADER.bytes);
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  if (view.getUint32(0, true) !== 0x04034b50) file.fail(`there is no entry at byte ${at}`);
  const lengths = view.getUint16(LOCAL_HEADER.nameLength, true) + view.getUint16(LOCAL_HEADER.extraLength, true);
  const start = at + LOCAL_HEADER.bytes + lengths;
  if (!(start + compressedSize <= file.size)) file.fail('an entry ends after the file');
  return start;
}
