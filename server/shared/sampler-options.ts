/** The options of the sampler: their names, as in generate.py, and their values. */

/** ODE solvers: `--solver`. */
export const SOLVERS = ['heun', 'euler'] as const;
/** Time step discretizations (Karras et al. 2022, table 1): `--disc`. */
export const DISCRETIZATIONS = ['vp', 've', 'iddpm', 'edm'] as const;
/** Noise schedules sigma(t): `--schedule`. */
export const SCHEDULES = ['vp', 've', 'linear'] as const;
/** Signal scalings s(t): `--scaling`. */
export const SCALINGS = ['vp', 'none'] as const;

type Solver = (typeof SOLVERS)[number];
/** One of `DISCRETIZATIONS`. */
export type Discretization = (typeof DISCRETIZATIONS)[number];
type Schedule = (typeof SCHEDULES)[number];
type Scaling = (typeof SCALINGS)[number];

/** Everything that a sampler depends on besides the network and the random numbers. Names as on generate.py's command line. */
export interface SamplerSettings {
  /** Number of sampling steps N >= 2; the network is evaluated 2N - 1 times by `heun`, N times by `euler`. */
  steps: number;
  /** Lowest noise level > 0. */
  sigma_min: number;
  /** Highest noise level >= sigma_min. */
  sigma_max: number;
  /** Exponent of the EDM time steps > 0 (equation 5). */
  rho: number;
  /** Strength of the stochasticity >= 0; 0 is the deterministic sampler. */
  S_churn: number;
  /** Noise is added only at noise levels in [S_min, S_max]. */
  S_min: number;
  S_max: number;
  /** Factor on the added noise. */
  S_noise: number;
  solver: Solver;
  /** Which noise levels are visited (table 1, "Time steps"). */
  disc: Discretization;
  /** sigma(t). */
  schedule: Schedule;
  /** s(t). */
  scaling: Scaling;
  /** Where Heun's second evaluation lies in the step (1: trapezoid, 1/2: midpoint); not on generate.py's command line. */
  alpha: number;
}

/** As given by a user; whatever is missing takes its default. */
export type SamplerOptions = Partial<SamplerSettings>;

/** The sampler options of generate.py that take a number, in its order. */
export const NUMBER_OPTIONS = [
  'steps',
  'sigma_min',
  'sigma_max',
  'rho',
  'S_churn',
  'S_min',
  'S_max',
  'S_noise',
] as const;

/** The sampler options of generate.py that take one of a few names; each of them selects its ablation sampler. */
export const CHOICE_OPTIONS = ['solver', 'disc', 'schedule', 'scaling'] as const;

/** The device whose random number generator is imitated: `--rng`. */
export const RNG_DEVICES = ['cpu', 'cuda'] as const;
/** One of `RNG_DEVICES`. */
export type RngDevice = (typeof RNG_DEVICES)[number];
