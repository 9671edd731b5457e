import { readdirSync } from 'node:fs';
import path from 'node:path';
import { textBeside } from './script-text';

/** A script of the same folder as another one. */
interface Sibling {
  path: string;
  /** Its name in the folder. */
  name: string;
  text: string;
}

const scriptName = /\.(?:slurm|sbatch|lsf|sh|bash|job)$/;
/** A folder with more scripts is not looked through. */
const MOST_FILES = 200;

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
  const names = namesIn(folder).filter((name) => scriptName.test(name));
  if (names.length > MOST_FILES) return [];
  return names.flatMap((name): Sibling[] => {
    const other = path.join(folder, name);
    if (other === file) return [];
    // A file that went away, or is not ours to read, is no sibling that could be changed either.
    const text = opened(other) ?? textBeside(other);
    return text === undefined ? [] : [{ path: other, name, text }];
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
