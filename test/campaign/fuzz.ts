/** Damaged inputs for every reader: each ends as a result or a refusal, within 2 s and 500 MB, or it is a failure. */
import { fork } from 'node:child_process';
import path from 'node:path';
import { FILE_GENERATORS } from './generators-files';
import type { Word, Work } from './fuzz-process';
import { TEXTS } from './texts';

/** Names of all readers, for options and reports. */
export const READERS: readonly string[] = [...TEXTS, ...FILE_GENERATORS].map(({ name }) => name);

/** Wall time after which a try counts as hanging: ten times what it may take, as machines are shared. */
const HANG_MS = 20_000;
/** Memory of JavaScript's heap; buffers are held by the readers' own budgets. */
const HEAP_MB = 500;

/** One thing that went wrong, with how to see it again. */
export interface Failure {
  what: string;
  again: string;
}

/** Tries of one reader in a process of its own; a hang or a death ends only that process. Resolves to the next try. */
function attempt(work: Work, fail: (index: number, why: string) => void): Promise<number> {
  return new Promise((resolve) => {
    let at = work.from;
    let next: number | undefined;
    const child = fork(path.join(__dirname, 'fuzz-process.ts'), {
      execArgv: ['--import', 'tsx', `--max-old-space-size=${HEAP_MB}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let said = '';
    child.stderr?.on('data', (text: Buffer) => (said = (said + text.toString()).slice(-2000)));
    const hangs = (): void => {
      fail(at, `hangs for more than ${HANG_MS / 1000} s`);
      next = at + 1;
      child.kill('SIGKILL');
    };
    let timer = setTimeout(hangs, 3 * HANG_MS);
    child.on('message', (word: Word) => {
      clearTimeout(timer);
      if ('failed' in word) fail(word.failed, word.why);
      else if ('done' in word) next = work.to + 1;
      else at = word.begins;
      timer = setTimeout(hangs, HANG_MS);
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (next === undefined) fail(at, `the process ended with ${signal ?? code}: ${said}`);
      resolve(next ?? at + 1);
    });
    child.send(work);
  });
}

/**
 * Gives one reader its tries `from` to `to`.
 * @param until time in ms (Date.now()) after which no new piece of work is begun
 * @returns how many were tried, and what failed
 */
export async function fuzz(
  reader: string,
  seed: number,
  from: number,
  to: number,
  until: number,
): Promise<{ tries: number; failures: Failure[] }> {
  const failures: Failure[] = [];
  let next = from;
  while (next <= to && Date.now() < until) {
    const last = Math.min(to, next + 999);
    next = await attempt({ reader, seed, from: next, to: last }, (index, why) => {
      failures.push({
        what: `${reader}, try ${index}: ${why}`,
        again: `--seed ${seed} --only ${reader} --at ${index}`,
      });
    });
  }
  return { tries: next - from, failures };
}
