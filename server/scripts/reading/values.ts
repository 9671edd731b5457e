/** Amounts that schedulers read from the values of options. */

/** Seconds that Slurm reads from a time, as its manual says; undefined without a time or for no limit. */
export function secondsOf(value: string): number | undefined {
  const days = /^(\d+)-(\d+)?(?::(\d+))?(?::(\d+))?$/.exec(value);
  if (days)
    return Number(days[1]) * 86400 + Number(days[2] ?? 0) * 3600 + Number(days[3] ?? 0) * 60 + Number(days[4] ?? 0);
  const clock = /^(\d+)(?::(\d+))?(?::(\d+))?$/.exec(value);
  if (!clock) return undefined;
  if (clock[3] !== undefined) return Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3]);
  return Number(clock[1]) * 60 + Number(clock[2] ?? 0);
}

/** Megabytes that Slurm reads from a memory size. */
export function megabytesOf(value: string): number | undefined {
  const match = /^\s*\+?(\d+)([kmgt]?)b?$/i.exec(value);
  if (!match) return undefined;
  const factor = { k: 1 / 1024, m: 1, g: 1024, t: 1024 * 1024 }[(match[2] ?? '').toLowerCase() || 'm'] ?? 1;
  return Math.ceil(Number(match[1]) * factor);
}

/** Minutes of LSF's `[hour:]minute`. */
export function lsfMinutesOf(value: string): number | undefined {
  const match = /^(?:(\d+):)?(\d+)/.exec(value);
  return match ? Number(match[1] ?? 0) * 60 + Number(match[2]) : undefined;
}

/** Megabytes of an amount of bsub; undefined without a unit, which then depends on the site. */
export function lsfMegabytesOf(value: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGTPE])B?(?:\/\w+)?\s*!?$/i.exec(value);
  const power = 'KMGTPE'.indexOf((match?.[2] ?? '').toUpperCase()) - 1;
  return match ? Number(match[1]) * 1024 ** power : undefined;
}

/** The largest index of an array specification; 0 where it has none. */
export function largestIndex(value: string): number {
  let largest = 0;
  for (const part of (value.replace(/[[\]]/g, '').split('%', 1)[0] ?? '').split(',')) {
    const match = /^(\d+)(?:-(\d+)(?::(\d+))?)?$/.exec(part);
    if (match) largest = Math.max(largest, Number(match[2] ?? match[1]));
  }
  return largest;
}
