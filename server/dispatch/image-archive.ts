/**
 * An archive of images as a cluster packed it, read strictly: only what is asked for by name is handed on, and only as a
 * plain file with bytes. The archive decides nothing: no path, no mode, no link, no size beyond the bound. Pure.
 */
import { UserError } from '../errors';

/** Bytes of a header, and what all content is padded to. */
const BLOCK = 512;
/** The largest extended header that is skipped, in bytes; real ones have some hundred. */
const LARGEST_EXTENSION = 64 * 1024;
/** So many refusals are named; more are counted. */
const NAMED = 8;

/** Kinds of entries by their type flag. Everything that is not here is refused by name. */
const KINDS: Readonly<Record<string, 'file' | 'folder' | 'extension' | undefined>> = {
  '0': 'file',
  '\0': 'file',
  '5': 'folder',
  x: 'extension',
  g: 'extension',
};
const REFUSED_KINDS: Readonly<Record<string, string | undefined>> = {
  '1': 'a link',
  '2': 'a link',
  '3': 'a device',
  '4': 'a device',
  '6': 'a pipe',
  S: 'a file with holes',
  L: 'a name too long for an image',
  K: 'a link',
};

interface Header {
  name: string;
  size: number;
  kind: (typeof KINDS)[string];
  /** Of a kind that is refused, in words. */
  refusedAs: string;
}

/** A file that was asked for. */
export interface ArchivedFile {
  name: string;
  bytes: Buffer;
}

/** What was left out, in words, and how much. */
export class Refusals {
  private readonly lines: string[] = [];
  count = 0;

  add(name: string, why: string): void {
    this.count++;
    if (this.lines.length < NAMED) this.lines.push(`${JSON.stringify(name.slice(0, 120))} (${why})`);
  }

  /** One sentence; undefined where nothing was left out. @param archive its name */
  text(archive: string): string | undefined {
    if (this.count === 0) return undefined;
    const more = this.count > this.lines.length ? `, and ${this.count - this.lines.length} more` : '';
    return `${archive} has entries that are not images of this run, and they were left out: ${this.lines.join(', ')}${more}`;
  }
}

/**
 * The files of a tar archive (ustar, GNU or pax) that are wanted, each once, in the order of the archive.
 * @param source the archive in pieces of any size
 * @param isWanted whether a file of that name is asked for
 * @param largest bytes that one file may have
 * @param refused gets everything else but folders
 * @throws UserError for bytes that are not a whole tar archive
 */
export async function* archivedFiles(
  source: AsyncIterable<Uint8Array>,
  isWanted: (name: string) => boolean,
  largest: number,
  refused: Refusals,
): AsyncGenerator<ArchivedFile> {
  const bytes = new ByteQueue(source);
  const seen = new Set<string>();
  let isRenamed = false;
  for (;;) {
    const header = headerOf(await bytes.take(BLOCK));
    if (!header) return; // an empty block: what may follow is padding
    const { name, size, kind, refusedAs } = header;
    const padding = (BLOCK - (size % BLOCK)) % BLOCK;
    if (kind === 'extension') {
      if (size > LARGEST_EXTENSION) throw broken(`an extended header of ${size} bytes`);
      // Times and owners are of no interest. What gives the next entry another name or size is not followed.
      isRenamed ||= /(?:^|\n)\d+ (?:path|linkpath|size|GNU\.sparse[^=]*)=/.test(
        (await bytes.take(size)).toString('latin1'),
      );
      await bytes.skip(padding);
      continue;
    }
    const why = isRenamed
      ? 'an extended header changes what it is'
      : kind === undefined
        ? refusedAs
        : kind === 'file' && !isWanted(name)
          ? 'not asked for'
          : seen.has(name)
            ? 'there twice'
            : kind === 'file' && size > largest
              ? `${size} bytes`
              : undefined;
    isRenamed = false;
    if (why !== undefined) refused.add(name, why);
    if (why !== undefined || kind === 'folder') await bytes.skip(size + padding);
    else {
      seen.add(name);
      yield { name, bytes: await bytes.take(size) };
      await bytes.skip(padding);
    }
  }
}

/** Undefined for the empty block at the end. @throws UserError for a block that is not a header */
function headerOf(block: Buffer): Header | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  const text = (from: number, length: number): string => {
    const field = block.subarray(from, from + length);
    const end = field.indexOf(0);
    return field.subarray(0, end < 0 ? length : end).toString('utf8');
  };
  const octal = (from: number, length: number): number => {
    const field = text(from, length).trim();
    // Sizes of 8 GiB and more are written in base 256: no image has them.
    if (!/^[0-7]{1,11}$/.test(field)) throw broken(`a header without a size or a checksum`);
    return parseInt(field, 8);
  };
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (octal(148, 8) !== sum) throw broken('a header with a wrong checksum');
  const flag = String.fromCharCode(block[156] ?? 0);
  // The prefix of ustar; GNU has other fields there and says so in the magic.
  const prefix = block.subarray(257, 263).toString('latin1') === 'ustar\0' ? text(345, 155) : '';
  const name = [prefix, text(0, 100)].filter(Boolean).join('/');
  return {
    name,
    size: octal(124, 12),
    kind: KINDS[flag],
    refusedAs: REFUSED_KINDS[flag] ?? 'of a kind that is not known',
  };
}

function broken(what: string): UserError {
  return new UserError(`The archive of images is not a whole tar archive (${what}): pull again`, 1);
}

/** Bytes in the order they come, taken in pieces of another size; never more than one piece ahead. */
class ByteQueue {
  private readonly source: AsyncIterator<Uint8Array>;
  private piece: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.source = source[Symbol.asyncIterator]();
  }

  /** @throws UserError where fewer are left */
  async take(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let missing = length; missing > 0;) {
      const part = await this.some(missing);
      parts.push(part);
      missing -= part.length;
    }
    return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
  }

  /** @throws UserError where fewer are left */
  async skip(length: number): Promise<void> {
    for (let missing = length; missing > 0;) missing -= (await this.some(missing)).length;
  }

  private async some(most: number): Promise<Buffer> {
    while (this.piece.length === 0) {
      const next = await this.source.next();
      if (next.done === true) throw broken('it ends too early');
      this.piece = Buffer.from(next.value);
    }
    const part = this.piece.subarray(0, most);
    this.piece = this.piece.subarray(part.length);
    return part;
  }
}
