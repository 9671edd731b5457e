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

/** Seeds that are ours to make. */
export interface ClaimedSeeds {
  seeds: number[];
  /** Gives them back, made or not. */
  release: () => Promise<void>;
}

/** Blocks of seeds still to be made or seen made. */
export class SeedBlocks {
  private readonly folder: string;
  private readonly pending = new Map<string, number[]>();
  /** Blocks that a device of this process is asking for right now. */
  private readonly asked = new Set<string>();

  constructor(outdir: string, seeds: readonly number[]) {
    this.folder = join(outdir, '.claims');
    for (const seed of seeds) {
      const name = `seeds${Math.floor(seed / BLOCK)}`;
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
   * Claims blocks until they hold `count` seeds or no free block is left. Where others hold all of them, waits: what
   * they finish or leave behind comes to us in the end, so that every image has been seen when the last block is done.
   * @returns the seeds; none after a wait. Some may have been made meanwhile
   * @throws UserError if the folder cannot be written
   */
  async claim(count: number): Promise<ClaimedSeeds> {
    const seeds: number[] = [];
    const held: Claim[] = [];
    for (const [name, block] of this.pending) {
      if (this.asked.has(name)) continue;
      this.asked.add(name);
      const claim = await Claim.take(this.folder, name).catch((error: unknown) => {
        throw fileError(error, this.folder);
      });
      this.asked.delete(name);
      if (!claim) continue;
      held.push(claim);
      this.pending.delete(name);
      seeds.push(...block);
      if (seeds.length >= count) break;
    }
    if (seeds.length === 0) await sleep(POLL);
    const release = async (): Promise<void> => {
      for (const claim of held) await claim.release();
    };
    return { seeds, release };
  }

  /** Removes the folder of the claims unless other processes still have some. */
  async close(): Promise<void> {
    await rmdir(this.folder).catch(() => undefined);
  }
}
