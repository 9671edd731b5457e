/** Types of editor.mjs: an editor to run the extension in, also where no VS Code can be downloaded. */

/** Why something cannot be had here: one line for the user, e.g. to skip a test by name. */
export interface Missing {
  missing: string;
}

/** A Node that code-server runs on, and code-server's entry file: absolute paths. */
export interface CodeServerInstallation {
  node: string;
  entry: string;
}

/**
 * The Chromium or Chrome on this machine; as root on Debian it is installed when absent.
 * `$CHROME_PATH` names another one.
 */
export function ensureChromium(): Promise<{ executable: string } | Missing>;

/**
 * code-server (the real VS Code workbench with a real Node extension host) and the Node it needs, from npm, in
 * `$XDG_CACHE_HOME/edm-workbench/editor-<version>/`. The first call takes minutes (800 MB), later ones milliseconds.
 * Several processes may call it at once: one installs, the others wait.
 */
export function ensureCodeServer(): Promise<CodeServerInstallation | Missing>;

/** What to run, and where. Paths may be relative to the working folder. */
export interface CodeServerOptions {
  /** The folder (or `.code-workspace` file) to open; without it an empty window. */
  workspace?: string;
  /** The extension(s) under development, loaded from their folders without being installed. */
  extensionDevelopmentPath?: string | readonly string[];
  /** A module with `run(): Promise<void>`, run inside the extension host. */
  extensionTestsPath?: string;
  /** Where settings and state live; a temporary folder, removed by `stop()`, when left out. */
  userDataDir?: string;
  /** Where installed extensions live; as `userDataDir`. */
  extensionsDir?: string;
  /** A free one when left out. */
  port?: number;
  /** User settings over the harness's quiet defaults. Left out, an existing settings.json stays as it is. */
  settings?: Readonly<Record<string, unknown>>;
  /** Whether folders must be trusted first, as on a user's desktop. False by default: everything is trusted. */
  workspaceTrust?: boolean;
  /** Asked for by the page. Without it every user of this machine can open the editor, and with it a shell as you. */
  password?: string;
  /** Environment variables for the extension host, over those of this process. */
  env?: Readonly<Record<string, string | undefined>>;
}

/** A running editor server. It ends with `stop()` and, at the latest, with the process that started it. */
export interface CodeServer {
  /** The address of the workbench with the workspace and the extension under development. */
  url: string;
  port: number;
  /** Settles when the server has ended by itself or by `stop()`. */
  exited: Promise<void>;
  /** Ends the server and its extension host, and removes its temporary folders. */
  stop(): Promise<void>;
  /** The last 64 KiB of what the server wrote. */
  log(): string;
}

/**
 * Starts code-server on 127.0.0.1 and waits until it answers.
 * @throws Error when it is not installed and cannot be, or does not answer within a minute (with the log's tail)
 */
export function startCodeServer(options?: CodeServerOptions): Promise<CodeServer>;

/** The desktop VS Code's command line (`code`), if there is one; never the shim of a remote or code-server terminal. */
export function findDesktopCode(): string | undefined;
