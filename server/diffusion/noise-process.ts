/** sigma(t) and s(t) of the processes of Karras et al. 2022, table 1. Pure. */
import type { SamplerSettings } from '../shared/sampler-options';

/** Smallest and largest t of the VP discretization's default noise levels are EPSILON_S and 1. */
export const EPSILON_S = 1e-3;

/** sigma(t) with its derivative and inverse, and s(t) with its logarithmic derivative s'/s. */
export interface Process {
  sigma: (t: number) => number;
  sigmaDerivative: (t: number) => number;
  sigmaInverse: (sigma: number) => number;
  scale: (t: number) => number;
  scaleLogDerivative: (t: number) => number;
}

/** sigma(t) of the VP process. */
export function vpSigma(t: number, betaD: number, betaMin: number): number {
  return Math.sqrt(Math.exp(0.5 * betaD * t ** 2 + betaMin * t) - 1);
}

/** beta_d and beta_min of the VP process that has sigma_min at t = EPSILON_S and sigma_max at t = 1. */
export function vpBetas(sigmaMin: number, sigmaMax: number): { betaD: number; betaMin: number } {
  const highest = Math.log(sigmaMax ** 2 + 1);
  const betaD = (2 * (Math.log(sigmaMin ** 2 + 1) / EPSILON_S - highest)) / (EPSILON_S - 1);
  return { betaD, betaMin: highest - 0.5 * betaD };
}

/** The process that the settings name. */
export function makeProcess({ schedule, scaling, sigma_min, sigma_max }: SamplerSettings): Process {
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
