/** Downloading a file once: taken from a cache, or transferred and kept there. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Claim } from '../claim';
import { moveIntoPlace, writeAtomically } from '../atomic-file';
import { CancelledError, UserError } from '../errors';
import { removeFile } from '../held-file';
import { fileDigest } from '../file-digest';
import { ProgressMeter, type TaskControl } from '../shared/progress';
import { cachedDownload, cacheKey, cacheName, downloadFolder } from './download-cache';
import { Interrupted, Transfer, Unreachable, type Validator } from './transfer';
import { parseUrl, urlFileName } from './url';

/** Interruptions in a row without a new byte after which the download fails. */
const ATTEMPTS = 4;
/** Pause before the second attempt, in ms; doubled each time. */
const FIRST_PAUSE = 250;
/** Milliseconds between two looks whether another process has finished its download. */
const POLL = 500;
const MEGABYTE = 1e6;
const GIB = 2 ** 30;
/**
 * The largest file that is downloaded, by what it is for, in bytes. The largest published networks have some GB, Inception
 * 91 MB, statistics of 2,048 features 34 MB. A server that states a size is held to that, too.
 */
const LARGEST: Readonly<Record<'network' | 'detector' | 'reference', number>> = {
  network: 16 * GIB,
  detector: 4 * GIB,
  reference: 2 * GIB,
};
/** What a download is for. */
export type Downloaded = keyof typeof LARGEST;

/**
 * The file at a URL, downloaded unless it is in a cache. An interrupted download continues where it stopped, even in a
 * later process. If several processes need a file, one downloads it.
 * @param what the kind of file, which decides how large it may be
 * @returns its absolute path
 * @throws UserError if the file cannot be downloaded, saying which file to put where; CancelledError (the received part is
 *   kept)
 */
export async function download(
  url: string,
  what: Downloaded,
  { onProgress, signal }: TaskControl = {},
): Promise<string> {
  parseUrl(url);
  for (;;) {
    const cached = cachedDownload(url);
    if (cached) return cached;
    if (signal?.aborted) throw new CancelledError();
    const claim = await Claim.take(downloadFolder(), cacheKey(url));
    if (!claim) {
      onProgress?.({ phase: 'Waiting for a download in another process', done: 0, total: 1, note: urlFileName(url) });
      await sleep(POLL);
      continue;
    }
    try {
      // Another process may have finished after the cache was read and before the claim.
      return cachedDownload(url) ?? (await fetchFile(url, what, { onProgress, signal }));
    } finally {
      await claim.release();
    }
  }
}

/** Transfers the file, in several attempts, and checks it. Only the holder of the claim may call it. */
async function fetchFile(url: string, what: Downloaded, { onProgress, signal }: TaskControl): Promise<string> {
  const part = path.join(downloadFolder(), `${cacheKey(url)}.part`);
  const notes = `${part}.json`;
  const validator = {
    read: () => readValidator(notes),
    write: (value: Validator | null) => writeAtomically(notes, Buffer.from(JSON.stringify(value))),
  };
  const transfer = new Transfer(url, what, part, validator, { largest: LARGEST[what] });
  let meter: ProgressMeter | undefined;
  const report = (done: number, total: number): void => {
    const megabytes = (bytes: number): number => Math.round(bytes / (MEGABYTE / 10)) / 10;
    meter ??= new ProgressMeter(`Downloading MB of ${urlFileName(url)}`, megabytes(total), onProgress, megabytes(done));
    meter.update(megabytes(done));
  };

  let failures = 0;
  // A server without ranges starts again each time: only bytes beyond all earlier attempts are progress.
  let most = await transfer.received();
  for (;;) {
    try {
      const name = await transfer.run(report, signal);
      await checkHash(url, part, what);
      const file = path.join(downloadFolder(), cacheName(url, name));
      await moveIntoPlace(part, file);
      await removeFile(notes);
      return file;
    } catch (error) {
      if (signal?.aborted) throw new CancelledError();
      if (error instanceof Unreachable && !most) throw new UserError(`${error.message}: ${offlineAdvice(url)}`);
      if (!(error instanceof Interrupted)) throw error;
      const received = await transfer.received();
      failures = received > most ? 1 : failures + 1;
      most = Math.max(most, received);
      if (failures >= ATTEMPTS) {
        throw new UserError(`${error.message}; the received part is kept: try again later, or ${offlineAdvice(url)}`);
      }
      await sleep(FIRST_PAUSE * 2 ** (failures - 1));
    }
  }
}

/** What was noted beside a part of a file; null, and so a new start, where the note says nothing. */
async function readValidator(notes: string): Promise<Validator | null> {
  try {
    const { value } = JSON.parse(await readFile(notes, 'utf8')) as Partial<Validator>;
    return typeof value === 'string' && /^[\x20-\x7e]+$/.test(value) ? { value } : null;
  } catch {
    return null; // none, torn, or the word null
  }
}

function offlineAdvice(url: string): string {
  const file = path.join(downloadFolder(), cacheName(url));
  return `download it on another machine and put it at ${file}, or give the path of the file instead`;
}

/** Checks a name that ends in `-<first digits of the sha256>.<extension>`, torch.hub's convention. */
async function checkHash(url: string, file: string, what: string): Promise<void> {
  const expected = /-([0-9a-f]{8,64})\.[a-z]+$/.exec(urlFileName(url))?.[1];
  if (!expected || (await fileDigest(file)).startsWith(expected)) return;
  await removeFile(file);
  throw new UserError(`${url}: the received ${what} does not have the sha256 in its name (${expected}…): try again`);
}
