import { readdirSync } from 'node:fs';
import path from 'node:path';
import { RegularFile } from './regular-file';

/** A script of the same folder as another one. */
interface Sibling {
  path: string;
  /** Its name in the folder. */
  name: string;
  text: string;
}

const scriptName = /\.(?:slurm|sbatch|lsf|sh|bash|job)$/;
/** A folder with more scripts, or a larger file, is not looked through. */
const MOST_FILES = 200;
const MOST_BYTES = 1 << 18;

/**
 * The other scripts of a script's folder, read when a rule asks for them.
 * @param file path of the script
 * @param opened the text of a file that an editor has open, which may differ from that on disk
 */
export function siblingsOf(
  file: string,
  opened: (file: string) => string | undefined = () => undefined,
): () => Sibling[] {
  let siblings: Sibling[] | undefined;
  return () => (siblings ??= read(path.resolve(file), opened));
}

function read(file: string, opened: (file: string) => string | undefined): Sibling[] {
  const folder = path.dirname(file);
  // A file may go away, or may not be ours to read: then it is no sibling that could be changed either.
  const attempt = <T>(ask: () => T): T | undefined => {
    try {
      return ask();
    } catch {
      return undefined;
    }
  };
  const names = attempt(() => readdirSync(folder))?.filter((name) => scriptName.test(name)) ?? [];
  if (names.length > MOST_FILES) return [];
  return names.flatMap((name): Sibling[] => {
    const other = path.join(folder, name);
    if (other === file) return [];
    const text = opened(other) ?? attempt(() => textOf(other));
    return text === undefined ? [] : [{ path: other, name, text }];
  });
}

/** A file's text; undefined for a large one. @throws UserError for what is not a regular file */
function textOf(name: string): string | undefined {
  const file = new RegularFile(name);
  try {
    return file.size > MOST_BYTES ? undefined : Buffer.from(file.read(0, file.size)).toString('utf8');
  } finally {
    file.close();
  }
}
