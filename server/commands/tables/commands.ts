/** Every command, in the order of the help. */
import type { CommandSpec } from '../spec';
import { CHECK_COMMANDS } from './check-options';
import { CLUSTER_COMMANDS } from './cluster-options';
import { DISPATCH_COMMANDS } from './dispatch-options';
import { FID_COMMANDS } from './fid-options';
import { IMAGE_COMMANDS } from './image-options';
import { RUN_COMMANDS } from './run-options';

const TABLE = {
  ...RUN_COMMANDS,
  ...IMAGE_COMMANDS,
  ...FID_COMMANDS,
  ...CHECK_COMMANDS,
  ...CLUSTER_COMMANDS,
  ...DISPATCH_COMMANDS,
} as const;

/** The commands' tables as they are written, for the types of their values. */
export type CommandTable = typeof TABLE;
export type CommandName = keyof CommandTable;

export const COMMANDS: Readonly<Record<CommandName, CommandSpec>> = TABLE;
export const COMMAND_NAMES = Object.keys(TABLE) as CommandName[];

/** The first word of a command's name. */
export function firstWord(name: CommandName): string {
  return name.split(' ', 1).join();
}

/** First words of commands of two words, e.g. `fid`, with the second ones. */
export const GROUPS: ReadonlyMap<string, readonly string[]> = new Map(
  [...new Set(COMMAND_NAMES.filter((name) => name.includes(' ')).map(firstWord))].map((first) => [
    first,
    COMMAND_NAMES.filter((name) => name.startsWith(`${first} `)).map((name) => name.slice(first.length + 1)),
  ]),
);
