import { setImmediate } from 'node:timers/promises';
import { CancelledError } from '../errors';

/**
 * Lets messages, timers and cancellation through while a long computation runs in this thread. In an inner loop:
 * `if (pause.due) await pause.take();`
 */
export class Pause {
  private last = performance.now();

  constructor(
    private readonly signal?: AbortSignal,
    private readonly intervalMs = 50,
  ) {}

  /** True when the thread has been held for long enough. Cheap: some 50 ns. */
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
