/**
 * Programs of this machine that others bring: git, ssh, docker, nvidia-smi. Each is found by its absolute path, in absolute
 * folders of PATH that are not part of the workspace: a file called `git` that came with a repository is never started, although
 * PATH may hold `.` or an empty entry, and although Windows looks into the working folder before PATH.
 */
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { homeFolder } from './account';
import { canonicalPath } from './canonical-path';
import { isBelow } from './containment';
import { projectFolders } from './project-folders';

const WINDOWS = process.platform === 'win32';

/** The value of PATH, which Windows also calls `Path`. */
function pathIn(environment: NodeJS.ProcessEnv): string {
  const name = Object.keys(environment).find((one) => (WINDOWS ? one.toUpperCase() : one) === 'PATH');
  return (name && environment[name]) || '';
}

const foldersKnown = new Map<string, readonly string[]>();

/**
 * The folders of PATH that programs are taken from.
 * @param workspace a folder of the workspace; its whole repository counts as it. One that holds the user's home is no workspace
 *   of somebody else's: of such a one only the folder itself is left out
 * @returns absolute, in the order of PATH
 */
export function programFolders(workspace?: string, environment: NodeJS.ProcessEnv = process.env): readonly string[] {
  const search = pathIn(environment);
  const key = `${search}\0${workspace ?? ''}`;
  const known = foldersKnown.get(key);
  if (known) return known;
  const folders = search.split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  const found = workspace === undefined ? folders : folders.filter(outside(canonicalPath(workspace)));
  foldersKnown.set(key, found);
  return found;
}

function outside(workspace: string): (folder: string) => boolean {
  const top = projectFolders(workspace).at(-1) ?? workspace;
  const isHome = isBelow(top, canonicalPath(homeFolder()));
  return (folder) => {
    const place = canonicalPath(folder);
    return isHome ? place !== workspace && place !== top : !isBelow(top, place);
  };
}

/**
 * The program of a name.
 * @param name without an ending; on Windows an `.exe`, as batch files need a shell
 * @param workspace as for `programFolders`
 * @returns absolute path; undefined where there is none
 */
export function programNamed(
  name: string,
  workspace?: string,
  environment: NodeJS.ProcessEnv = process.env,
): string | undefined {
  const file = WINDOWS ? `${name}.exe` : name;
  return programFolders(workspace, environment)
    .map((folder) => path.join(folder, file))
    .find(isProgram);
}

/**
 * The environment for a program that starts others by their names, as git starts ssh: PATH has the same folders.
 * @param workspace as for `programFolders`
 */
export function environmentFor(workspace?: string, environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const others = Object.entries(environment).filter(([name]) => (WINDOWS ? name.toUpperCase() : name) !== 'PATH');
  return {
    ...Object.fromEntries(others),
    PATH: programFolders(workspace, environment).join(path.delimiter),
    // Otherwise cmd.exe looks into the working folder first.
    ...(WINDOWS && { NoDefaultCurrentDirectoryInExePath: '1' }),
  };
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
