import { Mt19937 } from './mt19937';

/** The part of `numpy.random.RandomState(seed)` that the metrics use. */
export class NumpyRandom {
  private readonly engine: Mt19937;

  /** @param seed 0 <= seed < 2^32 */
  constructor(seed: number) {
    this.engine = new Mt19937(seed);
  }

  /** `permutation(n)`: 0..n-1 shuffled as `shuffle(arange(n))` does, n < 2^28. `choice(n, m, replace=False)` is its first m. */
  permutation(n: number): number[] {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.interval(i);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }

  /** An integer in [0, max] by rejection: as many low bits of a draw as max has, until they fit. */
  private interval(max: number): number {
    const range = 2 ** (32 - Math.clz32(max));
    for (;;) {
      const value = this.engine.next32() % range;
      if (value <= max) return value;
    }
  }
}

/**
 * The images that fid.py takes of `n` with its options `--num` and `--seed`.
 * @param seed any safe integer, taken mod 2^31
 * @returns `num` indices, ascending; all if there are no more
 */
export function subsetIndices(n: number, num: number, seed: number): number[] {
  if (num >= n) return Array.from({ length: n }, (_, i) => i);
  const random = new NumpyRandom(Number(BigInt.asUintN(31, BigInt(seed))));
  return random
    .permutation(n)
    .slice(0, num)
    .sort((a, b) => a - b);
}
