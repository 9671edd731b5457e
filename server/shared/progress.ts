/** One step of a long task. `done` and `total` count images unless `phase` says otherwise. */
export interface Progress {
  /** What is being done, in the user's words: `Generating`, `Measuring`, ... */
  phase: string;
  done: number;
  total: number;
  /** Units per second over the task so far; undefined until known. */
  rate?: number;
  /** Seconds left at that rate. */
  eta?: number;
  /** Anything worth saying beside the numbers, e.g. `FD so far 12.3 (N = 400)`. */
  note?: string;
}

export type OnProgress = (progress: Progress) => void;

/** How a long task reports and is cancelled. */
export interface TaskControl {
  onProgress?: OnProgress;
  signal?: AbortSignal;
}

/** Seconds as `45 s`, `3 min 20 s` or `2 h 5 min`. */
export function durationText(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Units per second as `1040/s`, `12.3/s`, or `4.2 s each` where slower than one a second. */
export function rateText(rate: number): string {
  if (rate < 1) return `${(1 / rate).toPrecision(2)} s each`;
  return `${rate < 100 ? rate.toPrecision(3) : rate.toFixed(0)}/s`;
}

/**
 * Turns counts into progress with rate and ETA, at most one report in `intervalMs` (the first and last always).
 * @param already units that were done before this run started: shown, but no part of the rate
 */
export class ProgressMeter {
  private readonly started = performance.now();
  private last = -Infinity;

  constructor(
    private readonly phase: string,
    private readonly total: number,
    private readonly report: OnProgress | undefined,
    private readonly already = 0,
    private readonly intervalMs = 100,
  ) {}

  update(done: number, note?: string): void {
    const now = performance.now();
    if (now - this.last < this.intervalMs && done < this.total) return;
    this.last = now;
    const seconds = (now - this.started) / 1000;
    const fresh = done - this.already;
    const rate = fresh > 0 && seconds > 0 ? fresh / seconds : undefined;
    const eta = rate ? (this.total - done) / rate : undefined;
    this.report?.({ phase: this.phase, done, total: this.total, rate, eta, note });
  }
}
