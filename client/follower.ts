import { stat } from 'node:fs/promises';
import type * as vscode from 'vscode';

/** Shortest time between two looks. */
const PAUSE_MS = 1000;
/** A load that takes long is repeated less often: the pause is so many times as long as the load took. */
const PAUSE_PER_LOAD = 10;

/** What a follower does. */
interface FollowerNeeds {
  /** Loads and shows it all. @returns the files and folders, absolute, whose change calls for it again */
  load(): Promise<readonly string[]>;
  /** Whether anyone would see it now. */
  isSeen(): boolean;
  /** Tells of a load that failed. */
  attempt(work: () => Promise<void>): void;
}

/**
 * Keeps a panel true to files that others write: a run in this window, in a terminal, on another machine with the same disk.
 * It looks at their times and sizes, because the editor's own watchers leave out what `files.watcherExclude` names (often
 * the run folders), and hear nothing of what another machine writes to a network file system. A file that is missing, comes
 * later or is replaced is followed like any other.
 */
export class Follower implements vscode.Disposable {
  private seen = '';
  private timer: NodeJS.Timeout | undefined;
  private loading: Promise<void> = Promise.resolve();
  private took = 0;
  private ended = false;

  /** @param paths what to look at until the first load has succeeded */
  constructor(
    private paths: readonly string[],
    private readonly needs: FollowerNeeds,
  ) {}

  /** Loads now, and from now on whenever something changes. One load at a time: an older answer never comes last. */
  refresh(): Promise<void> {
    const next = this.loading.catch(() => undefined).then(() => this.load());
    this.loading = next;
    this.lookLater();
    return next;
  }

  /** Follows something else. @param paths what to look at until it was loaded */
  turnTo(paths: readonly string[]): Promise<void> {
    this.paths = paths;
    return this.refresh();
  }

  private async load(): Promise<void> {
    if (this.ended) return;
    const begun = performance.now();
    // Looked at before the load: what changes meanwhile is seen at the next look.
    this.seen = await marksOf(this.paths);
    try {
      this.paths = await this.needs.load();
    } finally {
      this.took = performance.now() - begun;
    }
  }

  private lookLater(): void {
    clearTimeout(this.timer);
    if (this.ended) return;
    this.timer = setTimeout(() => void this.look(), Math.max(PAUSE_MS, PAUSE_PER_LOAD * this.took));
  }

  private async look(): Promise<void> {
    await this.loading.catch(() => undefined);
    if (this.needs.isSeen() && (await marksOf(this.paths)) !== this.seen) this.needs.attempt(() => this.refresh());
    else this.lookLater();
  }

  dispose(): void {
    this.ended = true;
    clearTimeout(this.timer);
  }
}

/** What tells a changed file or folder from an unchanged one, for all of them. */
async function marksOf(paths: readonly string[]): Promise<string> {
  const marks = paths.map((path) =>
    stat(path).then(
      ({ ino, mtimeMs, ctimeMs, size }) => `${path} ${ino} ${mtimeMs} ${ctimeMs} ${size}`,
      () => `${path} -`,
    ),
  );
  return (await Promise.all(marks)).join('\n');
}
