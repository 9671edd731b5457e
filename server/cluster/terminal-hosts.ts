/** Hosts for the command line: questions of a login are asked on the terminal. */
import { Hosts } from './hosts';
import { terminalPrompter } from './ssh/terminal-prompter';

let hosts: Hosts | undefined;
/** Lines logged before there was a connection; undefined once they were shown or dropped. */
let early: string[] | undefined = [];

/** The connections of this process. */
export function terminalHosts(): Hosts {
  return (hosts ??= new Hosts(terminalPrompter, (line) => (early ? early.push(line) : console.error(line))));
}

/**
 * Ends the login: lines logged so far are shown where it failed, or where the user is checking the configuration. Later
 * lines are shown at once.
 */
export function endLogin({ show }: { show: boolean }): void {
  if (show) early?.forEach((line) => console.error(line));
  early = undefined;
}

/** Closes them: an open connection keeps the process alive. */
export function closeTerminalHosts(): void {
  hosts?.close();
}
