/** Limits how many channels are open at once: servers refuse more with an error. Pure. */
import { CancelledError } from '../../errors';

export class ChannelGate {
  private inside = 0;
  private readonly waiting: (() => void)[] = [];

  /** @param limit how many may be inside at once */
  constructor(private limit: number) {}

  /** Waits for a place. @returns gives the place back @throws CancelledError */
  async enter(signal: AbortSignal): Promise<() => void> {
    while (this.inside >= this.limit) {
      let call: () => void = () => undefined;
      await new Promise<void>((resolve) => {
        call = resolve;
        this.waiting.push(call);
        signal.addEventListener('abort', call, { once: true });
      });
      signal.removeEventListener('abort', call);
      if (signal.aborted) {
        const at = this.waiting.indexOf(call);
        if (at >= 0) this.waiting.splice(at, 1);
        else this.waiting.shift()?.(); // our turn is passed on
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

  /** Whether the server allows one at a time. */
  get isSingle(): boolean {
    return this.limit === 1;
  }

  /** The server allows fewer than expected. @returns false where it refuses even a single one */
  shrink(): boolean {
    if (this.inside <= 1) return false;
    this.limit = Math.max(1, Math.min(this.limit, this.inside - 1));
    return true;
  }
}
