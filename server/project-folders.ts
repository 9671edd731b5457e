import { existsSync } from 'node:fs';
import path from 'node:path';

/** Folders above a file's in which its project may begin. */
const MOST_ABOVE = 6;

/** A folder and those above it, up to the top of the repository; without one near, the folder alone. */
export function projectFolders(folder: string): string[] {
  const folders = [folder];
  for (let at = folder; folders.length <= MOST_ABOVE;) {
    if (existsSync(path.join(at, '.git'))) return folders;
    const above = path.dirname(at);
    if (above === at) break;
    folders.push((at = above));
  }
  return [folder];
}
