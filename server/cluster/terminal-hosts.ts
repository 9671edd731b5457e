/** Hosts for the command line: what connecting has to ask is asked on the terminal. */
import { Hosts } from './hosts';
import { terminalPrompter } from './ssh/terminal-prompter';

let hosts: Hosts | undefined;
/** What was worth knowing before there was a connection; undefined once it was shown or dropped. */
let early: string[] | undefined = [];

/** The connections of this process. */
export function terminalHosts(): Hosts {
  return (hosts ??= new Hosts(terminalPrompter, (line) => (early ? early.push(line) : console.error(line))));
}

/**
 * What was logged so far is of use where no connection came about, or where somebody checks; each later line is shown
 * at once.
 */
export function endLogin({ show }: { show: boolean }): void {
  if (show) early?.forEach((line) => console.error(line));
  early = undefined;
}

/** Ends them, without which the process would not. */
export function closeTerminalHosts(): void {
  hosts?.close();
}
