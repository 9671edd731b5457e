#!/usr/bin/env node
/**
 * An editor to run the extension in, also where no VS Code can be downloaded: code-server from npm and Chromium.
 * A module and a command:
 *
 *     node tools/editor.mjs --install
 *     node tools/editor.mjs --open FOLDER [--extension DIR] [--no-password]
 *
 * Needs nothing but Node, so that it works before `npm install` has finished.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cacheFolder, ensureCodeServer } from './code-server.mjs';
import { withoutNpm } from './npm.mjs';
import { missingPackages } from './packages.mjs';
import { lineOf, LOG_TAIL, onPath, runQuietly, say, start } from './programs.mjs';

export { ensureCodeServer };

/** Without a font Chromium draws no text at all. */
const CHROMIUM_PACKAGES = ['chromium', 'fonts-dejavu-core'];
const CHROMIUM_NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const READY_TIMEOUT_MS = 60_000;

/** Nothing that calls home, greets, or differs from one start to the next; otherwise as on the desktop. */
const QUIET_SETTINGS = {
  'files.autoSave': 'off', // in a browser VS Code saves by itself, on the desktop it does not
  'remote.autoForwardPorts': false, // announces every port that any process of this machine opens
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoUpdate': 'off',
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'window.autoDetectHighContrast': false,
  'chat.disableAIFeatures': true,
};

function findChromium() {
  const places = [
    process.env.CHROME_PATH ?? '',
    ...CHROMIUM_NAMES.flatMap((name) => onPath(name)),
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ];
  return places.find((file) => file && fs.existsSync(file));
}

/**
 * The Chromium or Chrome on this machine; as root on Debian it is installed when absent. `$CHROME_PATH` names another one.
 * @returns {Promise<{ executable: string } | import('./programs.mjs').Missing>}
 */
export async function ensureChromium() {
  const present = findChromium();
  if (present) return { executable: present };
  const lack = await missingPackages(CHROMIUM_PACKAGES);
  const executable = findChromium();
  if (executable) return { executable };
  const { missing, remedy } = lack ?? { missing: 'the package brought none', remedy: 'install a Chromium' };
  return { missing: `no Chromium: ${missing}`, remedy: `${remedy}, or set CHROME_PATH to a Chromium` };
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {net.AddressInfo} */ (probe.address());
      probe.close(() => resolve(port));
    });
  });
}

/**
 * The workbench's address: it takes the extension under development and its tests from the query, not from flags.
 * @param {number} port @param {CodeServerOptions} options
 * @returns {string}
 */
function workbenchUrl(port, { workspace, extensionDevelopmentPath = [], extensionTestsPath }) {
  const remote = (/** @type {string} */ file) => `vscode-remote://127.0.0.1:${port}${encodeURI(path.resolve(file))}`;
  const payload = [extensionDevelopmentPath].flat().map((folder) => ['extensionDevelopmentPath', remote(folder)]);
  if (extensionTestsPath) payload.push(['extensionTestsPath', remote(extensionTestsPath)]);
  payload.push(['skipWelcome', 'true'], ['skipReleaseNotes', 'true']);
  const url = new URL(`http://127.0.0.1:${port}/`);
  if (workspace)
    url.searchParams.set(/\.code-workspace$/.test(workspace) ? 'workspace' : 'folder', path.resolve(workspace));
  else url.searchParams.set('ew', 'true');
  url.searchParams.set('payload', JSON.stringify(payload));
  return url.href;
}

