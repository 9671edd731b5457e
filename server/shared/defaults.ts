/** Defaults of EDM's own programs and of run configs; every other place takes them from here. */

/** Sampling steps N of generate.py. */
export const DEFAULT_STEPS = 18;
/** Seeds of generate.py, one image each. */
export const DEFAULT_SEEDS = '0-63';
/** Images evaluated together, of generate.py and fid.py. */
export const DEFAULT_BATCH = 64;
/** Images that published FID values are over (Karras et al. 2022, table 2). */
export const PUBLISHED_NUM = 50_000;

/** Network evaluations per image of N steps: Heun evaluates twice in each step but the last (algorithm 1), Euler once. */
export function nfe(steps: number, solver: 'heun' | 'euler' = 'heun'): number {
  return solver === 'euler' ? steps : 2 * steps - 1;
}
