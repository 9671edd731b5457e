/**
 * How often a host is connected to: sites block clients that open many connections in a short time. The times are kept in a
 * file, so that one process after the other keeps the pace.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeAtomically } from '../../atomic-file';

/** Shortest time between the beginnings of two connections, in ms. */
const FLOOR = 1000;
/** The longest pause after failures, in ms: with somebody who waits for it, and without. */
const LONGEST = { asked: 10_000, unasked: 300_000 };
/** By how much a pause is longer at random: clients that were cut off together do not come back together. */
const JITTER = 0.5;
/** Pauses that are worth a line in the log, in ms. */
const NOTABLE = 3000;

/** What is kept. */
interface Tries {
  /** When the last connection was begun, in ms since 1970. */
  last: number;
  /** Connections that failed since one succeeded. */
  failures: number;
}

/**
 * The pause before the next connection, in ms from the beginning of the last.
 * @param failures in a row
 * @param isAsked whether somebody waits for it
 * @param random from 0 to 1
 */
export function pauseAfter(failures: number, isAsked: boolean, random: number): number {
  const longest = isAsked ? LONGEST.asked : LONGEST.unasked;
  // The first failure may be a slip of the hand; what fails again and again is asked for more and more rarely.
  return Math.min(longest, FLOOR * 2 ** Math.min(failures, 20)) * (1 + JITTER * random);
}

export class Pace {
  constructor(
    private readonly file: string,
    private readonly log: (line: string) => void,
    private readonly now: () => number = Date.now,
  ) {}

  /** Waits until a connection may be begun. It counts as failed until `succeeded` is called. */
  async turn(isAsked: boolean): Promise<void> {
    const { last, failures } = await this.read();
    // A clock that was set back must not keep anybody waiting for longer than the pause.
    const since = Math.max(0, this.now() - last);
    const wait = pauseAfter(failures, isAsked, Math.random()) - since;
    if (wait > NOTABLE)
      this.log(`Waits ${Math.round(wait / 1000)} s before the next connection: ${failures} failed one after the other`);
    if (wait > 0) await sleep(wait);
    await this.write({ last: this.now(), failures: failures + 1 });
  }

  async succeeded(): Promise<void> {
    await this.write({ last: this.now(), failures: 0 });
  }

  private async read(): Promise<Tries> {
    try {
      const { last, failures } = JSON.parse(await readFile(this.file, 'utf8')) as Partial<Tries>;
      if (Number.isFinite(last) && Number.isFinite(failures)) return { last: Number(last), failures: Number(failures) };
    } catch {
      // No file yet, or not ours to read: nothing is known.
    }
    return { last: -Infinity, failures: 0 };
  }

  /** Without a place to write the pace is kept within nothing but this connection. */
  private async write(tries: Tries): Promise<void> {
    await writeAtomically(this.file, Buffer.from(JSON.stringify(tries)), 0o600).catch(() => undefined);
  }
}
