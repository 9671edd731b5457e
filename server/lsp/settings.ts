/** The editor's settings that the server heeds. A client without settings has none; a value of a wrong kind counts as absent. */
import { DidChangeConfigurationNotification, type Connection } from 'vscode-languageserver/node';

/** Section `edmWorkbench` of the editor's settings. */
export class Settings {
  /** Rules of batch scripts that are switched off, by id. */
  disabledRules: readonly string[] = [];

  /** Reads now and whenever they change. Call once the client is initialised. @param onChange what was shown may be different now */
  async follow(connection: Connection, onChange: () => void): Promise<void> {
    const read = async (): Promise<void> => {
      const value: unknown = await connection.workspace.getConfiguration('edmWorkbench.batch.disabledRules');
      this.disabledRules = Array.isArray(value) ? value.filter((rule) => typeof rule === 'string') : [];
      onChange();
    };
    try {
      await read();
      await connection.client.register(DidChangeConfigurationNotification.type, { section: 'edmWorkbench' });
    } catch {
      return; // an editor that has no settings for us
    }
    connection.onDidChangeConfiguration(() => void read().catch(() => undefined));
  }
}
