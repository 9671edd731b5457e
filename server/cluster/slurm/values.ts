/** How Slurm writes durations, times, resources, states and exit codes. */
import type { JobState } from '../../shared/protocol';

/** Seconds of `1-06:31:21`, `58:05`, `0:02` or `1-00`; undefined for UNLIMITED, INVALID, N/A and the like. */
export function parseDuration(text: string): number | undefined {
  const found = /^(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?(?:\.\d+)?$/.exec(text.trim());
  if (!found) return undefined;
  const [days, ...rest] = found.slice(1);
  const parts = rest.filter((part) => part !== undefined).map(Number);
  // With days the first part is hours; without, two parts are minutes and seconds, one is minutes.
  const [first = 0, second = 0, third = 0] = parts;
  const [h, m, s] = days !== undefined || parts.length === 3 ? [first, second, third] : [0, first, second];
  return ((Number(days ?? 0) * 24 + h) * 60 + m) * 60 + s;
}

/** ISO 8601 of a time printed under TZ=UTC; undefined for N/A, Unknown and None. */
export function parseTime(text: string): string | undefined {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(text) ? `${text}Z` : undefined;
}

/** Counts of trackable resources: `cpu=4,mem=1000M,gres/gpu=2,gres/gpu:a100=2`. */
export function gpusOfTres(text: string): number | undefined {
  const plain = /(?:^|,)gres\/gpu=(\d+)/.exec(text);
  if (plain) return Number(plain[1]);
  // Where the site tracks models only.
  const models = [...text.matchAll(/(?:^|,)gres\/gpu:[^=,]+=(\d+)/g)];
  return models.length > 0 ? models.reduce((sum, [, count]) => sum + Number(count), 0) : undefined;
}

/** Resources of a node: `gpu:a100:4(S:0-1),mps:400`, `gpu:4`, `(null)`. */
export function parseGres(text: string): { name: string; type?: string; count: number }[] {
  // Commas are also within parentheses: `gpu:a100:2(IDX:0,2)`.
  return [...text.matchAll(/(?<![\w.-])([A-Za-z][\w.-]*)(?::([A-Za-z_][\w.-]*))?:(\d+)([KMG]?)(?:\([^)]*\))?/g)].map(
    ([, name = '', type, count, unit = '']) => ({
      name,
      ...(type !== undefined && type !== 'no_consume' && { type }),
      count: Number(count) * ({ K: 1024, M: 1024 ** 2, G: 1024 ** 3 }[unit] ?? 1),
    }),
  );
}

/** Our states by the long names of Slurm's. */
const STATES: Record<string, JobState> = {
  PENDING: 'queued',
  REQUEUED: 'queued',
  REQUEUE_FED: 'queued',
  REQUEUE_HOLD: 'held',
  SPECIAL_EXIT: 'held',
  RESV_DEL_HOLD: 'held',
  CONFIGURING: 'running',
  RUNNING: 'running',
  RESIZING: 'running',
  SUSPENDED: 'suspended',
  STOPPED: 'suspended',
  COMPLETING: 'ending',
  SIGNALING: 'ending',
  STAGE_OUT: 'ending',
  COMPLETED: 'done',
  FAILED: 'failed',
  BOOT_FAIL: 'failed',
  NODE_FAIL: 'failed',
  LAUNCH_FAILED: 'failed',
  RECONFIG_FAIL: 'failed',
  CANCELLED: 'cancelled',
  PREEMPTED: 'cancelled',
  REVOKED: 'cancelled',
  TIMEOUT: 'timeout',
  DEADLINE: 'timeout',
  OUT_OF_MEMORY: 'memory',
};

/** Our state of Slurm's, also as sacct extends it (`CANCELLED by 60001`); a pending job is held if its reason says so. */
export function jobState(name: string, reason: string): JobState {
  const state = STATES[name.split(/[\s+]/, 1)[0] ?? ''] ?? 'unknown';
  return state === 'queued' && /^JobHeld(?:User|Admin)/.test(reason) ? 'held' : state;
}

/** Exit code and signal: `1:0` (sacct, and squeue from 23.11 on) or wait(2)'s status (squeue before). */
export function parseExit(text: string): { exitCode?: number; signal?: number } {
  const [code = NaN, signal] = text.split(':').map(Number);
  if (!text || Number.isNaN(code)) return {};
  const [exit, killed] = signal === undefined ? [code >> 8, code & 127] : [code, signal];
  return killed > 0 ? { signal: killed } : { exitCode: exit };
}
