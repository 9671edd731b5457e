/** The holder as a program: it is started by the first that needs a login, and ends by itself. */
import { Holder, type HolderStart } from './holder-server';

/** What it says once on its standard output: whether it, or another one, can be called now. */
export interface HolderReady {
  ready: boolean;
  /** Why not. */
  message?: string;
}

async function main(): Promise<void> {
  const start = JSON.parse(process.argv[2] ?? '') as HolderStart;
  const say = (word: HolderReady): void => void process.stdout.write(`${JSON.stringify(word)}\n`);
  process.stdout.on('error', () => undefined); // whoever started it may be gone
  // A defect in what one caller asks for must not end the login of all; nothing is written down, as it could hold secrets.
  process.on('uncaughtException', () => undefined).on('unhandledRejection', () => undefined);
  try {
    const holder = await Holder.begin(start, () => process.exit());
    say({ ready: true });
    if (!holder) return;
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, holder.end);
  } catch (error) {
    say({ ready: false, message: error instanceof Error ? error.message : String(error) });
    process.exitCode = 1;
  }
}

void main();
