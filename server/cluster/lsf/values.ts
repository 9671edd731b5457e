/** How LSF writes times, limits, hosts and states. */
import type { JobState } from '../../shared/protocol';

const STATES: Record<string, JobState> = {
  PEND: 'queued',
  PROV: 'queued',
  WAIT: 'queued',
  PSUSP: 'held',
  RUN: 'running',
  USUSP: 'suspended',
  SSUSP: 'suspended',
  UNKWN: 'running',
  ZOMBI: 'running',
  DONE: 'done',
  EXIT: 'failed',
};

/** Our state for a word of LSF's; how a job of state EXIT ended is read elsewhere. */
export function jobState(name: string): JobState {
  return STATES[name] ?? 'unknown';
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * ISO 8601 of `Nov 23 03:20`, `Nov 23 03:20:15 2026` or `Mon Nov 23 03:20:15`, printed under TZ=UTC. Without a year it
 * is the last such day.
 */
export function parseTime(text: string, now = new Date()): string | undefined {
  const found = /([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d)(?::(\d\d))?(?: (\d{4}))?/.exec(text);
  if (!found) return undefined;
  const [, month = '', day, hour, minute, second = '0', year] = found;
  const at = (inYear: number): Date =>
    new Date(Date.UTC(inYear, MONTHS.indexOf(month), Number(day), Number(hour), Number(minute), Number(second)));
  if (!MONTHS.includes(month)) return undefined;
  const time = at(Number(year ?? now.getUTCFullYear()));
  // A time more than a month ahead is last year's: clocks may differ by days, not by months.
  const real =
    year === undefined && time.getTime() > now.getTime() + 31 * 86400_000 ? at(now.getUTCFullYear() - 1) : time;
  return real.toISOString().replace('.000Z', 'Z');
}

/** Seconds of a run limit: `60.0 min of hostA`, `60.0/hostA`, `90.0` (all minutes), `1:30`. */
export function parseLimit(text: string): number | undefined {
  const clock = /^\s*(\d+):(\d\d)/.exec(text);
  if (clock) return (Number(clock[1]) * 60 + Number(clock[2])) * 60;
  const minutes = /^\s*(\d+(?:\.\d+)?)/.exec(text);
  return minutes ? Math.round(Number(minutes[1]) * 60) : undefined;
}

/** Hosts of `4*hostA:hostB` or `hostA:hostA`, each once, and the slots on all of them. */
export function parseHosts(text: string): { hosts: string[]; slots: number } {
  const parts = text.split(/[:\s]+/).filter((part) => part && part !== '-');
  const pairs = parts.map((part) => /^(?:(\d+)\*)?(.+)$/.exec(part) ?? ['', '', part]);
  return {
    hosts: [...new Set(pairs.map(([, , host = '']) => host))],
    slots: pairs.reduce((sum, [, count]) => sum + Number(count || 1), 0),
  };
}

/** Megabytes of `15.5G`, `512M`, `1T`, `-`. */
export function parseMemory(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(text);
  return found
    ? Math.round(Number(found[1]) * ({ K: 1 / 1024, M: 1, G: 1024, T: 1024 ** 2 }[found[2] ?? ''] ?? 1))
    : undefined;
}
