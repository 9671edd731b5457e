/**
 * Everything between a bare clone and a built tree; does only what is not done yet. A module and a command:
 * `node tools/install.mjs`. Needs nothing but Node.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { npm } from './npm.mjs';
import { lineOf, say, startSync } from './programs.mjs';

/** Top folder of the checkout. */
export const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');

/**
 * Installs the packages if package-lock.json changed since the last time, and builds if a source is newer. Ends this process, with
 * the reason on stderr, when that cannot be done.
 * @returns {Promise<void>}
 */
export async function install() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 15)) {
    say(`Node.js ${process.versions.node} is too old: install 20.15 or newer`);
    process.exit(1);
  }
  const digest = createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = path.join(root, 'node_modules', '.edm-workbench-lock');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== digest) {
    try {
      await npm(['ci'], { cwd: root, what: 'Installing packages (npm ci)' });
    } catch (error) {
      say(`Error: ${lineOf(error)}`);
      process.exit(1);
    }
    writeFileSync(stamp, digest);
  }
  if (!isBuilt()) {
    say('Building...');
    const { status, error } = startSync(process.execPath, ['esbuild.mjs'], { cwd: root, stdio: ['ignore', 2, 2] });
    if (error) throw error;
    if (status !== 0) process.exit(status ?? 1);
  }
}

function isBuilt() {
  const bundle = path.join(root, 'dist', 'cli.js');
  if (!existsSync(bundle)) return false;
  const built = statSync(bundle).mtimeMs;
  return ['client', 'server', 'media', 'esbuild.mjs', 'package-lock.json'].every(
    (name) => newest(path.join(root, name)) < built,
  );
}

/** Time of the newest file at or below a path. @param {string} name @returns {number} ms since 1970 */
function newest(name) {
  const stat = statSync(name);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(name).map((entry) => newest(path.join(name, entry))));
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await install();
