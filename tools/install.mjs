// Everything between a bare clone and a built tree; does only what is not done yet.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Top folder of the checkout. */
export const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');

function run(program, args) {
  const { status, error } = spawnSync(program, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** Installs the packages if package-lock.json changed since the last time, and builds if a source is newer. */
export async function install() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 15)) {
    console.error(`Node.js ${process.versions.node} is too old: install 20.15 or newer`);
    process.exit(1);
  }
  const digest = createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = path.join(root, 'node_modules', '.edm-workbench-lock');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== digest) {
    console.error('Installing packages (npm ci)...');
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
    writeFileSync(stamp, digest);
  }
  if (!isBuilt()) {
    console.error('Building...');
    run(process.execPath, ['esbuild.mjs']);
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

/** Time of the newest file at or below `name`. */
function newest(name) {
  const stat = statSync(name);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(name).map((entry) => newest(path.join(name, entry))));
}
