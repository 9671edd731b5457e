/** Hosts for the command line: questions of a login are asked on the terminal. */
import { Hosts } from './hosts';
import type { UserError } from '../errors';
import { plainText } from '../shared/plain-text';
import { effectsOf, NotAllowedError, type WorkspaceFile } from './allowance';
import { agrees, NoTerminalError, terminalPrompter } from './ssh/terminal-prompter';

let hosts: Hosts | undefined;
/** Lines logged before there was a connection; undefined once they were shown or dropped. */
let early: string[] | undefined = [];

/** The connections of this process. Its logins are kept for others. @param isAhead whether they are made ahead of their use */
export function terminalHosts({ isAhead = false } = {}): Hosts {
  const log = (line: string): unknown => (early ? early.push(line) : console.error(plainText(line)));
  const tell = (line: string): void => console.error(plainText(line));
  return (hosts ??= new Hosts(terminalPrompter, log, undefined, { tell, isAhead }));
}

/**
 * Ends the login: lines logged so far are shown where it failed, or where the user is checking the configuration. Later
 * lines are shown at once.
 */
export function endLogin({ show }: { show: boolean }): void {
  if (show) early?.forEach((line) => console.error(plainText(line)));
  early = undefined;
}

/** Closes them: an open connection keeps the process alive. */
export function closeTerminalHosts(): void {
  hosts?.close();
}

/** Shows what a workspace's file of clusters leads to, and asks whether it may be used. @throws NotAllowedError without a terminal */
export async function askOnTerminal(file: WorkspaceFile): Promise<boolean> {
  return agreesOnTerminal(new NotAllowedError(file), allowanceText(file));
}

/** Asks whether the content that was shown is allowed. @throws the given error where there is no terminal */
export async function agreesOnTerminal(withoutTerminal: UserError, shown = ''): Promise<boolean> {
  return agrees(`${shown}${shown && '\n'}Allow this content (y/N)? `).catch((error: unknown) => {
    throw error instanceof NoTerminalError ? withoutTerminal : error;
  });
}

/** What a file of clusters leads to, in lines. */
export function allowanceText({ file, profiles }: WorkspaceFile): string {
  return plainText([`${file} names clusters:`, ...profiles.flatMap(effectsOf).map((line) => `  ${line}`)].join('\n'));
}
