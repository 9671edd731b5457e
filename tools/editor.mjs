#!/usr/bin/env node
/**
 * An editor to run the extension in, also where no VS Code can be downloaded: code-server from npm and Chromium.
 * A module (types and documentation: editor.d.mts) and a command:
 *
 *     node tools/editor.mjs --install
 *     node tools/editor.mjs --open FOLDER [--extension DIR] [--no-password]
 *
 * Needs nothing but Node, so that it works before `npm install` has finished.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { lineOf, LOG_TAIL, missingPackages, runQuietly, say } from './packages.mjs';

const CODE_SERVER_VERSION = '4.139.1';
/** The major version code-server insists on. */
const NODE_MAJOR = 24;
/** code-server compiles kerberos and keytar bindings on installation. */
const BUILD_PACKAGES = ['libkrb5-dev', 'libsecret-1-dev', 'make', 'g++'];
/** Without a font Chromium draws no text at all. */
const CHROMIUM_PACKAGES = ['chromium', 'fonts-dejavu-core'];
const CHROMIUM_NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** An installation that takes longer was abandoned, e.g. by a container sharing this cache. */
const LOCK_MAX_AGE_MS = 20 * 60_000;
const READY_TIMEOUT_MS = 60_000;

/** Nothing that calls home, greets, or differs from one start to the next; otherwise as on the desktop. */
const QUIET_SETTINGS = {
  'files.autoSave': 'off', // in a browser VS Code saves by itself, on the desktop not
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

/** @param {string} name @returns {string[]} every executable of that name on PATH */
function onPath(name) {
  const names = process.platform === 'win32' ? [`${name}.cmd`, `${name}.exe`] : [name];
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .filter(Boolean)
    .flatMap((folder) => names.map((file) => path.join(folder, file)))
    .filter((file) => fs.existsSync(file) && fs.statSync(file).isFile());
}

function cacheFolder() {
  return path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'edm-workbench');
}

function findChromium() {
  const places = [
    process.env.CHROME_PATH ?? '',
    ...CHROMIUM_NAMES.flatMap(onPath),
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ];
  return places.find((file) => file && fs.existsSync(file));
}

/** @type {typeof import('./editor.d.mts').ensureChromium} */
export async function ensureChromium() {
  const present = findChromium();
  if (present) return { executable: present };
  const reason = await missingPackages(CHROMIUM_PACKAGES);
  const executable = findChromium();
  if (executable) return { executable };
  return { missing: `no Chromium: ${reason ?? 'the package brought none'}; or set CHROME_PATH` };
}

/** @param {string} root @returns {import('./editor.d.mts').CodeServerInstallation} */
function installationIn(root) {
  const modules = path.join(root, 'node_modules');
  return {
    node: path.join(modules, `node-linux-${process.arch}`, 'bin', 'node'),
    entry: path.join(modules, 'code-server', 'out', 'node', 'entry.js'),
  };
}

/** @type {typeof import('./editor.d.mts').ensureCodeServer} */
export async function ensureCodeServer() {
  const cache = cacheFolder();
  const root = path.join(cache, `editor-${CODE_SERVER_VERSION}`);
  const installation = installationIn(root);
  if (fs.existsSync(installation.entry)) return installation;
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    return {
      missing: `no code-server: it is set up for Linux on x64 and arm64, this is ${process.platform} on ${process.arch}`,
    };
  }
  const reason = await missingPackages(BUILD_PACKAGES);
  if (reason) return { missing: `no code-server: ${reason}` };
  fs.mkdirSync(cache, { recursive: true });
  const release = await lock(`${root}.lock`);
  try {
    if (fs.existsSync(installation.entry)) return installation;
    await installCodeServer(root);
    return installation;
  } catch (error) {
    return { missing: `no code-server: npm could not install it (offline?): ${lineOf(error)}` };
  } finally {
    release();
  }
}

/** Installs into a folder of its own and gives it its name when whole. @param {string} root */
async function installCodeServer(root) {
  say(`Installing code-server ${CODE_SERVER_VERSION} into ${root} (once, about 2 minutes, 800 MB) ...`);
  const temp = fs.mkdtempSync(`${root}.`);
  try {
    fs.writeFileSync(path.join(temp, 'package.json'), '{"private": true}\n');
    const npm = ['install', '--no-audit', '--no-fund', '--loglevel=error'];
    await runQuietly('npm', [...npm, `node-linux-${process.arch}@${NODE_MAJOR}`], { cwd: temp });
    const nodeFolder = path.dirname(path.dirname(installationIn(temp).node));
    const env = {
      ...process.env,
      PATH: `${path.join(nodeFolder, 'bin')}${path.delimiter}${process.env.PATH ?? ''}`,
      npm_config_nodedir: nodeFolder, // its headers come with the package: node-gyp has nothing to download
    };
    await runQuietly('npm', [...npm, `code-server@${CODE_SERVER_VERSION}`], { cwd: temp, env });
    if (!fs.existsSync(installationIn(temp).entry))
      throw new Error(`code-server@${CODE_SERVER_VERSION} has no entry file`);
    fs.renameSync(temp, root);
  } finally {
    fs.rmSync(temp, { recursive: true, force: true });
  }
}

