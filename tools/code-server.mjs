/** code-server, which is the real VS Code workbench for a browser, installed from npm. Needs nothing but Node. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { npm } from './npm.mjs';
import { missingPackages } from './packages.mjs';
import { lineOf, say } from './programs.mjs';

const CODE_SERVER_VERSION = '4.139.1';
/** The major version code-server insists on. */
const NODE_MAJOR = 24;
/** code-server compiles kerberos and keytar bindings when it is installed. */
const BUILD_PACKAGES = ['libkrb5-dev', 'libsecret-1-dev', 'make', 'g++', 'python3'];
/** An installation that takes longer was abandoned, e.g. by a container sharing this cache. 2 to 10 minutes were seen. */
const LOCK_MAX_AGE_MS = 30 * 60_000;

/** A Node that code-server runs on, and code-server's entry file: absolute paths. @typedef {{ node: string, entry: string }} CodeServerInstallation */

/** Where the editor and its profile are kept: a folder of this user's cache. @returns {string} absolute path; it may not exist yet */
export function cacheFolder() {
  return path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'edm-workbench');
}

/** @param {string} root @returns {CodeServerInstallation} */
function installationIn(root) {
  const modules = path.join(root, 'node_modules');
  return {
    node: path.join(modules, `node-linux-${process.arch}`, 'bin', 'node'),
    entry: path.join(modules, 'code-server', 'out', 'node', 'entry.js'),
  };
}

/**
 * code-server and the Node it needs, from npm, in `$XDG_CACHE_HOME/edm-workbench/editor-<version>/`. The first call takes 2 to
 * 10 minutes (800 MB), later ones milliseconds. Several processes may call it at once: one installs, the others wait.
 * @returns {Promise<CodeServerInstallation | import('./programs.mjs').Missing>}
 */
export async function ensureCodeServer() {
  const cache = cacheFolder();
  const root = path.join(cache, `editor-${CODE_SERVER_VERSION}`);
  const installation = installationIn(root);
  if (fs.existsSync(installation.entry)) return installation;
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    return {
      missing: `no code-server: it is set up for Linux on x64 and arm64, this is ${process.platform} on ${process.arch}`,
      remedy: 'use Linux on x64 or arm64',
    };
  }
  const lack = await missingPackages(BUILD_PACKAGES);
  if (lack) return { ...lack, missing: `no code-server: ${lack.missing}` };
  try {
    fs.mkdirSync(cache, { recursive: true });
    await alone(`${root}.lock`, async () => {
      if (fs.existsSync(installation.entry)) return;
      removeAbandoned(cache, `${path.basename(root)}.`);
      await installCodeServer(root);
    });
    return installation;
  } catch (error) {
    return { missing: `no code-server: ${lineOf(error)}`, remedy: 'node tools/editor.mjs --install' };
  }
}

/** Installs into a folder of its own and gives it its name when whole. @param {string} root */
async function installCodeServer(root) {
  say(`Installing code-server ${CODE_SERVER_VERSION} into ${root} (once; 2 to 10 minutes, 800 MB)`);
  const temp = fs.mkdtempSync(`${root}.`);
  try {
    fs.writeFileSync(path.join(temp, 'package.json'), '{"private": true}\n');
    const node = `node-linux-${process.arch}@${NODE_MAJOR}`;
    // Both packages do their work in install scripts, whatever this machine's npm is told for others.
    const install = ['install', '--ignore-scripts=false'];
    await npm([...install, node], { cwd: temp, what: `Installing Node ${NODE_MAJOR} for code-server` });
    const nodeFolder = path.dirname(path.dirname(installationIn(temp).node));
    const env = {
      PATH: `${path.join(nodeFolder, 'bin')}${path.delimiter}${process.env.PATH ?? ''}`,
      npm_config_nodedir: nodeFolder, // its headers come with the package: node-gyp has nothing to download
    };
    const editor = `code-server@${CODE_SERVER_VERSION}`;
    await npm([...install, editor], { cwd: temp, what: 'Installing code-server', env });
    if (!fs.existsSync(installationIn(temp).entry)) throw new Error(`${editor} has no entry file`);
    fs.renameSync(temp, root);
  } finally {
    fs.rmSync(temp, { recursive: true, force: true });
  }
}

/** Removes what installations that were ended half-way left. @param {string} cache @param {string} prefix of their folders' names */
function removeAbandoned(cache, prefix) {
  for (const name of fs.readdirSync(cache)) {
    const folder = path.join(cache, name);
    const stat = name.startsWith(prefix) ? fs.statSync(folder, { throwIfNoEntry: false }) : undefined;
    if (stat?.isDirectory() && Date.now() - stat.mtimeMs > LOCK_MAX_AGE_MS)
      fs.rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Does some work while no other process holds a lock file, which names the process holding it.
 * @param {string} file @param {() => Promise<void>} work
 */
async function alone(file, work) {
  const release = await lock(file);
  try {
    await work();
  } finally {
    release();
  }
}

/**
 * Waits for a lock file.
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
