/**
 * The coefficients of multistep solvers: one small pure function each. They work on sigma itself (s = 1, sigma = t), where
 * the half log-SNR is lambda = -ln sigma; a network of any preconditioning is D(x; sigma) to them.
 */
import type { Solver, Variant } from '../shared/sampler-options';

/**
 * A linear combination: x' = keep * base + gain * (weights[0] m[0] + weights[1] m[1] + ...) + denoised * D, where m[0] is the
 * newest of what the solver remembers of its evaluations and D the newest denoised images.
 */
export interface Update {
  keep: number;
  gain: number;
  weights: readonly number[];
  denoised?: number;
}

/** Where in the schedule a multistep solver stands. */
export interface MultistepPlace {
  /** Noise level of the newest evaluation > 0. */
  sigma: number;
  /** Noise level to go to, 0 <= next < sigma. */
  next: number;
  /** Noise levels of the evaluations before, the newest first; order - 1 of them count. */
  earlier: readonly number[];
  /** Evaluations to combine >= 1. */
  order: number;
  variant?: Variant;
  /** Fresh noise, of stochastic solvers. */
  eta: number;
}

/** One multistep solver. */
export interface Multistep {
  /** What it remembers of an evaluation: D(x; sigma), or the slope d = (x - D) / sigma. */
  remembers: 'D' | 'slope';
  predict: (place: MultistepPlace) => Update;
  /** Standard deviation of the noise that is added after the step; none if absent. */
  noise?: (place: MultistepPlace) => number;
  /** Corrects the state that an evaluation was made at: from `sigma` to `next`, with the evaluation at `next` as the newest. */
  correct?: (place: MultistepPlace) => Update;
}

/** The step to noise level 0: onto D itself. */
export const ONTO_D: Update = { keep: 0, gain: 0, weights: [], denoised: 1 };

/** The rows. */
export const MULTISTEPS: Readonly<Partial<Record<Solver, Multistep>>> = {
  'dpmpp-2m': { remembers: 'D', predict: dpmpp },
  'dpmpp-3m': { remembers: 'D', predict: dpmpp },
  'sde-dpmpp-2m': { remembers: 'D', predict: sdeDpmpp, noise: sdeNoise },
  unipc: { remembers: 'D', predict: unipc, correct: unic },
  deis: { remembers: 'slope', predict: deis },
  ipndm: { remembers: 'slope', predict: ipndm },
  ab: { remembers: 'slope', predict: adamsBashforth },
};

/** Step in lambda, and the steps before divided by it, the newest first. */
function lambdaSteps({ sigma, next, earlier }: MultistepPlace): { h: number; ratios: number[] } {
  const h = Math.log(sigma / next);
  const levels = [sigma, ...earlier];
  return { h, ratios: earlier.map((level, j) => Math.log(level / levels[j]!) / h) };
}

/**
 * DPM-Solver++(2M) and (3M) in data prediction (Lu et al. 2022, arXiv 2211.01095: algorithm 2 for 2M; the authors' code,
 * multistep_dpm_solver_third_update, for 3M). Order 1 is DDIM.
 *
 * The published 3M has phi_3 D2 where the Taylor expansion of proposition 4.1 has 2 phi_3 D2 (D2 is half the second
 * derivative times h^2): it converges with order 2, as the test measures. `exact` has the factor 2 and converges with 3.
 */
function dpmpp(place: MultistepPlace): Update {
  const { sigma, next, order, variant } = place;
  const { h, ratios } = lambdaSteps(place);
  const [r0 = 1, r1 = 1] = ratios;
  const phi1 = Math.expm1(-h);
  const keep = next / sigma;
  if (order === 1) return { keep, gain: -phi1, weights: [1] };
  if (order === 2) return { keep, gain: -phi1, weights: [1 + 1 / (2 * r0), -1 / (2 * r0)] };
  const phi2 = phi1 / h + 1;
  const phi3 = (variant === 'exact' ? 2 : 1) * (phi2 / h - 0.5);
  // Of D1_0 = (m0 - m1) / r0 and D1_1 = (m1 - m2) / r1, in D1 = D1_0 + q (D1_0 - D1_1) and D2 = (D1_0 - D1_1) / (r0 + r1).
  const q = r0 / (r0 + r1);
  const newer = (phi2 * (1 + q) - phi3 / (r0 + r1)) / r0;
  const older = (phi3 / (r0 + r1) - phi2 * q) / r1;
  return { keep, gain: 1, weights: [newer - phi1, older - newer, -older] };
}