/**
 * What to run, and where. Paths may be relative to the working folder.
 * @typedef {object} CodeServerOptions
 * @property {string} [workspace] the folder (or `.code-workspace` file) to open; without it an empty window
 * @property {string | readonly string[]} [extensionDevelopmentPath] the extension(s) under development, loaded from their folders
 *   without being installed
 * @property {string} [extensionTestsPath] a module with `run(): Promise<void>`, run inside the extension host
 * @property {string} [userDataDir] where settings and state live; a temporary folder, removed by `stop()`, when left out
 * @property {string} [extensionsDir] where installed extensions live; as `userDataDir`
 * @property {number} [port] a free one when left out
 * @property {Readonly<Record<string, unknown>>} [settings] user settings over our quiet defaults. Left out, an existing
 *   settings.json stays as it is
 * @property {boolean} [workspaceTrust] whether folders must be trusted first, as on a user's desktop. False by default: everything
 *   is trusted
 * @property {string} [password] asked for by the page. Without it every user of this machine can open the editor, and with it a
 *   shell as you
 * @property {Readonly<Record<string, string | undefined>>} [env] environment variables for the extension host, over those of this
 *   process
 */

/**
 * A running editor server. It ends with `stop()` and, at the latest, with the process that started it.
 * @typedef {object} CodeServer
 * @property {string} url the address of the workbench with the workspace and the extension under development
 * @property {number} port
 * @property {Promise<void>} exited settles when the server has ended by itself or by `stop()`
 * @property {() => Promise<void>} stop ends the server and its extension host, and removes its temporary folders
 * @property {() => string} log the last 64 Ki characters of what the server wrote
 */

/** What is switched on and off in code-server. @param {CodeServerOptions} options @returns {string[]} */
function switches({ password, workspaceTrust, extensionDevelopmentPath }) {
  const quiet = ['telemetry', 'update-check', 'getting-started-override'].map((name) => `--disable-${name}`);
  const trust = workspaceTrust ? [] : ['--disable-workspace-trust'];
  // A released workbench heeds an extension under development, and its tests, only with this driver in the page.
  const driver = extensionDevelopmentPath ? ['--vscode-option', 'enable-smoke-test-driver'] : [];
  return ['--auth', password ? 'password' : 'none', ...quiet, '--ignore-last-opened', ...trust, ...driver];
}

/** @param {CodeServerOptions} options @returns {NodeJS.ProcessEnv} */
function environment(options) {
  // The editor has a terminal: an npm in it, or in an extension, is a user's own.
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...withoutNpm(process.env), ...options.env, EXTENSIONS_GALLERY: '{"serviceUrl":""}' };
  // PORT would overrule the address; VSCODE_*, set in an editor's own terminal, make it join that editor.
  for (const name of Object.keys(env)) if (name === 'PORT' || name.startsWith('VSCODE_')) delete env[name];
  return env;
}

/**
 * Starts code-server on 127.0.0.1 and waits until it answers. Its first call installs it: see `ensureCodeServer`.
 * @param {CodeServerOptions} [options] @returns {Promise<CodeServer>}
 * @throws Error when it is not installed and cannot be, or does not answer within a minute (with the log's tail)
 */
