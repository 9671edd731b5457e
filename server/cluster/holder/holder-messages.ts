/**
 * What a holder and those that use its login say to each other, besides the programs and files that pass through: one JSON
 * value a line, on a channel of its own.
 */
import type { Duplex } from 'node:stream';
import { CancelledError, messageOf, UserError } from '../../errors';
import type { HostKeyParams, PromptParams, SecretParams } from '../../shared/protocol';
import { ConnectionLostError } from '../host';
import { NeedsUserError } from '../ssh/authentication';

/** Raised with every change here that an older side would not understand. */
export const HOLDER_PROTOCOL = 2;
/** Name of the channel's subsystem. */
export const CONTROL = 'edm-workbench-control';

/** A question that only a person, or what asks one, can answer. */
export type Question =
  | { about: 'prompt'; params: PromptParams }
  | { about: 'hostKey'; params: HostKeyParams }
  | { about: 'secret'; params: SecretParams };

export type ToHolder =
  /** Log in unless that is done. `agent` is the caller's SSH_AUTH_SOCK, `idle` the seconds that the login is kept unused. */
  | { kind: 'open'; mayPrompt: boolean; agent?: string; idle: number }
  | { kind: 'answer'; to: number; value?: unknown; failure?: Failure }
  /** A command line that is too long for one message of the connection; the program is asked for by its number. */
  | { kind: 'line'; number: number; line: string }
  /** Log out, whoever uses the login. */
  | { kind: 'end' };

export type FromHolder =
  | { kind: 'ask'; number: number; question: Question }
  /** A line for the log, or one that the user should see at once. */
  | { kind: 'log' | 'tell'; line: string }
  /** `asked`: whether somebody had to be asked for the login. `until`: see `HeldRoute`. `by`: see `Route`. */
  | { kind: 'opened'; asked: boolean; until: number; by?: string }
  | { kind: 'failed'; failure: Failure }
  /** Why the channel was not opened that is refused next. */
  | { kind: 'refused'; message: string }
  /** The last word: the login was ended on purpose. */
  | { kind: 'ended' };

/** An error as it is told to another process. */
export interface Failure {
  name: 'lost' | 'cancelled' | 'needs-user' | 'user' | 'defect';
  message: string;
  exitCode?: 1 | 2;
}

export function failureOf(error: unknown): Failure {
  const message = messageOf(error);
  if (error instanceof CancelledError) return { name: 'cancelled', message };
  if (error instanceof ConnectionLostError) return { name: 'lost', message };
  if (error instanceof NeedsUserError) return { name: 'needs-user', message, exitCode: error.exitCode };
  if (error instanceof UserError) return { name: 'user', message, exitCode: error.exitCode };
  return { name: 'defect', message: error instanceof Error ? (error.stack ?? message) : message };
}

export function errorOf({ name, message, exitCode }: Failure): Error {
  switch (name) {
    case 'cancelled':
      return new CancelledError(message);
    case 'lost':
      return new ConnectionLostError(message);
    case 'needs-user':
      return new NeedsUserError(message, exitCode);
    case 'user':
      return new UserError(message, exitCode);
    case 'defect':
      return new Error(message);
  }
}

/** Longest message that is read, in characters: a command line with the names of very many files. */
const LONGEST = 64 << 20;

/** Reads messages as they come. @param onMessage must not throw */
export function readMessages<Message>(channel: Duplex, onMessage: (message: Message) => void): void {
  let text = '';
  channel.setEncoding('utf8');
  channel.on('data', (chunk: string) => {
    const lines = (text + chunk).split('\n');
    text = lines.pop() ?? '';
    if (text.length > LONGEST) channel.destroy();
    for (const line of lines) onMessage(JSON.parse(line) as Message);
  });
}

export function writeMessage(channel: Duplex, message: ToHolder | FromHolder): void {
  if (channel.writable) channel.write(`${JSON.stringify(message)}\n`);
}