/**
 * SDE-DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095, equation 18; with any eta as k-diffusion's sample_dpmpp_2m_sde):
 * eta 1 is the diffusion SDE, eta 0 DPM-Solver++(2M). Variants are k-diffusion's solver types.
 */
function sdeDpmpp(place: MultistepPlace): Update {
  const { sigma, next, order, variant, eta } = place;
  const { h, ratios } = lambdaSteps(place);
  const keep = (next / sigma) * Math.exp(-eta * h);
  const phi1 = Math.expm1(-h - eta * h);
  if (order === 1) return { keep, gain: -phi1, weights: [1] };
  const [r0 = 1] = ratios;
  const slope = (variant === 'heun' ? phi1 / (h + eta * h) + 1 : -0.5 * phi1) / r0;
  return { keep, gain: 1, weights: [slope - phi1, -slope] };
}

function sdeNoise({ sigma, next, eta }: MultistepPlace): number {
  return next * Math.sqrt(-Math.expm1(-2 * eta * Math.log(sigma / next)));
}

/** iPNDM: Adams-Bashforth's coefficients for equal steps, whatever the steps are (Zhang and Chen 2023, arXiv 2204.13902). */
function ipndm({ sigma, next, order }: MultistepPlace): Update {
  return { keep: 1, gain: next - sigma, weights: EQUAL_STEPS[order - 1]! };
}

/** Liu et al. 2022 (arXiv 2202.09778), equation 12, and its lower orders. */
const EQUAL_STEPS = [[1], [3 / 2, -1 / 2], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24]] as const;

/** Adams-Bashforth for steps of any size: the slope's polynomial in sigma is integrated over the step (Hairer et al., III.5). */
function adamsBashforth({ sigma, next, earlier, order }: MultistepPlace): Update {
  const h = next - sigma;
  const nodes = [sigma, ...earlier].slice(0, order).map((level) => (level - sigma) / h);
  // Integrals of v^k over 0..1.
  const moments = nodes.map((_, k) => 1 / (k + 1));
  return { keep: 1, gain: h, weights: quadrature(nodes, moments) };
}

/**
 * DEIS with polynomials in ln sigma (Zhang and Chen 2023, arXiv 2204.13902, equation 15, which leaves the variable open; ln sigma
 * is "logrho" of diffusers' DEISMultistepScheduler, whose solver_order is `order`): the slope's polynomial times
 * d sigma = sigma d(ln sigma) is integrated over the step.
 */
function deis({ sigma, next, earlier, order }: MultistepPlace): Update {
  const h = Math.log(next / sigma);
  const nodes = [sigma, ...earlier].slice(0, order).map((level) => Math.log(level / sigma) / h);
  return { keep: 1, gain: sigma * h, weights: quadrature(nodes, exponentialMoments(h, order)) };
}

/** The integrals of v^k exp(h v) over 0..1, k = 0 ... count - 1. */
function exponentialMoments(h: number, count: number): number[] {
  const moments: number[] = [];
  for (let k = 0; k < count; k++) {
    if (Math.abs(h) < 1) {
      // The recursion loses digits where h is small; the series has 20 terms below rounding there.
      let term = 1;
      let sum = 0;
      for (let n = 0; n < 20; n++) {
        sum += term / (n + k + 1);
        term *= h / (n + 1);
      }
      moments.push(sum);
    } else moments.push(k === 0 ? Math.expm1(h) / h : (Math.exp(h) - k * moments[k - 1]!) / h);
  }
  return moments;
}

