/** Host patterns of ssh_config(5) and sshd(8), as in `Host` lines and known_hosts. Pure. */

/** Whether a name fits patterns with `*`, `?` and `!`; a negated pattern that fits excludes the name. */
export function fitsPatterns(name: string, patterns: readonly string[]): boolean {
  if (patterns.some((pattern) => pattern.startsWith('!') && fits(name, pattern.slice(1)))) return false;
  return patterns.some((pattern) => !pattern.startsWith('!') && fits(name, pattern));
}

function fits(name: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 'i').test(name);
}
