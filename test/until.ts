import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds between two looks. */
const PAUSE = 20;
/** Seconds: far more than what tests wait for takes where many others work. */
const PATIENCE = 120;

/**
 * Waits until an answer will do, asking again and again.
 * @param willDo default: an answer that is true
 * @throws Error that says what was waited for, and the last answer
 */
export async function until<T>(
  ask: () => T | Promise<T>,
  what: string,
  willDo: (answer: T) => boolean = Boolean,
): Promise<T> {
  const deadline = performance.now() + PATIENCE * 1000; // which tests that set the clock leave alone
  for (;;) {
    const answer = await ask();
    if (willDo(answer)) return answer;
    if (performance.now() > deadline)
      throw new Error(`waited ${PATIENCE} s in vain for ${what}: ${JSON.stringify(answer)}`);
    await sleep(PAUSE);
  }
}
