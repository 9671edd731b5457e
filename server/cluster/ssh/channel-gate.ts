/** Who may open a channel now: servers allow only so many at once, and refuse the rest with an error. Pure. */
import { CancelledError } from '../../errors';

export class ChannelGate {
  private inside = 0;
  private readonly waiting: (() => void)[] = [];

  /** @param limit how many may be inside at once */
  constructor(private limit: number) {}

  /** Waits for a place. @returns gives it back @throws CancelledError */
  async enter(signal: AbortSignal): Promise<() => void> {
    while (this.inside >= this.limit) {
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      if (signal.aborted) {
        this.waiting.shift()?.(); // a call that came to us is passed on
        throw new CancelledError();
      }
    }
    this.inside++;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.inside--;
      this.waiting.shift()?.();
    };
  }

  /** The server takes fewer than thought. @returns false where even one alone is refused */
  shrink(): boolean {
    if (this.inside <= 1) return false;
    this.limit = Math.max(1, Math.min(this.limit, this.inside - 1));
    return true;
  }
}
