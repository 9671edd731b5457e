/** How far long work is. `done` and `total` count images unless `phase` says otherwise. */
export interface Progress {
  /** What is being done, in the user's words: `Generating`, `Measuring`, ... */
  phase: string;
  done: number;
  total: number;
  /** Units per second so far; undefined until known. */
  rate?: number;
  /** Seconds left at that rate; undefined until known. */
  eta?: number;
  /** What else there is to say, e.g. `FD so far 12.3 (N = 400)`. */
  note?: string;
}

/** Takes a report. */
export type OnProgress = (progress: Progress) => void;

/** How long work reports its progress and is cancelled. */
export interface TaskControl {
  onProgress?: OnProgress;
  signal?: AbortSignal;
}

/** Seconds as `4.2 s`, `45 s`, `3 min 20 s` or `2 h 5 min`, rounded. */
export function durationText(seconds: number): string {
  if (seconds < 59.95) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Units per second as `1040/s`, `12.3/s`, or `4.2 s each` where slower than one a second. */
export function rateText(rate: number): string {
  if (rate < 1) return `${(1 / rate).toPrecision(2)} s each`;
  return `${rate < 100 ? rate.toPrecision(3) : rate.toFixed(0)}/s`;
}

/**
 * Turns counts into progress with rate and time left: at most one report in `intervalMs`, but always the first and the last.
 * @param already units that were done before this work started: they are shown but do not count for the rate
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

  /** Reports `done` units; what was skipped is not reported later. */
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
