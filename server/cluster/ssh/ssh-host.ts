/** Hosts over ssh: the one that a connection leads to, and one that is reached by a second ssh from there. */
import { CommandFiles } from '../command-files';
import type { Host, HostFiles, RunOptions } from '../host';
import { Runner, type OnOutput } from '../runner';
import type { ClusterConnection } from './connection';
import { runThroughShell, type ExecuteLine } from './login-shell';
import { SftpFiles } from './sftp-files';
import { SshFiles } from './ssh-files';

type ProgramOptions = Pick<RunOptions, 'stdin' | 'cwd' | 'env'>;

/** Programs run through a login shell, wherever that is. */
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

  /** @param log gets single lines */
  constructor(connection: ClusterConnection, log: (line: string) => void) {
    super();
    this.name = connection.destination;
    this.line = (line, onOutput, options, signal) => connection.execute(line, onOutput, options, signal);
    this.files = new SshFiles(connection, new SftpFiles(connection, this), new CommandFiles(this), log);
  }
}

/** A host reached by a second ssh on `outer`, with a key on that machine; nothing can be asked. */
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
