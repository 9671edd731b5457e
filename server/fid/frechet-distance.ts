import { UserError } from '../errors';
import { choleskyFactor, type CholeskyFactor } from '../linalg/cholesky';
import { symmetricEigenvalues } from '../linalg/eigenvalues';
import { type MatMul, multiply, SquareSum } from '../linalg/matmul';
import { Pause } from '../linalg/event-loop-pause';
import type { Statistics } from './statistics';

/** The part of `Statistics` that the distance needs; `num`, if known, bounds the rank. */
export type Gaussian = Pick<Statistics, 'mu' | 'sigma' | 'num' | 'rounding'>;

/**
 * The Frechet distance of two Gaussians (Dowson & Landau 1982; Heusel et al. 2017, equation 6):
 * |mu_a - mu_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)).
 *
 * With S_a = A A^T and S_b = B B^T, the trace of the root is the nuclear norm of G = A^T B, that is, the sum of the roots
 * of the eigenvalues of G G^T. This matrix is positive semidefinite by construction: nothing becomes complex, and nothing
 * must be added to the diagonal. A and B have as many columns as the rank, so a singular covariance (no more images than
 * dimensions) costs no accuracy. fid.py's scipy.linalg.sqrtm agrees to 1e-12 if both covariances have full rank; if one
 * has not, it is itself off by 1e-8 to 1e-6 of the traces.
 *
 * @param options.onProjected called with a side whose covariance is indefinite by rounding and was projected
 * @returns the distance; for equal statistics, rounding may give values down to -1e-13 of the traces
 * @throws UserError if the dimensions differ; CancelledError
 */
export async function frechetDistance(
  a: Gaussian,
  b: Gaussian,
  options: { matmul?: MatMul; signal?: AbortSignal; onProjected?: (side: Gaussian) => void } = {},
): Promise<number> {
  const n = a.mu.length;
  if (b.mu.length !== n) {
    throw new UserError(`Statistics of ${n} and of ${b.mu.length} dimensions cannot be compared`);
  }
  let rest = 0;
  for (let i = 0; i < n; i++) {
    rest += (a.mu[i]! - b.mu[i]!) ** 2 + (a.sigma[i * n + i]! + b.sigma[i * n + i]!);
  }
  return rest - 2 * (await traceOfRoot(a, b, n, new Pause(options.signal), options));
}

/** tr (S_a S_b)^(1/2), in the units of the traces of S_a and S_b. */
async function traceOfRoot(
  a: Gaussian,
  b: Gaussian,
  n: number,
  pause: Pause,
  { matmul, onProjected }: { matmul?: MatMul; onProjected?: (side: Gaussian) => void },
): Promise<number> {
  const factors = [await factorOf(a, n, pause, matmul), await factorOf(b, n, pause, matmul)] as const;
  for (const [i, side] of [a, b].entries()) if (factors[i]?.projected !== undefined) onProjected?.(side);
  const [small, large] = factors[0].rank <= factors[1].rank ? factors : [factors[1], factors[0]];
  const [r, q] = [small.rank, large.rank];
  const g = await (matmul ?? multiply)(small.columns, large.columns, r, n, q);
  const symmetric = new Float64Array(r * r);
  const square = new SquareSum(r);
  await square.add(g, q, matmul);
  for (let i = 0; i < r; i++) symmetric.set(square.row(i), i * r);
  const eigenvalues = await symmetricEigenvalues(symmetric, r, pause, matmul);
  return eigenvalues.reduce((sum, value) => sum + Math.sqrt(Math.max(value, 0)), 0);
}

/** n images span at most n - 1 dimensions; fewer than two are refused before. */
function factorOf(side: Gaussian, n: number, pause: Pause, matmul?: MatMul): Promise<CholeskyFactor> {
  return choleskyFactor(side.sigma, n, (side.num ?? Infinity) - 1, pause, matmul, side.rounding);
}
