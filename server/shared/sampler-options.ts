/** The options of the sampler: their names and their values. Those of generate.py are called as there. */

/** Solvers: `--solver`. What each is and takes is in `solvers.ts`. */
export const SOLVERS = [
  'heun',
  'euler',
  'euler-ancestral',
  'dpmpp-2m',
  'dpmpp-3m',
  'sde-dpmpp-2m',
  'unipc',
  'deis',
  'ipndm',
  'ab',
] as const;
/** Noise levels that generate.py can visit: table 1 of Karras et al. 2022. */
export const ORIGINAL_DISCRETIZATIONS = ['vp', 've', 'iddpm', 'edm'] as const;
/** Noise levels that are visited, two of them our own: `--disc`. */
export const DISCRETIZATIONS = [...ORIGINAL_DISCRETIZATIONS, 'log-uniform', 'cosine'] as const;
/** Noise schedules sigma(t): `--schedule`. */
export const SCHEDULES = ['vp', 've', 'linear'] as const;
/** Signal scalings s(t): `--scaling`. */
export const SCALINGS = ['vp', 'none'] as const;
/** Forms of one solver: `--variant`. */
export const VARIANTS = ['bh1', 'bh2', 'published', 'exact', 'midpoint', 'heun'] as const;
/** What Heun's method averages: `--heun_on`. */
export const HEUN_ON = ['x', 'D'] as const;

/** One of `SOLVERS`. */
export type Solver = (typeof SOLVERS)[number];
/** One of `DISCRETIZATIONS`. */
export type Discretization = (typeof DISCRETIZATIONS)[number];
type Schedule = (typeof SCHEDULES)[number];
type Scaling = (typeof SCALINGS)[number];
/** One of `VARIANTS`. */
export type Variant = (typeof VARIANTS)[number];

/** Everything that a sampler depends on besides the network and the random numbers. */
export interface SamplerSettings {
  /** Number of sampling steps N >= 2; how often the network is evaluated depends on the solver (`nfe`). */
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
  /** Order of a multistep solver: evaluations that a step combines. */
  order?: number;
  /** Form of the solver, where it has several. */
  variant?: Variant;
  /** The N noise levels to visit, falling, > 0, in place of sigma_min, sigma_max, rho and disc. The step to 0 is added. */
  sigmas?: readonly number[];
  /** One S_churn >= 0 for each step. */
  churn?: readonly number[];
  /** Fresh noise of each step, one number for all or one for each; its meaning is the solver's. */
  eta?: number | readonly number[];
  /** Heun's average: of the slopes in x (default), or of the denoised images D. */
  heun_on?: (typeof HEUN_ON)[number];
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

/** The sampler options that generate.py does not have. */
export const OWN_OPTIONS = ['order', 'variant', 'heun_on', 'sigmas', 'churn', 'eta'] as const;

/** All sampler options that a config or a command line can give. */
export const SAMPLER_OPTIONS = [...NUMBER_OPTIONS, ...CHOICE_OPTIONS, ...OWN_OPTIONS] as const;

/** An option's value as one word: lists with commas, without spaces. */
export function optionText(value: unknown): string {
  if (Array.isArray(value)) return value.map(optionText).join(',');
  return value === Infinity ? 'inf' : String(value);
}

/** The device whose random number generator is imitated: `--rng`. */
export const RNG_DEVICES = ['cpu', 'cuda'] as const;
/** One of `RNG_DEVICES`. */
export type RngDevice = (typeof RNG_DEVICES)[number];