/** Weights w with sum(w_j v_j^k) = moments[k]: the integral of the polynomial through values at the nodes v. */
function quadrature(nodes: readonly number[], moments: readonly number[]): number[] {
  return solve(
    moments.map((_, k) => nodes.map((node) => node ** k)),
    moments,
  );
}

/**
 * The data prediction of UniPC (Zhao et al. 2023, arXiv 2302.04867): UniP-p, equation 9; UniC-p, equation 3; both by
 * proposition A.1 with B(h) = h (bh1) or exp(h) - 1 (bh2) at -h. Equations 5 and 6 for the weights, with the authors' 1/2 in place
 * of the solution for UniP-2 and UniC-1.
 */
function unipc(place: MultistepPlace): Update {
  const { sigma, next, order } = place;
  const { phi1, b, ratios, base } = unipcSystem(place, order);
  const nodes = ratios.slice(0, order - 1);
  const p = order === 2 ? [0.5] : solveSystem(nodes, b);
  const scaled = p.map((weight, k) => (-base * weight) / nodes[k]!);
  const sum = scaled.reduce((total, weight) => total + weight, 0);
  return { keep: next / sigma, gain: 1, weights: [-phi1 - sum, ...scaled] };
}

/** UniC: corrects the state at `next` with the evaluation made there, which is the newest of what is remembered. */
function unic(place: MultistepPlace): Update {
  const { sigma, next, order } = place;
  const { phi1, b, ratios, base } = unipcSystem(place, order);
  const nodes = [...ratios.slice(0, order - 1), 1];
  const c = order === 1 ? [0.5] : solveSystem(nodes, b);
  const scaled = c.map((weight, k) => (-base * weight) / nodes[k]!);
  const sum = scaled.reduce((total, weight) => total + weight, 0);
  return { keep: next / sigma, gain: 1, weights: [scaled[order - 1]!, -phi1 - sum, ...scaled.slice(0, -1)] };
}

/** phi_1 = exp(-h) - 1, B(h), the right-hand side b, and the r_k < 0 of the evaluations before. */
function unipcSystem(place: MultistepPlace, count: number): { phi1: number; b: number[]; ratios: number[]; base: number } {
  const { sigma, next, earlier, variant } = place;
  const h = Math.log(sigma / next);
  const phi1 = Math.expm1(-h);
  const base = variant === 'bh1' ? -h : phi1;
  const b: number[] = [];
  let phi = phi1 / -h - 1;
  let factorial = 1;
  for (let k = 1; k <= count; k++) {
    b.push((phi * factorial) / base);
    factorial *= k + 1;
    phi = phi / -h - 1 / factorial;
  }
  return { phi1, b, ratios: earlier.map((level) => Math.log(sigma / level) / h), base };
} // prettier-ignore

/** Weights with sum(w_j r_j^k) = b[k], k = 0 ... n - 1, for the n nodes r. */
function solveSystem(nodes: readonly number[], b: readonly number[]): number[] {
  return quadrature(nodes, b.slice(0, nodes.length));
}

/** Solves a small dense system by Gaussian elimination with row exchange. @param rows changed by it */
function solve(rows: number[][], right: readonly number[]): number[] {
  const n = right.length;
  const x = [...right];
  for (let column = 0; column < n; column++) {
    const tail = Array.from({ length: n - column }, (_, i) => column + i);
    const pivot = tail.reduce((best, i) => (Math.abs(rows[i]![column]!) > Math.abs(rows[best]![column]!) ? i : best));
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    [x[column], x[pivot]] = [x[pivot]!, x[column]!];
    for (let i = column + 1; i < n; i++) {
      const factor = rows[i]![column]! / rows[column]![column]!;
      for (let k = column; k < n; k++) rows[i]![k]! -= factor * rows[column]![k]!;
      x[i]! -= factor * x[column]!;
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= rows[i]![k]! * x[k]!;
    x[i]! /= rows[i]![i]!;
  }
  return x;
}
