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
  /** Whether remarks are shown in scripts. */
  inlayHints: boolean;
}

const DEFAULTS: DocumentSettings = { disabledRules: [], inlayHints: true };
const SECTIONS = ['edmWorkbench.batch.disabledRules', 'edmWorkbench.batch.inlayHints'];

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
      const items = SECTIONS.map((section) => ({ scopeUri: uri, section }));
      const [rules, hints] = (await this.connection.workspace.getConfiguration(items)) as unknown[];
      return {
        disabledRules: Array.isArray(rules) ? rules.filter((rule) => typeof rule === 'string') : DEFAULTS.disabledRules,
        inlayHints: typeof hints === 'boolean' ? hints : DEFAULTS.inlayHints,
      };
    } catch {
      return DEFAULTS;
    }
  }
}
