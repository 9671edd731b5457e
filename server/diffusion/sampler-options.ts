/** The sampler's options as a table: names, ranges and defaults are generate.py's. Pure. */
import { UserError } from '../errors';
import type { Denoiser } from './denoiser';

export const SOLVERS = ['heun', 'euler'] as const;
export const DISCRETIZATIONS = ['vp', 've', 'iddpm', 'edm'] as const;
export const SCHEDULES = ['vp', 've', 'linear'] as const;
export const SCALINGS = ['vp', 'none'] as const;

export type Solver = (typeof SOLVERS)[number];
export type Discretization = (typeof DISCRETIZATIONS)[number];
export type Schedule = (typeof SCHEDULES)[number];
export type Scaling = (typeof SCALINGS)[number];

/** Everything a sampler depends on, beside the network and the random numbers. Names as on generate.py's command line. */
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

/** As given by a user: whatever is missing takes its default. */
export type SamplerOptions = Partial<SamplerSettings>;

/** generate.py's options of the sampler that take a number, in its order. */
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

/** generate.py's options of the sampler that take one of a few names; each of them selects its ablation sampler. */
export const CHOICE_OPTIONS = ['solver', 'disc', 'schedule', 'scaling'] as const;

interface NumberRule {
  /** Smallest value allowed. */
  min?: number;
  /** Value that must be exceeded. */
  above?: number;
  integer?: boolean;
  /** Whether Infinity is a value. */
  infinite?: boolean;
}

/** Ranges of the numeric options. */
const NUMBER_RULES = {
  steps: { min: 2, integer: true },
  sigma_min: { above: 0 },
  sigma_max: { above: 0 },
  rho: { above: 0 },
  S_churn: { min: 0 },
  S_min: { min: 0 },
  S_max: { min: 0, infinite: true },
  S_noise: {},
  alpha: { above: 0 },
} as const satisfies Partial<Record<keyof SamplerSettings, NumberRule>>;

const CHOICES = {
  solver: SOLVERS,
  disc: DISCRETIZATIONS,
  schedule: SCHEDULES,
  scaling: SCALINGS,
} as const satisfies Partial<Record<keyof SamplerSettings, readonly string[]>>;

/** Defaults of both samplers of generate.py: with these four choices its ablation_sampler is its edm_sampler. */
const DEFAULTS = {
  steps: 18,
  rho: 7,
  S_churn: 0,
  S_min: 0,
  S_max: Infinity,
  S_noise: 1,
  solver: 'heun',
  disc: 'edm',
  schedule: 'linear',
  scaling: 'none',
  alpha: 1,
} as const satisfies SamplerOptions;

/** Smallest and largest t of the VP discretization's default noise levels are EPSILON_S and 1. */
export const EPSILON_S = 1e-3;

/** sigma(t) of the VP process (table 1). */
export function vpSigma(t: number, betaD: number, betaMin: number): number {
  return Math.sqrt(Math.exp(0.5 * betaD * t ** 2 + betaMin * t) - 1);
}

/** Noise levels where the user gives none. */
const DEFAULT_RANGES: Record<Discretization, readonly [number, number]> = {
  vp: [vpSigma(EPSILON_S, 19.9, 0.1), vpSigma(1, 19.9, 0.1)],
  ve: [0.02, 100],
  iddpm: [0.002, 81],
  edm: [0.002, 80],
};

/**
 * Checks the options and fills in what is missing; noise levels are clamped to what the network accepts.
 * @param options keys that are no sampler option are left out
 * @throws UserError naming the option, its value and its range
 */
export function resolveSampler(
  options: SamplerOptions,
  network: Pick<Denoiser, 'sigmaMin' | 'sigmaMax'>,
): SamplerSettings {
  for (const [name, rule] of Object.entries<NumberRule>(NUMBER_RULES)) {
    const value = options[name as keyof typeof NUMBER_RULES];
    if (value !== undefined) checkNumber(name, value, rule);
  }
  for (const [name, choices] of Object.entries<readonly string[]>(CHOICES)) {
    const value = options[name as keyof typeof CHOICES];
    if (value !== undefined && !choices.includes(value)) {
      throw new UserError(`--${name} ${value}: choose one of ${choices.join(', ')}`);
    }
  }
  const given = Object.fromEntries(
    Object.entries(options).filter(([name, value]) => value !== undefined && (name in NUMBER_RULES || name in CHOICES)),
  ) as SamplerOptions;
  const [lowest, highest] = DEFAULT_RANGES[given.disc ?? DEFAULTS.disc];
  const sigma_min = Math.max(given.sigma_min ?? lowest, network.sigmaMin);
  const sigma_max = Math.min(given.sigma_max ?? highest, network.sigmaMax);
  if (sigma_min > sigma_max) {
    throw new UserError(
      `--sigma_min ${sigma_min} exceeds --sigma_max ${sigma_max}; ` +
        `the network accepts noise levels from ${network.sigmaMin} to ${network.sigmaMax}`,
    );
  }
  return { ...DEFAULTS, ...given, sigma_min, sigma_max };
}

function checkNumber(name: string, value: number, { min, above, integer, infinite }: NumberRule): void {
  const wrong =
    Number.isNaN(value) ||
    (!infinite && !Number.isFinite(value)) ||
    (min !== undefined && value < min) ||
    (above !== undefined && value <= above) ||
    (integer && !Number.isInteger(value));
  if (!wrong) return;
  // generate.py accepts one step, divides by zero and writes black images.
  if (name === 'steps' && value === 1) {
    throw new UserError('--steps 1: the time steps are spaced by 1 / (steps - 1); use 2 steps or more');
  }
  const kind = integer ? 'an integer' : Number.isFinite(value) ? 'a number' : 'a finite number';
  const range = min !== undefined ? ` of at least ${min}` : above !== undefined ? ` above ${above}` : '';
  throw new UserError(`--${name} ${value}: must be ${kind}${range}`);
}
