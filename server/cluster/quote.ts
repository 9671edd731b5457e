/** Quoting for shells: an argument stays one argument, whatever characters it has. Pure. */
import { UserError } from '../errors';

/** Longest command line handed to a login shell: Linux accepts 128 KiB in one argument. */
const MAX_COMMAND = 120_000;

/**
 * One argument as a word of a POSIX shell.
 * @throws UserError for NUL, which an argument cannot contain
 */
export function quoteArgument(text: string): string {
  if (text.includes('\0')) throw new UserError(`An argument cannot contain a NUL character: ${text.slice(0, 60)}`);
  if (/^[A-Za-z0-9_@%+:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A command for a POSIX shell. */
export function quoteCommand(command: readonly string[]): string {
  return command.map(quoteArgument).join(' ');
}

/**
 * A POSIX shell script as one line that every login shell (sh, bash, csh, tcsh, fish, zsh) hands to /bin/sh unharmed.
 * Quotes, `!`, newlines and bytes above 127 mean something else in each of them, even between single quotes; so everything
 * but harmless ASCII is sent as octal escapes of printf's %b.
 * @throws UserError if it is longer than a command line can be
 */
export function loginShellLine(script: string): string {
  let encoded = '';
  for (const byte of Buffer.from(script)) {
    const character = String.fromCharCode(byte);
    encoded += /[A-Za-z0-9 _@%+:,./=-]/.test(character) ? character : `\\0${byte.toString(8).padStart(3, '0')}`;
  }
  const line = `exec /bin/sh -c 'eval "$(printf %b "${encoded}")"'`;
  if (line.length > MAX_COMMAND)
    throw new UserError(`A command of ${line.length} characters is too long: a command line may have ${MAX_COMMAND}`);
  return line;
}
