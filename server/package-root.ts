import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * The folder that holds package.json, whether this runs from source or from a bundle in dist/.
 * @throws Error if the installation is incomplete
 */
export function packageRoot(): string {
  for (let folder = __dirname; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'package.json')) && existsSync(path.join(folder, 'schemas'))) return folder;
    if (folder === path.dirname(folder))
      throw new Error(`EDM Workbench is not installed whole: no schemas above ${__dirname}`);
  }
}
