/** The editor's settings that the server heeds, asked for each document: folders of one window may differ. */
import {
  type ClientCapabilities,
  type Connection,
  DidChangeConfigurationNotification,
} from 'vscode-languageserver/node';

/** What counts for one document. A value of a wrong kind counts as absent. */
export interface DocumentSettings {
  /** Rules of scripts that are switched off, by id. */
  disabledRules: readonly string[];
}

const DEFAULTS: DocumentSettings = { disabledRules: [] };
const SECTION = 'edmWorkbench.batch.disabledRules';

/** Settings by document, kept until they change. A client without settings has the defaults everywhere. */
export class Settings {
  private readonly asked = new Map<string, Promise<DocumentSettings>>();
  private isSupported = false;

  constructor(private readonly connection: Connection) {}

  /** Call while the client initialises. */
  initialize({ workspace }: ClientCapabilities): void {
    this.isSupported = workspace?.configuration === true;
  }

  /** Call once the client is initialised. @param onChange what was shown may be different now */
  async follow(onChange: () => void): Promise<void> {
    if (!this.isSupported) return;
    this.connection.onDidChangeConfiguration(() => {
      this.asked.clear();
      onChange();
    });
    // A client may have settings and yet tell of no change.
    await this.connection.client
      .register(DidChangeConfigurationNotification.type, { section: 'edmWorkbench' })
      .catch(() => undefined);
  }

  /** The settings of one document. @param uri its URI; never rejects */
  of(uri: string): Promise<DocumentSettings> {
    const known = this.asked.get(uri);
    if (known) return known;
    const asked = this.isSupported ? this.ask(uri) : Promise.resolve(DEFAULTS);
    this.asked.set(uri, asked);
    return asked;
  }

  /** A closed document needs none. */
  forget(uri: string): void {
    this.asked.delete(uri);
  }

  private async ask(uri: string): Promise<DocumentSettings> {
    try {
      const value: unknown = await this.connection.workspace.getConfiguration({ scopeUri: uri, section: SECTION });
      return { disabledRules: Array.isArray(value) ? value.filter((rule) => typeof rule === 'string') : [] };
    } catch {
      return DEFAULTS;
    }
  }
}
