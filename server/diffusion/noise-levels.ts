/** The noise levels that a sampler visits: named schedules, and levels that a user gives. Pure. */
import { UserError } from '../errors';
import type { SamplerSettings } from '../shared/sampler-options';
import { iddpmLevels } from './iddpm-levels';
import { EPSILON_S, vpBetas, vpSigma } from './noise-process';

/**
 * The N noise levels to visit, falling, before rounding to those of the network.
 * @throws UserError if the iDDPM discretization has no noise level in [sigma_min, sigma_max]
 */
export function noiseLevels(settings: SamplerSettings): readonly number[] {
  return settings.sigmas ?? NAMED[settings.disc](settings, fractionsOf(settings.steps));
}

/** i / (N - 1) for i = 0 ... N - 1. */
function fractionsOf(steps: number): number[] {
  return Array.from({ length: steps }, (_, i) => i / (steps - 1));
}

/** vp, ve, iddpm, edm: Karras et al. 2022, table 1, "Time steps". */
const NAMED: Record<SamplerSettings['disc'], (settings: SamplerSettings, fractions: readonly number[]) => number[]> = {
  vp: ({ sigma_min, sigma_max }, fractions) => {
    const { betaD, betaMin } = vpBetas(sigma_min, sigma_max);
    return fractions.map((fraction) => vpSigma(1 + fraction * (EPSILON_S - 1), betaD, betaMin));
  },
  ve: ({ sigma_min, sigma_max }, fractions) =>
    fractions.map((fraction) => Math.sqrt(sigma_max ** 2 * (sigma_min ** 2 / sigma_max ** 2) ** fraction)),
  iddpm: ({ sigma_min, sigma_max, steps }, fractions) => {
    const levels = iddpmLevels().filter((u) => sigma_min <= u && u <= sigma_max);
    if (levels.length === 0) {
      throw new UserError(
        `--disc iddpm has no noise level between --sigma_min ${sigma_min} and --sigma_max ${sigma_max}; widen the range`,
      );
    }
    return fractions.map((_, i) => levels[roundHalfEven(((levels.length - 1) / (steps - 1)) * i)]!);
  },
  edm: ({ sigma_min, sigma_max, rho }, fractions) => {
    const highest = sigma_max ** (1 / rho);
    const lowest = sigma_min ** (1 / rho);
    return fractions.map((fraction) => (highest + fraction * (lowest - highest)) ** rho);
  },
  // Equal steps of ln sigma, the half log-SNR of Lu et al. 2022 (arXiv 2206.00927, section 4.1).
  'log-uniform': ({ sigma_min, sigma_max }, fractions) => {
    const highest = Math.log(sigma_max);
    const lowest = Math.log(sigma_min);
    return withEnds(fractions.map((fraction) => Math.exp(highest + fraction * (lowest - highest))), sigma_max, sigma_min);
  },
  // Nichol and Dhariwal 2021, equation 17: sqrt(alpha-bar) is a cosine, so that sigma is the tangent of an angle that
  // falls evenly; its offset s only moves the ends, which are sigma_max and sigma_min here.
  cosine: ({ sigma_min, sigma_max }, fractions) => {
    const highest = Math.atan(sigma_max);
    const lowest = Math.atan(sigma_min);
    return withEnds(fractions.map((fraction) => Math.tan(highest + fraction * (lowest - highest))), sigma_max, sigma_min);
  },
}; // prettier-ignore

/** The same levels with exact ends: rounding must not lead out of the range that the network accepts. */
function withEnds(levels: number[], first: number, last: number): number[] {
  return levels.map((level, i) => (i === 0 ? first : i === levels.length - 1 ? last : level));
}

/** The nearest integer, of two equally near ones the even one, as torch.round. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}