export async function startCodeServer(options = {}) {
  const installation = await ensureCodeServer();
  if ('missing' in installation) throw new Error(`${installation.missing}. To get it: ${installation.remedy}`);
  const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'edm-editor-'));
  const userDataDir = path.resolve(options.userDataDir ?? path.join(temp, 'user-data'));
  const extensionsDir = path.resolve(options.extensionsDir ?? path.join(temp, 'extensions'));
  const settingsFile = path.join(userDataDir, 'User', 'settings.json');
  fs.mkdirSync(path.dirname(settingsFile), { recursive: true });
  if (options.settings || !fs.existsSync(settingsFile)) {
    fs.writeFileSync(settingsFile, JSON.stringify({ ...QUIET_SETTINGS, ...options.settings }, undefined, 2));
  }
  const config = path.join(temp, 'config.yaml');
  const { password } = options;
  const auth = password ? `auth: password\npassword: ${JSON.stringify(password)}\n` : 'auth: none\n';
  fs.writeFileSync(config, `${auth}cert: false\n`, { mode: 0o600 });
  const port = options.port ?? (await freePort());

  const files = ['--config', config, '--user-data-dir', userDataDir, '--extensions-dir', extensionsDir];
  const args = [installation.entry, '--bind-addr', `127.0.0.1:${port}`, ...files, ...switches(options)];
  const env = environment(options);
  // setpriv has the kernel end the server with this process, however this process ends.
  const child = start('setpriv', ['--pdeathsig', 'TERM', installation.node, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });

  let output = '';
  const collect = (/** @type {Buffer} */ chunk) => (output = (output + chunk.toString()).slice(-LOG_TAIL));
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  /** @type {Promise<void>} */
  const exited = new Promise((resolve) => {
    child.on('error', (error) => (collect(Buffer.from(lineOf(error))), resolve()));
    child.on('close', () => resolve());
  });
  let running = true;
  void exited.then(() => (running = false));

  const stop = async () => {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 5000);
    await exited;
    clearTimeout(late);
    await fs.promises.rm(temp, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  };
  for (const deadline = Date.now() + READY_TIMEOUT_MS; !(await answers(port)); await sleep(100)) {
    if (running && Date.now() < deadline) continue;
    await stop();
    throw new Error(`code-server did not start on port ${port}: ${output.slice(-2000)}`);
  }
  return { url: workbenchUrl(port, options), port, exited, stop, log: () => output };
}

/** @param {number} port @returns {Promise<boolean>} */
async function answers(port) {
  try {
    return (await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(5000) })).ok;
  } catch {
    return false; // not listening yet
  }
}

/**
 * The desktop VS Code's command line (`code`), if there is one; never the shim of a remote or code-server terminal.
 * @returns {string | undefined} its path
 */
export function findDesktopCode() {
  const places = [...onPath('code'), '/Applications/Visual Studio Code.app/Contents/Resources/app/bin/code'];
  return places.find((file) => fs.existsSync(file) && !/remote-cli|code-server/.test(fs.realpathSync(file)));
}

/** @param {string[]} argv @returns {Promise<number>} the exit status */
async function main(argv) {
  const value = (/** @type {string} */ flag) => (argv.includes(flag) ? argv[argv.indexOf(flag) + 1] : undefined);
  if (argv.includes('--install')) {
    const results = [await ensureChromium(), await ensureCodeServer()];
    for (const result of results) {
      const ready = 'missing' in result ? undefined : Object.values(result).join(' ');
      say('missing' in result ? `${result.missing}. To get it: ${result.remedy}` : `Ready: ${ready}`);
    }
    return results.some((result) => 'missing' in result) ? 1 : 0;
  }
  const workspace = value('--open');
  if (!workspace || !fs.existsSync(workspace)) {
    say('Usage: node tools/editor.mjs --install | --open FOLDER [--extension DIR] [--no-password]');
    return 2;
  }
  const extension = value('--extension');
  const code = findDesktopCode();
  if (code) {
    const development = extension ? [`--extensionDevelopmentPath=${path.resolve(extension)}`] : [];
    await runQuietly(code, [...development, path.resolve(workspace)], { env: withoutNpm(process.env) });
    return 0;
  }
  const password = argv.includes('--no-password') ? undefined : randomBytes(9).toString('base64url');
  const server = await startCodeServer({
    workspace,
    extensionDevelopmentPath: extension,
    userDataDir: path.join(cacheFolder(), 'profile'),
    extensionsDir: path.join(cacheFolder(), 'extensions'),
    workspaceTrust: true,
    password,
  });
  process.stdout.write(`${server.url}\n${password ? `password: ${password}\n` : ''}`);
  say('Press Ctrl+C to end it.');
  process.once('SIGINT', () => void server.stop());
  process.once('SIGTERM', () => void server.stop());
  await server.exited;
  return 0;
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2)).then(
    (status) => (process.exitCode = status),
    (error) => (say(lineOf(error)), (process.exitCode = 1)),
  );
}
