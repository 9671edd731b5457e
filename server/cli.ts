/**
 * `edm-workbench`: the same core for terminals, CI and compute nodes. Progress on stderr, results on stdout. The code of
 * a command, and with it every room it needs, is loaded only when the command runs.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';
import { packageRoot } from './package-root';
import { COMMANDS, GROUPS, type CommandName } from './commands/tables/commands';
import type { Call, Run } from './commands/command';
import { commandHelp, overview } from './commands/help';
import { commandOf, parseCommand } from './commands/parse';
import { CancelledError, UserError } from './errors';
import { plainText } from './shared/plain-text';
import { asUserError } from './system-error';
import { watchOutput, withProgress } from './terminal';

/** Where the code of each command is; the language server reads its command line itself. */
const CODE: { [Name in Exclude<CommandName, 'lsp'>]: () => Promise<Run<Name>> } = {
  run: async () => (await import('./commands/run')).run,
  history: async () => (await import('./commands/run')).history,
  generate: async () => (await import('./commands/generate')).generate,
  calibrate: async () => (await import('./commands/generate')).calibrate,
  import: async () => (await import('./commands/generate')).importModel,
  'fid calc': async () => (await import('./commands/fid')).calc,
  'fid ref': async () => (await import('./commands/fid')).ref,
  'fid merge': async () => (await import('./commands/fid')).merge,
  lint: async () => (await import('./commands/check')).lint,
  doctor: async () => (await import('./commands/check')).doctor,
  completion: async () => (await import('./commands/completion')).completion,
  submit: async () => (await import('./commands/cluster')).submit,
  queue: async () => (await import('./commands/cluster')).queue,
  job: async () => (await import('./commands/cluster')).job,
  logs: async () => (await import('./commands/cluster')).logs,
  cancel: async () => (await import('./commands/cluster')).cancel,
  hold: async () => (await import('./commands/cluster')).hold,
  release: async () => (await import('./commands/cluster')).release,
  clusters: async () => (await import('./commands/cluster')).clusters,
  'connect-check': async () => (await import('./commands/cluster')).connectCheck,
  snapshot: async () => (await import('./commands/cluster')).snapshot,
  pull: async () => (await import('./commands/dispatch')).pull,
  'cluster calibrate': async () => (await import('./commands/dispatch')).calibrateOnCluster,
  'container build': async () => (await import('./commands/dispatch')).buildContainer,
  'container template': async () => (await import('./commands/dispatch')).printTemplate,
  shard: async () => (await import('./commands/dispatch')).shard,
  finish: async () => (await import('./commands/dispatch')).finish,
};

async function main(argv: string[]): Promise<number> {
  const asked = helpFor(argv);
  if (asked !== undefined) {
    console.log(asked);
    return argv.length === 0 ? 2 : 0;
  }
  const { name, args } = commandOf(argv);
  if (name === 'lsp') {
    await import('./lsp/main');
    return new Promise(() => undefined);
  }
  const parsed = parseCommand(name, COMMANDS[name], args);
  // The table of the command says which values its code gets; the compiler cannot follow that through a name.
  const run = (await CODE[name]()) as (call: unknown) => Promise<number>;
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
    const kept = 'Cancelled: finished images are kept; run the same command again to continue';
    console.error(plainText(error.message === 'Cancelled' ? kept : error.message));
    return 130;
  }
  if (error instanceof UserError) {
    console.error(`Error: ${plainText(error.message)}`);
    return error.exitCode;
  }
  console.error(plainText(inspect(error)));
  return DEFECT;
}

let outputFailed = false;
watchOutput((reason) => {
  outputFailed = true;
  process.exitCode = 2;
  console.error(`Error: Cannot write the output: ${reason}`);
});
// What goes wrong beside the work ends it as well, but in one line where it is the system's error.
process.on('uncaughtException', (error) => process.exit(report(error)));

void main(process.argv.slice(2))
  .catch(report)
  .then((status) => (process.exitCode = outputFailed ? 2 : status));
