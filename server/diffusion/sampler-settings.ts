/** The sampler's options as a table: names, ranges and defaults are generate.py's. Pure. */
import { DEFAULT_STEPS } from '../shared/defaults';
import {
  type Discretization,
  DISCRETIZATIONS,
  type SamplerOptions,
  type SamplerSettings,
  SCALINGS,
  SCHEDULES,
  SOLVERS,
} from '../shared/sampler-options';
import { UserError } from '../errors';
import type { Denoiser } from './denoiser';

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
  steps: DEFAULT_STEPS,
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

/** Noise levels if the user gives none. */
const DEFAULT_RANGES: Record<Discretization, readonly [number, number]> = {
  vp: [vpSigma(EPSILON_S, 19.9, 0.1), vpSigma(1, 19.9, 0.1)],
  ve: [0.02, 100],
  iddpm: [0.002, 81],
  edm: [0.002, 80],
};

/**
 * Checks the options and fills in what is missing; noise levels are clamped to what the network accepts.
 * @param options keys that are not sampler options are left out
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
