/**
 * Noise levels and time steps (Karras et al. 2022, table 1). They are computed before the first network evaluation, as a
 * table of numbers that the sampler follows. Pure.
 */
import { UserError } from '../errors';
import type { Denoiser } from './denoiser';
import { iddpmLevels } from './iddpm-levels';
import { EPSILON_S, vpSigma } from './sampler-settings';
import type { SamplerSettings } from '../shared/sampler-options';

/**
 * Where a network is evaluated, and the ODE's right-hand side there (equation 4):
 * f(x, t) = xFactor * x - denoisedFactor * D(x / scale; sigma).
 */
export interface OdePoint {
  t: number;
  /** sigma(t). */
  sigma: number;
  /** s(t). */
  scale: number;
  /** sigma'/sigma + s'/s. */
  xFactor: number;
  /** sigma' s / sigma. */
  denoisedFactor: number;
}

/** One step of the sampler, from `t` via the temporarily increased noise level t_hat to t_next. */
export interface SamplerStep {
  /** x_hat = rescale * x + noise * epsilon, epsilon standard normal. */
  rescale: number;
  noise: number;
  /** First evaluation, at t_hat. */
  first: OdePoint;
  /** t_next - t_hat (negative). */
  h: number;
  /** Heun's second evaluation, at t_hat + alpha h; undefined for Euler steps and the last step. */
  second?: OdePoint;
  /** Noise level after the step; 0 after the last. */
  sigmaNext: number;
}

/** All that a sampler needs to know about its steps. */
export interface StepTable {
  /** x_0 = initial * latents. */
  initial: number;
  steps: SamplerStep[];
  /** Heun's alpha. */
  alpha: number;
  /** Number of function (network) evaluations. */
  nfe: number;
  /** Number of first steps that draw random numbers; 0 for a deterministic sampler. */
  noisySteps: number;
}

/** sigma(t) with its derivative and inverse, and s(t) with its logarithmic derivative s'/s. */
interface Process {
  sigma: (t: number) => number;
  sigmaDerivative: (t: number) => number;
  sigmaInverse: (sigma: number) => number;
  scale: (t: number) => number;
  scaleLogDerivative: (t: number) => number;
}

/**
 * The step table of a sampler.
 * @param roundSigma the network's rounding of noise levels
 * @throws UserError if the iDDPM discretization has no noise level in [sigma_min, sigma_max]
 */
export function stepTable(settings: SamplerSettings, roundSigma: Denoiser['roundSigma']): StepTable {
  const { steps: count, S_churn, S_min, S_max, S_noise, solver, alpha } = settings;
  const process = makeProcess(settings);
  const { sigma, scale, sigmaInverse } = process;
  const times = noiseLevels(settings).map((level) => sigmaInverse(roundSigma(level)));
  times.push(0);

  const steps = times.slice(0, count).map((t, i): SamplerStep => {
    const level = sigma(t);
    const gamma = S_min <= level && level <= S_max ? Math.min(S_churn / count, Math.SQRT2 - 1) : 0;
    const tHat = sigmaInverse(roundSigma(level + gamma * level));
    const h = times[i + 1]! - tHat;
    return {
      rescale: scale(tHat) / scale(t),
      noise: Math.sqrt(Math.max(sigma(tHat) ** 2 - level ** 2, 0)) * scale(tHat) * S_noise,
      first: odePoint(process, tHat),
      h,
      second: solver === 'heun' && i < count - 1 ? odePoint(process, tHat + alpha * h) : undefined,
      sigmaNext: sigma(times[i + 1]!),
    };
  });
  return {
    initial: sigma(times[0]!) * scale(times[0]!),
    steps,
    alpha,
    nfe: steps.reduce((total, step) => total + (step.second ? 2 : 1), 0),
    noisySteps: steps.findLastIndex((step) => step.noise !== 0) + 1,
  };
}

