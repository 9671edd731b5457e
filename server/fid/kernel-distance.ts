import { CancelledError } from '../errors';
import { type MatMul, multiply } from '../linalg/matmul';
import type { NumpyRandom } from '../numpy/numpy-random';

/** Feature vectors of n images, row-major [n, dimension]. */
export interface Features {
  data: Float32Array | Float64Array;
  n: number;
  dimension: number;
}

/** The kernel distance over several subsets. */
export interface KernelDistance {
  /** Mean over the subsets: the distance. May be negative, as the estimator is unbiased. */
  mean: number;
  /** Population standard deviation over the subsets. */
  std: number;
  /** Each subset's estimate. */
  subsets: number[];
}

/** Rows of one subset, equally many of `a` and `b`. */
export interface SubsetPair {
  a: ArrayLike<number>;
  b: ArrayLike<number>;
}

/**
 * Kernel (Inception) distance: the unbiased squared maximum mean discrepancy with the kernel (x.y / dimension + 1)^3
 * (Binkowski et al. 2018, arXiv 1801.01401), averaged over subsets, in float64. Unlike the Frechet distance it has no bias
 * that depends on the number of images.
 * @param pairs the rows of each subset, from `drawSubsets`
 * @param control a faster product than plain JavaScript's, if there is one; cancels between two subsets
 * @throws RangeError if the dimensions differ; CancelledError
 */
export async function kernelDistance(
  a: Features,
  b: Features,
  pairs: Iterable<SubsetPair>,
  { matmul = multiply, signal }: { matmul?: MatMul; signal?: AbortSignal } = {},
): Promise<KernelDistance> {
  if (a.dimension !== b.dimension) throw new RangeError(`Features of ${a.dimension} and of ${b.dimension} dimensions`);
  const subsets: number[] = [];
  for (const pair of pairs) {
    if (signal?.aborted) throw new CancelledError();
    subsets.push(await discrepancy(rowsOf(a, pair.a), rowsOf(b, pair.b), a.dimension, matmul));
  }
  const mean = subsets.reduce((sum, value) => sum + value, 0) / subsets.length;
  const variance = subsets.reduce((sum, value) => sum + (value - mean) ** 2, 0) / subsets.length;
  return { mean, std: Math.sqrt(variance), subsets };
}

/**
 * Random subsets without replacement, drawn like torch-fidelity's: first from `a`, then from `b`, with one generator
 * (torch-fidelity's seed is 2020, its defaults are 100 subsets of 1000).
 * @throws RangeError if a subset would be larger than a set
 */
export function* drawSubsets(
  nA: number,
  nB: number,
  { subsets = 100, size = 1000, random }: { subsets?: number; size?: number; random: NumpyRandom },
): Generator<SubsetPair> {
  if (size > Math.min(nA, nB)) throw new RangeError(`Subsets of ${size} from ${nA} and ${nB} images`);
  for (let subset = 0; subset < subsets; subset++) {
    yield { a: random.permutation(nA).slice(0, size), b: random.permutation(nB).slice(0, size) };
  }
}

function rowsOf({ data, dimension }: Features, rows: ArrayLike<number>): Float64Array {
  const result = new Float64Array(rows.length * dimension);
  for (let i = 0; i < rows.length; i++) {
    result.set(data.subarray(rows[i]! * dimension, (rows[i]! + 1) * dimension), i * dimension);
  }
  return result;
}

async function discrepancy(x: Float64Array, y: Float64Array, d: number, product: MatMul): Promise<number> {
  const m = x.length / d;
  const within =
    kernelSum(await product(x, x, m, d, m), m, d, true) + kernelSum(await product(y, y, m, d, m), m, d, true);
  const between = kernelSum(await product(x, y, m, d, m), m, d, false);
  return within / (m * (m - 1)) - (2 * between) / (m * m);
}

/** Sum of the kernel over a matrix of inner products [m, m], with or without its diagonal. */
function kernelSum(products: Float64Array, m: number, d: number, withoutDiagonal: boolean): number {
  let sum = 0;
  products.forEach((product, at) => {
    if (!withoutDiagonal || at % (m + 1) !== 0) sum += (product / d + 1) ** 3;
  });
  return sum;
}
