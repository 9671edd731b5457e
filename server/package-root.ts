import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * The folder of package.json, both when run from source and from a bundle in dist/.
 * @throws Error if the installation is incomplete
 */
export function packageRoot(): string {
  for (let folder = __dirname; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'package.json')) && existsSync(path.join(folder, 'schemas'))) return folder;
    if (folder === path.dirname(folder))
      throw new Error(`The installation of EDM Workbench is incomplete: no schemas above ${__dirname}`);
  }
}
