/**
 * Programs in the environment of a login shell: after its profile, and after lines of the user's. What these print is not the
 * program's, whatever it is: the program's output follows a random mark on each stream. They cannot read its input either.
 */
import { randomBytes } from 'node:crypto';
import { UserError } from '../errors';
import type { Host, HostFiles, RunOptions } from './host';
import { Runner, type OnOutput } from './runner';

/** The login shell ended, or became another program, before the program could start. */
export class NotStartedError extends UserError {}

/** Bytes before the mark that are kept for an error. */
const KEPT = 4096;
// The profile gets no input, and may have gone to another folder.
const OUTER = 'exec 3<&0 </dev/null; exec bash -l -c "$0" bash "$PWD" "$@"';

export class LoginShellHost extends Runner {
  readonly name: string;
  readonly files: HostFiles;

  /** @param setup lines that run before each program, e.g. `module load git` */
  constructor(
    private readonly inner: Host,
    private readonly setup: readonly string[] = [],
  ) {
    super();
    this.name = inner.name;
    this.files = inner.files;
  }

  protected override async execute(
    command: readonly string[],
    onOutput: OnOutput,
    options: Pick<RunOptions, 'stdin' | 'cwd' | 'env'>,
    signal: AbortSignal,
  ): Promise<number> {
    const mark = randomBytes(16).toString('hex');
    const lines = this.setup.length > 0 ? [`{\n${this.setup.join('\n')}\n} >/dev/null 2>&1`] : [];
    const start = `cd -- "$1" && shift && exec <&3 3<&- && echo ${mark} && echo ${mark} >&2 && exec "$@"`;
    const before = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
    const begun = { stdout: false, stderr: false };
    const receive: OnOutput = (chunk, source) => {
      if (begun[source]) return onOutput(chunk, source);
      const text = Buffer.concat([before[source], chunk]);
      const at = text.indexOf(`${mark}\n`);
      if (at < 0) {
        before[source] = text.subarray(-KEPT);
        return;
      }
      begun[source] = true;
      const rest = text.subarray(at + mark.length + 1);
      if (rest.length > 0) onOutput(rest, source);
    };
    const words = ['sh', '-c', OUTER, [...lines, start].join('\n'), ...command];
    const code = await this.inner.stream(words, receive, { ...options, signal });
    if (begun.stdout) return code;
    const said = Buffer.concat([before.stdout, before.stderr]).toString().trim().split('\n').slice(-3).join(' ');
    throw new NotStartedError(
      `The login shell on ${this.name} ended before ${command[0]} could start (exit code ${code}): ${said || 'it said nothing'}`,
      1,
    );
  }
}
