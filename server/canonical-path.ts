/**
 * One form for a path that has several names: through links, with a drive letter in either case, by an 8.3 name, by a drive
 * that stands for a share. Git answers with one form and the editor asks in another, so that paths are brought to this one
 * before they are compared, or one is written relative to the other.
 */
import { realpathSync } from 'node:fs';
import path from 'node:path';
import { isBelow, wayTo } from './shared/places';

/**
 * The form of a path that the system itself gives, of what does not exist (yet) by its deepest part that does.
 * @param file absolute, or relative to the working folder
 */
export function canonicalPath(file: string): string {
  const whole = path.resolve(file);
  const rest: string[] = [];
  for (let place = whole; ; place = path.dirname(place)) {
    const real = realPath(place);
    if (real !== undefined) return path.join(real, ...rest);
    if (place === path.dirname(place)) return whole;
    rest.unshift(path.basename(place));
  }
}

/** Undefined where there is nothing, or nothing that can be looked at. */
function realPath(place: string): string | undefined {
  // JavaScript's own follows links only; the system's also knows long names, case and mapped drives, but not every drive.
  for (const way of [realpathSync.native, realpathSync]) {
    try {
      return way(place);
    } catch {
      // The next way, or the folder above.
    }
  }
  return undefined;
}

/** The canonical form of a file under its own name: that of its folder, as git too tracks a link and not what it leads to. */
export function canonicalFile(file: string): string {
  return path.join(canonicalPath(path.dirname(path.resolve(file))), path.basename(file));
}

/** Whether two paths lead to the same place. */
export function isSamePlace(one: string, other: string): boolean {
  return path.relative(canonicalPath(one), canonicalPath(other)) === '';
}

/**
 * A place as records of a repository name it: relative to its top, with forward slashes. What lies below the top by its names
 * keeps them, so that a link in a repository stays one; what lies below it only by its canonical form is named by that.
 * @param root top of the repository, canonical
 * @returns on another drive the whole path
 */
export function placeIn(root: string, place: string): string {
  return wayTo(root, isBelow(root, place, path) ? place : canonicalPath(place), path);
}
