/** "lint" as a program of its own: what reads the code of all commands takes longer than checking a script does. */
import { runCommandLine } from './commands/command-line';

runCommandLine({ lint: async () => (await import('./commands/lint')).lint });
