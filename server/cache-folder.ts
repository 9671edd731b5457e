import path from 'node:path';
import { homeFolder } from './account';

/**
 * A path in the workbench's cache folder, whose files can be made or downloaded again. It is in `XDG_CACHE_HOME` if that
 * is set, otherwise in `~/.cache`, on Windows in `%LOCALAPPDATA%`.
 */
export function cachePath(...parts: string[]): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  const windows = process.platform === 'win32' ? LOCALAPPDATA : undefined;
  return path.join(XDG_CACHE_HOME || windows || path.join(homeFolder(), '.cache'), 'edm-workbench', ...parts);
}
