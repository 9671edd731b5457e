/** Hosts for the command line: what connecting has to ask is asked on the terminal. */
import { Hosts } from './hosts';
import { terminalPrompter } from './ssh/terminal-prompter';

let hosts: Hosts | undefined;

/** The connections of this process. */
export function terminalHosts(): Hosts {
  return (hosts ??= new Hosts(terminalPrompter, (line) => console.error(line)));
}

/** Ends them, without which the process would not. */
export function closeTerminalHosts(): void {
  hosts?.close();
}
