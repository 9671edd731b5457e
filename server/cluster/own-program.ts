/** Programs of ours that run as processes of their own: bundled beside the bundle, or TypeScript when run from source. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { homeFolder } from '../account';
import { UserError } from '../errors';
import { packageRoot } from '../package-root';

/**
 * How node starts one of them.
 * @param source the module that asks, `__filename`: in its folder, or in that of the bundle, the program is
 * @param name of the file, without its ending
 * @throws UserError where it is missing
 */
export function ownProgram(source: string, name: string): { args: string[]; cwd: string } {
  const isSource = source.endsWith('.ts');
  const entry = path.join(path.dirname(source), `${name}.${isSource ? 'ts' : 'js'}`);
  if (!existsSync(entry)) throw new UserError(`${entry} is missing`);
  // Bundled, it keeps no folder busy that may be removed meanwhile. From source the loader's flags are passed on.
  return { args: [...(isSource ? process.execArgv : []), entry], cwd: isSource ? packageRoot() : homeFolder() };
}
