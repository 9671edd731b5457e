/** Files of a host over sftp, or by commands where the server has no sftp, or no session to spare for it. */
import type { FileFacts, HostFiles, TransferControl } from '../host';
import { NoSftpError, type ClusterConnection } from './connection';

export class SshFiles implements HostFiles {
  private byCommands = false;

  /** @param log gets a line where sftp is done without */
  constructor(
    private readonly connection: Pick<ClusterConnection, 'sftp'>,
    private readonly sftp: HostFiles,
    private readonly commands: HostFiles,
    private readonly log: (line: string) => void,
  ) {}

  stat(path: string): Promise<FileFacts | undefined> {
    return this.use((files) => files.stat(path));
  }

  list(folder: string): Promise<{ name: string; facts: FileFacts }[]> {
    return this.use((files) => files.list(folder));
  }

  read(path: string, offset?: number, length?: number): Promise<Buffer> {
    return this.use((files) => files.read(path, offset, length));
  }

  write(path: string, content: string | Uint8Array, mode?: number): Promise<void> {
    return this.use((files) => files.write(path, content, mode));
  }

  makeFolder(path: string): Promise<void> {
    return this.use((files) => files.makeFolder(path));
  }

  remove(path: string): Promise<void> {
    return this.use((files) => files.remove(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.use((files) => files.rename(from, to));
  }

  freeBytes(path: string): Promise<number | undefined> {
    return this.use((files) => files.freeBytes(path));
  }

  upload(local: string, remote: string, control?: TransferControl): Promise<void> {
    return this.use((files) => files.upload(local, remote, control));
  }

  download(remote: string, local: string, control?: TransferControl): Promise<void> {
    return this.use((files) => files.download(remote, local, control));
  }

  private async use<T>(work: (files: HostFiles) => Promise<T>): Promise<T> {
    if (this.byCommands) return work(this.commands);
    try {
      await this.connection.sftp();
      return await work(this.sftp);
    } catch (error) {
      // All that files do may be done again.
      if (!(error instanceof NoSftpError)) throw error;
      if (!this.byCommands) this.log(`${error.message}: files go through commands, which is slower`);
      this.byCommands = true;
      return work(this.commands);
    }
  }
}
