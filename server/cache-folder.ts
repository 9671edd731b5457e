import os from 'node:os';
import path from 'node:path';

/**
 * A place in the user's cache of the workbench: whatever lies there can be made or fetched again. `XDG_CACHE_HOME`
 * decides where it is set; otherwise `~/.cache`, on Windows `%LOCALAPPDATA%`.
 */
export function cachePath(...parts: string[]): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  const windows = process.platform === 'win32' ? LOCALAPPDATA : undefined;
  return path.join(XDG_CACHE_HOME || windows || path.join(os.homedir(), '.cache'), 'edm-workbench', ...parts);
}
