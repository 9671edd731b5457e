import { setImmediate } from 'node:timers/promises';
import { CancelledError } from '../errors';

/**
 * Lets the event loop handle messages, timers and cancellation during a long computation. In an inner loop:
 * `if (pause.due) await pause.take();`
 */
export class Pause {
  private last = performance.now();

  constructor(
    private readonly signal?: AbortSignal,
    private readonly intervalMs = 50,
  ) {}

  /** True if the event loop has waited for `intervalMs`. Cheap: some 50 ns. */
  get due(): boolean {
    return performance.now() - this.last > this.intervalMs;
  }

  /** @throws CancelledError if the signal was aborted */
  async take(): Promise<void> {
    await setImmediate();
    if (this.signal?.aborted) throw new CancelledError();
    this.last = performance.now();
  }
}
