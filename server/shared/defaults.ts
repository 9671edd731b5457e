/** Defaults of EDM's own programs and of run configs; every other place takes them from here. */
import type { SamplerOptions, Solver } from './sampler-options';
import { DEFAULT_SOLVER, SOLVER_FACTS } from './solvers';

/** Sampling steps N of generate.py. */
export const DEFAULT_STEPS = 18;
/** Seeds of generate.py, one image each. */
export const DEFAULT_SEEDS = '0-63';
/** Images evaluated together, of generate.py and fid.py. */
export const DEFAULT_BATCH = 64;
/** Images that published FID values are over (Karras et al. 2022, table 2). */
export const PUBLISHED_NUM = 50_000;

/** Defaults of both samplers of generate.py: with these four choices its ablation_sampler is its edm_sampler. */
export const SAMPLER_DEFAULTS = {
  steps: DEFAULT_STEPS,
  rho: 7,
  S_churn: 0,
  S_min: 0,
  S_max: Infinity,
  S_noise: 1,
  solver: DEFAULT_SOLVER,
  disc: 'edm',
  schedule: 'linear',
  scaling: 'none',
  alpha: 1,
} as const satisfies SamplerOptions;

/** Time limit of a run's jobs on a cluster, in Slurm's form, where neither config nor profile gives one. */
export const DEFAULT_JOB_TIME = '24:00:00';
/** CPUs of a job for each GPU, and of one without GPUs: fid.py starts three workers besides itself. */
export const JOB_CPUS = 4;
/** CPUs of the job that merges what the tasks of a run have made. */
export const FINISH_CPUS = 1;

/** Network evaluations per image of N steps: the last one, to noise level 0, takes one (Karras et al. 2022, algorithm 1). */
export function nfe(steps: number, solver: Solver = DEFAULT_SOLVER): number {
  return SOLVER_FACTS[solver].evaluations * (steps - 1) + 1;
}

/** The number of steps that options ask for: one for each noise level where the levels are given. */
export function stepsOf({ steps, sigmas }: Pick<SamplerOptions, 'steps' | 'sigmas'>): number {
  return sigmas ? sigmas.filter((sigma) => sigma !== 0).length : (steps ?? DEFAULT_STEPS);
}
/** Least number of seconds between two questions to a scheduler, unless the profile of the cluster says another. */
export const DEFAULT_POLL_SECONDS = 15;
