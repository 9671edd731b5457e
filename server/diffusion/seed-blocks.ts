/** The seeds of a run in blocks that processes claim, so that several fill one folder and no image is made twice. */
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Claim } from '../claim';
import { fileError } from '../atomic-file';
import { seedRanges } from './seeds';

/** Seeds of a block: those with the same quotient by this number, whatever lists and batches the processes have. */
const BLOCK = 16;
/** Milliseconds between two looks at the blocks of other processes when no free block is left. */
const POLL = 500;

/**
 * How many blocks a list of seeds has, counted as far as `atMost`.
 * @throws UserError as `parseSeeds`
 */
export function countBlocks(list: string, atMost: number): number {
  const blocks = new Set<number>();
  for (const [first, last] of seedRanges(list))
    for (let block = blockOf(first); block <= blockOf(last) && blocks.size < atMost; block++) blocks.add(block);
  return blocks.size;
}

function blockOf(seed: number): number {
  return Math.floor(seed / BLOCK);
}

/** Seeds that this process has claimed. */
export interface ClaimedSeeds {
  seeds: number[];
  /** The blocks that they are of. */
  blocks: string[];
  /** Releases them, whether their images are made or not. */
  release: () => Promise<void>;
}

/** The blocks whose images this process has not made or found yet. */
export class SeedBlocks {
  private readonly folder: string;
  private readonly pending = new Map<string, number[]>();
  /** Blocks that a device of this process is about to claim. */
  private readonly asked = new Set<string>();
  /** Ends the wait for other processes. */
  private news = new AbortController();

  constructor(outdir: string, seeds: readonly number[]) {
    this.folder = join(outdir, '.claims');
    for (const seed of seeds) {
      const name = `seeds${blockOf(seed)}`;
      const block = this.pending.get(name);
      if (block) block.push(seed);
      else this.pending.set(name, [seed]);
    }
  }

  /** Number of blocks that this process has not claimed yet. */
  get left(): number {
    return this.pending.size;
  }

  /**
   * Leaves out blocks of which another process said that all images are there.
   * @returns how many seeds of this process were in them
   */
  settle(names: readonly string[]): number {
    let seeds = 0;
    for (const name of names) {
      seeds += this.pending.get(name)?.length ?? 0;
      this.pending.delete(name);
    }
    const { news } = this;
    this.news = new AbortController();
    news.abort();
    return seeds;
  }

  /**
   * Claims blocks until they have `count` seeds or no free block is left. If others hold all of them, waits a moment. A
   * block that others finish or give up can be claimed afterwards, so that this process has checked every image in the end.
   * @returns the seeds, none after a wait; images of some may exist by now
   * @throws UserError if the folder cannot be written
   */
  async claim(count: number): Promise<ClaimedSeeds> {
    const seeds: number[] = [];
    const blocks: string[] = [];
    const held: Claim[] = [];
    // News from now on end the wait, also those that come while claims are tried.
    const { signal } = this.news;
    for (const [name, block] of this.pending) {
      if (this.asked.has(name)) continue;
      this.asked.add(name);
      const claim = await Claim.take(this.folder, name).catch((error: unknown) => {
        throw fileError(error, this.folder);
      });
      this.asked.delete(name);
      // Another process may have told meanwhile that it is made.
      if (claim && !this.pending.has(name)) await claim.release();
      if (!claim || !this.pending.has(name)) continue;
      held.push(claim);
      blocks.push(name);
      this.pending.delete(name);
      seeds.push(...block);
      if (seeds.length >= count) break;
    }
    if (seeds.length === 0) await sleep(POLL, undefined, { signal }).catch(() => undefined);
    const release = async (): Promise<void> => {
      for (const claim of held) await claim.release();
    };
    return { seeds, blocks, release };
  }

  /** Removes the folder of the claims, unless other processes still have some. */
  async close(): Promise<void> {
    await rmdir(this.folder).catch(() => undefined);
  }
}
