/** Whether one path lies below another, by their names alone: in the words of the system that they are of. Pure. */

/** What is used of Node's `path`, `path.win32` or `path.posix`: those who call pass their own. */
export interface Paths {
  relative(from: string, to: string): string;
  resolve(...parts: string[]): string;
  isAbsolute(path: string): boolean;
  readonly sep: string;
}

/** Whether a path is a folder or below it. On Windows case does not count, and another drive is never below. */
export function isBelow(folder: string, place: string, paths: Paths): boolean {
  const way = paths.relative(folder, place);
  return way !== '..' && !way.startsWith(`..${paths.sep}`) && !paths.isAbsolute(way);
}

/** The way from a folder to a file as records write it: with forward slashes; on another drive the file's whole path. */
export function wayTo(folder: string, file: string, paths: Paths): string {
  return paths.relative(folder, file).split(paths.sep).join('/');
}

/** A folder as the editor has it open, and its canonical form. */
export interface OpenFolder {
  name: string;
  canonical: string;
}

/**
 * A file as the editor would name it: a canonical path that lies in an open folder, by that folder's own name, so that no file
 * is open twice. Any other path is unchanged.
 * @param file canonical, or by the name of an open folder
 */
export function asOpened(file: string, folders: readonly OpenFolder[], paths: Paths): string {
  if (folders.some(({ name }) => isBelow(name, file, paths))) return file;
  const within = folders.filter(({ canonical }) => isBelow(canonical, file, paths));
  // Of folders within each other the inner one.
  const [inner] = within.sort((a, b) => b.canonical.length - a.canonical.length);
  return inner ? paths.resolve(inner.name, paths.relative(inner.canonical, file)) : file;
}
