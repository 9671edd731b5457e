/** `edm-workbench`: the same core for terminals, CI and compute nodes. Progress on stderr, results on stdout. */
import { parseArgs } from 'node:util';
import { closeTerminalHosts } from './cluster/terminal-hosts';
import { clusterCommands } from './commands/cluster';
import type { Command, Values } from './commands/command';
import { dispatchCommands } from './commands/dispatch';
import { fidCommands } from './commands/fid';
import { generateCommands } from './commands/generate';
import { projectCommands } from './commands/project';
import { CancelledError, UserError } from './errors';
import { didYouMean } from './suggest';
import { progressLine } from './terminal';

/** Every command, in the order of the help. */
const COMMANDS: Record<string, Command> = {
  ...generateCommands,
  ...fidCommands,
  ...projectCommands,
  ...dispatchCommands,
  ...clusterCommands,
};

function usage(): string {
  const lines = Object.values(COMMANDS).map(({ usage: line, summary }) => `  edm-workbench ${line}\n      ${summary}`);
  return ['Usage:', ...lines, '  edm-workbench lsp --stdio\n      The language server, for any editor'].join('\n');
}

async function main(argv: string[]): Promise<number> {
  if (argv[0] === 'lsp') {
    await import('./lsp/main');
    return new Promise(() => undefined);
  }
  if (argv.length === 0 || argv.includes('--help') || argv.includes('-h')) {
    console.log(usage());
    return argv.length === 0 ? 2 : 0;
  }
  const two = argv.slice(0, 2).join(' ');
  const name = two in COMMANDS ? two : argv[0];
  const command = COMMANDS[name];
  if (!command) {
    const hint = didYouMean(two, Object.keys(COMMANDS)) ?? didYouMean(argv[0], Object.keys(COMMANDS));
    throw new UserError(
      `Unknown command "${argv[0]}"${hint ? `: did you mean "${hint}"?` : '; edm-workbench --help lists them'}`,
    );
  }
  const args = argv.slice(name.split(' ').length);
  const { values, positionals } = parse(command, args, name);
  const controller = new AbortController();
  // The first interrupt ends cleanly between two images; a second one ends at once.
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130);
    console.error('\nStopping; interrupt again to stop at once');
    controller.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const report = progressLine(process.stderr);
  try {
    return await command.run(values, positionals, { report, signal: controller.signal });
  } finally {
    report.end();
    closeTerminalHosts();
  }
}

function parse(command: Command, args: string[], name: string): { values: Values; positionals: string[] } {
  try {
    const { values, positionals } = parseArgs({ args, options: command.options, allowPositionals: true });
    return { values: values as Values, positionals };
  } catch (error) {
    const unknown = /Unknown option '--?([^'=]+)/.exec((error as Error).message)?.[1];
    if (unknown === undefined) throw new UserError(`${name}: ${(error as Error).message.split('. ')[0]}`);
    const hint = didYouMean(unknown, Object.keys(command.options));
    throw new UserError(`${name} has no option --${unknown}${hint ? `: did you mean --${hint}?` : ''}`);
  }
}

void main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    if (error instanceof CancelledError) {
      const kept = 'Cancelled: finished images are kept, run the same command again to continue';
      console.error(error.message === 'Cancelled' ? kept : error.message);
      process.exitCode = 130;
    } else if (error instanceof UserError) {
      console.error(`Error: ${error.message}`);
      process.exitCode = error.exitCode;
    } else {
      console.error(error);
      process.exitCode = 70;
    }
  },
);
