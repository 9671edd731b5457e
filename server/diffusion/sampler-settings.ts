/** The sampler's options as a table: names, ranges and defaults are generate.py's where it has them. Pure. */
import { UserError } from '../errors';
import { SAMPLER_DEFAULTS, stepsOf } from '../shared/defaults';
import {
  type Discretization,
  DISCRETIZATIONS,
  HEUN_ON,
  OWN_OPTIONS,
  type SamplerOptions,
  type SamplerSettings,
  SCALINGS,
  SCHEDULES,
  SOLVERS,
  VARIANTS,
} from '../shared/sampler-options';
import { DEFAULT_SOLVER, SOLVER_FACTS } from '../shared/solvers';
import type { Denoiser } from './denoiser';
import { EPSILON_S, vpSigma } from './noise-process';
import { problemText, samplerProblems } from './sampler-rules';

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
  variant: VARIANTS,
  heun_on: HEUN_ON,
} as const satisfies Partial<Record<keyof SamplerSettings, readonly string[]>>;

/** Noise levels if the user gives none. */
const DEFAULT_RANGES: Record<Discretization, readonly [number, number]> = {
  vp: [vpSigma(EPSILON_S, 19.9, 0.1), vpSigma(1, 19.9, 0.1)],
  ve: [0.02, 100],
  iddpm: [0.002, 81],
  edm: [0.002, 80],
  'log-uniform': [0.002, 80],
  cosine: [0.002, 80],
};

/** What a network accepts. */
type NoiseRange = Pick<Denoiser, 'sigmaMin' | 'sigmaMax'>;

/**
 * Checks the options and fills in what is missing; noise levels are clamped to what the network accepts, as EDM does.
 * @param options keys that are not sampler options are left out
 * @throws UserError naming the option, its value and its range
 */
export function resolveSampler(options: SamplerOptions, network: NoiseRange): SamplerSettings {
  const given = checkedOptions(options);
  const own = solverDefaults(given);
  if (given.sigmas) {
    const { levels } = clampLevels(given.sigmas, network);
    const table = (['churn', 'eta'] as const).find((name) => Array.isArray(given[name]));
    if (table && levels.length < stepsOf(given)) {
      throw new UserError(
        `--${table}: some of the noise levels are outside the network's range, ${network.sigmaMin} to ${network.sigmaMax}, and fall together there, so that there are fewer steps than numbers; leave those levels out`,
      );
    }
    const ends = { sigma_min: levels.at(-1)!, sigma_max: levels[0]! };
    return { ...SAMPLER_DEFAULTS, ...given, ...own, steps: levels.length, sigmas: levels, ...ends };
  }
  const [lowest, highest] = DEFAULT_RANGES[given.disc ?? SAMPLER_DEFAULTS.disc];
  const sigma_min = Math.max(given.sigma_min ?? lowest, network.sigmaMin);
  const sigma_max = Math.min(given.sigma_max ?? highest, network.sigmaMax);
  if (sigma_min > sigma_max) {
    throw new UserError(
      `--sigma_min ${sigma_min} exceeds --sigma_max ${sigma_max}; ` +
        `the network accepts noise levels from ${network.sigmaMin} to ${network.sigmaMax}`,
    );
  }
  return { ...SAMPLER_DEFAULTS, ...given, ...own, sigma_min, sigma_max };
}

/** The sampler options among `options`, each and together as they must be. @throws UserError */
function checkedOptions(options: SamplerOptions): SamplerOptions {
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
  const known = new Set<string>([...Object.keys(NUMBER_RULES), ...Object.keys(CHOICES), ...OWN_OPTIONS]);
  const given = Object.fromEntries(
    Object.entries(options).filter(([name, value]) => value !== undefined && known.has(name)),
  ) as SamplerOptions;
  const problem = samplerProblems(given).find(({ severity }) => severity === 'error');
  if (problem) throw new UserError(problemText(problem, given, '--'));
  return given;
}

/** What a solver's own options are where they are not given: every record names them. */
export function solverDefaults({ solver = DEFAULT_SOLVER, order, variant, eta }: SamplerOptions): SamplerOptions {
  const facts = SOLVER_FACTS[solver];
  return {
    ...(facts.order && { order: order ?? facts.order.usual }),
    ...(facts.variants && { variant: variant ?? facts.variants[0] }),
    ...(facts.usualEta !== undefined && { eta: eta ?? facts.usualEta }),
  };
}

/** Levels inside the network's range, each once, without a 0 at the end; `clamped` counts those that were outside. */
function clampLevels(sigmas: readonly number[], { sigmaMin, sigmaMax }: NoiseRange): { levels: number[]; clamped: number } {
  const given = sigmas.filter((sigma) => sigma !== 0);
  const inside = given.map((sigma) => Math.min(Math.max(sigma, sigmaMin), sigmaMax));
  const levels = inside.filter((level, i) => level !== inside[i - 1]);
  if (levels.length < 2) {
    throw new UserError(
      `--sigmas ${given.join(',').slice(0, 40)}: fewer than 2 of them differ inside the network's range, ${sigmaMin} to ${sigmaMax}`,
    );
  }
  return { levels, clamped: inside.filter((level, i) => level !== given[i]).length };
} // prettier-ignore

/**
 * What a user should know of options that are used otherwise than written: clamped noise levels, an order that is not reached.
 * @throws UserError as `resolveSampler`
 */
export function samplerNotes(options: SamplerOptions, network: NoiseRange): string[] {
  const given = checkedOptions(options);
  const notes = samplerProblems(given).map((problem) => problemText(problem, given, ''));
  if (!given.sigmas) return notes;
  const { levels, clamped } = clampLevels(given.sigmas, network);
  if (clamped === 0) return notes;
  const fewer = stepsOf(given) - levels.length;
  const steps = fewer > 0 ? `; equal ones are one step, so there are ${levels.length} steps` : '';
  const range = `${network.sigmaMin} to ${network.sigmaMax}`;
  return [`${clamped} of ${stepsOf(given)} noise levels were outside the network's range, ${range}, and clamped to it${steps}`, ...notes]; // prettier-ignore
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
