/** What the image files tell of themselves, asked for once and kept. No DOM. */
import type { SampleDetails } from '../../server/shared/protocol';

/** Files asked for at once while all are being read for the class filter. */
const SCAN_BATCH = 1000;

/** Details by file name; the extension answers every file it is asked for. */
export class DetailsCache {
  private readonly known = new Map<string, SampleDetails>();
  private readonly pending = new Set<string>();
  private queue: string[] = [];

  /** @param ask sends one request for some files */
  constructor(private readonly ask: (files: string[]) => void) {}

  get(file: string): SampleDetails | undefined {
    return this.known.get(file);
  }

  /** Asks for those files that are neither known nor on their way, all in one request. */
  want(files: readonly string[]): void {
    const fresh = files.filter((file) => !this.known.has(file) && !this.pending.has(file));
    if (fresh.length === 0) return;
    for (const file of fresh) this.pending.add(file);
    this.ask(fresh);
  }

  /** Reads all of `files`, one batch after the other, so that what is on screen never waits long. */
  scan(files: readonly string[]): void {
    this.queue = files.filter((file) => !this.known.has(file));
    this.nextBatch();
  }

  /** Stops reading ahead, e.g. because the filter was taken away. */
  stopScan(): void {
    this.queue = [];
  }

  /** Takes an answer in and goes on with the scan once nothing is on its way. */
  receive(details: readonly SampleDetails[]): void {
    for (const detail of details) {
      this.known.set(detail.file, detail);
      this.pending.delete(detail.file);
    }
    this.nextBatch();
  }

  /** The request on its way failed: what it asked for may be asked again, nothing is read ahead. */
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

  private nextBatch(): void {
    if (this.pending.size > 0 || this.queue.length === 0) return;
    const batch = this.queue.splice(0, SCAN_BATCH);
    this.want(batch);
    if (this.pending.size === 0) this.nextBatch();
  }
}
