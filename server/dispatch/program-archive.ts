/**
 * Packing files into a tar archive (ustar, POSIX.1-1988), without a program for it: that of Windows takes `C:` for a host, that
 * of macOS adds files of its own, and each takes over the permissions that it finds. What is packed is decided here alone, so
 * that the same files make the same bytes on every machine.
 */
import type { Stats } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';

/** Bytes of a header, and what all content is padded to. */
const BLOCK = 512;
/** An archive ends with two empty blocks. */
const END = Buffer.alloc(2 * BLOCK);
/** Bytes per read. */
const PIECE = 1 << 20;
/** Permissions of every file: nothing in an archive of ours is run by its name. */
const MODE = 0o644;
/** The largest size that a header can say, in bytes. */
const LARGEST = 8 ** 11 - 1;

/**
 * The bytes of an archive.
 * @param root folder that the names are relative to
 * @param names files and folders, with forward slashes; of a folder all files in it, links followed
 * @throws Error of the file system; Error for a name or a file that a header cannot say
 */
export async function* packedFiles(root: string, names: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const name of names) for (const file of await filesOf(root, name)) yield* entry(root, file);
  yield END;
}

/** A file, or all files below a folder, sorted. */
async function filesOf(root: string, name: string): Promise<string[]> {
  const place = path.join(root, ...name.split('/'));
  if (!(await stat(place)).isDirectory()) return [name];
  const inside: string[] = [];
  for (const one of (await readdir(place)).sort()) inside.push(...(await filesOf(root, `${name}/${one}`)));
  return inside;
}

async function* entry(root: string, name: string): AsyncGenerator<Uint8Array> {
  const file = await open(path.join(root, ...name.split('/')));
  try {
    const facts = await file.stat();
    yield headerOf(name, facts);
    let left = facts.size;
    while (left > 0) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(PIECE, left)));
      if (bytesRead === 0) throw new Error(`${name} became shorter while it was packed`);
      yield buffer.subarray(0, bytesRead);
      left -= bytesRead;
    }
    yield Buffer.alloc((BLOCK - (facts.size % BLOCK)) % BLOCK);
  } finally {
    await file.close();
  }
}

/** Fields of a header as ustar has them: offset and length in bytes. Owners are numbers only, and nobody's. */
function headerOf(name: string, { size }: Pick<Stats, 'size'>): Buffer {
  if (size > LARGEST) throw new Error(`${name} is too large to be packed`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number): void =>
    void block.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1');
  const [prefix, rest] = splitName(name);
  block.write(rest, 0);
  octal(MODE, 100, 8);
  octal(0, 108, 8); // user
  octal(0, 116, 8); // group
  octal(size, 124, 12);
  octal(0, 136, 12); // time
  block.write('0', 156);
  block.write('ustar\0' + '00', 257);
  block.write(prefix, 345);
  // The checksum counts its own field as spaces.
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** A name in the two parts of a header: up to 155 bytes, a slash, up to 100 bytes. */
function splitName(name: string): [prefix: string, rest: string] {
  if (Buffer.byteLength(name) <= 100) return ['', name];
  for (let at = name.indexOf('/'); at >= 0; at = name.indexOf('/', at + 1)) {
    const [prefix, rest] = [name.slice(0, at), name.slice(at + 1)];
    if (Buffer.byteLength(prefix) <= 155 && Buffer.byteLength(rest) <= 100) return [prefix, rest];
  }
  throw new Error(`${name} is too long to be packed`);
}
