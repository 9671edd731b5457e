/** Waiting for something on a cluster in one process, whatever happens to the connection and to the scheduler meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledError, messageOf, UserError } from '../errors';
import { durationText } from '../shared/progress';
import type { Cluster } from './cluster';

/** How something is waited for. */
export interface WaitOptions {
  /** Seconds between two looks. */
  pollSeconds: number;
  signal?: AbortSignal;
  /** Opens the cluster again after a look that failed. Default: the same cluster is asked again. */
  reopen?: () => Promise<Cluster>;
  /** Told of each look that failed after one that did not. */
  onTrouble?: (text: string) => void;
}

/** Looks that fail are repeated for so long, in milliseconds. */
const GIVE_UP_MS = 30 * 60_000;
/** The pause is doubled so often after looks that failed. */
const DOUBLINGS = 4;

/**
 * Looks until there is something to return. A look that fails is repeated.
 * @param goesOn says that what is waited for does not need the one who waits: a sentence without its full stop
 * @throws UserError where it cannot be looked at any more, CancelledError; both with that sentence
 */
export async function keepLooking<T>(
  cluster: Cluster,
  look: (cluster: Cluster) => Promise<T | undefined>,
  goesOn: () => string | Promise<string>,
  { pollSeconds, signal, reopen, onTrouble }: WaitOptions,
): Promise<T> {
  let open = cluster;
  let failures = 0;
  let since = performance.now();
  for (;;) {
    const rest = await goesOn();
    if (signal?.aborted) throw new CancelledError(`Cancelled: ${rest}`);
    try {
      if (failures > 0 && reopen) open = await reopen();
      const found = await look(open);
      if (found !== undefined) return found;
      failures = 0;
      since = performance.now();
    } catch (error) {
      if (error instanceof CancelledError) throw new CancelledError(`Cancelled: ${rest}`);
      const why = messageOf(error).replace(/\.$/, '');
      const waited = performance.now() - since;
      if (waited > GIVE_UP_MS) throw new UserError(`${why}: no answer for ${durationText(waited / 1000)}. ${rest}`, 1);
      if (failures++ === 0) onTrouble?.(`${why}. ${rest}; it is looked at again`);
    }
    const pause = pollSeconds * 1000 * 2 ** Math.min(failures, DOUBLINGS);
    await sleep(pause, undefined, { signal }).catch(() => undefined);
  }
}
