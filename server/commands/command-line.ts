/** The command line itself: what is asked for, the code that answers, and how it ends. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';
import { packageRoot } from '../package-root';
import { CancelledError, UserError } from '../errors';
import { plainText } from '../shared/plain-text';
import { asUserError } from '../system-error';
import { watchOutput, withProgress } from '../terminal';
import type { Call, Run } from './command';
import { commandHelp, overview } from './help';
import { commandOf, parseCommand } from './parse';
import { COMMANDS, GROUPS, type CommandName } from './tables/commands';

/** Loads the code of each command of a program. */
export type CommandCode = { readonly [Name in Exclude<CommandName, 'lsp'>]?: () => Promise<Run<Name>> };

async function main(argv: string[], code: CommandCode, startServer?: () => Promise<unknown>): Promise<number> {
  const asked = helpFor(argv);
  if (asked !== undefined) {
    console.log(asked);
    return argv.length === 0 ? 2 : 0;
  }
  const { name, args } = commandOf(argv);
  if (name === 'lsp') {
    // It reads its command line itself, and ends as its editor says: an interrupt is none of ours.
    await startServer?.();
    return new Promise(() => undefined);
  }
  const load = code[name];
  if (!load) throw new Error(`This program has no code of ${name}`);
  const parsed = parseCommand(name, COMMANDS[name], args);
  // The table of the command says which values its code gets; the compiler cannot follow that through a name.
  const run = (await load()) as (call: unknown) => Promise<number>;
  const closing: (() => void)[] = [];
  const signal = stopOnInterrupt();
  const call: Omit<Call<'lsp'>, 'values' | 'positionals'> = {
    ...parsed,
    signal,
    withProgress: (work) => withProgress(process.stderr, (onProgress) => work({ onProgress, signal })),
    atEnd: (close) => void closing.push(close),
  };
  try {
    return await run(call);
  } finally {
    for (const close of closing) close();
  }
}

/** What is asked for about the command line itself; undefined where a command is to run. */
function helpFor(argv: readonly string[]): string | undefined {
  if (argv[0] === '--version') return `edm-workbench ${version()}`;
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  const index = own.findIndex((word) => word === '--help' || word === '-h');
  const [first] = argv;
  if (first === undefined || index === 0) return overview();
  if (index < 0) return undefined;
  if (index === 1 && GROUPS.has(first)) return overview(first);
  return commandHelp(commandOf(own).name);
}

function version(): string {
  const { version: found } = JSON.parse(readFileSync(path.join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string;
  };
  return found;
}

/** A signal for the first interrupt, after which everything ends cleanly; a second interrupt ends at once. */
function stopOnInterrupt(): AbortSignal {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130);
    console.error('\nStopping; interrupt again to stop at once');
    controller.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  return controller.signal;
}

/** Exit status of a defect. */
const DEFECT = 70;

/** Says what ended the command. @returns exit status */
function report(thrown: unknown): number {
  const error = asUserError(thrown);
  if (error instanceof CancelledError) {
    console.error(plainText(error.message));
    return 130;
  }
  if (error instanceof UserError) {
    console.error(`Error: ${plainText(error.message)}`);
    return error.exitCode;
  }
  console.error(plainText(inspect(error)));
  return DEFECT;
}

/**
 * Runs the process's command line; its exit status says how it went.
 * @param code that of the program's commands
 * @param startServer starts the language server, where the program has it
 */
export function runCommandLine(code: CommandCode, startServer?: () => Promise<unknown>): void {
  let outputFailed = false;
  watchOutput((reason) => {
    outputFailed = true;
    process.exitCode = 2;
    console.error(`Error: Cannot write the output: ${reason}`);
  });
  // What goes wrong beside the work ends it as well, but in one line where it is the system's error.
  process.on('uncaughtException', (error) => process.exit(report(error)));

  void main(process.argv.slice(2), code, startServer)
    .catch(report)
    .then((status) => (process.exitCode = outputFailed ? 2 : status));
}
