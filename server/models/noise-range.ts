import type { NetworkConfig, Preconditioner } from '../weights/network-config';

/** The noise levels that a network accepts. */
export interface NoiseRange {
  sigma_min: number;
  sigma_max: number;
}

/** The bounds of each preconditioner, for files that do not state them (edm.md section 4). */
const RANGES: Record<Preconditioner, (config: NetworkConfig, u: Float32Array) => NoiseRange> = {
  EDMPrecond: ({ sigma_min, sigma_max }) => ({ sigma_min, sigma_max }),
  VPPrecond: (config) => ({ sigma_min: sigmaVP(config.epsilon_t, config), sigma_max: sigmaVP(1, config) }),
  VEPrecond: ({ sigma_min, sigma_max }) => ({ sigma_min, sigma_max }),
  iDDPMPrecond: ({ M }, u) => ({ sigma_min: u[M - 1] ?? NaN, sigma_max: u[0] ?? NaN }),
};

/** @param u iDDPM's noise levels, largest first */
export function noiseRange(config: NetworkConfig, u: Float32Array = new Float32Array(0)): NoiseRange {
  return RANGES[config.class_name](config, u);
}

/**
 * VP's sigma(t) = sqrt(exp(beta_d t^2 / 2 + beta_min t) - 1), every step rounded to float32 as in the original: at t = 1e-5 that gives 2^-10, exact arithmetic would give 0.0010005.
 */
function sigmaVP(time: number, { beta_d, beta_min }: NetworkConfig): number {
  const f = Math.fround;
  const t = f(time);
  const exponent = f(f(f(0.5 * beta_d) * f(t * t)) + f(f(beta_min) * t));
  return f(Math.sqrt(f(f(Math.exp(exponent)) - 1)));
}