/**
 * Waits for a lock file, which names the process holding it.
 * @param {string} file @returns {Promise<() => void>} gives it back
 */
async function lock(file) {
  const mine = `${file}.${process.pid}`;
  for (let waiting = false; ; waiting = true) {
    fs.writeFileSync(mine, String(process.pid));
    try {
      fs.linkSync(mine, file); // unlike open('wx'), never visible without its content
      return () => fs.rmSync(file, { force: true });
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    } finally {
      fs.rmSync(mine, { force: true });
    }
    if (!isHeld(file)) {
      fs.rmSync(file, { force: true });
      continue;
    }
    if (!waiting) say(`Waiting for another process to finish installing (${file}) ...`);
    await sleep(1000);
  }
}

/** Whether the process named in a lock file lives, and has not had it for longer than an installation can take. */
function isHeld(/** @type {string} */ file) {
  try {
    if (Date.now() - fs.statSync(file).mtimeMs > LOCK_MAX_AGE_MS) return false;
    process.kill(Number(fs.readFileSync(file, 'utf8')), 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'; // lives, as another user
  }
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
 * @param {number} port @param {import('./editor.d.mts').CodeServerOptions} options
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

/** @type {typeof import('./editor.d.mts').startCodeServer} */
export async function startCodeServer(options = {}) {
  const installation = await ensureCodeServer();
  if ('missing' in installation) throw new Error(installation.missing);
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

  const args = [installation.entry, '--bind-addr', `127.0.0.1:${port}`, '--config', config];
  args.push(
    '--auth',
    password ? 'password' : 'none',
    '--user-data-dir',
    userDataDir,
    '--extensions-dir',
    extensionsDir,
  );
  args.push(
    '--disable-telemetry',
    '--disable-update-check',
    '--disable-getting-started-override',
    '--ignore-last-opened',
  );
  if (!options.workspaceTrust) args.push('--disable-workspace-trust');
  // A released workbench heeds an extension under development, and its tests, only with this driver in the page.
  if (options.extensionDevelopmentPath) args.push('--vscode-option', 'enable-smoke-test-driver');
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, ...options.env, EXTENSIONS_GALLERY: '{"serviceUrl":""}' };
  // PORT would overrule the address; VSCODE_*, set in an editor's own terminal, make it join that editor.
  for (const name of Object.keys(env)) if (name === 'PORT' || name.startsWith('VSCODE_')) delete env[name];
  // setpriv has the kernel end the server with this process, however this process ends.
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', installation.node, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });

  let output = '';
  const collect = (/** @type {Buffer} */ chunk) => (output = (output + chunk.toString()).slice(-LOG_TAIL));
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
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

/** @param {number} port */
async function answers(port) {
  try {
    return (await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(5000) })).ok;
  } catch {
    return false; // not listening yet
  }
}

/** @type {typeof import('./editor.d.mts').findDesktopCode} */
export function findDesktopCode() {
  const places = [...onPath('code'), '/Applications/Visual Studio Code.app/Contents/Resources/app/bin/code'];
  return places.find((file) => fs.existsSync(file) && !/remote-cli|code-server/.test(fs.realpathSync(file)));
}

/** @param {string[]} argv @returns {Promise<number>} the exit status */
async function main(argv) {
  const value = (/** @type {string} */ flag) => (argv.includes(flag) ? argv[argv.indexOf(flag) + 1] : undefined);
  if (argv.includes('--install')) {
    const results = [await ensureChromium(), await ensureCodeServer()];
    for (const result of results)
      say('missing' in result ? result.missing : `ready: ${Object.values(result).join(' ')}`);
    return results.some((result) => 'missing' in result) ? 1 : 0;
  }
  const workspace = value('--open');
  if (!workspace || !fs.existsSync(workspace)) {
    say('usage: node tools/editor.mjs --install | --open FOLDER [--extension DIR] [--no-password]');
    return 2;
  }
  const extension = value('--extension');
  const code = findDesktopCode();
  if (code) {
    const development = extension ? [`--extensionDevelopmentPath=${path.resolve(extension)}`] : [];
    await runQuietly(code, [...development, path.resolve(workspace)], { shell: process.platform === 'win32' });
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
  say('Ctrl+C ends it.');
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
