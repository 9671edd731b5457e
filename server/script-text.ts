import { RegularFile } from './regular-file';

/** Larger files are not looked through for what they say of a script. */
const MOST_BYTES = 1 << 18;

/** The first bytes of a file, or fewer if it has no more; none of one that is not there or not ours to read. */
export function firstBytes(name: string, length: number): Uint8Array {
  try {
    const file = new RegularFile(name);
    try {
      return file.read(0, Math.min(length, file.size));
    } finally {
      file.close();
    }
  } catch {
    return new Uint8Array();
  }
}

/** The text of a file beside a script; undefined for a large one, and for one that is not there or not ours to read. */
export function textBeside(name: string): string | undefined {
  try {
    const file = new RegularFile(name);
    try {
      return file.size > MOST_BYTES ? undefined : Buffer.from(file.read(0, file.size)).toString('utf8');
    } finally {
      file.close();
    }
  } catch {
    return undefined;
  }
}
