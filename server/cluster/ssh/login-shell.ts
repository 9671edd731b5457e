/**
 * Programs run through an account's login shell, whatever that shell is and whatever it prints: the program's output
 * follows a random mark on each stream.
 */
import { randomBytes } from 'node:crypto';
import { UserError } from '../../errors';
import type { RunOptions } from '../host';
import { loginShellLine, quoteArgument, quoteCommand } from '../quote';
import type { OnOutput } from '../runner';

/** Hands one command line to the login shell; resolves with the exit code. When `signal` fires it settles soon. */
export type ExecuteLine = (
  line: string,
  onOutput: OnOutput,
  options: Pick<RunOptions, 'stdin'>,
  signal: AbortSignal,
) => Promise<number>;

/** Bytes of output before the mark that are kept for an error. */
const KEPT = 4096;

/** Runs a program. @throws UserError where the shell ended before the program began, or the folder is not there */
export async function runThroughShell(
  host: string,
  execute: ExecuteLine,
  command: readonly string[],
  onOutput: OnOutput,
  { stdin, cwd, env = {} }: Pick<RunOptions, 'stdin' | 'cwd' | 'env'>,
  signal: AbortSignal,
): Promise<number> {
  const [half, other] = [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')];
  // In two halves, so that a shell that echoes its commands does not print the mark.
  const mark = (words: string) => `printf '%s%s %s\\n' ${half} ${other} ${words}`;
  const variables = Object.entries(env).map(([name, value]) => quoteArgument(`${name}=${value}`));
  const program = [...(variables.length > 0 ? ['env', ...variables] : []), quoteCommand(command)].join(' ');
  const enter = cwd === undefined ? '' : `cd -- ${quoteArgument(cwd)} 2>/dev/null || { ${mark('cwd')}; exit 1; }\n`;
  const script = `${enter}${mark('$$')}\n${mark('-')} >&2\nexec ${program}`;

  let pid: string | undefined;
  const pending = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  const begun = { stdout: false, stderr: false };
  const receive: OnOutput = (chunk, source) => {
    if (begun[source]) return onOutput(chunk, source);
    const text = Buffer.concat([pending[source], chunk]);
    const at = text.indexOf(`${half}${other} `);
    const end = at < 0 ? -1 : text.indexOf(10, at);
    if (end < 0) {
      pending[source] = at < 0 ? text.subarray(-KEPT) : text;
      return;
    }
    begun[source] = true;
    if (source === 'stdout') pid = text.toString('latin1', at + half.length + other.length + 1, end);
    if (end + 1 < text.length) onOutput(text.subarray(end + 1), source);
  };
  const end = () => {
    if (!pid || !/^\d+$/.test(pid)) return;
    // Servers may leave programs running when their channel is closed.
    const kill = loginShellLine(`kill -TERM -- -${pid} 2>/dev/null || kill -TERM ${pid} 2>/dev/null`);
    void execute(kill, () => undefined, {}, new AbortController().signal).catch(() => undefined);
  };
  signal.addEventListener('abort', end, { once: true });
  try {
    const code = await execute(loginShellLine(script), receive, { stdin }, signal);
    if (pid === 'cwd') throw new UserError(`Cannot run ${command[0]} in ${cwd} on ${host}: there is no such folder`);
    if (pid === undefined) {
      const said = Buffer.concat([pending.stdout, pending.stderr]).toString().trim().split('\n').slice(-3).join(' ');
      throw new UserError(`${host} ended before ${command[0]} could start (${code}): ${said || 'it said nothing'}`, 1);
    }
    return code;
  } finally {
    signal.removeEventListener('abort', end);
  }
}
