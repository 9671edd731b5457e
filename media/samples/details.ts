/** What the image files contain besides pixels, asked for once and kept. No DOM. */
import type { SampleDetails } from '../../server/shared/protocol';

/** Files asked for at once while all are being read for the class filter. */
const SCAN_FILES = 1000;

/** Details by file name. The extension answers for every file that it is asked about. */
export class DetailsCache {
  private readonly known = new Map<string, SampleDetails>();
  private readonly pending = new Set<string>();
  private queue: string[] = [];

  /** @param ask sends one request for some files */
  constructor(private readonly ask: (files: string[]) => void) {}

  get(file: string): SampleDetails | undefined {
    return this.known.get(file);
  }

  /** Asks, in one request, for those files that are neither known nor asked for already. */
  want(files: readonly string[]): void {
    const fresh = files.filter((file) => !this.known.has(file) && !this.pending.has(file));
    if (fresh.length === 0) return;
    for (const file of fresh) this.pending.add(file);
    this.ask(fresh);
  }

  /** Reads all of `files`, some at a time, so that the files on screen never wait long. */
  scan(files: readonly string[]): void {
    this.queue = files.filter((file) => !this.known.has(file));
    this.scanMore();
  }

  /** Stops the scan, e.g. because the filter was removed. */
  stopScan(): void {
    this.queue = [];
  }

  /** Takes an answer, and continues the scan once no request is open. */
  receive(details: readonly SampleDetails[]): void {
    for (const detail of details) {
      this.known.set(detail.file, detail);
      this.pending.delete(detail.file);
    }
    this.scanMore();
  }

  /** The open request failed: its files may be asked for again, and the scan stops. */
  fail(): void {
    this.pending.clear();
    this.stopScan();
  }

  /** How many of `files` are known. */
  knownOf(files: readonly string[]): number {
    return files.reduce((sum, file) => sum + (this.known.has(file) ? 1 : 0), 0);
  }

  /** Class labels seen so far, ascending. */
  classes(): number[] {
    const seen = new Set<number>();
    for (const { class: label } of this.known.values()) if (label !== undefined) seen.add(label);
    return [...seen].sort((a, b) => a - b);
  }

  private scanMore(): void {
    if (this.pending.size > 0 || this.queue.length === 0) return;
    const files = this.queue.splice(0, SCAN_FILES);
    this.want(files);
    if (this.pending.size === 0) this.scanMore();
  }
}
