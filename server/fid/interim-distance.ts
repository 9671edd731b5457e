import { formatG } from '../shared/number-text';
import type { MatMul } from '../linalg/matmul';
import { frechetDistance } from './frechet-distance';
import type { Statistics, StatisticsAccumulator } from './statistics';

/** Shortest time between two interim distances, in ms. */
const INTERIM_INTERVAL = 5000;
/** Largest share of the time that interim distances may take. */
const INTERIM_SHARE = 0.02;
/** Time of one distance, in ms per cubed dimension: 5 s at 2048, 1 ms at 128. */
const INTERIM_COST = 5e3 / 2048 ** 3;

/** The distance so far, for the progress of long measurements. How often depends on its cost: at 2048 dimensions every four minutes. */
export class InterimDistance {
  private last = performance.now();
  private latest: string | undefined;

  constructor(
    private readonly name: 'FID' | 'FD',
    private readonly reference: Statistics,
    private readonly control: { matmul?: MatMul; signal?: AbortSignal },
  ) {}

  /** The latest interim distance; a new one if enough time has passed. */
  async note(accumulator: StatisticsAccumulator): Promise<string | undefined> {
    const cost = INTERIM_COST * accumulator.dimension ** 3;
    const due = this.last + Math.max(INTERIM_INTERVAL, cost / INTERIM_SHARE);
    if (performance.now() < due || accumulator.num < 2) return this.latest;
    const value = await frechetDistance(await accumulator.statistics(), this.reference, this.control);
    this.last = performance.now();
    this.latest = `${this.name} so far ${formatG(value)} (N = ${accumulator.num}, not final)`;
    return this.latest;
  }
}
