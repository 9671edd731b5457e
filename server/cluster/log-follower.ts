/**
 * A log on a host as it grows. It is read in pieces from the byte reached so far, each together with the last bytes that
 * are known. So nothing is missed after a lost connection, and a file that was truncated or replaced is noticed. No
 * process stays on the login node, as `tail -f` would after a lost connection.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionLostError, type Host } from './host';
import type { ChannelGate } from './ssh/channel-gate';
import { explain, progressOf, type BarProgress, type LogFinding } from './log-findings';

/** What is new since the last part. */
export interface LogNews {
  /** Whole lines; of a progress bar, its last state. */
  lines: string[];
  /** The file starts again from its beginning. */
  restarted?: boolean;
  progress?: BarProgress;
}

export interface FollowOptions {
  /** Absolute path on the host; undefined where no file gets the output, and only `peek` shows it. */
  path: string | undefined;
  onNews: (news: LogNews) => void;
  /** Whether the job is over. What the file has then is read, and following ends. */
  isOver: () => Promise<boolean> | boolean;
  signal: AbortSignal;
  /** Seconds between two looks. Default 2. */
  pauseSeconds?: number;
  /** Byte to begin at; default 0. */
  offset?: number;
  /** What the job has written so far, asked for while there is no file. The file repeats it, and has more. */
  peek?: () => Promise<string | undefined>;
  /** Limits how many logs are read at the same time. */
  gate?: ChannelGate;
}

/** A line that was recognised. */
export interface Explained extends Omit<LogFinding, 'pattern'> {
  line: string;
}

const PIECE = 1 << 20;
/** So many bytes before the position reached must still be the same. */
const OVERLAP = 64;
const MOST_EXPLAINED = 50;
/** A line that grows beyond so many characters is shown in parts: a file need not have any line end. */
const LONGEST_LINE = 1 << 20;

/**
 * Follows until the job is over and the file is read, or the signal fires.
 * @returns the known failures in it, each once
 * @throws UserError where the file cannot be read for another reason than that it is not there yet
 */
export async function followLog(host: Host, options: FollowOptions): Promise<Explained[]> {
  const { path, onNews, isOver, signal, gate, peek, pauseSeconds = 2 } = options;
  const lines = new LineReader();
  const explained = new Map<string, Explained>();
  let offset = options.offset ?? 0;
  let tail: Buffer = Buffer.alloc(0);
  let lastReads = 0;
  const tell = (news: LogNews): void => {
    for (const line of news.lines) {
      const found = explained.size < MOST_EXPLAINED ? explain(line) : undefined;
      if (found && !explained.has(found.id)) {
        const { id, text, remedy } = found;
        explained.set(id, { id, text, ...(remedy !== undefined && { remedy }), line });
      }
    }
    if (news.lines.length > 0 || news.restarted || news.progress) onNews(news);
  };
  while (!signal.aborted) {
    // Asked before the file is read, so that the last output of the job is in it.
    const over = await isOver();
    const leave = await gate?.enter(signal).catch(() => undefined);
    if (signal.aborted) break;
    const piece = await readPiece(host, path, offset - tail.length, tail.length + PIECE, peek).finally(leave);
    if (signal.aborted) break;
    let fresh = piece;
    let restarted = false;
    if (piece && tail.length > 0) {
      if (piece.subarray(0, tail.length).equals(tail)) fresh = piece.subarray(tail.length);
      else {
        restarted = true;
        [offset, tail, fresh] = [0, Buffer.alloc(0), undefined];
        lines.reset();
        explained.clear();
        tell({ lines: [], restarted });
      }
    }
    if (fresh && fresh.length > 0) {
      offset += fresh.length;
      tail = Buffer.concat([tail, fresh]).subarray(-OVERLAP);
      tell(lines.take(fresh));
    }
    if (restarted || (fresh && fresh.length >= PIECE)) continue;
    // Twice without news, because network file systems show the last bytes a moment late.
    lastReads = over && !fresh?.length ? lastReads + 1 : 0;
    if (lastReads >= 2) break;
    await sleep(pauseSeconds * 1000, undefined, { signal }).catch(() => undefined);
  }
  tell(lines.end());
  return [...explained.values()];
}

/** Undefined where there is no file (yet), or no connection at the moment. */
async function readPiece(
  host: Host,
  path: string | undefined,
  offset: number,
  length: number,
  peek?: FollowOptions['peek'],
): Promise<Buffer | undefined> {
  const peeked = async (): Promise<Buffer | undefined> => {
    const written = await peek?.().catch(() => undefined);
    return written === undefined ? undefined : Buffer.from(written).subarray(offset, offset + length);
  };
  if (path === undefined) return peeked();
  try {
    return await host.files.read(path, offset, length);
  } catch {
    const there = await host.files.stat(path).catch(() => undefined);
    // A file that appeared in between is read now; any other failure is reported now.
    if (there) return host.files.read(path, offset, length).catch(nothingIfLost);
    return peeked();
  }
}

function nothingIfLost(error: unknown): undefined {
  if (!(error instanceof ConnectionLostError)) throw error;
}

/** Turns bytes into lines: UTF-8 cut anywhere, progress bars that overwrite themselves, colours. */
export class LineReader {
  private decoder = new TextDecoder();
  private rest = '';

  /** The whole lines among the bytes so far, and the progress bar that is being drawn. */
  take(bytes: Uint8Array): LogNews {
    const parts = (this.rest + this.decoder.decode(bytes, { stream: true })).split('\n');
    this.rest = lastState(parts.pop() ?? '');
    if (this.rest.length > LONGEST_LINE) {
      parts.push(this.rest);
      this.rest = '';
    }
    return news(parts.map(visible), this.rest);
  }

  /** The last line, if it has no line end. */
  end(): LogNews {
    const line = visible(this.rest + this.decoder.decode());
    this.reset();
    return news(line ? [line] : [], '');
  }

  reset(): void {
    this.decoder = new TextDecoder();
    this.rest = '';
  }
}

function news(lines: string[], open: string): LogNews {
  const bar = [visible(open), ...lines.slice(-20).reverse()].map(progressOf).find(Boolean);
  return { lines, ...(bar && { progress: bar }) };
}

/** What is kept of an overwritten line for the next piece: its last state, and a carriage return at the end. */
function lastState(line: string): string {
  const body = line.replace(/(?<!\r)\r+$/, '');
  return body.slice(body.lastIndexOf('\r') + 1) + (body.length < line.length ? '\r' : '');
}

/** The line as a terminal shows it: the text after the last carriage return, without colours and cursor movements. */
function visible(line: string): string {
  const body = line.replace(/(?<!\r)\r+$/, '');
  return body.slice(body.lastIndexOf('\r') + 1).replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '');
}
