/** Fetching a file once: found in a cache, or transferred and kept there. */
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Claim } from '../claim';
import { moveIntoPlace, writeAtomically } from '../atomic-file';
import { CancelledError, UserError } from '../errors';
import { fileDigest } from '../file-digest';
import { ProgressMeter, type TaskControl } from '../shared/progress';
import { cachedDownload, cacheKey, cacheName, downloadFolder } from './download-cache';
import { Interrupted, Transfer, Unreachable, type Validator } from './transfer';
import { parseUrl, urlFileName } from './url';

/** Interruptions in a row, none of which brought the file further than it ever was, after which it is given up. */
const ATTEMPTS = 4;
/** Pause before the first repetition, in ms; doubled each time. */
const FIRST_PAUSE = 250;
/** How often it is looked whether another process has finished a download, in ms. */
const POLL = 500;
const MEGABYTE = 1e6;

/**
 * The file behind a URL, fetched unless it is in a cache. A download that was cut off, even by the end of this process,
 * goes on where it stopped; of several processes that want one file, one fetches it.
 * @param what what the file should be, e.g. `network`, for messages
 * @returns its absolute path
 * @throws UserError when it cannot be had, saying which file to put where; CancelledError (what came is kept)
 */
export async function download(url: string, what: string, { onProgress, signal }: TaskControl = {}): Promise<string> {
  parseUrl(url);
  for (;;) {
    const cached = cachedDownload(url);
    if (cached) return cached;
    if (signal?.aborted) throw new CancelledError();
    const claim = await Claim.take(downloadFolder(), cacheKey(url));
    if (!claim) {
      onProgress?.({ phase: 'Waiting for another process that downloads', done: 0, total: 1, note: urlFileName(url) });
      await sleep(POLL);
      continue;
    }
    try {
      // Another process may have finished between the look and the claim.
      return cachedDownload(url) ?? (await fetchFile(url, what, { onProgress, signal }));
    } finally {
      await claim.release();
    }
  }
}

/** The transfer with its repetitions, and the checks of what came. Only the holder of the claim gets here. */
async function fetchFile(url: string, what: string, { onProgress, signal }: TaskControl): Promise<string> {
  const part = path.join(downloadFolder(), `${cacheKey(url)}.part`);
  const notes = `${part}.json`;
  const transfer = new Transfer(url, what, part, {
    read: async () => {
      const text = await readFile(notes, 'utf8').catch(() => 'null');
      return JSON.parse(text) as Validator | null;
    },
    write: (validator) => writeAtomically(notes, Buffer.from(JSON.stringify(validator))),
  });
  let meter: ProgressMeter | undefined;
  const report = (done: number, total: number): void => {
    const megabytes = (bytes: number): number => Math.round(bytes / (MEGABYTE / 10)) / 10;
    meter ??= new ProgressMeter(`Downloading MB of ${urlFileName(url)}`, megabytes(total), onProgress, megabytes(done));
    meter.update(megabytes(done));
  };

  let failures = 0;
  // A server without ranges begins again each time: only what was never there before is progress.
  let most = await transfer.received();
  for (;;) {
    try {
      const name = await transfer.run(report, signal);
      await checkHash(url, part, what);
      const file = path.join(downloadFolder(), cacheName(url, name));
      await moveIntoPlace(part, file);
      await rm(notes, { force: true });
      return file;
    } catch (error) {
      if (signal?.aborted) throw new CancelledError();
      if (error instanceof Unreachable && !most) throw new UserError(`${error.message}: ${offlineAdvice(url)}`);
      if (!(error instanceof Interrupted)) throw error;
      const received = await transfer.received();
      failures = received > most ? 1 : failures + 1;
      most = Math.max(most, received);
      if (failures >= ATTEMPTS) {
        throw new UserError(`${error.message}; what came is kept: try again later, or ${offlineAdvice(url)}`);
      }
      await sleep(FIRST_PAUSE * 2 ** (failures - 1));
    }
  }
}

function offlineAdvice(url: string): string {
  const file = path.join(downloadFolder(), cacheName(url));
  return `download it on a machine that reaches it and put it at ${file}, or give the path of the file instead`;
}

/** torch.hub's convention: a name that ends in `-<first digits of its sha256>.<ending>` can be checked. */
async function checkHash(url: string, file: string, what: string): Promise<void> {
  const expected = /-([0-9a-f]{8,64})\.[a-z]+$/.exec(urlFileName(url))?.[1];
  if (!expected || (await fileDigest(file)).startsWith(expected)) return;
  await rm(file, { force: true });
  throw new UserError(`${url}: the ${what} that came has another sha256 than its name says (${expected}…): try again`);
}
