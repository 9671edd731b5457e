/** Hosts over ssh: the one a connection leads to, and one behind it that is reached by typing ssh there. */
import { CommandFiles } from '../command-files';
import type { Host, HostFiles, RunOptions } from '../host';
import { Runner, type OnOutput } from '../runner';
import type { ClusterConnection } from './connection';
import { runThroughShell, type ExecuteLine } from './login-shell';
import { SftpFiles } from './sftp-files';

type ProgramOptions = Pick<RunOptions, 'stdin' | 'cwd' | 'env'>;

/** Programs by way of a login shell, wherever that is. */
abstract class ShellRunner extends Runner {
  protected abstract readonly line: ExecuteLine;

  protected override execute(
    command: readonly string[],
    onOutput: OnOutput,
    options: ProgramOptions,
    signal: AbortSignal,
  ): Promise<number> {
    return runThroughShell(this.name, this.line, command, onOutput, options, signal);
  }
}

export class SshHost extends ShellRunner {
  readonly name: string;
  readonly files: HostFiles;
  protected readonly line: ExecuteLine;

  constructor(connection: ClusterConnection) {
    super();
    this.name = connection.destination;
    this.line = (line, onOutput, options, signal) => connection.execute(line, onOutput, options, signal);
    this.files = new SftpFiles(connection, this);
  }
}

/** A host reached by a second ssh on `outer`, with a key that lies there; nothing can be asked. */
export class SecondHopHost extends ShellRunner {
  readonly name: string;
  readonly files: HostFiles;
  protected readonly line: ExecuteLine;

  constructor(outer: Host, via: string) {
    super();
    this.name = via;
    this.line = (line, onOutput, { stdin }, signal) =>
      outer.stream(['ssh', '-T', '-o', 'BatchMode=yes', '--', via, line], onOutput, { stdin, signal });
    this.files = new CommandFiles(this);
  }
}
