/** Transfers one file over HTTP into a partial file, starting where the last attempt stopped. */
import { open, stat, truncate, writeFile, type FileHandle } from 'node:fs/promises';
import { fileError } from '../atomic-file';
import { messageOf, UserError } from '../errors';
import { parseUrl } from './url';

/** Tells whether the server still has the file of which the partial file is a part. */
export interface Validator {
  /** A strong ETag or a date, the value of `If-Range`. */
  readonly value: string;
}

/** Keeps the validator beyond the process. */
export interface ValidatorStore {
  read(): Promise<Validator | null>;
  write(validator: Validator | null): Promise<void>;
}

/** The connection broke or the server is busy: another attempt may succeed. */
export class Interrupted extends Error {}
/** No server answered. */
export class Unreachable extends Interrupted {}

const MAX_REDIRECTS = 5;
/** What a server may take, whatever it says of itself. */
export interface TransferLimits {
  /** Bytes of the file at most. */
  largest: number;
  /** Milliseconds in which `LEAST` more bytes must have come. */
  stallMs?: number;
}

/** Milliseconds after which a connection is given up that has not sent `LEAST` bytes. */
const STALL = 60_000;
/** So slow that nobody waits for it: a server that sends a byte now and then has stalled, too. */
const LEAST = 16 * 1024;
/** Start of a web page that was sent instead of the file. */
const WEB_PAGE = /^\s*<(!doctype html|html|head|\?xml)/i;

/** The bytes of one URL, resumable. */
export class Transfer {
  constructor(
    private readonly url: string,
    private readonly what: string,
    private readonly part: string,
    private readonly validator: ValidatorStore,
    private readonly limits: TransferLimits,
  ) {}

  /** Size of the partial file in bytes. */
  async received(): Promise<number> {
    return (await stat(this.part).catch(() => undefined))?.size ?? 0;
  }

