/** Types of packages.mjs: Debian packages that a test or an editor needs. */

/**
 * Sees to Debian packages; as root on Debian they are installed when absent.
 * @returns why they cannot be had, one line; undefined when they are there
 */
export function missingPackages(packages: readonly string[]): Promise<string | undefined>;
