import type { Pause } from './pause';

/** A = L L^T with `l` row-major [n, rank]: the numerical rank is part of the answer. */
export interface CholeskyFactor {
  l: Float64Array;
  rank: number;
}

/**
 * Cholesky factor of a symmetric positive semidefinite matrix with pivoting, so that a singular covariance (no more
 * samples than dimensions) is factored exactly instead of failing: it ends when no pivot is left above the rounding
 * noise. Pivots count relative to their own variance, which is how the noise scales: a feature of tiny variance is
 * kept, a copy of another feature is not. Left-looking, as LAPACK's dpstf2; rows keep their order, so L is not
 * triangular.
 * @param a row-major [n, n], symmetric
 * @param maxRank what is known about the rank beforehand, e.g. samples - 1
 */
export async function choleskyFactor(
  a: Float64Array,
  n: number,
  maxRank: number,
  pause: Pause,
): Promise<CholeskyFactor> {
  const limit = Math.min(n, maxRank);
  const l = new Float64Array(n * limit);
  const noise = n * Number.EPSILON;
  const diagonal = Float64Array.from({ length: n }, (_, i) => a[i * n + i]);
  /** Rows not yet chosen, and how much of their variance is not yet explained, 0..1. */
  const rest = Array.from({ length: n }, (_, i) => i).filter((i) => diagonal[i] > 0);
  const unexplained = (i: number) => diagonal[i] / a[i * n + i];
  let rank = 0;
  while (rank < limit) {
    let at = -1;
    let most = noise;
    for (let i = 0; i < rest.length; i++) {
      const value = unexplained(rest[i]);
      if (value > most) [at, most] = [i, value];
    }
    if (at < 0) break;
    const pivot = rest[at];
    rest[at] = rest[rest.length - 1];
    rest.pop();
    const root = Math.sqrt(diagonal[pivot]);
    l[pivot * limit + rank] = root;
    for (const i of rest) {
      const value = (a[i * n + pivot] - dot(l, i * limit, pivot * limit, rank)) / root;
      l[i * limit + rank] = value;
      diagonal[i] -= value * value;
    }
    rank++;
    if (pause.due) await pause.take();
  }
  return { l: narrow(l, n, limit, rank), rank };
}

/** Sum of x[s + q] x[t + q] for q below `count`. Four sums, because one would wait for every addition. */
function dot(x: Float64Array, s: number, t: number, count: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let q = 0;
  for (; q + 3 < count; q += 4) {
    a += x[s + q] * x[t + q];
    b += x[s + q + 1] * x[t + q + 1];
    c += x[s + q + 2] * x[t + q + 2];
    d += x[s + q + 3] * x[t + q + 3];
  }
  for (; q < count; q++) a += x[s + q] * x[t + q];
  return a + b + (c + d);
}

/** The first `columns` of a row-major matrix [n, width]. */
function narrow(x: Float64Array, n: number, width: number, columns: number): Float64Array {
  if (columns === width) return x;
  const result = new Float64Array(n * columns);
  for (let i = 0; i < n; i++) result.set(x.subarray(i * width, i * width + columns), i * columns);
  return result;
}
