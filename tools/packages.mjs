/** Debian packages that a test or an editor needs. Needs nothing but Node. */
import fs from 'node:fs';
import { lineOf, ProgramError, runQuietly, say, startSync } from './programs.mjs';

/** How many of apt's last lines are shown after a failure. */
const SHOWN_LINES = 15;

/** @param {string} name @returns {boolean} */
function isInstalled(name) {
  // It fails for a package it has never heard of, and where there is no dpkg.
  const { status, stdout } = startSync('dpkg-query', ['-W', '-f', '${Status}', name], { stdio: 'pipe' });
  return status === 0 && stdout.includes('ok installed');
}

/** What a line of apt's output says about what it is doing. @param {string} line @returns {string | undefined} */
function aptPhase(line) {
  const [, verb, name] = /^(Get:\d+|Hit:\d+|Unpacking|Setting up|Processing) (\S+)/.exec(line) ?? [];
  if (!verb) return undefined;
  return /:/.test(verb) ? 'downloading' : `${verb.toLowerCase()} ${name}`;
}

/**
 * Sees to Debian packages: as root on Debian the absent ones are installed.
 * @param {string[]} packages
 * @returns {Promise<import('./programs.mjs').Missing | undefined>} why they cannot be had; undefined when they are there
 */
export async function missingPackages(packages) {
  const absent = packages.filter((name) => !isInstalled(name));
  if (absent.length === 0) return undefined;
  const wanted = absent.join(' ');
  const release = fs.existsSync('/etc/os-release') ? fs.readFileSync('/etc/os-release', 'utf8') : '';
  if (!/^ID=debian$/m.test(release)) {
    const remedy = `install what corresponds to the Debian packages ${wanted}`;
    return { missing: 'packages are installed on Debian only, and this is another system', remedy };
  }
  const remedy = `sudo apt-get install ${wanted}`;
  if (process.getuid?.() !== 0)
    return { missing: 'Debian packages are missing, and only root can install them', remedy };
  say(`Installing Debian packages (once; 1 to 5 minutes): ${wanted}`);
  const apt = ['-o', 'DPkg::Lock::Timeout=600', '-q'];
  const options = {
    what: `Installing ${absent.length} Debian package${absent.length === 1 ? '' : 's'}`,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    phaseOf: aptPhase,
  };
  try {
    await runQuietly('apt-get', [...apt, 'update'], { ...options, what: 'Updating the list of Debian packages' });
    await runQuietly('apt-get', [...apt, 'install', '-y', '--no-install-recommends', ...absent], options);
    return undefined;
  } catch (error) {
    return { missing: `apt-get could not install them: ${aptCause(error)}`, remedy };
  }
}

/** Shows apt's last lines. @param {unknown} error @returns {string} the likeliest cause in one line */
function aptCause(error) {
  if (!(error instanceof ProgramError)) return lineOf(error);
  const lines = error.output.split('\n').slice(-SHOWN_LINES);
  say([`${error.message}. Its last lines:`, ...lines].join('\n    '));
  return lines.find((line) => /^E: /.test(line)) ?? error.message;
}
