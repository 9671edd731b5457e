import path from 'node:path';
import { homeFolder } from './account';

/**
 * A path in the workbench's folder for what this user has decided on this machine. It is no cache: what is lost is asked
 * for again. It is in `XDG_STATE_HOME` if that is set to an absolute path, otherwise in `~/.local/state`, on Windows in
 * `%LOCALAPPDATA%`.
 */
export function statePath(...parts: string[]): string {
  const { XDG_STATE_HOME = '', LOCALAPPDATA } = process.env;
  const windows = process.platform === 'win32' ? LOCALAPPDATA : undefined;
  // As the specification says, a relative path is ignored: it would lie in whatever folder is open.
  const base = path.isAbsolute(XDG_STATE_HOME) ? XDG_STATE_HOME : windows || path.join(homeFolder(), '.local', 'state');
  return path.join(base, 'edm-workbench', ...parts);
}
