/** The Python programs that a script runs, as far as their code lies in the same project. */
import { realpathSync } from 'node:fs';
import path from 'node:path';
import { isBelow } from './containment';
import { projectFolders } from './project-folders';
import { textBeside } from './script-text';

/**
 * The code of a program by its name in the script. Jobs begin in the folder that they are submitted from: looked for in the
 * script's folder and in those above it, up to the top of the repository; without one, in the script's folder only.
 * @param file path of the script
 * @param opened the text of a file that an editor has open, which may differ from that on disk
 */
export function programsOf(
  file: string,
  opened: (file: string) => string | undefined = () => undefined,
): (name: string) => string | undefined {
  const known = new Map<string, string | undefined>();
  let folders: string[] | undefined;
  return (name) => {
    // A path of its own, or of a container, says nothing about this project.
    if (path.isAbsolute(name) || name.startsWith('~') || !name.endsWith('.py')) return undefined;
    if (known.has(name)) return known.get(name);
    folders ??= projectFolders(path.dirname(path.resolve(file)));
    const top = folders.at(-1) ?? '.';
    const found = folders.map((folder) => path.resolve(folder, name)).find((one) => isInside(top, one));
    const text = found === undefined ? undefined : (opened(found) ?? textBeside(found));
    known.set(name, text);
    return text;
  };
}

/** Whether a file is there and below a folder, also where parts of its path are links. */
function isInside(folder: string, file: string): boolean {
  try {
    const [top, real] = [realpathSync(folder), realpathSync(file)];
    return real !== top && isBelow(top, real);
  } catch {
    return false;
  }
}