function odePoint(process: Process, t: number): OdePoint {
  const sigma = process.sigma(t);
  const scale = process.scale(t);
  const growth = process.sigmaDerivative(t) / sigma;
  return { t, sigma, scale, xFactor: growth + process.scaleLogDerivative(t), denoisedFactor: growth * scale };
}

function makeProcess({ schedule, scaling, sigma_min, sigma_max }: SamplerSettings): Process {
  const { betaD, betaMin } = vpBetas(sigma_min, sigma_max);
  const sigmas: Record<SamplerSettings['schedule'], Pick<Process, 'sigma' | 'sigmaDerivative' | 'sigmaInverse'>> = {
    vp: {
      sigma: (t) => vpSigma(t, betaD, betaMin),
      sigmaDerivative: (t) => {
        const sigma = vpSigma(t, betaD, betaMin);
        return 0.5 * (betaMin + betaD * t) * (sigma + 1 / sigma);
      },
      sigmaInverse: (sigma) => (Math.sqrt(betaMin ** 2 + 2 * betaD * Math.log(sigma ** 2 + 1)) - betaMin) / betaD,
    },
    ve: {
      sigma: Math.sqrt,
      sigmaDerivative: (t) => 0.5 / Math.sqrt(t),
      sigmaInverse: (sigma) => sigma ** 2,
    },
    linear: {
      sigma: (t) => t,
      sigmaDerivative: () => 1,
      sigmaInverse: (sigma) => sigma,
    },
  };
  const { sigma, sigmaDerivative, sigmaInverse } = sigmas[schedule];
  const scales: Record<SamplerSettings['scaling'], Pick<Process, 'scale' | 'scaleLogDerivative'>> = {
    vp: {
      scale: (t) => 1 / Math.sqrt(1 + sigma(t) ** 2),
      // s' = -sigma sigma' s^3, divided by s.
      scaleLogDerivative: (t) => (-sigma(t) * sigmaDerivative(t)) / (1 + sigma(t) ** 2),
    },
    none: { scale: () => 1, scaleLogDerivative: () => 0 },
  };
  return { sigma, sigmaDerivative, sigmaInverse, ...scales[scaling] };
}

/** beta_d and beta_min of the VP process that has sigma_min at t = EPSILON_S and sigma_max at t = 1. */
function vpBetas(sigmaMin: number, sigmaMax: number): { betaD: number; betaMin: number } {
  const highest = Math.log(sigmaMax ** 2 + 1);
  const betaD = (2 * (Math.log(sigmaMin ** 2 + 1) / EPSILON_S - highest)) / (EPSILON_S - 1);
  return { betaD, betaMin: highest - 0.5 * betaD };
}

/** The N noise levels to visit, descending, before rounding to those of the network. */
function noiseLevels({ steps, disc, sigma_min, sigma_max, rho }: SamplerSettings): number[] {
  const fractions = Array.from({ length: steps }, (_, i) => i / (steps - 1));
  switch (disc) {
    case 'vp': {
      const { betaD, betaMin } = vpBetas(sigma_min, sigma_max);
      return fractions.map((fraction) => vpSigma(1 + fraction * (EPSILON_S - 1), betaD, betaMin));
    }
    case 've':
      return fractions.map((fraction) => Math.sqrt(sigma_max ** 2 * (sigma_min ** 2 / sigma_max ** 2) ** fraction));
    case 'iddpm': {
      const levels = iddpmLevels().filter((u) => sigma_min <= u && u <= sigma_max);
      if (levels.length === 0) {
        throw new UserError(
          `--disc iddpm has no noise level between --sigma_min ${sigma_min} and --sigma_max ${sigma_max}; widen the range`,
        );
      }
      return fractions.map((_, i) => levels[roundHalfEven(((levels.length - 1) / (steps - 1)) * i)]!);
    }
    case 'edm': {
      const highest = sigma_max ** (1 / rho);
      const lowest = sigma_min ** (1 / rho);
      return fractions.map((fraction) => (highest + fraction * (lowest - highest)) ** rho);
    }
  }
}

/** The nearest integer, of two equally near ones the even one, as torch.round. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}
