/**
 * A log on a host as it grows. It is read in pieces from the byte reached so far, each with the last bytes of what we
 * have: so a lost connection costs nothing, and a file that was truncated or replaced is told from one that grew. No
 * process stays on the login node, as `tail -f` would after a broken connection.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionLostError, type Host } from './host';
import type { ChannelGate } from './ssh/channel-gate';
import { explain, progressOf, type BarProgress, type LogFinding } from './log-findings';

/** What came since the last part. */
export interface LogNews {
  /** Whole lines; of a progress bar, its last state. */
  lines: string[];
  /** The file begins anew. */
  restarted?: boolean;
  progress?: BarProgress;
}

export interface FollowOptions {
  /** Absolute path on the host. */
  path: string;
  onNews: (news: LogNews) => void;
  /** Whether the job is over: what is there then is read, and that is all. */
  isOver: () => Promise<boolean> | boolean;
  signal: AbortSignal;
  /** Seconds between two looks. Default 2. */
  pauseSeconds?: number;
  /** Where to begin; default the start of the file. */
  offset?: number;
  /** What the job has written so far, asked for while the file is not there. It may come anew, and longer, in the file. */
  peek?: () => Promise<string | undefined>;
  /** Bounds how many logs are read in the same moment. */
  gate?: ChannelGate;
}

/** A line that was recognised. */
export interface Explained extends Omit<LogFinding, 'pattern'> {
  line: string;
}

const PIECE = 1 << 20;
/** So many bytes before the place reached must still be the same. */
const OVERLAP = 64;
const MOST_EXPLAINED = 50;

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
    // Asked before the file is read: what the job wrote last is then in it.
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
    // Twice without news: network file systems show the last bytes a moment late.
    lastReads = over && !fresh?.length ? lastReads + 1 : 0;
    if (lastReads >= 2) break;
    await sleep(pauseSeconds * 1000, undefined, { signal }).catch(() => undefined);
  }
  tell(lines.end());
  return [...explained.values()];
}

/** Undefined where there is no file (yet), or no connection for the moment. */
async function readPiece(
  host: Host,
  path: string,
  offset: number,
  length: number,
  peek?: FollowOptions['peek'],
): Promise<Buffer | undefined> {
  try {
    return await host.files.read(path, offset, length);
  } catch (error) {
    if (error instanceof ConnectionLostError) return undefined;
    const there = await host.files.stat(path).catch(() => undefined);
    // One that came between the two looks is read now; whatever else is wrong is said now.
    if (there) return host.files.read(path, offset, length).catch(nothingIfLost);
    const written = await peek?.().catch(() => undefined);
    return written === undefined ? undefined : Buffer.from(written).subarray(offset, offset + length);
  }
}

function nothingIfLost(error: unknown): undefined {
  if (!(error instanceof ConnectionLostError)) throw error;
}

/** Bytes to lines: UTF-8 cut anywhere, bars that overwrite themselves, colours. */
export class LineReader {
  private decoder = new TextDecoder();
  private rest = '';

  /** Whole lines of what has come, and the bar that is being drawn. */
  take(bytes: Uint8Array): LogNews {
    const parts = (this.rest + this.decoder.decode(bytes, { stream: true })).split('\n');
    this.rest = lastState(parts.pop() ?? '');
    return news(parts.map(visible), this.rest);
  }

  /** What stands in the last line without an end. */
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

/** Of a line that was overwritten, what is kept for the next piece: its last state, and a bare return at the end. */
function lastState(line: string): string {
  const body = line.replace(/\r+$/, '');
  return body.slice(body.lastIndexOf('\r') + 1) + (body.length < line.length ? '\r' : '');
}

/** As a terminal would leave it: the text behind the last return, without colours and cursor movements. */
function visible(line: string): string {
  const body = line.replace(/\r+$/, '');
  return body.slice(body.lastIndexOf('\r') + 1).replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '');
}
