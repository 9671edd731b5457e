/** The seeds of a run in blocks that processes claim, so that several fill one folder and none is made twice. */
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Claim } from '../claim';
import { fileError } from '../atomic-file';

/** Seeds of a block: numbers that divide to the same integer, whatever lists and batches the processes have. */
const BLOCK = 16;
/** How often blocks of other processes are looked at once nothing else is left, in ms. */
const POLL = 500;

/** Blocks of seeds still to be made or seen made. */
export class SeedBlocks {
  private readonly folder: string;
  private readonly pending = new Map<string, number[]>();
  private held: Claim[] = [];

  constructor(outdir: string, seeds: readonly number[]) {
    this.folder = join(outdir, '.claims');
    for (const seed of seeds) {
      const name = `seeds${Math.floor(seed / BLOCK)}`;
      const block = this.pending.get(name);
      if (block) block.push(seed);
      else this.pending.set(name, [seed]);
    }
  }

  /** Number of blocks that have not been claimed by us yet. */
  get left(): number {
    return this.pending.size;
  }

  /**
   * Claims blocks until they hold `count` seeds or no free block is left. Where others hold all of them, waits: what
   * they finish or leave behind comes to us in the end, so that every image has been seen when the last block is done.
   * @returns the seeds; none after a wait. Some may have been made meanwhile
   * @throws UserError if the folder cannot be written
   */
  async claim(count: number): Promise<number[]> {
    const seeds: number[] = [];
    for (const [name, block] of this.pending) {
      const claim = await Claim.take(this.folder, name).catch((error: unknown) => {
        throw fileError(error, this.folder);
      });
      if (!claim) continue;
      this.held.push(claim);
      this.pending.delete(name);
      seeds.push(...block);
      if (seeds.length >= count) break;
    }
    if (seeds.length === 0) await sleep(POLL);
    return seeds;
  }

  /** Gives back what is held, done or not. */
  async release(): Promise<void> {
    const held = this.held;
    this.held = [];
    for (const claim of held) await claim.release();
  }

  /** Removes the folder of the claims unless other processes still have some. */
  async close(): Promise<void> {
    await rmdir(this.folder).catch(() => undefined);
  }
}
