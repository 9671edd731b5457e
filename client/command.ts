import type { Context } from './context';

/**
 * What a command of the extension does. A failure is thrown: `registerCommands` shows it.
 * @param argument what a menu, a lens or another command passes: a `Uri`, an entry of the tree, or `{ cluster, id }`
 * @param selection all selected entries, where the command comes from a tree that allows several
 */
export type Command = (context: Context, argument?: unknown, selection?: unknown) => Promise<void> | void;