  /**
   * Transfers what is missing.
   * @param report bytes so far and in total; not called if the server states no size
   * @returns the file's name, if the server states one
   * @throws Interrupted if another attempt may succeed, UserError if not
   */
  async run(report: (done: number, total: number) => void, signal?: AbortSignal): Promise<string | undefined> {
    const { stallMs = STALL } = this.limits;
    const stalled = new AbortController();
    let timer = setTimeout(() => stalled.abort(), stallMs);
    let mark = await this.received();
    const alive = (done: number): void => {
      if (done >= mark && done - mark < LEAST) return;
      mark = done;
      clearTimeout(timer);
      timer = setTimeout(() => stalled.abort(), stallMs);
    };
    const either = signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal;
    try {
      const have = await this.received();
      const known = have > 0 ? await this.validator.read() : null;
      const response = await this.request(known ? { range: `bytes=${have}-`, 'if-range': known.value } : {}, either);
      const start = await this.startOf(response, known ? have : 0);
      const length = Number(response.headers.get('content-length') ?? NaN);
      const total = start + length;
      if (total > this.limits.largest) throw this.tooLarge(`has ${total} bytes`);
      if (start === 0) {
        // In this order: the validator must never belong to another file than the bytes.
        await writeFile(this.part, '');
        await this.validator.write(validatorOf(response));
      }
      await this.save(response, start, total > 0 ? total : Infinity, (done) => {
        alive(done);
        if (total > 0) report(done, total);
      });
      const got = await this.received();
      if (got === 0) throw new Interrupted(`${this.url} answered with an empty file`);
      if (total > 0 && got !== total) throw new Interrupted(`${this.url} broke off after ${got} of ${total} bytes`);
      return /filename="([^"]*)"/.exec(response.headers.get('content-disposition') ?? '')?.[1];
    } catch (error) {
      if (stalled.signal.aborted)
        throw new Interrupted(`${this.url} sent nothing, or next to nothing, for ${stallMs / 1000} s`);
      throw error;
    } finally {
      clearTimeout(timer);
      stalled.abort(); // ends a connection whose answer was refused
    }
  }

  /** Follows redirects, only to addresses that `parseUrl` accepts, and never from https to http. */
  private async request(headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    let url = parseUrl(this.url);
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const response = await this.get(url, headers, signal);
      const location = response.headers.get('location');
      if (response.status < 300 || response.status >= 400 || !location) return response;
      await response.body?.cancel();
      const next = parseUrl(URL.canParse(location, url.href) ? new URL(location, url).href : location);
      if (url.protocol === 'https:' && next.protocol !== 'https:') {
        throw new UserError(
          `${this.url} redirects to ${next.href}, which is not encrypted and was not followed: give an https address`,
        );
      }
      url = next;
    }
    throw new UserError(`${this.url} redirects more than ${MAX_REDIRECTS} times: give the final address`);
  }

  private async get(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    try {
      // With compression, lengths and ranges would not count the file's own bytes.
      const all = { 'accept-encoding': 'identity', ...headers };
      return await fetch(url, { headers: all, redirect: 'manual', signal });
    } catch (error) {
      throw new Unreachable(`${this.url} cannot be reached (${causeOf(error)})`);
    }
  }

  /** The offset of the response's bytes in the file. @throws UserError or Interrupted if it is not the file */
  private async startOf(response: Response, asked: number): Promise<number> {
    const { status } = response;
    if (status === 416) {
      // The partial file is longer than the server's file, so it belongs to another one.
      await truncate(this.part, 0);
      throw new Interrupted(`${this.url} has changed`);
    }
    if (status === 429 || status >= 500) throw new Interrupted(`${this.url} answered ${status}`);
    if (status !== 200 && status !== 206) {
      const why =
        status === 404 ? 'there is no such file' : status === 401 || status === 403 ? 'access denied' : 'refused';
      throw new UserError(`${this.url} answered ${status} (${why}): check the address of the ${this.what}`);
    }
    const encoding = response.headers.get('content-encoding')?.trim().toLowerCase();
    if (encoding && encoding !== 'identity') {
      // What comes out of a few bytes can be without end, and neither its length nor its parts are the file's.
      await response.body?.cancel();
      throw new UserError(
        `${this.url} is sent compressed (${encoding}), which was not asked for: download the ${this.what} yourself and give its path`,
      );
    }
    if (/^text\/html/i.test(response.headers.get('content-type') ?? '')) throw this.webPage();
    if (status === 200) return 0;
    const start = Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? NaN);
    if (start === asked) return start;
    await truncate(this.part, 0);
    throw new Interrupted(`${this.url} sent another part than requested`);
  }

  /** @param what is wrong with its size, as a predicate */
  private tooLarge(what: string): UserError {
    return new UserError(
      `${this.url} ${what}, and a ${this.what} has at most ${this.limits.largest}: check the address, or download the file yourself and give its path`,
    );
  }

  private webPage(): UserError {
    return new UserError(`${this.url} answered with a web page, not with a ${this.what}: check the address`);
  }

  /** @param announced bytes of the whole file; Infinity where the server states no size */
  private async save(
    response: Response,
    start: number,
    announced: number,
    onBytes: (done: number) => void,
  ): Promise<void> {
    let file: FileHandle | undefined;
    try {
      file = await open(this.part, 'r+');
      let at = start;
      for await (const chunk of chunksOf(response, this.url)) {
        if (at === 0 && WEB_PAGE.test(Buffer.from(chunk.subarray(0, 100)).toString('latin1'))) throw this.webPage();
        if (at + chunk.length > Math.min(announced, this.limits.largest)) {
          await file.truncate(0);
          throw at + chunk.length > announced
            ? new UserError(`${this.url} sends more than the ${announced} bytes that it announced: check the address`)
            : this.tooLarge('does not end');
        }
        for (let done = 0; done < chunk.length;) {
          const { bytesWritten } = await file.write(chunk, done, chunk.length - done, at);
          done += bytesWritten;
          at += bytesWritten;
        }
        onBytes(at);
      }
      await file.sync();
    } catch (error) {
      throw fileError(error, this.part);
    } finally {
      await file?.close();
    }
  }
}

async function* chunksOf({ body }: Response, url: string): AsyncGenerator<Uint8Array> {
  if (!body) return;
  try {
    for await (const chunk of body) yield chunk as Uint8Array;
  } catch (error) {
    throw new Interrupted(`${url} broke off (${causeOf(error)})`);
  }
}

function validatorOf({ headers }: Response): Validator | null {
  const tag = headers.get('etag');
  const value = tag && !tag.startsWith('W/') ? tag : headers.get('last-modified');
  return value ? { value } : null;
}

/** The reason of a failed fetch: its cause, as its own message is only "fetch failed". */
function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : messageOf(cause);
}
