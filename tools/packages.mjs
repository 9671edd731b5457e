/** Programs that run quietly, and Debian packages that a test or an editor needs. Needs nothing but Node. */
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const LOG_TAIL = 64 * 1024;

/** @param {string} line */
export const say = (line) => process.stderr.write(`${line}\n`);

/** The first line of anything thrown. @param {unknown} thrown */
export const lineOf = (thrown) => (thrown instanceof Error ? thrown.message : String(thrown)).split('\n', 1)[0];

/**
 * Runs a program at low priority.
 * @param {string} command @param {string[]} args @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<void>} rejects with the cause it gave, or its last lines, when it fails
 */
export function runQuietly(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (/** @type {Buffer} */ chunk) => (output = (output + chunk.toString()).slice(-LOG_TAIL));
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    child.on('error', reject);
    child.on('spawn', () =>
      os.setPriority(/** @type {number} */ (child.pid), os.constants.priority.PRIORITY_BELOW_NORMAL),
    );
    child.on('close', (code) => {
      if (code === 0) return resolve();
      const lines = output.trim().split('\n');
      const causes = lines.filter((line) => /^(E: |npm error (code|errno) )/.test(line));
      const cause = (causes.length > 0 ? causes : lines).slice(-3).join('; ');
      reject(new Error(`${path.basename(command)} ${args.join(' ')} ended with ${code}: ${cause}`));
    });
  });
}

/**
 * Sees to Debian packages.
 * @param {string[]} packages @returns {Promise<string | undefined>} why they cannot be had; undefined when they are there
 */
export async function missingPackages(packages) {
  const absent = packages.filter((name) => {
    try {
      return !execFileSync('dpkg-query', ['-W', '-f', '${Status}', name], { stdio: 'pipe' }).includes('ok installed');
    } catch {
      return true; // dpkg-query fails for a package it has never heard of, and where there is no dpkg
    }
  });
  if (absent.length === 0) return undefined;
  const wanted = absent.join(' ');
  const release = fs.existsSync('/etc/os-release') ? fs.readFileSync('/etc/os-release', 'utf8') : '';
  if (!/^ID=debian$/m.test(release)) return `this system is not Debian: install what corresponds to ${wanted} yourself`;
  if (process.getuid?.() !== 0) return `not root: run "sudo apt-get install ${wanted}"`;
  say(`Installing Debian packages (once): ${wanted} ...`);
  const apt = ['-o', 'DPkg::Lock::Timeout=600', '-q'];
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  try {
    await runQuietly('apt-get', [...apt, 'update'], options);
    await runQuietly('apt-get', [...apt, 'install', '-y', '--no-install-recommends', ...absent], options);
    return undefined;
  } catch (error) {
    return `apt-get could not install ${wanted} (offline?): ${lineOf(error)}`;
  }
}
